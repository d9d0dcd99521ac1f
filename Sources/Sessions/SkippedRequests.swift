// What does an error undo of what was sent before anybody knew of it?

import Wire

extension ServerSession {
    /// After an error the server skips everything up to the next Sync; a simple Query in progress just ends.
    mutating func dropSkipped(toServer: inout Outbox, facts: inout [ReplyFact], isClients: Bool, hasRun: Bool) {
        var dropped: [LedgerEntry] = []
        var hasFailedAlone = false
        let inParse = ledger.first.map { $0.changesClient && $0.request == .parseUnnamed } ?? false
        while let entry = ledger.first {
            if entry.request == .sync { break }
            if entry.request == .query || entry.request == .functionCall {
                guard !dropped.isEmpty else {
                    hasFailedAlone = entry.changesClient
                    undo(entry)
                    ledger.firstChangesNothing()
                    break
                }
                guard dropped.allSatisfy({ $0.disposition == .swallow }) else {
                    // The client forgot the Sync: the Query is skipped like everything else.
                    dropped.append(ledger.removeFirst())
                    continue
                }
                // Injected work ahead of a Query failed: the server skips the Query too and waits for a Sync.
                dropped.append(ledger.removeFirst())
                toServer.write { $0.appendMessage(Frontend.sync) }
                var rest = [LedgerEntry(.sync, entry.disposition)]
                while !ledger.isEmpty { rest.append(ledger.removeFirst()) }
                for entry in rest { ledger.append(entry) }
                break
            }
            dropped.append(ledger.removeFirst())
        }
        // Backwards, so that what was sent and skipped is undone step by step.
        for entry in dropped.reversed() { undo(entry) }
        if ledger.isEmpty { isSkipping = true }
        let withoutBegin = dropped.contains { $0.request == .begin }
        if withoutBegin {
            isBeginning = false
            hidesMissingBegin = true
        }
        guard isClients else { return }
        let changes = dropped.count { $0.changesClient } + (hasFailedAlone ? 1 : 0)
        facts.append(.failed(changesDropped: changes, inParse: inParse, withoutBegin: withoutBegin, hasRun: hasRun))
    }

    /// A request failed or was skipped.
    private mutating func undo(_ entry: LedgerEntry) {
        guard entry.disposition != .synthesise else { return }
        switch entry.request {
        case .parse: prepared.remove(entry.statement)
        case .parseUnnamed: if unnamed == entry.statement { dropUnnamed() }
        case .close: if entry.statement != .none { prepared.keeps(entry.statement) }
        case .prepareGuest: guests.remove(entry.statement)
        case .closeGuest: guests.keeps(entry.statement)
        case .query: if entry.statement != .none { guests.remove(entry.statement) }
        case .refusal: refusals.removeFirst()
        case .bind, .describeStatement, .describePortal, .execute, .begin, .functionCall, .sync, .copyEnd:
            break
        }
    }
}
