// How does a connection to a server begin, without waiting for it?
import CLinux
import Glibc

/// How far an attempt to connect got.
public enum Connecting: Equatable, Sendable {
    case connected(Descriptor)
    /// When the poller says writable, `Connector.finish` tells the outcome.
    case inProgress(Descriptor)
    /// Nothing was opened. `wouldBlock`: the Unix listener's queue is full, worth trying again.
    case failed(Errno)
}

/// Opens non-blocking connections.
public enum Connector {
    public static func tcp(_ address: SocketAddress, options: TCPOptions = TCPOptions()) -> Connecting {
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        let opened = SystemCalls.streamSocket(family: family)
        if let failure = opened.failure { return .failed(failure) }
        if let failure = options.apply(to: opened.descriptor) { return closing(opened.descriptor, failure) }
        return connect(opened.descriptor, RawAddress(address))
    }

    /// Connects to a Unix socket; a path that does not fit fails with `nameTooLong`.
    public static func unix(path: String) -> Connecting {
        guard let address = RawAddress(path: path) else { return .failed(.nameTooLong) }
        let opened = SystemCalls.streamSocket(family: AF_UNIX)
        if let failure = opened.failure { return .failed(failure) }
        return connect(opened.descriptor, address)
    }

    /// Why an attempt that was in progress failed; nil when the connection stands. The descriptor stays the caller's.
    public static func finish(_ descriptor: Descriptor) -> Errno? {
        Socket.pendingError(descriptor)
    }

    private static func connect(_ descriptor: Descriptor, _ address: RawAddress) -> Connecting {
        guard let failure = SystemCalls.connect(descriptor, to: address).failure else { return .connected(descriptor) }
        if failure == .inProgress || failure == .interrupted { return .inProgress(descriptor) }
        return closing(descriptor, failure)
    }

    private static func closing(_ descriptor: Descriptor, _ failure: Errno) -> Connecting {
        Socket.close(descriptor)
        return .failed(failure)
    }
}
