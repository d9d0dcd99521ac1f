// What does the session remember of a statement that is about to run?

import SQL

extension ClientSession {
    /// Remembers what is about to run; non-nil when the pool must allow a pin first.
    @inline(__always)
    mutating func note(_ classification: Classification, server: borrowing ServerSession) -> Translation? {
        // A plain read, as most are, of a session that does nothing unusual.
        if classification.effects.isEmpty, classification.pins.isEmpty, !isPinned,
            isOnReplica || (hasNoWishes && !wasRefused && !settings.keepsServer)
        {
            noteTransaction(classification)
            return nil
        }
        return noteEffects(of: classification, server: server)
    }

    @inline(never)
    private mutating func noteEffects(
        of classification: Classification, server: borrowing ServerSession
    ) -> Translation? {
        let effects = classification.effects
        var wanted = classification.reasonsToPin.union(reasonOfMode)
        if wantsSequences, effects.mayAdvanceSequences { wanted.insert(.sequence) }
        if effects.contains(.sequenceState) { wantsSequences = true }
        if classification.changesNamedSettings, !mayTouch(classification) { wanted.insert(.setting) }
        // A search_path of pg_temp, set for the transaction or at the start, makes any new table a temporary one.
        if effects.contains(.setLocal) { hasLocalSettings = true }
        if effects.contains(.ddl), hasLocalSettings || profile.createsTemporaryObjects {
            wanted.insert(.temporaryTable)
        }
        // The end of a transaction runs even if that has failed.
        if let pin = pin(for: wanted, server: server, endsTransaction: effects.contains(.transactionControl)) {
            return pin
        }
        if !isOnReplica {
            switch classification.routeClass {
            case .replicaSafe, .primaryOnlyRead, .transactionControl: break
            case .lockedRead, .write, .sessionState: mayHaveWritten = true
            }
            // Text of several statements may hide a write behind its transaction control, and what a replica has
            // refused may be one although nothing shows it.
            if effects.contains(.mayWrite) || effects.contains(.hiddenCode) || wasRefused { mayHaveWritten = true }
            if mayHaveWritten, !hasNoWishes { noteGroup() }
            effectsOnOthers.formUnion(effects.intersection(.onOthers))
        }
        if !effects.isDisjoint(with: [.setLocal, .cursor, .savepoint, .readerLock]) { isRooted = true }
        if effects.contains(.savepoint) { hasSavepoint = true }
        if endsTransaction, batch.hasOneStatement, server.owedSyncs == 0 { hasSavepoint = false }
        noteTransaction(classification)
        // Behind a failure the next transaction has none of the characteristics of the one before.
        if server.status == .failed, server.owedSyncs == 0, classification.command.chains {
            transaction = .open(TransactionModes())
        }
        noteLexing(effects)
        noteState(classification, server: server)
        if effects.contains(.hiddenCode), !isPinned, !isOnReplica { hasLeftTraces = true }
        if effects.contains(.sessionState) {
            if classification.mayResetAll { resetsAll = true }
            bindsStateChange = true
            if case .deallocate = classification.command { return nil }
            if !isPinned, classification.leavesTraces { hasLeftTraces = true }
        }
        return nil
    }

    /// Non-nil when the pool must allow a pin before something runs that needs it.
    mutating func pin(
        for wanted: PinReasons, server: borrowing ServerSession, endsTransaction: Bool = false
    ) -> Translation? {
        let missing = wanted.subtracting(pins)
        // In a failed transaction nothing runs, so nothing is left behind.
        let isFailed = server.status == .failed && server.isQuiet && !endsTransaction
        guard !missing.isEmpty, !isFailed, mayKeepState else { return nil }
        guard isPinned else { return .pin(missing) }
        pins.formUnion(missing)
        freshPins = missing
        hasUnprovenPins = true
        return nil
    }
}
