// Where does one client's conversation stand: its transaction, its statements, its pins, its floor?

public import Routing
public import SQL
public import Wire

/// A client after its login, as a pure machine.
///
/// The shell calls `advance` with the bytes that are there. At the start of each batch it scans what the client asks
/// for and says where that may run; once a server is attached, `translate` writes the batch for it. What the server
/// answers comes back as facts through `settle`.
public struct ClientSession: ~Copyable, Sendable {
    private let anchor = Anchor()
    /// A client's transaction as far as the router is concerned.
    public enum Transaction: Equatable, Sendable {
        case none
        /// BEGIN was answered, and no server has seen it.
        case lazy(TransactionModes)
        /// The attached server has it, or will have read it before anything else.
        case open(TransactionModes)
        /// It failed before any server had it: only its end is accepted.
        case failedWithoutServer
    }

    /// Something must come back from the attached server before the client's bytes are read any further.
    public enum Awaiting: Equatable, Sendable {
        /// The settings of the client's profile.
        case settings
        /// The clean-up that a pin begins with.
        case pin
        /// The end of a read-only transaction that moves to the primary.
        case move
        /// What the server says of settings that the session may have changed.
        case inspection
        /// The end of a batch, and what the client brought, which that may have reset.
        case restoration(isLocal: Bool)
        /// The row shape of a statement that had to be parsed again.
        case shape(StatementID, told: RowShape)
    }

    /// The endpoint through which the client came.
    public let port: ListenerKind
    public internal(set) var profile: SettingsProfile
    /// What it was at the start, once it is another one.
    var former: FormerProfile?
    /// Names of settings that the session may have changed on the attached server.
    var touched: [String] = []
    /// RESET ALL may have changed any of them.
    var touchesAll = false
    /// What the attached server has said of them.
    var inspected: Inspected?
    /// Code has run on the attached server that may have left anything there.
    var hasRunHiddenCode = false
    /// What the session is pinned for may be gone.
    var mayUnpin = false
    /// Reasons that the next statement to run has given.
    var freshPins = PinReasons()
    /// Reasons were given in a transaction that has not ended.
    var hasUnprovenPins = false
    /// Those for which the session is pinned by a statement that was sent last and has not been answered.
    var pinsInDoubt = PinReasons()
    /// Those whose statement has failed before it ran: it has left nothing.
    var voidPins = PinReasons()
    /// Newer knowledge of the catalog was asked for before the batch at hand is refused.
    var hasConsulted = false
    private let sharedSettings: SharedSettings
    public var settings: SessionSettings { sharedSettings.value }
    /// By which rules the server read texts that was attached last.
    var lexer: LexerSettings
    /// Something was sent in this transaction that may have changed them.
    var changesLexing = false
    /// The server has not answered that yet.
    var isLexingInDoubt = false
    /// Not 0: the session has changed settings that say what a literal means.
    var variant: UInt32 = 0
    /// The database, by which its names are known.
    public let catalog: CatalogID

    public internal(set) var transaction = Transaction.none
    public internal(set) var awaiting: Awaiting?
    public internal(set) var pins = PinReasons()
    public var floor = Floor()
    /// Work that is not proven read-only was sent to a primary, and its end has not been seen.
    public internal(set) var mayHaveWritten = false
    /// With whom it shares that; nil = with nobody.
    public internal(set) var writtenGroups: WrittenGroups?
    /// What was sent to a primary, of the effects that concern others, and its end has not been seen.
    var effectsOnOthers = Effects()
    /// Something was left on the server that is not looked for.
    var hasLeftTraces = false

    var batch = Batch()
    var names = StatementNames()
    var unnamed: PreparedStatement?
    /// Changes of `names` and `unnamed` that no reply has confirmed, oldest first.
    var changes: [StatementChange] = []

    /// What is left of a message whose head was handled.
    var bodyRemaining = 0
    var bodyIsForwarded = false
    /// Extended messages were sent without a Sync behind them.
    var isUnsynced = false
    /// A batch was refused: its messages are dropped up to the Sync.
    var dropsUntilSync = false
    /// Why the current batch is to fail on the attached server.
    var refusal: ErrorFields?
    /// How many batches were translated to their end.
    var batchNumber: UInt64 = 0
    /// Something was sent that changes what the server keeps for the session: what comes next waits for its end.
    var changesState = false
    /// A Flush of ours was sent for the sake of that.
    var asksForAnswers = false
    /// The next Execute may be one that sets `changesState`.
    var bindsStateChange = false
    /// A portal that deallocates a statement of the client's, until it is executed.
    var deallocation: (portal: [UInt8], name: [UInt8])?
    /// RESET ALL was sent.
    var resetsAll = false
    /// The transaction state once everything that was sent has succeeded.
    var isInTransaction = false
    /// A text of several statements was sent that may have begun a transaction.
    var mayHaveBegun = false
    /// Something was sent that commits although no Sync stands behind it.
    var endsWithoutSync = false
    /// A write was sent together with what commits it.
    public internal(set) var mayHaveCommitted = false
    /// The transaction was lost while the client asked for nothing: the next thing that it asks for tells.
    var isLossUntold = false
    /// What was sent may end the server's process by order of the client.
    var mayEndServer = false
    /// The attached server is a replica.
    var isOnReplica = false
    /// The transaction has read on a replica that it had to leave, or would: from there it goes to the primary.
    var hasSplit = false
    /// `default_transaction_isolation` on the attached server.
    var defaultIsolation = IsolationLevel.readCommitted
    /// The characteristics of the open transaction are those that were asked for by statements of their own.
    var hasKnownModes = false
    /// Otherwise: its isolation may be any.
    var mayHaveChosenIsolation = false
    /// Those of a transaction whose BEGIN was sent and not answered.
    var begunModes: TransactionModes?
    /// It has read elsewhere: where it begins again it must not become one that writes.
    var bringsSnapshot = false
    /// SET LOCAL, a cursor, an open portal or a savepoint: the transaction cannot be begun again elsewhere.
    var isRooted = false
    /// The transaction has a snapshot: its characteristics are settled.
    var hasSnapshot = false
    /// SET LOCAL in this transaction: names may mean something else until it ends.
    var hasLocalSettings = false
    /// The session asked for `currval` or `lastval`: it keeps its server from its next write on.
    var wantsSequences = false
    /// What the attached server remembers of sequences is this session's.
    var ownsSequences = false
    /// The server has not confirmed that it forgot those of others.
    var isClearingSequences = false
    /// The transaction as it was before the batch that a replica tries to run; nil: none can be taken back.
    var trial: Transaction?
    /// The batch was taken back from a replica.
    public internal(set) var rerun: Rerun?
    var hasRerunFailed = false
    /// The router's own settings as the client brought them, and as they hold now.
    let initialRouter: RouterSettings
    /// What the client was told of settings last, and at its start.
    var told: [StartupParameter] = []
    var toldAtStart: [StartupParameter] = []
    var router: RouterSettings
    /// Changed in this transaction: what holds after its ROLLBACK, and after its COMMIT.
    var routerBeyond: [RouterSettings] = []
    /// A command of the transaction was undone.
    var hasRolledBack = false
    /// SAVEPOINT was sent in this transaction.
    var hasSavepoint = false
    /// The rules by which the attached server was chosen.
    var attachedListener: ListenerKind
    /// A batch that was run again has taught this.
    var lesson: Rerun?

    public init(
        listener: ListenerKind, profile: SettingsProfile, settings: SharedSettings, catalog: CatalogID = .none,
        router: RouterSettings = RouterSettings()
    ) {
        port = listener
        attachedListener = listener
        initialRouter = router
        self.router = router
        self.profile = profile
        sharedSettings = settings
        lexer = profile.lexer
        self.catalog = catalog
    }

    /// What ReadyForQuery says while no server is attached.
    public var detachedStatus: TransactionStatus {
        switch transaction {
        case .none: .idle
        case .lazy, .open: .inTransaction
        case .failedWithoutServer: .failed
        }
    }

    /// What was sent together with what commits it, of `Effects.onOthers`.
    public var committedEffects: Effects { mayHaveCommitted ? effectsOnOthers : [] }

    public var isPinned: Bool { !pins.isEmpty }

    /// The server must be reset before another client gets it, although the session is not pinned.
    public var leavesTraces: Bool { hasLeftTraces || hasTouchedSettings }

    /// What is sent to the server may have to be sent to another one.
    public var isOnTrial: Bool { trial != nil }

    /// Work was sent that no Sync has ended, or a message that is not complete.
    public var hasUnsyncedWork: Bool { isUnsynced || (bodyRemaining > 0 && bodyIsForwarded) }

    /// Its transaction leaves the replica.
    public var isMoving: Bool { if case .move = awaiting { true } else { false } }

    /// How many named statements the client holds.
    public var statementCount: Int { names.count }

    /// Whether the client is through with its server as soon as that owes nothing and is in no transaction.
    public var isDetachable: Bool {
        pins.isEmpty && isBetweenBatches
    }

    // MARK: Servers come and go

    /// A server was assigned. When its settings differ from the client's it is told them first.
    ///
    /// - Parameter difference: statements that give the server the client's settings; empty when it has them.
    public mutating func attached(
        to server: inout ServerSession, isReplica: Bool, difference: [UInt8], toServer: inout Outbox
    ) {
        server.adopt()
        server.told = told
        isOnReplica = isReplica
        attachedListener = listener
        defaultIsolation = profile.defaultIsolation ?? server.defaultIsolation
        hasLeftTraces = false
        ownsSequences = !server.remembersSequences
        configure(&server, difference: difference, toServer: &toServer)
    }

    /// Tells the server the client's settings.
    public mutating func configure(
        _ server: inout ServerSession, difference: [UInt8], toServer: inout Outbox
    ) {
        if profile.setsSeed { server.isSeeded = true }
        guard !difference.isEmpty else {
            server.profile = profile.id
            return
        }
        server.ask(difference, toServer: &toServer)
        awaiting = .settings
    }

    /// The server went back to its pool.
    public mutating func detached() {
        precondition(pins.isEmpty, "A pinned session keeps its server.")
        awaiting = nil
        isOnReplica = false
        mayHaveWritten = false
        writtenGroups = nil
        mayHaveBegun = false
        endsWithoutSync = false
        mayHaveCommitted = false
        mayEndServer = false
        effectsOnOthers = []
        hasLeftTraces = false
        forgetDoubts()
        forgetTouches()
        isRooted = false
        hasSnapshot = false
        hasLocalSettings = false
        isInTransaction = false
        begunModes = nil
        changesState = false
        asksForAnswers = false
        bindsStateChange = false
        deallocation = nil
        resetsAll = false
        ownsSequences = false
        isClearingSequences = false
        changesLexing = false
        isLexingInDoubt = false
        variant = 0
        if case .open = transaction { transaction = .none }
    }

    /// The pool grants a pin: the server is cleared of what others may have left in its sequences.
    public mutating func pinned(_ reasons: PinReasons, on server: inout ServerSession, toServer: inout Outbox) {
        pins.formUnion(reasons)
        freshPins.formUnion(reasons)
        hasUnprovenPins = true
        // What it was not asked for, or not told, it is not asked for any more.
        if reasons.contains(.setting) { forgetTouches() }
        let isInBatch = isUnsynced
        closeStrangers(server: &server, toServer: &toServer)
        guard !ownsSequences else { return }
        guard isInBatch else {
            server.ask(Self.clearingSequences, toServer: &toServer)
            isUnsynced = false
            awaiting = .pin
            return
        }
        // A simple Query would commit what the batch has done so far.
        server.askInBatch(Self.clearingSequences, .execute, toServer: &toServer)
    }

    /// The pool has no room for another pin.
    public mutating func pinRefused(_ reasons: PinReasons, _ error: ErrorFields) {
        if reasons == .sequence {
            // A write is not refused for what might be asked after it.
            wantsSequences = false
        } else if isUnsynced {
            refusal = error
        } else {
            refuseWhole(error)
        }
    }

    /// Leaves a replica for the primary: a read-only transaction ends, to begin again there; statements that were only
    /// parsed and described stay the client's.
    public mutating func move(from server: inout ServerSession, toServer: inout Outbox) {
        awaiting = .move
        guard case .open(let modes) = transaction else {
            isUnsynced = false
            server.sync(toServer: &toServer)
            return
        }
        transaction = .lazy(modes)
        hasSplit = true
        bringsSnapshot = hasSnapshot && modes.readOnly == true
        isInTransaction = false
        // The Sync that is still to come goes to the next server.
        isUnsynced = false
        server.ask(Array("ROLLBACK".utf8), toServer: &toServer)
    }

    /// Takes a fact from the attached server's replies.
    ///
    /// - Returns: an error when the settings of the client's profile were refused.
    public mutating func settle(
        _ fact: ReplyFact, server: inout ServerSession, table: inout StatementTable
    ) -> ReceivedError? {
        if server.hasToldNews {
            told = server.told
            server.hasToldNews = false
        }
        switch fact {
        case .ready(let status):
            settleReady(status, server: &server, table: &table)
        case .ownRequestDone(_, let error):
            return ownRequestDone(error: error, server: &server, table: &table)
        case .changeConfirmed:
            confirmChange(table: &table)
        case .failed(let count, let inParse, let withoutBegin, let hasRun):
            dropChanges(count, inParse: inParse, table: &table)
            // Names that the next batch was scanned with may mean something else now.
            if count > 0, !batch.isDecided { batch.reset(table: &table) }
            if isClearingSequences { ownsSequences = false }
            isClearingSequences = false
            noteFailure(hasRun: hasRun)
            if case .shape = awaiting { awaiting = nil }
            // What was asked for behind it is read over.
            if server.isSkipping {
                if case .pin = awaiting { awaiting = nil }
                noteEndOfRestoration(server: &server, isReadOver: true)
            }
            if withoutBegin { transaction = .failedWithoutServer }
            if rerun != nil { hasRerunFailed = true }
            hasRolledBack = true
        case .trialPassed:
            trial = nil
        case .forgot(let what):
            forget(what, server: &server, table: &table)
        case .described(let id, let shape):
            names.told(shape, for: id)
            if unnamed?.id == id { unnamed?.toldShape = shape }
            for index in changes.indices where changes[index].statement?.id == id {
                changes[index].statement?.toldShape = shape
            }
        case .shapeLearned(let id, let shape):
            if case .shape(id, let told) = awaiting {
                awaiting = nil
                if shape != told { refusal = .changedResultType }
            }
        case .parameterStatus(let name, _):
            noteReport(name)
        case .notified, .fatal, .protocolViolation, .trialFailed:
            break
        }
        return nil
    }

    private mutating func settleReady(
        _ status: TransactionStatus, server: inout ServerSession, table: inout StatementTable
    ) {
        if server.isQuiet, batch.kind == .none { lexer = server.lexer }
        endRerun()
        noteEndOfRestoration(server: &server, isReadOver: false)
        // What was sent behind, and perhaps answered, is not covered by this Sync.
        if server.ledger.isEmpty, !server.needsSync {
            isClearingSequences = false
            isInTransaction = status != .idle
            mayHaveBegun = false
            endsWithoutSync = false
            mayHaveCommitted = false
            mayEndServer = false
            resetsAll = false
            pinsInDoubt = []
            if status == .idle {
                begunModes = nil
                hasUnprovenPins = false
                mayHaveWritten = false
                writtenGroups = nil
                changesLexing = false
                if !isPinned { variant = 0 }
                effectsOnOthers = []
            }
        }
        switch status {
        case .idle:
            if transaction != .failedWithoutServer { transaction = .none }
            endRouterTransaction(commits: !hasRolledBack)
            hasRolledBack = false
            isRooted = false
            hasSnapshot = false
            hasLocalSettings = false
        case .inTransaction, .failed:
            if status == .inTransaction { hasRolledBack = false }
            if splitModes != nil { hasSplit = true }
            if let begun = begunModes, server.ledger.isEmpty, !server.needsSync {
                transaction = .open(begun)
                hasKnownModes = true
                begunModes = nil
            }
            if case .open = transaction { break }
            transaction = .open(TransactionModes())
            hasKnownModes = false
        }
    }

    private mutating func ownRequestDone(
        error: ReceivedError?, server: inout ServerSession, table: inout StatementTable
    ) -> ReceivedError? {
        switch awaiting {
        case .settings:
            awaiting = nil
            if let error {
                if case .open = transaction { transaction = .failedWithoutServer }
                return error
            }
            server.profile = profile.id
        case .inspection:
            awaiting = nil
            let rows = server.takeOwnRows()
            if error == nil {
                settle(InspectedState(rows: rows), server: &server, table: &table)
            } else {
                settleWithoutAnswer()
            }
        case .pin:
            awaiting = nil
            if let error {
                refusal = ErrorFields(.error, error.sqlState, error.message)
            } else {
                ownsSequences = true
                server.remembersSequences = false
            }
        case .restoration: restored(error, server: &server)
        case .move, .shape, nil: break
        }
        return nil
    }

    /// The client is gone: gives its statements back.
    public mutating func end(table: inout StatementTable) {
        dropChanges(changes.count, inParse: false, table: &table)
        forgetNames(table: &table)
        dropUnnamed(table: &table)
        batch.reset(table: &table)
    }
}
