// What can be done with a connected socket? Send, half-close, close, and ask.
import CLinux
import Glibc

/// How much of some bytes the kernel took.
public enum Sent: Equatable, Sendable {
    /// All of them.
    case all
    /// Only so many (0 too): the socket takes no more now, and the poller will say when it does.
    case partial(Int)
    /// The connection is of no use any more.
    case failed(Errno)
}

/// What a receive brought.
public enum Received: Equatable, Sendable {
    /// So many bytes, at least 1.
    case bytes(Int)
    /// Nothing there; the poller will say when there is.
    case wouldBlock
    /// The peer has sent its last byte.
    case closed
    /// The connection is of no use any more.
    case failed(Errno)
}

/// Operations on connected sockets. None of them blocks or raises SIGPIPE.
public enum Socket {
    /// Sends straight from the caller's bytes, with one system call.
    public static func send(_ bytes: Span<UInt8>, to descriptor: Descriptor) -> Sent {
        if bytes.isEmpty { return .all }
        // The span's owner keeps the bytes during the call; the kernel only reads them.
        let outcome = unsafe bytes.withUnsafeBytes { unsafe SystemCalls.send(descriptor, $0) }
        return sent(outcome, of: bytes.count)
    }

    @inline(__always) static func sent(_ outcome: SystemCalls.Outcome, of count: Int) -> Sent {
        if outcome.raw == count { return .all }
        if outcome.raw >= 0 { return .partial(outcome.raw) }
        if outcome.raw == -Int(EAGAIN) { return .partial(0) }
        return .failed(Errno(rawValue: Int32(-outcome.raw)))
    }

    /// Tells the peer that nothing more will be sent; receiving goes on.
    @discardableResult
    public static func finishSending(_ descriptor: Descriptor) -> Errno? {
        SystemCalls.shutdown(descriptor, Int(SHUT_WR)).failure
    }

    /// Closes the descriptor. Once: closing a closed one is our own bug and stops the program.
    public static func close(_ descriptor: Descriptor) {
        SystemCalls.close(descriptor)
    }

    /// The error that waits on the socket, which reading it clears; nil when all is well.
    public static func pendingError(_ descriptor: Descriptor) -> Errno? {
        let outcome = SystemCalls.option(descriptor, level: Int(SOL_SOCKET), SO_ERROR)
        if let failure = outcome.failure { return failure }
        return outcome.raw == 0 ? nil : Errno(rawValue: Int32(outcome.raw))
    }

    /// This side's IP endpoint; nil for a Unix socket.
    public static func localAddress(_ descriptor: Descriptor) -> SocketAddress? {
        var address = RawAddress()
        return SystemCalls.localAddress(descriptor, &address).failure == nil ? address.socketAddress : nil
    }

    /// The other side's IP endpoint; nil for a Unix socket or when not connected.
    public static func peerAddress(_ descriptor: Descriptor) -> SocketAddress? {
        var address = RawAddress()
        return SystemCalls.peerAddress(descriptor, &address).failure == nil ? address.socketAddress : nil
    }

    /// Who is at the other end of a Unix socket, as the kernel vouches.
    public static func peerCredentials(_ descriptor: Descriptor) -> PeerCredentials? {
        SystemCalls.peerCredentials(descriptor)
    }

    /// Two connected, non-blocking Unix sockets.
    public static func pair() throws(ReactorError) -> (Descriptor, Descriptor) {
        guard let pair = SystemCalls.socketPair() else {
            throw .failed(operation: "socketpair", subject: "", Errno(rawValue: errno))
        }
        return pair
    }
}

/// The process at the other end of a Unix socket when it connected.
public struct PeerCredentials: Hashable, Sendable {
    public let process: Int32
    public let user: UInt32
    public let group: UInt32

    /// The name of the user; nil: the system knows none. May block for a look at the name service.
    public var userName: String? { SystemCalls.userName(user) }
}
