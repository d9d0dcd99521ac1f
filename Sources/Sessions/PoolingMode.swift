// What does `pool.mode` ask of a session?

import SQL
import Wire

extension ClientSession {
    /// Why the session keeps any server of the primary.
    var reasonOfMode: PinReasons { settings.keepsServer && !isOnReplica ? .sessionMode : [] }

    /// Why the batch, which begins a transaction, must not.
    var objectionToTransaction: ErrorFields? {
        guard !settings.allowsTransactions, batch.effects.contains(.transactionControl), mayBegin else { return nil }
        return .noTransactions
    }

    /// The end of a transaction is harmless: there is none.
    private var mayBegin: Bool {
        switch batch.command {
        case .commit(let chain), .rollback(let chain): chain || batch.hasSeveralCommands
        case .empty, .savepoint, .rollbackTo, .release, .prepareTransaction, .commitPrepared, .rollbackPrepared,
            .setTransaction, .sessionCharacteristics:
            batch.hasSeveralCommands
        case .begin, .deallocate, .deallocateAll, .discardAll, .discardPlans, .discardSequences, .discardTemp,
            .resetAll, .unlistenAll, .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute, .select,
            .copy, .prepare, .execute, .other, nil:
            true
        }
    }
}

extension ErrorFields {
    static let noTransactions = ErrorFields(
        .error, "0A000", "transaction blocks are not allowed with pool.mode = \"statement\"",
        hint: "Use pool.mode = \"transaction\" for this database or user.")
}
