// Must a transaction that reads on a replica go elsewhere, and can it?

import Routing
import SQL
import Wire

extension ClientSession {
    /// An open transaction each of whose statements sees what was committed before it, wherever it has begun.
    public var seesEachCommit: Bool {
        guard case .open(let modes) = transaction, listener == .split else { return false }
        return (modes.isolation ?? defaultIsolation).seesEachCommit
    }

    /// Such a transaction without anything rooted in its server can begin again elsewhere.
    public var canMove: Bool { !isRooted && seesEachCommit }

    /// Whether the session can leave the replica that may not run the batch.
    func mayMove(_ attachment: Attachment) -> Bool {
        canMove || hasOnlyPrepared || isUnused(attachment) || endsBeforeTheRest(attachment)
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
        case .other, .inText, nil: return false
        }
    }

    /// What others commit meanwhile must be seen, so that a transaction must be able to leave its replica to the end.
    var followsOthers: Bool {
        router.group != nil || (router.consistency ?? settings.defaults.consistency) == .global
    }

    /// Whether a statement of the transaction must see more than its replica is known to show. What a comment asks for
    /// is not compared with what the replica has.
    func asksForMore(_ attachment: Attachment) -> Bool {
        guard seesEachCommit, isOnReplica else { return false }
        if batch.hasOneStatement, batch.effects.contains(.transactionControl) { return false }
        if attachment.isBehind { return true }
        guard let comment = batch.comment else { return false }
        return comment.group != nil || comment.consistency == .global || comment.consistency == .primary
    }
}

extension Batch {
    /// How the first statement of a batch ends a transaction, without beginning another one.
    enum Opening {
        case commit, rollback, other
        /// The first of several statements in one text, which is not known.
        case inText

        init(_ command: Command) {
            switch command {
            case .commit(chain: false): self = .commit
            case .rollback(chain: false): self = .rollback
            case .begin, .commit, .rollback, .empty, .savepoint, .rollbackTo, .release, .prepareTransaction,
                .commitPrepared, .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate,
                .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll,
                .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute,
                .other:
                self = .other
            }
        }
    }
}
