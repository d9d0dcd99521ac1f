// How is a client's prepared statement made known to the server that is attached?

import SQL
import Wire

/// Whether the attached server can take a Bind or Describe of a statement.
enum Readiness: Equatable {
    case ready
    /// The row shape is being asked for.
    case wait
}

extension ClientSession {
    /// - Returns: false when an answer is owed that tells whether the server has the statement.
    mutating func parse(
        _ view: ParseView, _ frame: Range<Int>, _ input: Span<UInt8>, server: inout ServerSession,
        table: inout StatementTable, toServer: inout Outbox
    ) -> Bool {
        // If this one fails, that says nothing of what was sent ahead.
        pinsInDoubt = []
        let isOwn = isServers(view.name, input)
        if !view.name.isEmpty {
            if !isOwn, statement(named: view.name, input) != nil {
                // PostgreSQL reads the text before it looks at the name.
                parseToCheck(input.bytes(in: view.tail), server: &server, toServer: &toServer)
                refusal = .duplicateStatement(input.bytes(in: view.name))
                return true
            }
            if names.count + changes.count >= StatementNames.limit {
                refusal = .tooManyStatements
                return true
            }
        }
        let reference: StatementReference
        let isScanned = batch.translated < batch.parsed.count
        if isScanned {
            reference = batch.parsed[batch.translated].reference
        } else {
            reference = table.retain(
                tail: input.extracting(view.tail), textLength: view.text.count, key: parsing)
        }
        if isOwn {
            guard closeStrangers(server: &server, toServer: &toServer) else {
                if !isScanned { table.release(reference) }
                return false
            }
            if isScanned { batch.translated += 1 }
            parseAsOwn(view, frame, input, reference, server: &server, table: table, toServer: &toServer)
            return true
        }
        let id = table.id(reference)
        var presence = view.name.isEmpty ? .absent : server.prepared.touch(id, syncs: server.syncsSent)
        if presence == .uncertain {
            if !isScanned { table.release(reference) }
            return false
        }
        if presence == .present, batch.describesStatement {
            // Who prepares it now is told today's shape, not that of the day when the server parsed it.
            server.prepared.outdate(id)
            presence = .absent
        }
        if isScanned { batch.translated += 1 }
        changes.append(
            StatementChange(
                name: input.bytes(in: view.name), statement: PreparedStatement(reference: reference, id: id),
                batch: batchNumber))
        isUnsynced = true
        if view.name.isEmpty {
            server.expect(LedgerEntry(.parseUnnamed, changesClient: true, statement: id))
            server.parsingUnnamed(id)
            toServer.forward(frame)
        } else if presence == .present {
            // In a transaction that has failed, or may have, only the server can tell that the Parse fails, too.
            let mayHaveFailed = server.owesReady && (isInTransaction || server.status == .inTransaction)
            if server.status == .failed || mayHaveFailed {
                parseToCheck(input.bytes(in: view.tail), server: &server, toServer: &toServer)
            }
            server.expect(LedgerEntry(.parse, .synthesise, changesClient: true, statement: id))
        } else {
            closeOutdated(id, server: &server, toServer: &toServer)
            let name = id.serverName
            toServer.write { out in
                out.appendHeader(Frontend.parse, bodyLength: name.count + 1 + view.tail.count)
                out.appendCString(name)
            }
            toServer.forward(view.tail)
            server.expect(LedgerEntry(.parse, changesClient: true, statement: id))
            remember(id, server: &server, toServer: &toServer)
        }
        return true
    }

    /// Lets the server read a text for its errors only.
    private mutating func parseToCheck(_ tail: [UInt8], server: inout ServerSession, toServer: inout Outbox) {
        toServer.write { $0.appendParse(name: [], tail: tail) }
        server.expect(LedgerEntry(.parseUnnamed, .swallow))
        server.dropUnnamed()
        isUnsynced = true
    }

    /// A statement that the server refuses to use makes room for its successor of the same name.
    private func closeOutdated(_ id: StatementID, server: inout ServerSession, toServer: inout Outbox) {
        guard server.prepared.takeOutdated(id) else { return }
        toServer.write { $0.appendClose(statement: id.serverName) }
        server.expect(LedgerEntry(.close, .swallow, statement: id))
    }

    /// Notes that a server has a statement and drops the one used longest ago if it has too many.
    private func remember(_ id: StatementID, server: inout ServerSession, toServer: inout Outbox) {
        server.prepared.parsing(id, syncs: server.syncsSent)
        guard let surplus = server.prepared.surplus(limit: settings.maxPreparedStatements) else { return }
        server.prepared.closing(surplus, syncs: server.syncsSent)
        toServer.write { $0.appendClose(statement: surplus.serverName) }
        server.expect(LedgerEntry(.close, .swallow, statement: surplus))
    }

    /// Parses a statement again where the server does not have it.
    mutating func ensureParsed(
        _ statement: PreparedStatement, isNamed: Bool, server: inout ServerSession, table: borrowing StatementTable,
        toServer: inout Outbox
    ) -> Readiness {
        let id = statement.id
        switch isNamed ? server.prepared.touch(id, syncs: server.syncsSent) : server.presence(ofUnnamed: id) {
        case .uncertain:
            return .wait
        case .present:
            guard isNamed, !batch.describesStatement, let told = statement.toldShape,
                let shape = server.prepared.shape(of: id), told != shape
            else { return .ready }
            // The server may have parsed it while its tables were different: asked again, it tells today's shape.
            server.prepared.outdate(id)
        case .absent:
            break
        }
        if isNamed { closeOutdated(id, server: &server, toServer: &toServer) }
        let name = isNamed ? id.serverName : []
        let tail = table.tail(statement.reference)
        toServer.write { $0.appendParse(name: name, tail: tail) }
        server.expect(LedgerEntry(isNamed ? .parse : .parseUnnamed, .swallow, statement: id))
        isUnsynced = true
        if isNamed { remember(id, server: &server, toServer: &toServer) } else { server.parsingUnnamed(id) }
        guard let told = statement.toldShape, !batch.describesStatement else { return .ready }
        toServer.write { out in
            out.appendDescribe(statement: name)
            out.appendMessage(Frontend.flush)
        }
        server.expect(LedgerEntry(.describeStatement, .swallow, statement: id))
        awaiting = .shape(id, told: told)
        return .wait
    }

    mutating func describe(
        _ view: ObjectView, _ input: Span<UInt8>, server: inout ServerSession, table: borrowing StatementTable,
        toServer: inout Outbox
    ) -> Translation? {
        if isServers(view.name, input) {
            guard closeStrangers(server: &server, toServer: &toServer) else { return .wait }
            let id = statement(named: view.name, input)?.id ?? .none
            server.expect(LedgerEntry(.describeStatement, statement: id))
            toServer.write { $0.appendDescribe(statement: input.bytes(in: view.name)) }
            isUnsynced = true
            return nil
        }
        guard let statement = statement(named: view.name, input) else {
            refusal = .unknownStatement(input.bytes(in: view.name))
            return nil
        }
        if statement.isFromSQL {
            let name = input.bytes(in: view.name)
            guard ensureGuest(statement, name, server: &server, table: table, toServer: &toServer) else { return .wait }
            server.expect(LedgerEntry(.describeStatement))
            toServer.write { $0.appendDescribe(statement: name) }
            isUnsynced = true
            return nil
        }
        var undescribed = statement
        undescribed.toldShape = nil
        let readiness = ensureParsed(
            undescribed, isNamed: !view.name.isEmpty, server: &server, table: table, toServer: &toServer)
        if readiness == .wait { return .wait }
        let name = view.name.isEmpty ? [] : statement.id.serverName
        toServer.write { $0.appendDescribe(statement: name) }
        server.expect(LedgerEntry(.describeStatement, statement: statement.id))
        isUnsynced = true
        return nil
    }

    mutating func closeStatement(
        _ view: ObjectView, _ frame: Range<Int>, _ input: Span<UInt8>, server: inout ServerSession,
        toServer: inout Outbox
    ) {
        isUnsynced = true
        let isOwn = isServers(view.name, input)
        if let known = statement(named: view.name, input), known.isFromSQL {
            closeGuest(named: input.bytes(in: view.name), server: &server, toServer: &toServer)
        }
        changes.append(StatementChange(name: input.bytes(in: view.name), statement: nil, batch: batchNumber))
        if isOwn {
            server.expect(LedgerEntry(.close, changesClient: true))
            toServer.forward(frame)
            return
        }
        server.expect(LedgerEntry(.close, .synthesise, changesClient: true))
    }

    /// What DEALLOCATE of one name means.
    enum Deallocation: Equatable {
        case none
        /// A statement of the client's, which the server knows under another name.
        case clients([UInt8])
        /// An answer is owed that tells.
        case uncertain
        /// A name under which the server may know a statement of somebody's.
        case reserved([UInt8])
    }

    func deallocates(_ classification: Classification, _ text: Span<UInt8>) -> Deallocation {
        guard case .deallocate(let range) = classification.command else { return .none }
        let name = Identifier.value(of: text.extracting(range))
        if isUncertain(0..<name.count, name.span) { return .uncertain }
        if let statement = statement(named: 0..<name.count, name.span) {
            return statement.isOwn ? .none : .clients(name)
        }
        return isReserved(0..<name.count, name.span) ? .reserved(name) : .none
    }

    /// An Execute; for the DEALLOCATE of a statement of the client's, the server gets something to deallocate first.
    mutating func execute(
        _ frame: Range<Int>, _ input: Span<UInt8>, server: inout ServerSession, toServer: inout Outbox
    ) {
        let portal = frame.lowerBound + FrameHeader.byteCount..<max(frame.upperBound - 5, frame.lowerBound + 5)
        guard let (bound, name) = deallocation, input.matches(bound, in: portal) else {
            return server.expect(LedgerEntry(.execute))
        }
        deallocation = nil
        closeGuest(named: name, server: &server, toServer: &toServer)
        toServer.write { $0.appendParse(name: name, tail: [0, 0, 0]) }
        server.expect(LedgerEntry(.parse, .swallow))
        changes.append(StatementChange(name: name, statement: nil, batch: batchNumber))
        server.expect(LedgerEntry(.execute, changesClient: true))
    }

    /// Whether a client's name could be one of ours on the server.
    func isReserved(_ name: Range<Int>, _ input: Span<UInt8>) -> Bool {
        let prefix = StatementID.reservedPrefix
        return name.count >= prefix.count
            && input.matches(prefix, in: name.lowerBound..<name.lowerBound + prefix.count)
    }
}

extension ErrorFields {
    static let tooManyStatements = ErrorFields(
        .error, "53400", "too many prepared statements in this session",
        detail: "A session may hold \(StatementNames.limit) named statements.", hint: "Close those not needed.")

    static func textTooLong(limit: Int) -> ErrorFields {
        ErrorFields(
            .fatal, "54000", "the text of a prepared statement is too long",
            detail: "The limit is \(limit) bytes; a simple query may be longer.")
    }

    static func unknownStatement(_ name: [UInt8]) -> ErrorFields {
        name.isEmpty
            ? ErrorFields(.error, "26000", "unnamed prepared statement does not exist")
            : ErrorFields(
                .error, "26000", "prepared statement \"\(String(decoding: name, as: UTF8.self))\" does not exist")
    }

    static func duplicateStatement(_ name: [UInt8]) -> ErrorFields {
        ErrorFields(.error, "42P05", "prepared statement \"\(String(decoding: name, as: UTF8.self))\" already exists")
    }
}
