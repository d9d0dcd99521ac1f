// What can go wrong with a private cluster, said so that a person knows what to do.

/// A failure while a private PostgreSQL cluster is started, used or changed.
public enum ClusterError: Error, Equatable, CustomStringConvertible {
    /// No directory with PostgreSQL's server programs was found; the places that were searched.
    case postgresNotInstalled(searched: [String])
    /// The server refuses to run as root, and neither account to change to exists.
    case noUnprivilegedAccount(tried: [String])
    /// A program could not be started at all.
    case notStarted(program: String, reason: String)
    /// A program ended with a failure.
    case failed(program: String, status: Int32, output: String)
    /// Something did not happen in time.
    case timeLimit(waitedFor: String, limit: Duration, output: String)
    /// No loopback port is free.
    case noFreePort

    public var description: String {
        switch self {
        case .postgresNotInstalled(let searched):
            """
            no PostgreSQL server programs (initdb, postgres, pg_basebackup) found in \
            \(searched.joined(separator: ", ")); install them, on Debian or Ubuntu with: apt-get install postgresql
            """
        case .noUnprivilegedAccount(let tried):
            """
            PostgreSQL does not run as root and none of these accounts exists: \
            \(tried.joined(separator: ", ")); run as another user or create one of them
            """
        case .notStarted(let program, let reason):
            "\(program) could not be started: \(reason)"
        case .failed(let program, let status, let output):
            "\(program) failed with status \(status): \(output)"
        case .timeLimit(let waitedFor, let limit, let output):
            "waited \(limit) for \(waitedFor) in vain\(output.isEmpty ? "" : ": " + output)"
        case .noFreePort:
            "no free TCP port was found on the loopback address"
        }
    }
}
