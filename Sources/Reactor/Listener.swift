// Where do clients connect, and how is a connection taken from there?
import CLinux
import Glibc
import Synchronization

/// Who connected.
public enum Peer: Hashable, Sendable, CustomStringConvertible {
    case tcp(SocketAddress)
    /// The process on the other end of the socket file; nil when the kernel does not know it.
    case unix(PeerCredentials?)

    public var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix: "unix"
        }
    }
}

/// What accepting brought.
public enum Accepted: Equatable, Sendable {
    /// A connected, non-blocking socket; for TCP with the listener's options.
    case connection(Descriptor, Peer)
    /// Nobody waits.
    case wouldBlock
    /// The process or machine is out of descriptors or memory. Clients, if any wait, keep waiting, and the listener
    /// stays readable: pause it and try again later.
    case exhausted(Errno)
    /// The listener is of no use any more.
    case failed(Errno)
}

/// A listening socket. May be shared by threads: each connection is accepted by one of them.
public final class Listener: Sendable {
    /// What it listens on.
    public enum Place: Hashable, Sendable, CustomStringConvertible {
        case tcp(SocketAddress)
        case unix(path: String)

        public var description: String {
            switch self {
            case .tcp(let address): address.description
            case .unix(let path): path
            }
        }
    }

    /// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
    public static let defaultBacklog = 4096
    /// Clients that left before they were accepted: how many in a row are passed over in one call.
    static let abortedLimit = 64

    public let descriptor: Descriptor
    public let place: Place
    private let socketFile: SocketFile?
    private let isClosed = Atomic<Bool>(false)

    init(descriptor: Descriptor, place: Place, socketFile: SocketFile? = nil) {
        self.descriptor = descriptor
        self.place = place
        self.socketFile = socketFile
    }

    deinit {
        close()
    }

    /// Takes the next waiting connection. Call until it says `wouldBlock`, or come back at the next event: listeners
    /// are reported for as long as someone waits.
    public func accept() -> Accepted {
        var peer = RawAddress()
        for _ in 0..<Listener.abortedLimit {
            let outcome = SystemCalls.accept(descriptor, peer: &peer)
            guard let failure = outcome.failure else {
                return .connection(outcome.descriptor, self.peer(outcome.descriptor, peer))
            }
            switch failure.rawValue {
            case EAGAIN:
                return .wouldBlock
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                return .exhausted(failure)
            case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
                EPERM:
                continue  // accept(2): errors of the connection, not of the listener
            default:
                return .failed(failure)
            }
        }
        return .wouldBlock
    }

    /// Stops listening; removes the socket file if it still is this listener's. Further calls do nothing.
    public func close() {
        if isClosed.exchange(true, ordering: .relaxed) { return }
        socketFile?.remove()
        Socket.close(descriptor)
    }

    private func peer(_ connection: Descriptor, _ address: RawAddress) -> Peer {
        switch place {
        case .tcp(let own): .tcp(address.socketAddress ?? own.with(port: 0))
        case .unix: .unix(SystemCalls.peerCredentials(connection))
        }
    }
}
