// How does a test send and receive raw bytes, with a deadline on everything?

import Foundation

/// A connected stream socket, to a loopback port or a Unix socket. This is deliberately not the router's own socket
/// code: a fault there must not hide itself. It is the one file of the tests with unsafe code; each pointer lives for
/// one call.
public final class StreamSocket: Sendable {
    private let descriptor: Int32

    /// Connects to a port of the loopback address.
    public init(port: Int) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Foundation.connect(descriptor, $0, size)
            }
        }
        try requireConnected(status, to: "127.0.0.1:\(port)")
        var on: Int32 = 1
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Connects to a Unix socket.
    public init(path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < 108 else { throw SupportError("\(path) is too long for a Unix socket") }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Foundation.connect(descriptor, $0, size)
            }
        }
        try requireConnected(status, to: path)
    }

    private func requireConnected(_ status: Int32, to target: String) throws {
        guard status != 0 else { return }
        throw SupportError("connection to \(target): \(Self.lastError)")
    }

    /// Sends all bytes, waiting for room until the deadline.
    public func send(_ bytes: [UInt8], deadline: ContinuousClock.Instant) throws {
        var sent = 0
        while sent < bytes.count {
            try wait(for: Int16(POLLOUT), deadline: deadline, what: "room to send")
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Foundation.send(
                    descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else if errno != EAGAIN && errno != EINTR {
                throw SupportError("send: \(Self.lastError)")
            }
        }
    }

    /// The next bytes, at most `limit`; empty when the peer has closed the connection.
    public func receive(limit: Int = 65_536, deadline: ContinuousClock.Instant) throws -> [UInt8] {
        while true {
            try wait(for: Int16(POLLIN), deadline: deadline, what: "an answer")
            var bytes = [UInt8](repeating: 0, count: limit)
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            }
            if count >= 0 { return Array(bytes[..<count]) }
            if errno == ECONNRESET { return [] }
            if errno != EAGAIN && errno != EINTR { throw SupportError("receive: \(Self.lastError)") }
        }
    }

    /// Whether bytes, or the end of the connection, can be received now.
    public var isReadable: Bool { poll(for: Int16(POLLIN), milliseconds: 0) }

    /// No more bytes will be sent; the peer sees the end of the stream and can still answer.
    /// The port of this end.
    public var localPort: Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    public func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes the end of the connection a reset (RST), as when a peer's machine vanishes.
    public func resetWhenClosed() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    deinit {
        if descriptor >= 0 { _ = Foundation.close(descriptor) }
    }

    private func wait(for events: Int16, deadline: ContinuousClock.Instant, what: String) throws {
        let left = (deadline - ContinuousClock.now).components
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0, poll(for: events, milliseconds: Int32(min(milliseconds, 3_600_000))) else {
            throw SupportError("waited in vain for \(what)")
        }
    }

    private func poll(for events: Int16, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        return unsafe Foundation.poll(&entry, 1, milliseconds) > 0
    }

    private static var lastError: String { unsafe String(cString: strerror(errno)) }
}
