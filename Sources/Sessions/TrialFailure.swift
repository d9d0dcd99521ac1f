// Which errors of a replica say that a read should be run again, and where?

import Wire

/// Why a read that was tried on a replica has to be run again.
public enum TrialFailure: Equatable, Sendable {
    /// A standby does not do such things, or has not replayed yet what the read speaks of: the primary may do it.
    indirect case refused(sqlState: String)
    /// The node could not finish it, by no fault of the read: another node may.
    indirect case interrupted(sqlState: String)
    /// The server's process ended in the middle of it, perhaps because of it.
    case crashed

    /// What a standby answers to what it does not do (see docs/ROUTING.md), and to names that it does not know yet.
    private static let refusals: Set<String> = [
        "25006", "0A000", "55000", "XX000", "58P01",
        "42P01", "42703", "42883", "42704", "3F000", "42501", "22P02",
    ]
    /// Conflicts with what is replayed, and a database that is being dropped.
    private static let interruptions: Set<String> = ["40001", "40P01", "57P04"]
    private static let stops: Set<String> = ["57P01", "57P03"]

    /// nil: the error is the client's.
    init?(_ error: ReceivedError) {
        let state = error.sqlState
        if error.endsConnection {
            if Self.stops.contains(state) || Self.interruptions.contains(state) {
                self = .interrupted(sqlState: state)
            } else if state == "57P02" {
                self = .crashed
            } else {
                return nil
            }
        } else if Self.interruptions.contains(state) {
            self = .interrupted(sqlState: state)
        } else if Self.refusals.contains(state), error.routine != "RevalidateCachedQuery" {
            self = .refused(sqlState: state)
        } else {
            return nil
        }
    }

    /// With a warning a server takes leave that ends because of something else than what it runs; nil: no such one.
    init?(notice: ReceivedError) {
        guard ["57P01", "57P02"].contains(notice.sqlState) else { return nil }
        self = .interrupted(sqlState: notice.sqlState)
    }
}

/// Which failures of a trial are not the client's yet.
public struct TrialCover: OptionSet, Equatable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let refusals = TrialCover(rawValue: 1)
    public static let interruptions = TrialCover(rawValue: 2)
    public static let crashes = TrialCover(rawValue: 4)
    /// The server ends the connection in good order, which rolls back what it runs.
    public static let shutdowns = TrialCover(rawValue: 8)

    func includes(_ failure: TrialFailure) -> Bool {
        switch failure {
        case .refused: contains(.refusals)
        case .interrupted(let sqlState): contains(.interruptions) || contains(.shutdowns) && sqlState == "57P01"
        case .crashed: contains(.crashes)
        }
    }
}
