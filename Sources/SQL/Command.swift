// Which command is a text, when a session treats that command specially?

/// A transaction's isolation level.
public enum IsolationLevel: UInt8, Sendable {
    case readUncommitted, readCommitted, repeatableRead, serializable

    /// Reads a value of `default_transaction_isolation`; nil for what is none.
    public init?(setting: String) {
        switch setting.lowercased() {
        case "read uncommitted": self = .readUncommitted
        case "read committed": self = .readCommitted
        case "repeatable read": self = .repeatableRead
        case "serializable": self = .serializable
        default: return nil
        }
    }
}

/// The characteristics named in BEGIN, START TRANSACTION, SET TRANSACTION; `nil` where the text names none.
public struct TransactionModes: Equatable, Sendable {
    public var isolation: IsolationLevel?
    public var readOnly: Bool?
    public var deferrable: Bool?

    public init(isolation: IsolationLevel? = nil, readOnly: Bool? = nil, deferrable: Bool? = nil) {
        self.isolation = isolation
        self.readOnly = readOnly
        self.deferrable = deferrable
    }

    /// Whether the text names no characteristic at all.
    public var isEmpty: Bool {
        isolation == nil && readOnly == nil && deferrable == nil
    }
}

/// The command, when the text is exactly one statement; `.other` for everything that needs no special treatment and
/// for several statements in one text. Ranges are byte offsets into the classified text.
public enum Command: Equatable, Sendable {
    /// No statement at all: blanks, comments and semicolons.
    case empty
    /// BEGIN or START TRANSACTION.
    case begin(TransactionModes)
    /// COMMIT or END.
    case commit(chain: Bool)
    /// ROLLBACK or ABORT of the whole transaction.
    case rollback(chain: Bool)
    case savepoint, rollbackTo, release
    case prepareTransaction, commitPrepared, rollbackPrepared
    /// SET TRANSACTION, without SNAPSHOT.
    case setTransaction(TransactionModes)
    /// SET SESSION CHARACTERISTICS AS TRANSACTION.
    case sessionCharacteristics(TransactionModes)
    /// PREPARE name [(types)] AS statement; both as written.
    case prepare(name: Range<Int>, statement: Range<Int>)
    /// EXECUTE name [(arguments)]; both as written, the arguments with their parentheses, empty if there are none.
    case execute(name: Range<Int>, arguments: Range<Int>)
    /// DEALLOCATE name; the name as written.
    case deallocate(name: Range<Int>)
    case deallocateAll
    case discardAll, discardPlans, discardSequences, discardTemp
    case resetAll, unlistenAll, closeAll
    /// SHOW name; the name as written, which may be several words (`TIME ZONE`) or `ALL`.
    case show(name: Range<Int>)
    /// SET; name and value as written. The name may be several words (`TIME ZONE`, `SESSION AUTHORIZATION`) or stand
    /// for another (`NAMES`, `SCHEMA`): `Identifier.settingName(of:)` tells the parameter. The value is everything
    /// behind it, `DEFAULT` included.
    case set(name: Range<Int>, value: Range<Int>, isLocal: Bool)
    /// RESET name.
    case reset(name: Range<Int>)
    /// Exactly `SELECT set_config('name', 'value', false)`; the two literals as written. The pins contain `.setting`,
    /// which a session that records the pair may ignore.
    case setConfig(name: Range<Int>, value: Range<Int>)
    /// EXPLAIN of anything.
    case explain
    /// EXPLAIN ROUTE, which is ours and no server knows; the text to explain is everything behind it.
    case explainRoute(statement: Range<Int>)
    /// SELECT, VALUES, TABLE, WITH … without a data-modifying part or INTO.
    case select
    case copy
    case other
}
