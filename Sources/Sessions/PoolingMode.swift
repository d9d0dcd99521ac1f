// Which batches may not run anywhere, and what does `pool.mode` ask of a session?

import SQL
import Wire

extension ClientSession {
    /// Why the session keeps any server of the primary.
    var reasonOfMode: PinReasons { settings.keepsServer && !isOnReplica ? .sessionMode : [] }

    /// Why the batch must run nowhere: it begins a transaction where there are none, or asks the router among others.
    var objectionEverywhere: ErrorFields? {
        if batch.effects.contains(.explainsRoute) { return .explanationAmongOthers }
        if batch.isOpenEnded, case .explainRoute = batch.command { return .explanationAmongOthers }
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
    static let explanationAmongOthers = ErrorFields(
        .error, "0A000", "EXPLAIN ROUTE must be a statement of its own",
        hint: "Send it alone: as a simple query, or with nothing else ahead of its Sync.")
    static let noTransactions = ErrorFields(
        .error, "0A000", "transaction blocks are not allowed with pool.mode = \"statement\"",
        hint: "Use pool.mode = \"transaction\" for this database or user.")
}
