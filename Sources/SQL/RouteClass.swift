// How strong a claim on the primary does a statement make?

/// The strength of a statement's effects, weakest first; routing goes by the strongest.
public enum RouteClass: UInt8, Comparable, Sendable, CaseIterable {
    /// Proven to give the same answer on every caught-up replica.
    case replicaSafe
    /// Reads only, but describes its node or must not be balanced.
    case primaryOnlyRead
    /// Takes row or table locks.
    case lockedRead
    /// May write.
    case write
    /// Begins, ends or shapes a transaction.
    case transactionControl
    /// Changes the session.
    case sessionState

    public static func < (left: RouteClass, right: RouteClass) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The class in the words of the documentation.
    public var name: String {
        switch self {
        case .replicaSafe: "replica-safe"
        case .primaryOnlyRead: "primary-only read"
        case .lockedRead: "locked read"
        case .write: "write"
        case .transactionControl: "transaction control"
        case .sessionState: "session state"
        }
    }

    /// The class of the strongest effect.
    init(_ effects: Effects) {
        if effects.isSubset(of: Self.harmless) {
            self = .replicaSafe
        } else if effects.contains(.sessionState) {
            self = .sessionState
        } else if effects.contains(.transactionControl) {
            self = .transactionControl
        } else if !effects.isDisjoint(with: Self.writing) {
            self = .write
        } else if effects.contains(.rowLocks) {
            self = .lockedRead
        } else {
            self = .primaryOnlyRead
        }
    }

    private static let harmless: Effects = [.cursor, .copyOut, .nodeAddress, .routerSetting, .explainsRoute]
    private static let writing: Effects = [
        .mayWrite, .hiddenCode, .refusesTransactionBlock, .copyIn, .ddl, .catalog, .notUnderstood,
    ]
}
