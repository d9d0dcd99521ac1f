// Where does what a session sends lead its transaction?

import SQL

extension ClientSession {
    /// Remembers whether what is sent may commit a write, and which state it leads to.
    mutating func noteTransaction(_ classification: Classification) {
        if mayHaveWritten, !isInTransaction, detachedStatus == .idle { mayHaveCommitted = true }
        if !classification.effects.isDisjoint(with: .committing) { endsWithoutSync = true }
        if classification.effects.contains(.endsBackend) { mayEndServer = true }
        guard classification.effects.contains(.transactionControl) else {
            if case .show = classification.command {} else { hasSnapshot = true }
            return
        }
        switch classification.command {
        case .begin(let modes):
            if !isInTransaction {
                begunModes = modes
            } else if !modes.isEmpty {
                loseModes()
            }
            isInTransaction = true
        case .commit(let chain), .rollback(let chain):
            if mayHaveWritten { mayHaveCommitted = true }
            isInTransaction = chain
            if chain {
                isRooted = false
                hasSnapshot = false
            } else {
                loseModes()
            }
        case .prepareTransaction:
            mayHaveCommitted = true
            isInTransaction = false
            loseModes()
        case .setTransaction(let changed):
            guard case .open(let modes) = transaction else { break }
            transaction = .open(modes.changed(by: changed))
        case .savepoint, .rollbackTo, .release:
            break
        case .empty, .commitPrepared, .rollbackPrepared, .sessionCharacteristics, .deallocate, .deallocateAll,
            .discardAll, .discardPlans, .discardSequences, .discardTemp, .resetAll, .unlistenAll, .closeAll, .show,
            .set, .reset, .setConfig, .explain, .explainRoute, .select, .copy, .prepare, .execute, .other:
            // Of several statements in one text nobody can tell where they lead.
            if mayHaveWritten { mayHaveCommitted = true }
            if batch.beginsAmongOthers { mayHaveBegun = true }
            hasSnapshot = true
            loseModes()
            mayHaveChosenIsolation = batch.namesIsolation
        }
    }

    /// What comes may be a transaction of other characteristics.
    private mutating func loseModes() {
        hasKnownModes = false
        mayHaveChosenIsolation = true
        begunModes = nil
    }
}

extension Command {
    var isBegin: Bool { if case .begin = self { true } else { false } }

    /// COMMIT or ROLLBACK AND CHAIN.
    var chains: Bool {
        if case .commit(chain: true) = self { return true }
        if case .rollback(chain: true) = self { return true }
        return false
    }
}

extension Effects {
    /// What commits by itself, without the Sync that ends an implicit transaction.
    fileprivate static let committing: Effects = [
        .transactionControl, .refusesTransactionBlock, .hiddenCode, .notUnderstood,
    ]
}
