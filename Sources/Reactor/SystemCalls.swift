// What is asked of the kernel and the C library? Every such call of the program is here, with its answer as a value.
import CLinux
import Glibc

/// Thin wrappers: an interrupted call is repeated where that is right, and errno becomes part of the answer.
/// Pointers handed in are only used during the call.
enum SystemCalls {
    /// What a call returned: a number that is not negative, or an error.
    struct Outcome {
        /// The result, or the error number negated.
        let raw: Int

        var failure: Errno? { raw < 0 ? Errno(rawValue: Int32(-raw)) : nil }
        var descriptor: Descriptor { Descriptor(rawValue: Int32(raw)) }
    }

    @inline(__always) private static func once(_ result: Int) -> Outcome {
        Outcome(raw: result < 0 ? -Int(errno) : result)
    }

    @inline(__always) private static func retrying(_ call: () -> Int) -> Outcome {
        while true {
            let outcome = once(call())
            if outcome.raw != -Int(EINTR) { return outcome }
        }
    }

    // MARK: Descriptors

    /// Not repeated when interrupted: Linux has closed the descriptor by then, and its number may already be another's.
    static func close(_ descriptor: Descriptor) {
        let outcome = once(Int(Glibc.close(descriptor.rawValue)))
        precondition(outcome.failure != .badDescriptor, "a descriptor is closed once")
    }

    static func receive(_ descriptor: Descriptor, into room: UnsafeMutableRawBufferPointer) -> Outcome {
        retrying { unsafe clinux_receive(descriptor.rawValue, room.baseAddress, room.count, Int32(MSG_DONTWAIT)) }
    }

    static func send(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer) -> Outcome {
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        return retrying { unsafe clinux_send(descriptor.rawValue, bytes.baseAddress, bytes.count, flags) }
    }

    static func send(_ descriptor: Descriptor, gathering pieces: UnsafeMutableBufferPointer<iovec>) -> Outcome {
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        var message = unsafe msghdr()
        unsafe message.msg_iov = pieces.baseAddress
        unsafe message.msg_iovlen = pieces.count
        return retrying { unsafe sendmsg(descriptor.rawValue, &message, flags) }
    }

    static func shutdown(_ descriptor: Descriptor, _ how: Int) -> Outcome {
        once(Int(Glibc.shutdown(descriptor.rawValue, Int32(how))))
    }

    // MARK: Sockets

    static func streamSocket(family: Int32) -> Outcome {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return once(Int(socket(family, type, 0)))
    }

    static func socketPair() -> (Descriptor, Descriptor)? {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        var pair: [Int32] = [0, 0]
        guard unsafe socketpair(AF_UNIX, type, 0, &pair) == 0 else { return nil }
        return (Descriptor(rawValue: pair[0]), Descriptor(rawValue: pair[1]))
    }

    static func bind(_ descriptor: Descriptor, to address: RawAddress) -> Outcome {
        once(unsafe address.withPointer { unsafe Int(Glibc.bind(descriptor.rawValue, $0, $1)) })
    }

    static func listen(_ descriptor: Descriptor, backlog: Int) -> Outcome {
        once(Int(Glibc.listen(descriptor.rawValue, Int32(clamping: backlog))))
    }

    /// Not repeated when interrupted: the attempt goes on by itself, which is what EINPROGRESS says, too.
    static func connect(_ descriptor: Descriptor, to address: RawAddress) -> Outcome {
        once(unsafe address.withPointer { unsafe Int(Glibc.connect(descriptor.rawValue, $0, $1)) })
    }

    static func accept(_ descriptor: Descriptor, peer: inout RawAddress) -> Outcome {
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return retrying {
            unsafe peer.withMutablePointer { unsafe Int(accept4(descriptor.rawValue, $0, $1, flags)) }
        }
    }

    static func localAddress(_ descriptor: Descriptor, _ address: inout RawAddress) -> Outcome {
        once(unsafe address.withMutablePointer { unsafe Int(getsockname(descriptor.rawValue, $0, $1)) })
    }

    static func peerAddress(_ descriptor: Descriptor, _ address: inout RawAddress) -> Outcome {
        once(unsafe address.withMutablePointer { unsafe Int(getpeername(descriptor.rawValue, $0, $1)) })
    }

    static func setOption(_ descriptor: Descriptor, level: Int, _ name: Int32, _ value: Int32) -> Outcome {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        return once(Int(unsafe setsockopt(descriptor.rawValue, Int32(level), name, &value, size)))
    }

    /// The option's value; the outcome is an error's when it cannot be read.
    static func option(_ descriptor: Descriptor, level: Int, _ name: Int32) -> Outcome {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let outcome = once(Int(unsafe getsockopt(descriptor.rawValue, Int32(level), name, &value, &size)))
        return outcome.raw < 0 ? outcome : Outcome(raw: Int(value))
    }

    static func peerCredentials(_ descriptor: Descriptor) -> PeerCredentials? {
        var answer = clinux_credentials()
        var size = socklen_t(MemoryLayout<clinux_credentials>.size)
        guard unsafe getsockopt(descriptor.rawValue, SOL_SOCKET, SO_PEERCRED, &answer, &size) == 0 else { return nil }
        return PeerCredentials(process: answer.pid, user: answer.uid, group: answer.gid)
    }

    // MARK: epoll, eventfd, signalfd

    static func createPoller() -> Outcome {
        once(Int(epoll_create1(Int32(EPOLL_CLOEXEC))))
    }

    static func register(_ poller: Descriptor, _ descriptor: Descriptor, events: UInt32, token: Token) -> Outcome {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = token.rawValue
        return once(Int(unsafe epoll_ctl(poller.rawValue, EPOLL_CTL_ADD, descriptor.rawValue, &event)))
    }

    static func deregister(_ poller: Descriptor, _ descriptor: Descriptor) -> Outcome {
        var unused = unsafe epoll_event()
        return once(Int(unsafe epoll_ctl(poller.rawValue, EPOLL_CTL_DEL, descriptor.rawValue, &unused)))
    }

    /// Not repeated when interrupted, so that the caller looks at the clock again.
    static func wait(
        _ poller: Descriptor, _ events: UnsafeMutableBufferPointer<epoll_event>, milliseconds: Int32
    ) -> Outcome {
        guard let room = events.baseAddress else { return Outcome(raw: 0) }
        return once(unsafe clinux_epoll_wait(poller.rawValue, room, Int32(events.count), milliseconds))
    }

    /// A descriptor that becomes readable once in each interval.
    static func openTicker(nanoseconds: UInt64) -> Outcome {
        once(Int(clinux_open_ticker(nanoseconds)))
    }

    static func setTicker(_ descriptor: Descriptor, nanoseconds: UInt64) -> Outcome {
        once(Int(clinux_set_ticker(descriptor.rawValue, nanoseconds)))
    }

    static func createEventCounter() -> Outcome {
        once(Int(eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))))
    }

    /// Adds one to the counter; EAGAIN only when it is full.
    static func raiseEventCounter(_ descriptor: Descriptor) -> Outcome {
        var one: UInt64 = 1
        return retrying { unsafe write(descriptor.rawValue, &one, 8) }
    }

    /// Sets the counter, of events or of a ticker, to zero.
    static func resetEventCounter(_ descriptor: Descriptor) -> Outcome {
        var value: UInt64 = 0
        return retrying { unsafe read(descriptor.rawValue, &value, 8) }
    }

    /// Blocks the signals for this thread and the ones it starts, and opens a descriptor that reports them.
    static func openSignals(_ numbers: [Int32]) -> Outcome {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        let blocked = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard blocked == 0 else { return Outcome(raw: -Int(blocked)) }
        return once(Int(unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))))
    }

    /// The number of the next signal; EAGAIN when there is none.
    static func readSignal(_ descriptor: Descriptor) -> Outcome {
        var answer = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        let outcome = retrying { unsafe read(descriptor.rawValue, &answer, size) }
        return outcome.raw == size ? Outcome(raw: Int(answer.ssi_signo)) : outcome
    }

    /// Sends a signal to the process itself.
    static func sendSignal(_ number: Int32) { _ = kill(getpid(), number) }

    static func ignoreSignal(_ number: Int32) {
        _ = signal(number, SIG_IGN)
    }

    static func restoreSignal(_ number: Int32) {
        _ = signal(number, SIG_DFL)
    }

    /// Waits until the descriptor is readable: 1, or 0 when the time is over. Negative milliseconds: for ever.
    static func waitReadable(_ descriptor: Descriptor, milliseconds: Int32) -> Outcome {
        var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return once(Int(unsafe poll(&request, 1, milliseconds)))
    }

    // MARK: Files

    /// What a path names, as far as socket files need it.
    struct FileIdentity: Equatable {
        let device: UInt64
        let inode: UInt64
        let isSocket: Bool
    }

    static func identity(path: String) -> FileIdentity? {
        var answer = stat()
        guard unsafe lstat(path, &answer) == 0 else { return nil }
        return FileIdentity(
            device: UInt64(answer.st_dev), inode: UInt64(answer.st_ino), isSocket: answer.st_mode & S_IFMT == S_IFSOCK)
    }

    static func remove(path: String) -> Outcome {
        once(Int(unsafe unlink(path)))
    }

    static func setMode(path: String, _ mode: UInt32) -> Outcome {
        once(Int(unsafe chmod(path, mode)))
    }

    // MARK: Clock, threads, limits

    static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        let result = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        precondition(result == 0, "Linux always has a monotonic clock")
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Starts a thread that runs `body` and ends with it.
    static func startThread(
        name: String, _ body: @escaping @Sendable () -> Void
    ) -> (thread: pthread_t, failure: Errno?) {
        let start = ThreadStart(name: name, body: body)
        // The new thread takes over this reference; when there is no new thread it is taken back below.
        let passed = unsafe Unmanaged.passRetained(start)
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, { unsafe runThread($0) }, passed.toOpaque())
        guard result == 0 else {
            unsafe passed.release()
            return (thread, Errno(rawValue: result))
        }
        return (thread, nil)
    }

    static func joinThread(_ thread: pthread_t) {
        let result = pthread_join(thread, nil)
        precondition(result == 0, "a thread is joined once, by another one")
    }

    static func detachThread(_ thread: pthread_t) {
        pthread_detach(thread)
    }

    static func nameThisThread(_ name: String) {
        // The kernel keeps 15 bytes and refuses longer names.
        _ = unsafe pthread_setname_np(pthread_self(), String(decoding: name.utf8.prefix(15), as: UTF8.self))
    }

    /// Sets the soft limit of open descriptors to the hard one; returns the limit then in force.
    static func raiseDescriptorLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if unsafe setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    static func allowedProcessorCount() -> Int {
        Int(clinux_allowed_cpu_count())
    }

    // MARK: Addresses

    static func parseIPv4(_ text: String) -> UInt32? {
        var answer = in_addr()
        guard unsafe inet_pton(AF_INET, text, &answer) == 1 else { return nil }
        return UInt32(bigEndian: answer.s_addr)
    }

    static func parseIPv6(_ text: String) -> (high: UInt64, low: UInt64)? {
        var answer: [UInt64] = [0, 0]
        guard unsafe inet_pton(AF_INET6, text, &answer) == 1 else { return nil }
        return (UInt64(bigEndian: answer[0]), UInt64(bigEndian: answer[1]))
    }

    static func formatIPv6(_ high: UInt64, _ low: UInt64) -> String {
        let address = [high.bigEndian, low.bigEndian]
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(AF_INET6, address, &text, socklen_t(text.count)) != nil else {
            preconditionFailure("16 bytes are an IPv6 address")
        }
        return string(text)
    }

    static func interfaceIndex(_ name: String) -> UInt32 {
        unsafe if_nametoindex(name)
    }

    /// Sends one message to a datagram socket, whose name begins with `@` if it is no file. Nobody hears of a failure.
    static func sendDatagram(_ bytes: [UInt8], toSocket name: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // `address` owns the field and lives through the block; the length was checked.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in unsafe field.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { _ = Glibc.close(descriptor) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), target, size)
            }
        }
    }

    /// False: it cannot be.
    static func makeNonblocking(_ descriptor: Descriptor) -> Bool {
        let flags = fcntl(descriptor.rawValue, F_GETFL)
        return flags >= 0 && fcntl(descriptor.rawValue, F_SETFL, flags | O_NONBLOCK) == 0
            && fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) == 0
    }

    /// The process becomes a user, with its groups; the sentence says why not.
    static func becomeUser(_ name: String) -> String? {
        // The C library's record lives until the next look-up, which no other thread does at the start.
        guard let record = unsafe getpwnam(name) else { return "there is no user \(name)" }
        let (user, group) = unsafe (record.pointee.pw_uid, record.pointee.pw_gid)
        if user == geteuid() { return nil }
        guard unsafe initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
            return "cannot become user \(name): \(sentence(errno))"
        }
        return nil
    }

    /// The addresses of this machine's interfaces with their masks.
    static func interfaces() -> [(address: SocketAddress, mask: SocketAddress)] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [(SocketAddress, SocketAddress)] = []
        var next = unsafe list
        // The list and what it points to live until it is freed.
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe ipAddress(entry.pointee.ifa_addr),
                let mask = unsafe ipAddress(entry.pointee.ifa_netmask)
            else { continue }
            found.append((address, mask))
        }
        return found
    }

    /// The IP address that an owned sockaddr holds, without its interface.
    private static func ipAddress(_ pointer: UnsafeMutablePointer<sockaddr>?) -> SocketAddress? {
        guard let pointer = unsafe pointer else { return nil }
        let family = unsafe Int32(pointer.pointee.sa_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        let raw = unsafe RawAddress(copying: pointer, length: socklen_t(size))
        guard let address = raw.socketAddress else { return nil }
        return family == AF_INET ? address : SocketAddress(ipv6: address.high, address.low, scope: 0, port: 0)
    }

    /// The name of a user of the operating system; nil: it has none. Blocks for as long as the name service likes.
    static func userName(_ number: UInt32) -> String? {
        var record = unsafe passwd()
        var result: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 16_384)
        // The record points into the room, which lives until the name is copied.
        return unsafe room.withUnsafeMutableBufferPointer { room in
            guard let start = room.baseAddress,
                unsafe getpwuid_r(number, &record, start, room.count, &result) == 0, unsafe result != nil,
                let name = unsafe record.pw_name
            else { return nil }
            return unsafe String(cString: name)
        }
    }

    /// The TCP addresses of a name; blocks for as long as the resolver likes.
    static func lookUp(_ name: String) -> Result<[SocketAddress], NameLookup.Failure> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(name, nil, &hints, &list)
        guard result == 0 else {
            let number = errno
            // gai_strerror gives a constant of the C library.
            let reason = unsafe result == EAI_SYSTEM ? sentence(number) : String(cString: gai_strerror(result))
            return .failure(NameLookup.Failure(name: name, reason: reason, isTemporary: result == EAI_AGAIN))
        }
        // The list is ours until it is freed; each node and its address stay valid as long.
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var node = unsafe list
        while let current = unsafe node {
            let (pointer, length) = unsafe (current.pointee.ai_addr, current.pointee.ai_addrlen)
            let address = unsafe RawAddress(copying: pointer, length: length).socketAddress
            if let address, !addresses.contains(address) { addresses.append(address) }
            unsafe node = current.pointee.ai_next
        }
        return .success(addresses)
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The C library's sentence for an error number.
    static func sentence(_ number: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        let count = text.count
        _ = unsafe strerror_r(number, &text, count)
        return string(text)
    }
}

/// What a new thread needs to know.
private final class ThreadStart {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// A thread's first function: takes over the reference that `startThread` passed, and lets it go before it ends.
private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { preconditionFailure("startThread passes its argument") }
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    SystemCalls.nameThisThread(start.name)
    start.body()
    return nil
}
