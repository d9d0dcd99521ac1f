// Whose sequences does the attached server remember, and may the session ask for them?

import SQL
import Wire

extension ClientSession {
    static let clearingSequences = Array("DISCARD SEQUENCES".utf8)

    /// Why `currval` and `lastval` would not speak of the session's own work; nil when they would.
    ///
    /// - Parameter isAttached: the batch has a server, whose transaction may have failed by now.
    func objectionToSequences(isAttached: Bool) -> ErrorFields? {
        guard !isPinned, !ownsSequences else { return nil }
        // What the batch advances itself it may ask for: the server is cleared ahead of it.
        let canBeCleared =
            !batch.effects.contains(.refusesTransactionBlock)
            && (!isAttached || !batch.effects.contains(.transactionControl))
        return batch.effects.mayAdvanceSequences && canBeCleared ? nil : .sequenceOfNobody
    }

    /// Ahead of work that may advance a sequence: makes the server forget what others have left, if the session can ask
    /// for it while it keeps the server, and that is as long as a transaction or the batch itself.
    ///
    /// - Parameter message: the type of the message that it stands ahead of.
    /// - Returns: whether the server must answer first.
    mutating func clearSequences(
        for effects: Effects, ahead message: UInt8, server: inout ServerSession, toServer: inout Outbox
    ) -> Bool {
        if beginsWithOneSnapshot, server.isIdle, !isUnsynced, !isOnReplica, !isPinned, !ownsSequences {
            // Behind BEGIN it would take the snapshot, perhaps ahead of a LOCK.
            server.ask(Self.clearingSequences, toServer: &toServer)
            awaiting = .pin
            return true
        }
        guard effects.mayAdvanceSequences, !isOnReplica else { return false }
        defer { server.remembersSequences = true }
        guard !isPinned, !ownsSequences else { return false }
        if effects.contains(.transactionControl) {
            // It takes a snapshot, and no BEGIN behind a snapshot can choose its isolation.
            guard server.isIdle, !isUnsynced else { return false }
            server.ask(Self.clearingSequences, toServer: &toServer)
            awaiting = .pin
            return true
        }
        guard isInTransaction || isLazy || effects.contains(.sequenceState),
            !effects.contains(.refusesTransactionBlock)
        else { return false }
        // In a transaction that has failed, or may have, it fails; so do a Parse and a Query, but not a Close.
        let failsAlike = message == Frontend.parse || message == Frontend.query
        guard server.isQuiet ? server.status != .failed : failsAlike else { return false }
        openTransaction(server: &server, toServer: &toServer)
        server.askInBatch(Self.clearingSequences, .execute, toServer: &toServer)
        isUnsynced = true
        ownsSequences = true
        isClearingSequences = true
        // A Query behind this one would be read over if it fails.
        if message == Frontend.query { changesState = true }
        return false
    }
}

extension ClientSession {
    /// A transaction is about to be opened all of whose statements see what was committed before the first one, and
    /// that may advance sequences.
    private var beginsWithOneSnapshot: Bool {
        guard case .lazy(let modes) = transaction, modes.readOnly != true else { return false }
        return !(modes.isolation ?? defaultIsolation).seesEachCommit
    }

    private var isLazy: Bool {
        switch transaction {
        case .lazy: true
        case .none, .open, .failedWithoutServer: false
        }
    }
}

extension Effects {
    var mayAdvanceSequences: Bool { !isDisjoint(with: [.mayWrite, .hiddenCode]) }
}
