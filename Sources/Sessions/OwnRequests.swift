// What is asked of a server that its client did not ask?

public import Wire

extension ServerSession {
    /// Sends a Bind that must fail; the client reads `error` instead.
    public mutating func refuse(_ error: ErrorFields, toServer: inout Outbox) {
        guard !isSkipping else { return }
        toServer.write { $0.appendBind(statement: StatementID.reservedPrefix + Array("refused".utf8)) }
        refusals.append(error.encoded)
        expect(LedgerEntry(.refusal))
    }

    /// Sends a simple Query of our own; its end is told by `ownRequestDone`.
    public mutating func ask(_ text: [UInt8], toServer: inout Outbox) {
        toServer.write { $0.appendQuery(text) }
        expect(LedgerEntry(.query, .own))
        dropUnnamed()
    }

    /// The same for a query whose rows are of interest: `takeOwnRows` tells them then.
    mutating func askForRows(_ text: [UInt8], toServer: inout Outbox) {
        collectsRows = true
        ownRows = []
        ask(text, toServer: &toServer)
    }

    /// The rows that were collected; nil: a NULL.
    mutating func takeOwnRows() -> [[String?]] {
        defer {
            ownRows = []
            collectsRows = false
        }
        return ownRows
    }

    /// Reads a DataRow in text form.
    mutating func collect(_ bytes: Span<UInt8>, _ frame: Range<Int>) {
        var row: [String?] = []
        var offset = frame.lowerBound + FrameHeader.byteCount + 2
        while offset + 4 <= frame.upperBound {
            let length = Int(Int32(bitPattern: bytes.bigEndianUInt32(at: offset)))
            offset += 4
            guard length >= 0, offset + length <= frame.upperBound else {
                row.append(nil)
                continue
            }
            row.append(bytes.text(in: offset..<offset + length))
            offset += length
        }
        ownRows.append(row)
    }

    /// Ends what no Sync has ended.
    public mutating func endBatch(toServer: inout Outbox) {
        if needsSync || isSkipping { sync(toServer: &toServer) }
    }

    /// Sends a Sync of our own; its end is told by `ownRequestDone`.
    mutating func sync(toServer: inout Outbox) {
        toServer.write { $0.appendMessage(Frontend.sync) }
        expect(LedgerEntry(.sync, .own))
    }

    /// Sends a statement of our own within a batch of the client's: if it fails, the batch fails.
    mutating func askInBatch(_ text: [UInt8], _ request: LedgerEntry.Request, toServer: inout Outbox) {
        askInBatch(text, LedgerEntry(request, .swallow), toServer: &toServer)
    }

    mutating func askInBatch(_ text: [UInt8], _ execution: LedgerEntry, toServer: inout Outbox) {
        toServer.write { $0.appendUnnamedExecution(text) }
        expect(LedgerEntry(.parseUnnamed, .swallow))
        expect(LedgerEntry(.bind, .swallow))
        expect(execution)
        expect(LedgerEntry(.close, .swallow))
        dropUnnamed()
    }
}
