// May the reads that a transaction begins with run on a replica, although it may write later?

import Routing
import SQL

extension ClientSession {
    /// Whether a transaction that no server has seen may begin on a replica: it reads COMMITTED data, so that each of
    /// its statements may see a newer state, and has read nothing yet.
    func maySplit(_ modes: TransactionModes) -> Bool {
        guard settings.splitTransactions, !hasSplit, listener == .split, modes.readOnly == nil else { return false }
        return (modes.isolation ?? profile.defaultIsolation ?? .readCommitted).seesEachCommit
    }

    /// Whether a replica may be given the transaction as far as isolation goes: one that may write later must be able
    /// to leave it again, whatever role and database have for a default.
    public func mayBegin(on replica: borrowing ServerSession) -> Bool {
        guard case .lazy(let modes) = transaction, modes.readOnly == nil, listener == .split else { return true }
        return (modes.isolation ?? profile.defaultIsolation ?? replica.defaultIsolation).seesEachCommit
    }

    /// Its modes, if the transaction has begun on a replica, and goes on there as long as it only reads.
    var splitModes: TransactionModes? {
        guard isOnReplica, listener == .split, case .open(let modes) = transaction, modes.readOnly == nil else {
            return nil
        }
        return modes
    }

    /// Whether the batch would leave something in the transaction that cannot be taken to the primary: a cursor, a
    /// savepoint, a portal from which more rows are to be fetched.
    var rootsTransaction: Bool {
        batch.leavesPortal || !batch.effects.isDisjoint(with: [.cursor, .setLocal, .savepoint])
    }
}

extension IsolationLevel {
    /// Each statement sees what was committed before it.
    var seesEachCommit: Bool { self == .readCommitted || self == .readUncommitted }
}
