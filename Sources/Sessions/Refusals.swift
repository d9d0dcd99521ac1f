// What is a client told whose batch must not run, and where does that leave it?

import SQL
public import Wire

extension ClientSession {
    /// Answers the current batch with an error, without a server. `offset` is at the start of the batch.
    public mutating func refuse(
        _ error: ErrorFields, _ input: Span<UInt8>, at offset: inout Int, table: inout StatementTable,
        toClient: inout Outbox
    ) {
        rerun = nil
        bringsSnapshot = false
        if case .lazy = transaction { transaction = .failedWithoutServer }
        if case .open = transaction { transaction = .failedWithoutServer }
        // What comes behind must not run outside of the transaction that was to be begun.
        if batch.beginsAmongOthers, settings.allowsTransactions { transaction = .failedWithoutServer }
        batch.reset(table: &table)
        toClient.write { $0.append(contentsOf: error.encoded) }
        guard case .frame(let header) = FrameScanner.scan(input, at: offset),
            header.type == Frontend.query || header.type == Frontend.functionCall
        else {
            dropsUntilSync = true
            return
        }
        skipFrame(header, input, at: &offset)
        let status = detachedStatus
        toClient.write { $0.appendReadyForQuery(status) }
    }

    /// The batch fails as a whole, with the transaction that it would have begun: what comes behind it must not run
    /// outside of that.
    mutating func refuseWhole(_ error: ErrorFields) {
        refusal = error
        guard batch.beginsAmongOthers, transaction == .none, !isInTransaction else { return }
        transaction = .lazy(TransactionModes())
    }
}

extension ErrorFields {
    static let malformedMessage = ErrorFields(.fatal, "08P01", "invalid message format")
    static let changedResultType = ErrorFields(.error, "0A000", "cached plan must not change result type")
    static let abortedTransaction = ErrorFields(
        .error, "25P02", "current transaction is aborted, commands ignored until end of transaction block")
    static let readOnlyOnReplica = ErrorFields(
        .error, "25006", "cannot execute this statement in a read-only transaction that runs on a replica",
        hint: "Begin the transaction READ WRITE, or without READ ONLY, to run it on the primary.")
    static let transactionBehind = ErrorFields(
        .error, "40001", "the replica of this transaction is not known to have what the statement must see",
        detail: "What the session has there cannot follow it: a cursor, a savepoint, a setting, the rest of the batch.",
        hint: "Run the transaction again, or begin it READ WRITE to run it on the primary.")
    static let readOnlyEndpoint = ErrorFields(
        .error, "25006", "cannot execute this statement on the reader port",
        detail: "Sessions on the reader port are read-only.", hint: "Use the split port or the writer port.")
    static let pinnedReplicaBehind = ErrorFields(
        .error, "55000", "the replica that this session has to stay on has fallen behind",
        detail: "It has settings there that cannot follow it.",
        hint: "Connect again, or set each setting in a statement of its own, before statements are prepared.")
    static let pinnedToReplica = ErrorFields(
        .error, "25006", "cannot execute this statement on the replica that this session has to stay on",
        detail: "It has settings there that cannot follow it.",
        hint: "Connect again, or set each setting in a statement of its own, before statements are prepared.")
    static let readWriteOnReader = ErrorFields(
        .error, "0A000", "cannot set transaction read-write mode on the reader port",
        hint: "Use the split port or the writer port.")
    static let readOnlyAsReplica = ErrorFields(
        .error, "25006", "cannot execute this statement while pointsman.role is \"replica\"",
        detail: "Such sessions are read-only.", hint: "RESET pointsman.role.")
    static let readWriteAsReplica = ErrorFields(
        .error, "0A000", "cannot set transaction read-write mode while pointsman.role is \"replica\"",
        hint: "RESET pointsman.role.")
    static let sequenceOfNobody = ErrorFields(
        .error, "55000", "currval and lastval are not yet defined in this session",
        detail: "The connection to the server is shared with other clients.",
        hint: "Use INSERT … RETURNING. From the next write on this session keeps its server, and they are defined.")
}
