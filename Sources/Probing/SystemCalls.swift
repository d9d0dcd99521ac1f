// What does the control thread ask of the operating system?

import Glibc

/// The system calls of this module.
enum SystemCalls {
    /// Nanoseconds of the monotonic clock.
    static func now() -> UInt64 {
        var time = timespec()
        let status = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        precondition(status == 0, "the monotonic clock always exists")
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Waits for descriptors; an interruption counts as the end of the time.
    static func wait(_ descriptors: inout [pollfd], milliseconds: Int32) {
        // The array outlives the call, and its count goes with it.
        let ready = unsafe descriptors.withUnsafeMutableBufferPointer { buffer in
            unsafe poll(buffer.baseAddress, nfds_t(buffer.count), milliseconds)
        }
        if ready < 0 {
            precondition(errno == EINTR || errno == ENOMEM || errno == EAGAIN, "poll was called wrongly: \(errno)")
            for index in descriptors.indices { descriptors[index].revents = 0 }
        }
    }

    /// A pipe whose ends neither block nor outlive an exec; nil when the process has no descriptors left.
    static func makePipe() -> (read: Int32, write: Int32)? {
        var ends: [Int32] = [-1, -1]
        // `pipe` fills in two descriptors; the array has two.
        guard unsafe ends.withUnsafeMutableBufferPointer({ unsafe pipe($0.baseAddress) }) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    static func writeByte(_ descriptor: Int32) {
        var byte: UInt8 = 1
        // One byte from a variable that outlives the call. A full pipe is fine: the reader is awake then.
        _ = unsafe withUnsafeBytes(of: &byte) { unsafe write(descriptor, $0.baseAddress, 1) }
    }

    static func drain(_ descriptor: Int32) {
        var scratch = [UInt8](repeating: 0, count: 64)
        // At most the array's count is read into it.
        while unsafe scratch.withUnsafeMutableBytes({ unsafe read(descriptor, $0.baseAddress, $0.count) }) > 0 {}
    }

    /// Names the calling thread, for those who watch the process; at most 15 bytes.
    static func nameThread(_ name: String) {
        let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY)
        guard descriptor >= 0 else { return }
        // As many bytes as the text has, from a copy that outlives the call.
        _ = unsafe Array(name.utf8).withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// Whether a host is written as a number, which needs no name service.
    static func isNumericAddress(_ host: String) -> Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        // `inet_pton` writes one address of the family's size into the variable.
        return unsafe inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1
    }

    /// Asks the name service; blocks for as long as that takes. Empty = no address.
    static func addresses(of host: String) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
        // The list belongs to us from here on and is freed once.
        defer { unsafe freeaddrinfo(first) }
        var found: [String] = []
        var next = unsafe first
        while let entry = unsafe next {
            if let text = unsafe numericText(entry.pointee), !found.contains(text) { found.append(text) }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    private static func numericText(_ entry: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        // The address is as long as the entry says; the text is bounded by the array's count and ends with NUL.
        let status = unsafe text.withUnsafeMutableBufferPointer { buffer in
            unsafe getnameinfo(
                entry.ai_addr, entry.ai_addrlen, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        }
        guard status == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
