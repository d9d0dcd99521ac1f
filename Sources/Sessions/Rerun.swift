// How does a client's read get back to where it was before a replica failed it?

public import SQL

/// What is known of a batch that is run again.
public struct Rerun: Equatable, Sendable {
    private struct Content: Equatable, Sendable {
        var refusal: String?
        var interruptions = 0
        var hasCrashed = false
        var fingerprints: [Fingerprint] = []
        var completed: Int?
        var others: [Fingerprint] = []
    }

    /// On the heap, because hardly any batch is run again.
    private indirect enum Box: Equatable, Sendable {
        case content(Content)
    }

    private var box = Box.content(Content())

    private var content: Content {
        get {
            switch box {
            case .content(let content): content
            }
        }
        set { box = .content(newValue) }
    }

    /// A replica has refused it, with this SQLSTATE.
    public private(set) var refusal: String? {
        get { content.refusal }
        set { content.refusal = newValue }
    }
    /// How often another node was to do it.
    public private(set) var interruptions: Int {
        get { content.interruptions }
        set { content.interruptions = newValue }
    }
    /// A server's process has ended in the middle of it.
    public private(set) var hasCrashed: Bool {
        get { content.hasCrashed }
        set { content.hasCrashed = newValue }
    }
    /// How many statements of the batch were done before the one that failed; nil: any may have.
    private(set) var completed: Int? {
        get { content.completed }
        set { content.completed = newValue }
    }
    /// The text that failed, or the texts of which it may be one.
    public var fingerprints: [Fingerprint] { content.fingerprints.isEmpty ? content.others : content.fingerprints }

    mutating func remember(_ fingerprint: Fingerprint, hasFailed: Bool = true) {
        if hasFailed {
            if !content.fingerprints.contains(fingerprint) { content.fingerprints.append(fingerprint) }
        } else if !content.others.contains(fingerprint) {
            content.others.append(fingerprint)
        }
    }

    mutating func note(_ failure: TrialFailure, completed: Int?) {
        content.fingerprints.removeAll()
        content.others.removeAll()
        self.completed = completed
        switch failure {
        case .refused(let sqlState): refusal = sqlState
        case .interrupted: interruptions += 1
        case .crashed: hasCrashed = true
        }
    }
}

extension ClientSession {
    /// The batch that is about to be sent becomes a trial, if it can be taken back.
    mutating func beginTrial(on server: inout ServerSession) {
        guard trial == nil, batch.isComplete, !batch.isOpenEnded, refusal == nil, awaiting == nil, bodyRemaining == 0,
            !dropsUntilSync, !isPinned, server.ledger.isEmpty, !server.isSkipping, !server.isCopyingIn
        else { return }
        if isOnReplica { beginTrialOnReplica(&server) } else { beginTrialOnPrimary(&server) }
    }

    /// One statement that is its own transaction has been rolled back where the server ends the connection in good
    /// order, ahead of its result.
    private mutating func beginTrialOnPrimary(_ server: inout ServerSession) {
        guard transaction == .none, !isInTransaction, batch.isOneStatement, !batch.isTooLargeToRepeat,
            batch.effects.isDisjoint(with: .unrepeatable), batch.pins.isEmpty,
            rerun?.interruptions ?? 0 < Self.shutdownLimit
        else { return }
        trial = transaction
        server.trial = Trial(cover: .shutdowns, isLong: false)
    }

    /// How often a statement is sent to primaries that are shut down under it.
    private static let shutdownLimit = 5

    private mutating func beginTrialOnReplica(_ server: inout ServerSession) {
        guard demand.routeClass == .replicaSafe else { return }
        let former: Transaction
        if case .open(let modes) = transaction {
            // What it has read so far stays read; the rest can be read elsewhere.
            guard splitModes != nil, canMove else { return }
            former = .lazy(modes)
        } else {
            guard transaction != .failedWithoutServer else { return }
            former = transaction
        }
        // A client of the reader port has asked for what a replica says.
        var cover: TrialCover = listener == .reader ? [] : .refusals
        if rerun?.interruptions ?? 0 < settings.readRetries { cover.insert(.interruptions) }
        if rerun == nil, batch.lesson != .endsBackends { cover.insert(.crashes) }
        trial = former
        server.trial = Trial(
            cover: cover, isLong: batch.executes > 1 || (batch.classification?.statementCount ?? 1) > 1)
    }

    /// The batch cannot be kept: whatever becomes of it is the client's.
    public mutating func giveUpTrial(on server: inout ServerSession) {
        trial = nil
        server.trial = nil
    }

    /// Remembers a text of the batch that is run again.
    mutating func remember(_ text: Span<UInt8>) {
        let fingerprint = Fingerprint(of: text, settings: lexerInForce)
        rerun?.remember(fingerprint)
    }

    /// Looks up what was learned of a text of the batch, and remembers the one that has failed.
    mutating func noteText(of reference: StatementReference, table: inout StatementTable) {
        batch.lesson = batch.lesson ?? table.lesson(of: reference)
        guard let rerun else { return }
        let hasFailed = (rerun.completed ?? batch.executes) == batch.executes
        self.rerun?.remember(table.fingerprint(reference), hasFailed: hasFailed)
    }

    /// Everything that a trial asked for has been sent.
    func endOfTrialMessages(
        _ server: inout ServerSession, toClient: inout Outbox, facts: inout [ReplyFact]
    ) {
        // Nothing will come that could tell.
        guard server.trial != nil, server.owesOnlyOwnReplies else { return }
        server.passTrial(facts: &facts)
        server.settle(toClient: &toClient, facts: &facts)
    }

    /// The replica has failed the batch, or was lost. The session is as it was before the batch, without a server.
    public mutating func takeBack(
        _ failure: TrialFailure, from server: borrowing ServerSession, table: inout StatementTable
    ) {
        guard let former = trial else { preconditionFailure("Only a trial is taken back.") }
        trial = nil
        var next = rerun ?? Rerun()
        next.note(failure, completed: server.trial?.completed)
        rerun = next
        dropChanges(changes.count, inParse: false, table: &table)
        batch.reset(table: &table)
        refusal = nil
        isUnsynced = false
        dropsUntilSync = false
        if hasSplit, hasSnapshot, case .lazy(let modes) = former { bringsSnapshot = modes.readOnly == true }
        detached()
        transaction = former
    }

    /// The batch was run to its end.
    mutating func endRerun() {
        guard let rerun else { return }
        if rerun.refusal != nil, !isOnReplica, !hasRerunFailed { lesson = rerun }
        self.rerun = nil
        hasRerunFailed = false
    }

    public var hasLesson: Bool { lesson != nil }

    /// What the last batch has taught: the primary has done what a replica refused. Once.
    public mutating func takeLesson() -> Rerun? {
        defer { lesson = nil }
        return lesson
    }
}

extension Effects {
    /// Of a statement with one of these it is not certain that a rollback leaves nothing of it, or it ends itself.
    fileprivate static let unrepeatable: Effects = [
        .transactionControl, .sessionState, .hiddenCode, .refusesTransactionBlock, .endsBackend, .copyIn, .copyOut,
        .notUnderstood, .notOnReplica,
    ]
}

extension Batch {
    /// Exactly one statement is run.
    fileprivate var isOneStatement: Bool {
        switch kind {
        case .query: classification?.statementCount == 1
        case .extended: executes == 1 && !hasSeveralCommands && !leavesPortal && !usesOtherPortal
        case .functionCall, .none: false
        }
    }
}
