// May the client's next batch be answered at once, run on the server that is attached, or does it need another?

public import Routing
public import SQL
public import Wire

/// What a batch needs of the server it runs on.
public struct Demand: Equatable, Sendable {
    /// The class to route by; the strongest one when only the primary will do.
    public var routeClass: RouteClass
    /// A read that a replica has refused, or cannot be tried on one.
    public var needsPrimary: NeedOfPrimary?
    /// The endpoint by whose rules the batch is judged.
    public var listener = ListenerKind.split
    /// What the client has asked for, for this batch; the role is in `listener`.
    public var wishes = RouterSettings()

    public init(routeClass: RouteClass, needsPrimary: NeedOfPrimary? = nil) {
        self.routeClass = routeClass
        self.needsPrimary = needsPrimary
    }
}

/// What a session must know of the server that is attached to it.
public struct Attachment: Equatable, Sendable {
    /// The server owes nothing, and nothing is half done.
    public var isQuiet: Bool
    /// There is something to wait for.
    public var willAnswer: Bool
    public var status: TransactionStatus
    public var profile: ProfileID
    /// By which rules the server reads texts, as it reported last.
    public var lexer: LexerSettings
    /// The server reads over everything up to a Sync.
    public var isSkipping: Bool
    /// The server waits for the data of a COPY.
    public var isCopyingIn: Bool
    /// It is not known whether the transaction was begun.
    public var isBeginning: Bool
    /// A replica that does not show all that the session must see by now.
    public var isBehind = false
}

extension ServerSession {
    public var attachment: Attachment {
        Attachment(
            isQuiet: isQuiet, willAnswer: willAnswer, status: status, profile: profile, lexer: lexer,
            isSkipping: isSkipping, isCopyingIn: isCopyingIn, isBeginning: isBeginning)
    }
}

/// What has to happen before more of the client's bytes can be handled.
public enum Step: Equatable, Sendable {
    /// More bytes from the client; those from the offset on must be kept.
    case needInput
    /// A server for the batch at the offset.
    case acquire(Demand)
    /// The batch at the offset runs on the attached server: `translate` it.
    case translate
    /// The attached server must answer first.
    case wait
    /// The transaction has to leave its replica: `move` it.
    case move
    /// The attached server has lost the client's settings (RESET ALL): it must be told them.
    case configure
    /// The pool must allow the session to keep its server.
    case pin(PinReasons)
    /// The batch at the offset would be refused for what it calls: newer knowledge of the catalog may know better.
    case consult
    /// The batch at the offset is an EXPLAIN ROUTE alone: tell the `prospect` of its statement.
    case explain
    /// The batch at the offset speaks of `pointsman.token` alone: carry it out and say `answer(aboutToken:)`.
    case token(TokenCommand)
    /// The end of the conversation; nil when the client said goodbye.
    case close(ErrorFields?)
}

extension ClientSession {
    /// Looks at the client's bytes from `offset` on until something must happen that a session cannot do itself.
    ///
    /// Answers what needs no server. On return `offset` is at the first byte that is still needed.
    public mutating func advance(
        _ input: Span<UInt8>, at offset: inout Int, attachment: Attachment?, table: inout StatementTable,
        toClient: inout Outbox
    ) -> Step {
        while true {
            if awaiting != nil { return .wait }
            if let attachment { readRules(of: attachment, table: &table) }
            if batch.isDecided || (bodyRemaining > 0 && bodyIsForwarded) {
                return attachment == nil ? redecide(input, at: &offset, table: &table) : .translate
            }
            if bodyRemaining > 0 {
                let part = min(bodyRemaining, input.count - offset)
                offset += part
                bodyRemaining -= part
                if bodyRemaining > 0 { return .needInput }
            }
            if dropsUntilSync {
                if attachment != nil, transaction != .failedWithoutServer { return .translate }
                if let step = dropUntilSync(input, at: &offset, toClient: &toClient) { return step }
                continue
            }
            if let attachment, attachment.isQuiet, attachment.status != .failed, attachment.profile != profile.id {
                return .configure
            }
            switch scanBatch(input, at: offset, table: &table) {
            case .needInput:
                return .needInput
            case .malformed(let error):
                return .close(error)
            case .stray(let header):
                if header.type == Frontend.terminate { return .close(nil) }
                if attachment != nil {
                    batch.isDecided = true
                    return .translate
                }
                skipFrame(header, input, at: &offset)
            case .ready:
                if let step = decide(input, at: &offset, attachment, table: &table, toClient: &toClient) {
                    return step
                }
            }
        }
    }

    /// A batch that had a server must get another one; the shell attaches before it calls again.
    private mutating func redecide(_ input: Span<UInt8>, at offset: inout Int, table: inout StatementTable) -> Step {
        .acquire(demand)
    }

    /// nil: the batch was answered.
    private mutating func decide(
        _ input: Span<UInt8>, at offset: inout Int, _ attachment: Attachment?, table: inout StatementTable,
        toClient: inout Outbox
    ) -> Step? {
        if case .explainRoute = batch.command, isExplanation(attachment) {
            if let attachment, attachment.willAnswer { return wait(table: &table) }
            return .explain
        }
        if batch.speaksToRouter, let command = tokenCommand(input, at: offset, attachment, table: table) {
            if let attachment, attachment.willAnswer { return wait(table: &table) }
            return .token(command)
        }
        if let error = objectionEverywhere {
            if let attachment {
                if attachment.willAnswer { return wait(table: &table) }
                refusal = error
                batch.isDecided = true
                return .translate
            }
            refuse(error, input, at: &offset, table: &table, toClient: &toClient)
            return nil
        }
        if transaction == .failedWithoutServer {
            if let attachment, attachment.willAnswer { return wait(table: &table) }
            return decideFailed(input, at: &offset, table: &table, toClient: &toClient)
        }
        if let attachment {
            return decideAttached(input, at: &offset, attachment, table: &table, toClient: &toClient)
        }
        if answerLocally(input, at: &offset, status: nil, table: &table, toClient: &toClient) { return nil }
        if let error = objection(input, at: offset, isAttached: false, table: table) {
            if consults(table: &table) { return .consult }
            if batch.effects.contains(.sequenceState) { wantsSequences = true }
            refuse(error, input, at: &offset, table: &table, toClient: &toClient)
            return nil
        }
        batch.isDecided = true
        hasConsulted = false
        return .acquire(demand)
    }

    /// Only the end of the transaction is accepted.
    private mutating func decideFailed(
        _ input: Span<UInt8>, at offset: inout Int, table: inout StatementTable, toClient: inout Outbox
    ) -> Step? {
        if !batch.hasSeveralCommands, !batch.isOpenEnded, !batch.usesOtherPortal, batch.executes > 0 {
            switch batch.command {
            case .commit where isLossUntold:
                // To be answered with ROLLBACK would look like success to most.
                isLossUntold = false
                transaction = .none
                endRouterTransaction(commits: false)
                refuse(.serverLost, input, at: &offset, table: &table, toClient: &toClient)
                return nil
            case .commit(let chain), .rollback(let chain):
                isLossUntold = false
                transaction = chain ? .lazy(TransactionModes()) : .none
                endRouterTransaction(commits: false)
                reply(LocalAnswer(tag: "ROLLBACK"), input, at: &offset, status: nil, table: &table, toClient: &toClient)
                return nil
            case .begin, .empty, .savepoint, .rollbackTo, .release, .prepareTransaction, .commitPrepared,
                .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll, .discardAll,
                .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll, .closeAll, .show, .set, .reset,
                .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute, .other, nil:
                break
            }
        }
        if isEmptyBatch {
            reply(LocalAnswer(), input, at: &offset, status: nil, table: &table, toClient: &toClient)
            return nil
        }
        refuse(
            isLossUntold ? .serverLost : .abortedTransaction, input, at: &offset, table: &table, toClient: &toClient)
        isLossUntold = false
        return nil
    }

    private mutating func decideAttached(
        _ input: Span<UInt8>, at offset: inout Int, _ attachment: Attachment, table: inout StatementTable,
        toClient: inout Outbox
    ) -> Step? {
        if attachment.isCopyingIn {
            batch.isDecided = true
            return .translate
        }
        // Whatever comes is dropped up to the Sync that is still to come.
        if attachment.isSkipping {
            batch.isDecided = true
            return .translate
        }
        // Only what is sent alone can be taken back, if the replica fails it.
        if isOnReplica, transaction == .none || splitModes != nil, attachment.willAnswer { return wait(table: &table) }
        // What comes behind such work must not run if that fails, or means something else by then.
        if attachment.isBeginning || (changesState || batch.isUncertain) && attachment.willAnswer {
            return wait(table: &table)
        }
        changesState = false
        if needsQuietAnswer {
            if attachment.willAnswer { return wait(table: &table) }
            if attachment.isQuiet, attachment.status != .failed,
                answerLocally(input, at: &offset, status: attachment.status, table: &table, toClient: &toClient)
            {
                return nil
            }
        }
        if batch.speaksToRouter, !attachment.isQuiet, !attachment.willAnswer, attachment.status != .failed {
            // The server is in the midst of a batch.
            if hasOnlyPrepared, isOnReplica {
                batch.reset(table: &table)
                return .move
            }
            refuseWhole(.routerSettingAmongOthers)
        }
        var refusal: ErrorFields?
        if isOnReplica, isPinned {
            if let error = objectionOfPinned(attachment) {
                if attachment.willAnswer { return wait(table: &table) }
                refusal = error
            }
        } else if isOnReplica, !mayStayOnReplica(attachment) {
            if attachment.willAnswer { return wait(table: &table) }
            if mayMove(attachment) {
                batch.reset(table: &table)
                return .move
            }
            refusal = refusalOnReplica(attachment)
        }
        if batch.speaksToRouter, batch.hasOneStatement, attachment.isQuiet, attachment.status == .failed {
            refuseWhole(.abortedTransaction)
        } else if let error = objection(input, at: offset, isAttached: true, table: table) {
            if consults(table: &table) { return .consult }
            if batch.effects.contains(.sequenceState) { wantsSequences = true }
            refuseWhole(error)
        } else if let refusal {
            refuseWhole(refusal)
        }
        batch.isDecided = true
        hasConsulted = false
        return .translate
    }

    /// The server's answers may change what the batch means: it is scanned again behind them.
    private mutating func wait(table: inout StatementTable) -> Step {
        batch.reset(table: &table)
        return .wait
    }

    /// Whether the replica that holds the session may run the batch.
    func mayStayOnReplica(_ attachment: Attachment) -> Bool {
        if listener == .writer { return false }
        if isEmptyBatch { return true }
        if attachment.isQuiet, attachment.status == .failed { return !endsBeforeTheRest(attachment) }
        if case .open(let modes) = transaction, changesSettledModes(modes) { return true }
        if rootsTransaction, splitModes != nil || followsOthers && canMove { return false }
        if asksForMore(attachment) { return false }
        let demand = demand
        if demand.routeClass == .replicaSafe, demand.needsPrimary == nil, !batch.isOpenEnded || listener == .reader {
            return true
        }
        if listener == .reader, !batch.isForeignToReaders { return true }
        guard case .open = transaction, batch.kind != .functionCall else { return false }
        // What comes later in the batch is looked at when it comes, and what is only feared PostgreSQL would refuse.
        if batch.certainClass == .replicaSafe { return !canMove }
        guard !batch.hasSeveralCommands else { return false }
        switch batch.command {
        case .commit, .rollback, .savepoint, .rollbackTo, .release: return true
        // Within a transaction PostgreSQL only warns.
        case .begin(let modes): return modes.isEmpty
        case .empty, .setTransaction, .prepareTransaction, .commitPrepared, .rollbackPrepared, .sessionCharacteristics,
            .deallocate, .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll,
            .unlistenAll, .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy, .prepare,
            .execute, .other, nil:
            return isEmptyBatch
        }
    }

    /// Nothing is parsed, bound, described or run.
    var isEmptyBatch: Bool {
        batch.kind == .extended && batch.command == nil && !batch.namesUnknownStatement && batch.executes == 0
            && !batch.isOpenEnded
    }

    /// What the batch asks of the router.
    @inline(__always)
    var demand: Demand {
        var demand = demandOfText
        demand.listener = listener
        if hasNoWishes { return demand }
        demand.wishes = wishes
        return demand
    }

    private var demandOfText: Demand {
        let keepsPrimary = settings.keepsServer && listener != .reader
        if batch.kind == .functionCall || profile.forbidsReplicas || keepsPrimary {
            return Demand(routeClass: max(classOfBatch, .write))
        }
        // In a transaction on a replica a name that stands for nothing is an error like any other.
        let namesSomethingElse = batch.namesUnknownStatement && !(isOnReplica && isInTransaction)
        if listener != .reader, batch.isOpenEnded || namesSomethingElse {
            return Demand(routeClass: max(classOfBatch, .write))
        }
        if !settings.anyNodeAddress, batch.effects.contains(.nodeAddress) {
            return Demand(routeClass: max(classOfBatch, .primaryOnlyRead))
        }
        switch transaction {
        case .none:
            // A cursor without a transaction is PostgreSQL's to refuse, and an Execute alone has nothing to execute.
            let isLoose =
                listener != .reader
                && (batch.effects.contains(.cursor) || (batch.kind == .extended && batch.command == nil))
            return Demand(
                routeClass: isLoose ? max(classOnPort, .write) : classOnPort, needsPrimary: needOfPrimary)
        case .lazy(let modes):
            // What has left a replica does not go to the next one.
            let wantsReplica = modes.wantsReplica && !(rootsTransaction && followsOthers)
            let isForReplica =
                listener == .reader || wantsReplica && !(hasSplit && classOnPort == .replicaSafe)
                || maySplit(modes) && !rootsTransaction
            return Demand(
                routeClass: isForReplica ? classOnPort : max(classOfBatch, .transactionControl),
                needsPrimary: needOfPrimary)
        case .open, .failedWithoutServer:
            return Demand(routeClass: classOnPort)
        }
    }

    /// Who has asked for a replica, by port, role or a read-only transaction, is told by a replica what it says about
    /// itself.
    private var classOnPort: RouteClass {
        isAskedOfReplica(classOfBatch, batch.effects, batch.pins) ? .replicaSafe : classOfBatch
    }

    private func isAskedOfReplica(_ routeClass: RouteClass, _ effects: Effects, _ pins: PinReasons) -> Bool {
        guard routeClass == .primaryOnlyRead, pins.isEmpty else { return false }
        if listener == .reader { return !effects.contains(.notOnReplica) }
        guard effects.isSubset(of: [.primaryOnly, .nodeAddress, .cursor, .copyOut]) else { return false }
        switch transaction {
        case .lazy(let modes): return modes.wantsReplica
        case .open: return isOnReplica && splitModes == nil
        case .none, .failedWithoutServer: return false
        }
    }

    /// Why a read is not even tried on a replica.
    private var needOfPrimary: NeedOfPrimary? {
        if listener == .reader { return nil }
        if rerun?.refusal != nil { return .refusal }
        if batch.lesson == .needsPrimary { return .lesson }
        return batch.isTooLargeToRepeat ? .size : nil
    }

    /// Why the batch must not run although a server would run it. Asked of every batch, so that what hardly any of them
    /// has is looked for in place.
    @inline(__always)
    func objection(
        _ input: Span<UInt8>, at offset: Int, isAttached: Bool, table: borrowing StatementTable
    ) -> ErrorFields? {
        if batch.speaksToRouter, let error = mistakeInRouterSetting(input, at: offset, table: table) { return error }
        if batch.effects.contains(.sequenceState), let error = objectionToSequences(isAttached: isAttached) {
            return error
        }
        return listener == .reader ? objectionOfReader(input, at: offset, table: table) : nil
    }

    /// Why a statement that a batch shows only after it was decided may not follow on a replica or on the reader port.
    func lateObjection(to classification: Classification) -> ErrorFields? {
        if listener == .reader { return objectionOfReader(to: classification) }
        return isOnReplica && !mayRunOnReplica(classification) ? .readOnlyOnReplica : nil
    }

    /// Whether a statement that a batch shows only after it was decided may follow on a replica.
    private func mayRunOnReplica(_ classification: Classification) -> Bool {
        if case .deallocate = classification.command { return true }
        if isAskedOfReplica(classification.routeClass, classification.effects, classification.pins) { return true }
        return classification.mayBeReplicaSafe || classification.command.isHarmlessToReaders
    }
}

extension TransactionModes {
    /// It only reads, and a standby can run it.
    var wantsReplica: Bool { readOnly == true && isolation != .serializable }
}
