// What becomes of a conversation whose server is lost?

import Wire

extension ClientSession {
    /// The attached server is lost. Afterwards the session is detached.
    ///
    /// - Returns: false when the client's connection cannot go on: its state was on that server, a message is cut, or
    ///   it may have asked for its own end.
    public mutating func serverLost(
        _ server: borrowing ServerSession, table: inout StatementTable, toClient: inout Outbox
    ) -> Bool {
        let owed = server.owedSyncs
        // What was set, and not asked for yet, is lost with it.
        let canGoOn = !isPinned && !hasTouchedSettings && !server.isInsideForwardedMessage && !mayEndServer
        let isBatchCut = isUnsynced
        let isEndOnItsWay = owed > 0 || (isBatchCut && endsWithoutSync)
        let error: ErrorFields = mayHaveCommitted && isEndOnItsWay ? .outcomeUnknown : .serverLost
        trial = nil
        rerun = nil
        // The client has read of an error already: the rest of the batch is dropped without another word.
        let isErrorTold = server.isSkipping
        let losesTransaction = isInTransaction || mayHaveBegun
        // Nothing but answers that were given was on a replica: what comes next begins the transaction elsewhere.
        let split = owed == 0 && !isBatchCut && bodyRemaining == 0 && canMove ? splitModes : nil
        // What was parsed and described can be so elsewhere.
        let isNothingLost =
            isBatchCut && hasOnlyPrepared && isOnReplica && listener != .reader && server.owesNothing
            && bodyRemaining == 0 && !isErrorTold
        dropChanges(changes.count, inParse: false, table: &table)
        batch.reset(table: &table)
        // What is left of a message that was cut is dropped.
        bodyIsForwarded = false
        pins = []
        refusal = nil
        isUnsynced = false
        detached()
        guard canGoOn else { return false }
        if isNothingLost { return true }
        if let split {
            transaction = .lazy(split)
            return true
        }
        if losesTransaction {
            transaction = .failedWithoutServer
            isLossUntold = owed == 0 && !isBatchCut
        }
        let status = detachedStatus
        for _ in 0..<owed {
            toClient.write {
                $0.append(contentsOf: error.encoded)
                $0.appendReadyForQuery(status)
            }
        }
        guard isBatchCut else { return true }
        dropsUntilSync = true
        if !isErrorTold { toClient.write { $0.append(contentsOf: error.encoded) } }
        return true
    }
}

extension ServerSession {
    var owesNothing: Bool { ledger.count == 0 && restoration != .held }

    /// How many ReadyForQuery the client is owed.
    var owedSyncs: Int {
        var owed = restoration == .held ? 1 : 0
        for position in 0..<ledger.count {
            let entry = ledger[position]
            guard entry.disposition != .own else { continue }
            if entry.request == .sync || entry.request == .query || entry.request == .functionCall { owed += 1 }
        }
        return owed
    }
}

extension ErrorFields {
    static let serverLost = ErrorFields(
        .error, "08006", "the connection to the server was lost",
        hint: "Nothing of the transaction was committed. Try it again.")
    static let outcomeUnknown = ErrorFields(
        .error, "08007", "the connection to the server was lost before its answer came",
        detail: "The statement may or may not have been carried out.")
}
