// What can go wrong when something is opened, in words for the operator?

/// Why something could not be opened.
public enum ReactorError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Somebody else listens on the address and port, or on the socket file.
    case addressInUse(String)
    /// No interface of this machine has the address.
    case addressNotAvailable(String)
    /// The process may not listen there (a port below 1024, a directory it may not write to).
    case permissionDenied(String)
    /// The text is no numeric IPv4 or IPv6 address.
    case invalidAddress(String)
    /// The name of a host has no address.
    case nameNotResolved(name: String, reason: String)
    /// The path does not fit into a socket address.
    case pathTooLong(path: String, limit: Int)
    /// The directory of a socket file does not exist.
    case directoryMissing(path: String)
    /// The path is taken by something that is no socket, which is left alone.
    case notASocket(path: String)
    /// Anything else: what was tried, on what, and the kernel's answer.
    case failed(operation: String, subject: String, Errno)

    public var description: String {
        switch self {
        case .addressInUse(let place):
            "cannot listen on \(place): another process listens there already; stop it or choose another port"
        case .addressNotAvailable(let place):
            "cannot listen on \(place): this machine has no such address; write one of its own into listen.addresses"
        case .permissionDenied(let place):
            "cannot listen on \(place): permission denied"
        case .invalidAddress(let text):
            "expected a numeric IPv4 or IPv6 address such as 127.0.0.1 or ::1, found \"\(text)\""
        case .nameNotResolved(let name, let reason):
            "cannot listen on \"\(name)\" (listen.addresses): the name cannot be resolved (\(reason)); write an address"
                + " of this machine, or a name of one"
        case .pathTooLong(let path, let limit):
            "cannot listen on \(path): a Unix socket's path may have \(limit) bytes, this one has \(path.utf8.count)"
        case .directoryMissing(let path):
            "cannot listen on \(path): its directory does not exist"
        case .notASocket(let path):
            "cannot listen on \(path): a file that is no socket is in the way"
        case .failed(let operation, let subject, let error):
            subject.isEmpty ? "\(operation) failed: \(error)" : "\(operation) failed for \(subject): \(error)"
        }
    }
}
