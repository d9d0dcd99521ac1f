// What can a statement do, and what does it leave behind in its session?

/// What a statement does; several may hold.
public struct Effects: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Leaves something in the session or clears it: SET, RESET, temporary tables, LISTEN, SQL PREPARE, DISCARD …
    public static let sessionState = Effects(rawValue: 1 << 0)
    /// Begins, ends or shapes a transaction: BEGIN, COMMIT, SAVEPOINT, SET TRANSACTION, PREPARE TRANSACTION …
    public static let transactionControl = Effects(rawValue: 1 << 1)
    /// DML, DDL, and everything not understood.
    public static let mayWrite = Effects(rawValue: 1 << 2)
    /// Takes row or table locks: FOR UPDATE and its kin, LOCK.
    public static let rowLocks = Effects(rawValue: 1 << 3)
    /// A read that describes its node or backend, or that must not be balanced.
    public static let primaryOnly = Effects(rawValue: 1 << 4)
    /// Runs code that the text does not show (DO, CALL, EXECUTE, unknown functions): may leave any state.
    public static let hiddenCode = Effects(rawValue: 1 << 5)
    /// Reads the session's sequence memory: `currval`, `lastval`.
    public static let sequenceState = Effects(rawValue: 1 << 6)
    /// Needs to be alone: refuses a transaction block (VACUUM, CREATE DATABASE …) or may end one itself (CALL, DO).
    public static let refusesTransactionBlock = Effects(rawValue: 1 << 7)
    /// Changes a setting until the end of the transaction: SET LOCAL, SET CONSTRAINTS, `set_config(…, true)`.
    public static let setLocal = Effects(rawValue: 1 << 8)
    /// Opens or uses a cursor that lives in its transaction: DECLARE without HOLD, FETCH, MOVE, CLOSE.
    public static let cursor = Effects(rawValue: 1 << 9)
    /// SAVEPOINT, ROLLBACK TO, RELEASE.
    public static let savepoint = Effects(rawValue: 1 << 10)
    /// COPY … FROM STDIN: the server will ask the client for data.
    public static let copyIn = Effects(rawValue: 1 << 11)
    /// COPY … TO STDOUT: the server will send copy data.
    public static let copyOut = Effects(rawValue: 1 << 12)
    /// CREATE, ALTER, DROP and their kin: knowledge about the catalog may be outdated afterwards.
    public static let ddl = Effects(rawValue: 1 << 13)
    /// The text, or part of it, is not understood.
    public static let notUnderstood = Effects(rawValue: 1 << 14)
    /// Asks for the address of the node (`inet_server_addr`, `inet_server_port`); still replica-safe by itself.
    public static let nodeAddress = Effects(rawValue: 1 << 15)
    /// May make names mean what they did not mean before: CREATE and ALTER of functions, views, operators, policies …,
    /// and code that the text does not show.
    public static let catalog = Effects(rawValue: 1 << 16)
    /// Changes, or may change, how the texts behind it are read: `standard_conforming_strings`, `client_encoding`.
    public static let lexing = Effects(rawValue: 1 << 17)
    /// Changes, or may change, what a literal behind it means: those of `.lexing`, DateStyle, TimeZone …
    public static let parsing = Effects(rawValue: 1 << 18)
    /// Speaks of a prepared statement by its name: PREPARE, EXECUTE, DEALLOCATE.
    public static let statementName = Effects(rawValue: 1 << 19)
    /// SET, RESET or SHOW of a setting of the router itself (`pointsman.…`).
    public static let routerSetting = Effects(rawValue: 1 << 20)
    /// Not even for those who have asked for a replica: a standby refuses it, or obeys in vain.
    public static let notOnReplica = Effects(rawValue: 1 << 21)
    /// May end the server process that it runs in: `pg_terminate_backend`.
    public static let endsBackend = Effects(rawValue: 1 << 22)
    /// Looks at `pg_prepared_statements`.
    public static let listsStatements = Effects(rawValue: 1 << 23)
    /// A lock on tables that only waits for changes of their definition, as any read does.
    public static let readerLock = Effects(rawValue: 1 << 24)
    /// All that speaks against a replica is that the catalog has changed and is being read again.
    public static let onlyFeared = Effects(rawValue: 1 << 25)
    /// Changes what sessions start with: ALTER ROLE or DATABASE … SET.
    public static let sessionDefaults = Effects(rawValue: 1 << 26)
    /// Prepares a transaction, or commits one that was prepared.
    public static let preparedTransaction = Effects(rawValue: 1 << 27)
    /// May make a known table object to a replica, or give its name to something else: ALTER TABLE, policies, views …
    public static let knownTables = Effects(rawValue: 1 << 28)
    /// The name of a role or database may mean another one behind it: DROP, RENAME.
    public static let loginNames = Effects(rawValue: 1 << 29)
    /// EXPLAIN ROUTE, which no server knows.
    public static let explainsRoute = Effects(rawValue: 1 << 30)

    /// Those that change, once they are committed, what the router knows of all sessions.
    public static let onOthers: Effects = [
        .catalog, .sessionDefaults, .preparedTransaction, .knownTables, .loginNames,
    ]
}

/// Why a session must keep its server after a statement.
public struct PinReasons: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// A setting was changed in a way that the session cannot record by name and value.
    public static let setting = PinReasons(rawValue: 1 << 0)
    /// A temporary table, view, sequence or other object in the session's temporary schema.
    public static let temporaryTable = PinReasons(rawValue: 1 << 1)
    /// LISTEN.
    public static let listen = PinReasons(rawValue: 1 << 2)
    /// A cursor WITH HOLD.
    public static let heldCursor = PinReasons(rawValue: 1 << 3)
    /// A session-level advisory lock.
    public static let advisoryLock = PinReasons(rawValue: 1 << 4)
    /// A statement prepared by SQL's PREPARE.
    public static let sqlPrepare = PinReasons(rawValue: 1 << 5)
    /// LOAD.
    public static let load = PinReasons(rawValue: 1 << 6)
    /// `setseed`, `SET seed`.
    public static let seed = PinReasons(rawValue: 1 << 7)
    /// Code that the text does not show may have left anything.
    public static let hiddenCode = PinReasons(rawValue: 1 << 8)
    /// `currval`, `lastval`: the answer lives in the server that ran the session's last `nextval`.
    public static let sequence = PinReasons(rawValue: 1 << 9)
    /// The statement was too large to be read.
    public static let tooLargeToRead = PinReasons(rawValue: 1 << 10)

    /// Something in the server process that no statement finds again: a backup in progress, a replication origin.
    public static let backendState = PinReasons(rawValue: 1 << 11)

    /// `pool.mode = "session"`.
    public static let sessionMode = PinReasons(rawValue: 1 << 12)

    /// What a server can be asked for: it knows whether it is still there.
    public static let inspectable: PinReasons = [.temporaryTable, .listen, .heldCursor, .advisoryLock, .sqlPrepare]

    private static let allNames: [(PinReasons, String)] = [
        (.setting, "setting"), (.temporaryTable, "temporary table"), (.listen, "listen"),
        (.heldCursor, "held cursor"), (.advisoryLock, "advisory lock"), (.sqlPrepare, "sql prepare"),
        (.load, "load"), (.seed, "seed"), (.hiddenCode, "hidden code"), (.sequence, "sequence"),
        (.tooLargeToRead, "too large to read"), (.backendState, "backend state"),
        (.sessionMode, "session mode"),
    ]

    /// The reasons as words for people, in a fixed order.
    public var names: [String] {
        Self.allNames.filter { contains($0.0) }.map(\.1)
    }

    public var description: String {
        names.joined(separator: ", ")
    }
}
