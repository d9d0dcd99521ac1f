// What may run on the reader port, and with what words is the rest refused?

import SQL
import Wire

/// The reader port takes what a replica can do for its client: reads, transactions that do not ask for more, and
/// settings, which follow the session as they do on the split port.
extension ClientSession {
    /// The class of the batch. Who has to be on a replica is not kept from it by what is only feared.
    var classOfBatch: RouteClass { listener == .reader ? batch.certainClass : batch.routeClass }

    /// Why the batch must not run on the reader port.
    func objectionOfReader(
        _ input: Span<UInt8>, at offset: Int, table: borrowing StatementTable
    ) -> ErrorFields? {
        if batch.setsReadWrite { return refusalOfReader(asksForWrites: true) }
        if demand.routeClass == .replicaSafe { return nil }
        let isForeign = batch.isForeignToReaders || (batch.executesUnknown && !isPinned)
        guard isForeign || profile.forbidsReplicas else { return nil }
        let rule = firstStatement(input, at: offset, table: table) { classification, text in
            classification.isForReaders ? nil : classification.cause.words(in: text)
        }
        return refusalOfReader(asksForWrites: batch.asksForWrites, by: rule)
    }

    /// Why a statement that its batch shows only after it was decided must not follow on the reader port.
    func objectionOfReader(to classification: Classification) -> ErrorFields? {
        let asksForWrites = batch.setsReadWrite || classification.command.asksForWrites
        let isAllowed =
            (classification.isForReaders || classification.isExecution && isPinned)
            && !mayEndReadOnly(classification.reasonsToPin)
        guard !isAllowed || asksForWrites else { return nil }
        return refusalOfReader(asksForWrites: asksForWrites, by: classification.cause.note.sentence)
    }

    /// On a primary that stands in for the replicas a setting without a name may be the one that keeps the session from
    /// writing.
    func mayEndReadOnly(_ pins: PinReasons) -> Bool { listener == .reader && !isOnReplica && pins.contains(.setting) }

    /// Why a session that has to stay on its replica cannot run the batch there.
    func objectionOfPinned(_ attachment: Attachment) -> ErrorFields? {
        // It frees the session.
        if case .discardAll = batch.command, !batch.hasSeveralCommands { return nil }
        if isEmptyBatch { return nil }
        let hasFailed = attachment.isQuiet && attachment.status == .failed
        if attachment.isBehind || asksForMoreInComment, !hasFailed {
            if case .open = transaction {
                if asksForMore(attachment) { return .transactionBehind }
            } else if attachment.status == .idle {
                return .pinnedReplicaBehind
            }
        }
        return mayStayOnReplica(attachment) ? nil : .pinnedToReplica
    }

    func refusalOfReader(asksForWrites: Bool, by rule: String? = nil) -> ErrorFields {
        var error: ErrorFields =
            switch (port, asksForWrites) {
            case (.split, true): .readWriteAsReplica
            case (.split, false): .readOnlyAsReplica
            case (_, true): .readWriteOnReader
            case (_, false): .readOnlyEndpoint
            }
        if let rule, let detail = error.detail { error.detail = "\(rule) \(detail)" }
        return error
    }

    /// Whether the batch, which would be refused, is to be read once more when the catalog is known better.
    mutating func consults(table: inout StatementTable) -> Bool {
        guard listener == .reader, batch.callsUnknown, !hasConsulted else {
            hasConsulted = false
            return false
        }
        hasConsulted = true
        batch.reset(table: &table)
        return true
    }

    /// What the session sets on its server is its own from then on. A replica that stands for a transaction of the
    /// split port is left before that.
    var mayKeepState: Bool { !isOnReplica || listener == .reader }
}

extension Cause {
    private static let longestToken = 64

    /// The rule in a sentence, behind what it was applied to.
    fileprivate func words(in text: Span<UInt8>) -> String {
        let range = tokenRange.clamped(to: 0..<text.count)
        guard !range.isEmpty else { return note.sentence }
        return "\(text.text(in: range.prefix(Self.longestToken))): \(note.sentence)"
    }
}

extension Batch {
    private static let readOnlySettings = ["default_transaction_read_only", "transaction_read_only"]
        .map { Array($0.utf8) }
    private static let isolationSettings = ["default_transaction_isolation", "transaction_isolation"]
        .map { Array($0.utf8) }
    private static let ofTransaction = ["transaction_read_only", "transaction_isolation", "transaction_deferrable"]
        .map { Array($0.utf8) }
    private static let isolationWords = ["isolation", "transaction_isolation", "default_transaction_isolation"]
        .map { Array($0.utf8) }
    /// What no standby does.
    private static let modesOfPrimary = ["write", "serializable"].map { Array($0.utf8) }

    /// Remembers what a text says of modes that are not for replicas. Of several statements in one text only the words
    /// are looked at.
    mutating func noteModes(_ classification: Classification, _ text: Span<UInt8>) {
        guard classification.statementCount == 1 else {
            let effects = classification.effects
            if effects.contains(.transactionControl), text.hasWord(Self.modesOfPrimary) { setsReadWrite = true }
            if text.hasWord(Self.isolationWords) { namesIsolation = true }
            // The name of either setting ends so.
            if effects.contains(.sessionState), text.contains(Self.readOnlySettings[1]) { setsReadWrite = true }
            return
        }
        if case .set(let name, let value, _) = classification.command {
            noteSetting(text, name, value)
        } else if case .setConfig(let name, let value) = classification.command {
            noteSetting(text, name, value)
        }
    }

    private mutating func noteSetting(_ text: Span<UInt8>, _ nameRange: Range<Int>, _ valueRange: Range<Int>) {
        let name = Identifier.settingName(of: text.extracting(nameRange))
        let value = ClientSession.content(text.bytes(in: valueRange), 0..<valueRange.count).lowercased()
        if Self.ofTransaction.contains(name), hasOneStatement { opening = .modes }
        if Self.readOnlySettings.contains(name), !["on", "true", "yes", "1"].contains(value) { setsReadWrite = true }
        if Self.isolationSettings.contains(name), value == "serializable" { isForeignToReaders = true }
    }
}

extension Classification {
    /// Whether a session on a replica may run the statement.
    var isForReaders: Bool {
        switch certainClass {
        case .replicaSafe: true
        case .primaryOnlyRead: reasonsToPin.isEmpty && !effects.contains(.notOnReplica)
        case .lockedRead, .write: false
        case .transactionControl:
            statementCount == 1 ? command.isHarmlessToReaders : effects.isSubset(of: Self.effectsOfTransactions)
        case .sessionState: leavesOnlySettings || discards
        }
    }

    /// It runs a statement of which nothing is known.
    var isExecution: Bool { if case .execute = command { statementCount == 1 } else { false } }

    private var discards: Bool {
        switch command {
        case .discardAll, .discardPlans, .discardSequences, .discardTemp: statementCount == 1
        case .empty, .begin, .commit, .rollback, .savepoint, .rollbackTo, .release, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll,
            .resetAll, .unlistenAll, .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select,
            .copy, .prepare, .execute, .other:
            false
        }
    }

    private var takesReaderLock: Bool { statementCount == 1 && effects == [.rowLocks, .readerLock] }

    /// Its class, but for what is only feared while the catalog is read again and what a replica can do as well.
    var certainClass: RouteClass {
        if mayBeReplicaSafe { return .replicaSafe }
        return takesReaderLock ? .primaryOnlyRead : routeClass
    }

    /// What it changes in the session are settings, or it clears something. Those that do not follow the session keep
    /// it on its replica.
    private var leavesOnlySettings: Bool {
        if case .sessionCharacteristics(let modes) = command, !modes.mayBeReaders { return false }
        return reasonsToPin.isSubset(of: [.setting, .sqlPrepare]) && effects.isSubset(of: Self.effectsOnReplica)
    }

    private static let effectsOfTransactions: Effects = [
        .transactionControl, .savepoint, .primaryOnly, .setLocal, .cursor, .copyOut, .nodeAddress,
    ]

    private static let effectsOnReplica: Effects = [
        .sessionState, .primaryOnly, .setLocal, .cursor, .copyOut, .nodeAddress, .lexing, .parsing, .statementName,
    ]
}

extension TransactionModes {
    /// A transaction that a standby can run.
    fileprivate var mayBeReaders: Bool { readOnly != false && isolation != .serializable }
}

extension Command {
    /// It begins, shapes or ends a transaction, or shows a setting, and a standby can do what it asks for.
    var isHarmlessToReaders: Bool {
        switch self {
        case .begin(let modes), .setTransaction(let modes): modes.mayBeReaders
        case .commit, .rollback, .savepoint, .rollbackTo, .release, .empty, .show: true
        case .prepareTransaction, .commitPrepared, .rollbackPrepared, .sessionCharacteristics, .deallocate,
            .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll,
            .closeAll, .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            false
        }
    }

    /// It asks for transactions that write.
    var asksForWrites: Bool {
        switch self {
        case .begin(let modes), .setTransaction(let modes), .sessionCharacteristics(let modes): modes.readOnly == false
        case .commit, .rollback, .savepoint, .rollbackTo, .release, .empty, .show, .prepareTransaction, .commitPrepared,
            .rollbackPrepared, .deallocate, .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp,
            .resetAll, .unlistenAll, .closeAll, .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy,
            .prepare, .execute, .other:
            false
        }
    }
}
