// How does a batch read on the server that is attached?

public import SQL
public import Wire

/// How far the translation of the client's bytes came.
public enum Translation: Equatable, Sendable {
    /// More bytes from the client are needed; those from the offset on must be kept.
    case needInput
    /// The batch is through.
    case done
    /// The server must answer first.
    case wait
    /// The pool must allow the session to keep its server.
    case pin(PinReasons)
    case close(ErrorFields?)
}

extension ClientSession {
    /// Writes the client's messages from `offset` on for the attached server, up to the end of the batch.
    public mutating func translate(
        _ input: Span<UInt8>, at offset: inout Int, server: inout ServerSession, table: inout StatementTable,
        toServer: inout Outbox, toClient: inout Outbox, facts: inout [ReplyFact]
    ) -> Translation {
        if !batch.isBegun { beginBatch(on: &server) }
        defer { if pins.contains(.seed) { server.isSeeded = true } }
        while true {
            if awaiting != nil { return .wait }
            if bodyRemaining > 0 {
                let part = min(bodyRemaining, input.count - offset)
                if bodyIsForwarded { toServer.forward(offset..<offset + part) }
                offset += part
                bodyRemaining -= part
                if bodyRemaining > 0 { return .needInput }
                if !isUnsynced, !dropsUntilSync { return finishBatch(table: &table) }
            }
            guard server.ledger.count < ReplyLedger.softLimit else { return .wait }
            let header: FrameHeader
            switch FrameScanner.scan(input, at: offset) {
            case .needMore: return .needInput
            case .malformed: return .close(.malformedMessage)
            case .frame(let found): header = found
            }
            guard header.totalLength <= lengthLimit(header.type) else { return .close(.malformedMessage) }
            if server.isCopyingIn, Self.endsCopy(header.type) {
                // The server does not look into it.
                server.breaksCopy()
                forwardPart(header, input, at: &offset, toServer: &toServer)
                if bodyRemaining > 0 { return .needInput }
                if header.type == Frontend.query || header.type == Frontend.functionCall, !isUnsynced {
                    return finishBatch(table: &table)
                }
                isUnsynced = isUnsynced || batch.kind == .extended
                continue
            }
            if server.isSkipping, header.type != Frontend.sync, header.type != Frontend.terminate {
                // Nobody looks into it, neither the server nor whoever would have refused it.
                refusal = nil
                skipFrame(header, input, at: &offset)
                continue
            }
            let mayPrecede = !isUnsynced && refusal == nil && batch.kind == .extended && !server.isSkipping
            if mayPrecede, let pin = pin(for: batch.pins.union(reasonOfMode), server: server) { return pin }
            if mayPrecede,
                clearSequences(for: batch.effects, ahead: header.type, server: &server, toServer: &toServer)
            {
                return .wait
            }
            if let error = refusal, header.type != Frontend.terminate {
                refusal = nil
                if let result = refuseOnServer(
                    error, header, input, at: &offset, server: &server, table: &table, toServer: &toServer)
                {
                    return result
                }
                continue
            }
            if dropsUntilSync, header.type != Frontend.sync, header.type != Frontend.terminate {
                skipFrame(header, input, at: &offset)
                continue
            }
            if let result = message(
                header, input, at: &offset, server: &server, table: &table, toServer: &toServer,
                toClient: &toClient, facts: &facts)
            {
                return result
            }
        }
    }

    /// One message; nil: go on with the next.
    private mutating func message(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, server: inout ServerSession,
        table: inout StatementTable, toServer: inout Outbox, toClient: inout Outbox, facts: inout [ReplyFact]
    ) -> Translation? {
        let frame = offset..<offset + header.totalLength
        let isWhole = frame.upperBound <= input.count
        switch header.type {
        case Frontend.query:
            return query(
                header, input, at: &offset, isWhole: isWhole, server: &server, table: &table, toServer: &toServer)
        case Frontend.parse:
            guard isWhole || header.totalLength <= settings.maxReadableText else {
                return .close(.textTooLong(limit: settings.maxReadableText))
            }
            guard isWhole else { return .needInput }
            guard let view = ParseView(input, frame: frame) else { return .close(.malformedMessage) }
            if mustWait(for: view.name, input, server: server, toServer: &toServer) { return .wait }
            server.counts.clientParses &+= 1
            if batch.isOpenEnded { noteLateComment(input.extracting(view.text)) }
            openTransaction(server: &server, toServer: &toServer)
            guard parse(view, frame, input, server: &server, table: &table, toServer: &toServer) else { return .wait }
            server.settle(toClient: &toClient, facts: &facts)
            if refusal == nil { offset = frame.upperBound }
        case Frontend.bind:
            return bind(header, input, at: &offset, server: &server, table: &table, toServer: &toServer)
        case Frontend.describe, Frontend.close:
            guard isWhole else { return .needInput }
            guard let view = ObjectView(input, frame: frame) else { return .close(.malformedMessage) }
            let isAsked = header.type == Frontend.describe && view.kind == .statement
            if isAsked, mustWait(for: view.name, input, server: server, toServer: &toServer) { return .wait }
            openTransaction(server: &server, toServer: &toServer)
            if view.kind == .portal {
                server.expect(LedgerEntry(header.type == Frontend.describe ? .describePortal : .close))
                toServer.forward(frame)
                isUnsynced = true
            } else if header.type == Frontend.describe {
                if let wait = describe(view, input, server: &server, table: table, toServer: &toServer) {
                    return wait
                }
            } else {
                closeStatement(view, frame, input, server: &server, toServer: &toServer)
                server.settle(toClient: &toClient, facts: &facts)
            }
            if refusal == nil { offset = frame.upperBound }
        case Frontend.execute:
            guard isWhole else { return .needInput }
            openTransaction(server: &server, toServer: &toServer)
            execute(frame, input, server: &server, toServer: &toServer)
            // Rows that are not fetched yet are fetched from here.
            if frame.count >= 9, input.bigEndianUInt32(at: frame.upperBound - 4) != 0 { isRooted = true }
            if bindsStateChange { changesState = true }
            toServer.forward(frame)
            isUnsynced = true
            offset = frame.upperBound
        case Frontend.flush:
            guard isWhole else { return .needInput }
            toServer.forward(frame)
            offset = frame.upperBound
            if batch.isPreparation, batch.translated == batch.parsed.count {
                endOfTrialMessages(&server, toClient: &toClient, facts: &facts)
                batch.reset(table: &table)
                return .done
            }
        case Frontend.sync:
            guard isWhole else { return .needInput }
            expectEnd(LedgerEntry(.sync), server: &server)
            toServer.forward(frame)
            offset = frame.upperBound
            return finishBatch(table: &table)
        case Frontend.functionCall:
            return functionCall(header, input, at: &offset, server: &server, table: &table, toServer: &toServer)
        case Frontend.copyData:
            forwardPart(header, input, at: &offset, toServer: &toServer)
            return endOfCopyMessage(table: &table)
        case Frontend.copyDone, Frontend.copyFail:
            server.expect(LedgerEntry(.copyEnd))
            forwardPart(header, input, at: &offset, toServer: &toServer)
            return endOfCopyMessage(table: &table)
        case Frontend.terminate:
            return .close(nil)
        default:
            return .close(ErrorFields(.fatal, "08P01", "invalid frontend message type \(header.type)"))
        }
        return nil
    }

    /// Whether a server in copy mode takes the message for a fault.
    private static func endsCopy(_ type: UInt8) -> Bool {
        switch type {
        case Frontend.copyData, Frontend.copyDone, Frontend.copyFail, Frontend.sync, Frontend.flush, Frontend.terminate:
            false
        default: true
        }
    }

    /// A message of a COPY belongs to no batch of its own, unless one is open around it.
    private mutating func endOfCopyMessage(table: inout StatementTable) -> Translation? {
        if bodyRemaining > 0 { return .needInput }
        if isUnsynced { return nil }
        batch.reset(table: &table)
        return .done
    }

    private mutating func finishBatch(table: inout StatementTable) -> Translation {
        isUnsynced = false
        dropsUntilSync = false
        bindsStateChange = false
        deallocation = nil
        batchNumber += 1
        batch.reset(table: &table)
        return .done
    }

    /// Whether an answer is owed without which nobody can tell what a name stands for.
    private mutating func mustWait(
        for name: Range<Int>, _ input: Span<UInt8>, server: borrowing ServerSession, toServer: inout Outbox
    ) -> Bool {
        if changesState {
            guard server.ledger.isEmpty else {
                if !asksForAnswers { toServer.write { $0.appendMessage(Frontend.flush) } }
                asksForAnswers = true
                return true
            }
            changesState = false
        }
        asksForAnswers = false
        return isUncertain(name, input)
    }

    /// Makes the current batch fail on the server, so that its transaction fails as it would have.
    private mutating func refuseOnServer(
        _ error: ErrorFields, _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int,
        server: inout ServerSession, table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        openTransaction(server: &server, toServer: &toServer)
        server.refuse(error, toServer: &toServer)
        guard header.type == Frontend.query || header.type == Frontend.functionCall else {
            dropsUntilSync = true
            isUnsynced = true
            return nil
        }
        toServer.write { $0.appendMessage(Frontend.sync) }
        server.expect(LedgerEntry(.sync))
        skipFrame(header, input, at: &offset)
        return finishBatch(table: &table)
    }

    /// Sends the BEGIN that was answered before, ahead of the first message and without a Sync of its own.
    mutating func openTransaction(server: inout ServerSession, toServer: inout Outbox) {
        guard case .lazy(var modes) = transaction else { return }
        if listener == .reader { modes.readOnly = true }
        transaction = .open(modes)
        hasKnownModes = true
        server.askInBatch(modes.beginText, .begin, toServer: &toServer)
        if bringsSnapshot {
            server.askInBatch(Array("SELECT".utf8), .execute, toServer: &toServer)
            bringsSnapshot = false
            hasSnapshot = true
        }
        isInTransaction = true
        isUnsynced = true
    }

    // MARK: Messages that run something

    private mutating func query(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, isWhole: Bool,
        server: inout ServerSession, table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        let isInBatch = batch.kind != .query
        if isInBatch {
            // The Query stands in the middle of an extended batch: it is read as a batch of its own.
            batch.reset(table: &table)
            batch.isDecided = true
            batch.isBegun = true
        }
        if batch.classification == nil {
            switch scanBatch(input, at: offset, table: &table) {
            case .needInput: return .needInput
            case .malformed(let error): return .close(error)
            case .ready, .stray: break
            }
        }
        guard let classification = batch.classification else { preconditionFailure("A scanned Query has a class.") }
        if isInBatch, let error = lateObjection(to: classification) {
            refusal = error
            return nil
        }
        let text = queryText(input, frame: offset..<min(offset + header.totalLength, input.count))
        if case .deallocate = classification.command, let text,
            case .reserved(let name) = deallocates(classification, input.extracting(text))
        {
            refusal = .unknownStatement(name)
            return nil
        }
        if clearSequences(for: classification.effects, ahead: header.type, server: &server, toServer: &toServer) {
            return .wait
        }
        if classification.changesNamedSettings, let text { noteTouched(classification, input.extracting(text)) }
        if let pin = note(classification, server: server) { return pin }
        if let text, !classification.effects.isEmpty { noteLoss(classification, input.extracting(text)) }
        guard closeStrangers(for: classification, server: &server, toServer: &toServer) else { return .wait }
        if let text,
            let pause = shareNames(
                classification, input.extracting(text), server: &server, table: &table, toServer: &toServer)
        {
            return pause
        }
        openTransaction(server: &server, toServer: &toServer)
        var entry = LedgerEntry(.query)
        if batch.speaksOfGuest, let text {
            entry = entryForGuest(classification, input.extracting(text), server: &server, table: &table)
        }
        expectEnd(entry, server: &server)
        server.dropUnnamed()
        dropUnnamedForGood(table: &table)
        if bindsStateChange { changesState = true }
        isUnsynced = false
        forwardPart(header, input, at: &offset, toServer: &toServer)
        if bodyRemaining > 0 { return .needInput }
        return finishBatch(table: &table)
    }

    private mutating func functionCall(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, server: inout ServerSession,
        table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        if batch.kind == .extended, let error = lateObjection(to: .functionCall) {
            refusal = error
            return nil
        }
        if let pin = note(.functionCall, server: server) { return pin }
        server.remembersSequences = true
        openTransaction(server: &server, toServer: &toServer)
        server.expect(LedgerEntry(.functionCall))
        isUnsynced = false
        forwardPart(header, input, at: &offset, toServer: &toServer)
        if bodyRemaining > 0 { return .needInput }
        return finishBatch(table: &table)
    }

    private mutating func bind(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, server: inout ServerSession,
        table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        let view: BindView
        switch BindView.scan(input, at: offset, totalLength: header.totalLength) {
        case .needMore: return .needInput
        case .malformed: return .close(.malformedMessage)
        case .head(let found): view = found
        }
        if mustWait(for: view.statement, input, server: server, toServer: &toServer) { return .wait }
        guard let statement = statement(named: view.statement, input) else {
            if isServers(view.statement, input) {
                // It may be a statement that the client prepared in SQL.
                return bindOwn(header, input, at: &offset, server: &server, toServer: &toServer)
            }
            refusal = .unknownStatement(input.bytes(in: view.statement))
            return nil
        }
        let classification = table.classification(statement.reference)
        if batch.isOpenEnded {
            noteLateComment(of: statement.reference, table)
            let error = lateObjection(to: asForReader(statement.reference, table: &table))
            if let error = error ?? (batch.asksTooLate ? .transactionBehind : nil) {
                refusal = error
                return nil
            }
        }
        switch deallocates(classification, table.tail(statement.reference).span) {
        case .reserved(let name):
            refusal = .unknownStatement(name)
            return nil
        case .clients(let name): deallocation = (input.bytes(in: view.portal), name)
        case .uncertain: return .wait
        case .none:
            if let former = deallocation, input.matches(former.portal, in: view.portal) { deallocation = nil }
        }
        if classification.changesNamedSettings { noteTouched(classification, table.tail(statement.reference).span) }
        if !classification.effects.isEmpty { noteLoss(classification, table.tail(statement.reference).span) }
        if let pin = note(classification, server: server) { return pin }
        guard closeStrangers(for: classification, server: &server, toServer: &toServer) else { return .wait }
        if classification.effects.mayAdvanceSequences { server.remembersSequences = true }
        let tail = table.tail(statement.reference)
        if statement.isFromSQL, !statement.isOwn {
            let name = input.bytes(in: view.statement)
            guard ensureGuest(statement, name, server: &server, table: table, toServer: &toServer) else { return .wait }
            openTransaction(server: &server, toServer: &toServer)
            return bindOwn(header, input, at: &offset, server: &server, toServer: &toServer)
        }
        if classification.effects.speaksOfStatements, let end = tail.firstIndex(of: 0),
            let pause = shareNames(
                classification, tail.span.extracting(0..<end), server: &server, table: &table, toServer: &toServer)
        {
            return pause
        }
        openTransaction(server: &server, toServer: &toServer)
        if statement.isOwn || classification.effects.speaksOfStatements && isOwn(view.statement, input) {
            return bindOwn(header, input, at: &offset, server: &server, toServer: &toServer)
        }
        switch ensureParsed(
            statement, isNamed: !view.statement.isEmpty, server: &server, table: table, toServer: &toServer)
        {
        case .ready: break
        case .wait: return .wait
        }
        isUnsynced = true
        if !view.portal.isEmpty { isRooted = true }
        server.expect(LedgerEntry(.bind, statement: view.statement.isEmpty ? .none : statement.id))
        if view.statement.isEmpty {
            forwardPart(header, input, at: &offset, toServer: &toServer)
        } else {
            let id = statement.id
            let rest = offset + header.totalLength - view.statement.upperBound
            toServer.write { out in
                out.appendHeader(
                    Frontend.bind, bodyLength: view.portal.count + 1 + StatementID.serverNameLength + rest)
                for index in view.portal { out.append(input[index]) }
                out.append(0)
                id.appendServerName(to: &out)
            }
            let available = min(offset + header.totalLength, input.count)
            toServer.forward(view.statement.upperBound..<available)
            bodyRemaining = offset + header.totalLength - available
            bodyIsForwarded = true
            offset = available
        }
        return bodyRemaining > 0 ? .needInput : nil
    }

    /// Forwards what is there of a message.
    mutating func forwardPart(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, toServer: inout Outbox
    ) {
        let available = min(offset + header.totalLength, input.count)
        toServer.forward(offset..<available)
        bodyRemaining = offset + header.totalLength - available
        bodyIsForwarded = true
        offset = available
    }

    /// Consumes a whole message, or notes how much of it is still to be dropped.
    mutating func skipFrame(_ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int) {
        let available = input.count - offset
        if header.totalLength > available {
            bodyRemaining = header.totalLength - available
            bodyIsForwarded = false
        }
        offset += min(header.totalLength, available)
    }
}
