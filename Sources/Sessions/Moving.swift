// Must a transaction that reads on a replica go elsewhere, and can it?

import Routing
import SQL
import Wire

extension ClientSession {
    /// An open transaction whose next statement sees what was committed before it, wherever the transaction has begun.
    var seesLastCommit: Bool {
        guard case .open(let modes) = transaction else { return false }
        guard hasKnownModes else { return !mayHaveChosenIsolation && defaultIsolation.seesEachCommit }
        return !hasSnapshot || (modes.isolation ?? defaultIsolation).seesEachCommit
    }

    /// Such a transaction without anything rooted in its server can begin again elsewhere.
    public var canMove: Bool { listener == .split && canBeginAgain }

    private var canBeginAgain: Bool { !isRooted && hasKnownModes && seesLastCommit }

    /// Likewise one whose session reads on replicas alone, if it has left nothing else there.
    private var canBeginOnAnotherReplica: Bool {
        let isReader = port == .reader || port == .split && listener == .reader && router.role == .replica
        return isReader && canBeginAgain && !hasTouchedSettings && !hasRunHiddenCode
    }

    /// Whether it matters that the replica shows what was committed since the session got it.
    public var mustKeepUp: Bool { !batch.isDecided && (seesLastCommit || hasOnlyPrepared || isPinned) }

    /// Whether the session can leave the replica that may not run the batch.
    func mayMove(_ attachment: Attachment) -> Bool {
        canMove || hasOnlyPrepared || isUnused(attachment) || endsBeforeTheRest(attachment)
            || canBeginOnAnotherReplica && asksForMore(attachment)
    }

    func refusalOnReplica(_ attachment: Attachment) -> ErrorFields {
        asksForMore(attachment) ? .transactionBehind : .readOnlyOnReplica
    }

    /// The server has parsed and described for a batch that has no Sync yet, and has run nothing.
    var hasOnlyPrepared: Bool { transaction == .none && isUnsynced }

    /// The server was chosen by other rules than it reads by, and has done nothing yet.
    private func isUnused(_ attachment: Attachment) -> Bool {
        guard listener == .split, attachment.isQuiet, attachment.status == .idle else { return false }
        switch transaction {
        case .none, .lazy: return true
        case .open, .failedWithoutServer: return false
        }
    }

    /// Nothing of the transaction has to be where the rest of the batch runs.
    func endsBeforeTheRest(_ attachment: Attachment) -> Bool {
        guard case .open = transaction, listener == .split, !batch.isOpenEnded, !batch.hasOneStatement else {
            return false
        }
        switch batch.opening {
        // Of one that has failed it would be answered with ROLLBACK.
        case .commit: return attachment.status != .failed
        case .rollback: return true
        case .modes, .other, .inText, nil: return false
        }
    }

    /// Whether the batch begins by asking for other characteristics of a transaction that has read. It is refused, or
    /// allowed to be read-only, in the same words on each server that has run the queries, and on none that has not.
    func changesSettledModes(_ modes: TransactionModes) -> Bool {
        guard hasSnapshot, batch.opening == .modes, batch.hasOneStatement else { return false }
        if modes.readOnly == true { return true }
        // What may write later must not take along to the primary that it may not.
        guard case .setTransaction(let changed) = batch.command else { return false }
        return changed.readOnly == nil
    }

    /// What a cursor or portal shows was settled when it was opened.
    private var onlyFetches: Bool {
        batch.continuesCursor || batch.kind == .extended && !batch.binds && batch.command == nil
    }

    /// What others commit meanwhile must be seen, so that a transaction must be able to leave its replica to the end.
    var followsOthers: Bool {
        router.group != nil || usualConsistency == .global
    }

    /// Whether a statement must see more than its replica is known to show. What a comment asks for is not compared
    /// with what the replica has.
    func asksForMore(_ attachment: Attachment) -> Bool {
        guard isOnReplica, seesLastCommit || hasOnlyPrepared else { return false }
        if batch.hasOneStatement, batch.effects.contains(.transactionControl) || onlyFetches { return false }
        return attachment.isBehind || asksForMoreInComment
    }
}

extension TransactionModes {
    func changed(by new: TransactionModes) -> TransactionModes {
        TransactionModes(
            isolation: new.isolation ?? isolation, readOnly: new.readOnly ?? readOnly,
            deferrable: new.deferrable ?? deferrable)
    }
}

extension Batch {
    /// What the first statement of a batch does to a transaction.
    enum Opening {
        /// It ends it, without beginning another one.
        case commit, rollback
        /// It gives it characteristics.
        case modes
        case other
        /// The first of several statements in one text, which is not known.
        case inText

        init(_ command: Command) {
            switch command {
            case .commit(chain: false): self = .commit
            case .rollback(chain: false): self = .rollback
            case .begin(let modes): self = modes.isEmpty ? .other : .modes
            case .setTransaction: self = .modes
            case .commit, .rollback, .empty, .savepoint, .rollbackTo, .release, .prepareTransaction,
                .commitPrepared, .rollbackPrepared, .sessionCharacteristics, .deallocate,
                .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll,
                .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute,
                .other:
                self = .other
            }
        }
    }
}
