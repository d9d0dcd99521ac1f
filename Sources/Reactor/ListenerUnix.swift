// How is a Unix socket opened where libpq looks for one, and what about the file a dead process left there?
import CLinux
import Glibc

extension Listener {
    /// Listens on `directory/.s.PGSQL.port`; who may log in is decided later. A socket file on which
    /// nobody listens any more is replaced.
    ///
    /// - Parameter mode: who may connect.
    public static func unix(
        directory: String, port: UInt16, mode: UInt32 = 0o777, backlog: Int = defaultBacklog
    ) throws(ReactorError) -> Listener {
        let separator = directory.hasSuffix("/") ? "" : "/"
        return try unix(path: "\(directory)\(separator).s.PGSQL.\(port)", mode: mode, backlog: backlog)
    }

    /// Listens on a socket file.
    public static func unix(
        path: String, mode: UInt32 = 0o777, backlog: Int = defaultBacklog
    ) throws(ReactorError) -> Listener {
        guard let address = RawAddress(path: path) else {
            throw .pathTooLong(path: path, limit: RawAddress.pathLimit)
        }
        let opened = SystemCalls.streamSocket(family: AF_UNIX)
        if let failure = opened.failure { throw .failed(operation: "socket", subject: path, failure) }
        let descriptor = opened.descriptor
        do throws(ReactorError) {
            try bind(descriptor, address, path)
        } catch {
            Socket.close(descriptor)
            throw error
        }
        let file = SocketFile(path: path)
        do throws(ReactorError) {
            if let failure = SystemCalls.setMode(path: path, mode).failure {
                throw .failed(operation: "chmod", subject: path, failure)
            }
            if let failure = SystemCalls.listen(descriptor, backlog: backlog).failure {
                throw .failed(operation: "listen", subject: path, failure)
            }
        } catch {
            file.remove()
            Socket.close(descriptor)
            throw error
        }
        return Listener(descriptor: descriptor, place: .unix(path: path), socketFile: file)
    }

    private static func bind(_ descriptor: Descriptor, _ address: RawAddress, _ path: String) throws(ReactorError) {
        guard let failure = SystemCalls.bind(descriptor, to: address).failure else { return }
        guard failure == .addressInUse else { throw reason(failure, path) }
        try removeStale(path)
        if let failure = SystemCalls.bind(descriptor, to: address).failure { throw reason(failure, path) }
    }

    /// Removes the socket file if nobody listens on it: only a listener's absence makes a connection be refused.
    private static func removeStale(_ path: String) throws(ReactorError) {
        guard let identity = SystemCalls.identity(path: path) else { return }  // gone by now
        guard identity.isSocket else { throw .notASocket(path: path) }
        switch Connector.unix(path: path) {
        case .connected(let descriptor), .inProgress(let descriptor):
            Socket.close(descriptor)
            throw .addressInUse(path)
        case .failed(.connectionRefused):
            if let failure = SystemCalls.remove(path: path).failure, failure != .noSuchFile {
                throw reason(failure, path)
            }
        case .failed(.noSuchFile):
            return
        case .failed(.wouldBlock):  // its queue is full, so somebody listens
            throw .addressInUse(path)
        case .failed(let failure):
            throw reason(failure, path)
        }
    }

    private static func reason(_ failure: Errno, _ path: String) -> ReactorError {
        switch failure {
        case .addressInUse: .addressInUse(path)
        case .permissionDenied, .operationNotPermitted: .permissionDenied(path)
        case .noSuchFile: .directoryMissing(path: path)
        default: .failed(operation: "bind", subject: path, failure)
        }
    }
}

/// The file of a listening Unix socket, remembered so that a successor's file is not removed.
struct SocketFile: Sendable {
    let path: String
    private let device: UInt64
    private let inode: UInt64

    init(path: String) {
        let identity = SystemCalls.identity(path: path)
        self.path = path
        device = identity?.device ?? 0
        inode = identity?.inode ?? 0
    }

    func remove() {
        guard let now = SystemCalls.identity(path: path), now.device == device, now.inode == inode else { return }
        _ = SystemCalls.remove(path: path)
    }
}
