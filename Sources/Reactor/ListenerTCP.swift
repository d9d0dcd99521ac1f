// How is a TCP port opened, for one worker or for several?
import CLinux
import Glibc

extension Listener {
    /// Listens on a numeric address. Port 0 picks a free one; `place` tells which.
    /// - Parameter sharesPort: whether further listeners that say the same may use the port, so that the kernel spreads
    ///   connections over them (SO_REUSEPORT).
    public static func tcp(
        _ address: String, port: UInt16, sharesPort: Bool = false, options: TCPOptions = TCPOptions(),
        backlog: Int = defaultBacklog
    ) throws(ReactorError) -> Listener {
        guard let wanted = SocketAddress(address, port: port) else { throw .invalidAddress(address) }
        let descriptor = try bound(to: wanted, sharesPort: sharesPort)
        do throws(ReactorError) {
            if let failure = options.apply(to: descriptor) {
                throw .failed(operation: "setsockopt", subject: wanted.description, failure)
            }
            // Clients speak first: one that has said something is accepted together with it, and one that is silent
            // after the kernel has asked again, some seconds later.
            try set(descriptor, Int(IPPROTO_TCP), TCP_DEFER_ACCEPT, wanted)
            if let failure = SystemCalls.listen(descriptor, backlog: backlog).failure {
                throw reason(failure, "listen", wanted)
            }
        } catch {
            Socket.close(descriptor)
            throw error
        }
        return Listener(descriptor: descriptor, place: .tcp(Socket.localAddress(descriptor) ?? wanted))
    }

    /// Listens `count` times on the same port, once for each worker. A port that anybody else listens on is refused,
    /// although the sockets of the group share theirs; unless that is wanted: then other processes of the same user may
    /// listen there, too.
    public static func tcpGroup(
        _ address: String, port: UInt16, count: Int, sharesWithOthers: Bool = false,
        options: TCPOptions = TCPOptions(), backlog: Int = defaultBacklog
    ) throws(ReactorError) -> [Listener] {
        precondition(count > 0, "a group has members")
        guard let wanted = SocketAddress(address, port: port) else { throw .invalidAddress(address) }
        // A socket that shares may join those of another process of the same user; one that does not share may not, and
        // says so. It never listens, so it is gone without a trace when it is closed.
        if !sharesWithOthers { Socket.close(try bound(to: wanted, sharesPort: false)) }

        var listeners: [Listener] = []
        var groupPort = port
        for _ in 0..<count {
            let listener = try tcp(address, port: groupPort, sharesPort: true, options: options, backlog: backlog)
            if case .tcp(let actual) = listener.place { groupPort = actual.port }
            listeners.append(listener)
        }
        return listeners
    }

    private static func bound(to address: SocketAddress, sharesPort: Bool) throws(ReactorError) -> Descriptor {
        let opened = SystemCalls.streamSocket(family: address.family == .ipv4 ? AF_INET : AF_INET6)
        if let failure = opened.failure { throw reason(failure, "socket", address) }
        let descriptor = opened.descriptor
        do throws(ReactorError) {
            // A port whose last connections are in TIME_WAIT is free; without this a restart would have to wait.
            try set(descriptor, Int(SOL_SOCKET), SO_REUSEADDR, address)
            if sharesPort { try set(descriptor, Int(SOL_SOCKET), SO_REUSEPORT, address) }
            // "::" means IPv6 alone, so that "0.0.0.0" can be listed beside it.
            if address.family == .ipv6 { try set(descriptor, Int(IPPROTO_IPV6), IPV6_V6ONLY, address) }
            if let failure = SystemCalls.bind(descriptor, to: RawAddress(address)).failure {
                throw reason(failure, "bind", address)
            }
        } catch {
            Socket.close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func set(
        _ descriptor: Descriptor, _ level: Int, _ name: Int32, _ address: SocketAddress
    ) throws(ReactorError) {
        if let failure = SystemCalls.setOption(descriptor, level: level, name, 1).failure {
            throw .failed(operation: "setsockopt", subject: address.description, failure)
        }
    }

    private static func reason(_ failure: Errno, _ operation: String, _ address: SocketAddress) -> ReactorError {
        switch failure {
        case .addressInUse: .addressInUse(address.description)
        case .addressNotAvailable: .addressNotAvailable(address.description)
        case .permissionDenied: .permissionDenied(address.description)
        default: .failed(operation: operation, subject: address.description, failure)
        }
    }
}
