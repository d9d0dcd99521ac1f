// When does a server know a statement under the client's own name?

import SQL
import Wire

/// Statements of the protocol are shared under names of the router's. To SQL they must have the client's: where a text
/// speaks of one by name, it is parsed once more under that name, on a server that the session keeps. From then on the
/// server is the truth for that name, and what the client says of it is passed on as it is.
extension ClientSession {
    /// Whether a Parse of this name is the server's to accept or to refuse.
    ///
    /// A session that keeps its server may have statements there that SQL has prepared.
    func isServers(_ name: Range<Int>, _ input: Span<UInt8>) -> Bool {
        guard !name.isEmpty, !isReserved(name, input) else { return false }
        return statement(named: name, input)?.isOwn ?? isPinned
    }

    /// Whether the server has, or will have, the statement under the client's own name.
    func isOwn(_ name: Range<Int>, _ input: Span<UInt8>) -> Bool { statement(named: name, input)?.isOwn ?? false }

    /// Makes the statements known that a text speaks of.
    ///
    /// - Returns: non-nil when that has to wait for an answer or for the pool.
    mutating func shareNames(
        _ classification: Classification, _ text: Span<UInt8>, server: inout ServerSession,
        table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        if batch.speaksOfGuest {
            return isGuestReady(classification, text, server: &server, table: table, toServer: &toServer) ? nil : .wait
        }
        if classification.pins.contains(.hiddenCode), names.count > 0, !(server.isQuiet && server.status == .failed),
            !ensureGuests(inCodeOf: text, server: &server, table: table, toServer: &toServer)
        {
            return .wait
        }
        // In a failed transaction nothing can be parsed, and hardly anything run.
        if classification.effects.contains(.listsStatements) {
            return showNames(server: &server, table: &table, toServer: &toServer)
        }
        guard classification.effects.contains(.statementName), names.count > 0 || !changes.isEmpty, !isOnReplica,
            !(server.isQuiet && server.status == .failed)
        else { return nil }
        if case .deallocate = classification.command { return nil }
        var mentions = StatementMentions(settings: lexer)
        while let range = mentions.next(text) {
            let name = Identifier.value(of: text.extracting(range))
            let bytes = 0..<name.count
            if isUncertain(bytes, name.span), server.willAnswer { return .wait }
            guard let statement = statement(named: bytes, name.span), !statement.isOwn, !isReserved(bytes, name.span)
            else { continue }
            if let pin = pin(for: .sqlPrepare, server: server) { return pin }
            openTransaction(server: &server, toServer: &toServer)
            guard giveName(statement, name, server: &server, table: &table, toServer: &toServer) else { return .wait }
        }
        return nil
    }

    /// Lets the server have a statement under the client's own name, and be the judge of it.
    ///
    /// - Returns: false when an answer is owed that tells whether it has it.
    private mutating func giveName(
        _ statement: PreparedStatement, _ name: [UInt8], server: inout ServerSession, table: inout StatementTable,
        toServer: inout Outbox
    ) -> Bool {
        if statement.isFromSQL {
            return adoptGuest(statement, name, server: &server, table: &table, toServer: &toServer)
        }
        parseUnderOwnName(statement, name, server: &server, table: &table, toServer: &toServer)
        return true
    }

    private mutating func parseUnderOwnName(
        _ shared: PreparedStatement, _ name: [UInt8], server: inout ServerSession, table: inout StatementTable,
        toServer: inout Outbox
    ) {
        var statement = shared
        let tail = table.tail(statement.reference)
        toServer.write { $0.appendParse(name: name, tail: tail) }
        server.expect(LedgerEntry(.parse, .swallow, changesClient: true))
        statement.isOwn = true
        table.retain(statement.reference)
        changes.append(StatementChange(name: name, statement: statement, batch: batchNumber))
        isUnsynced = true
        // A Query behind this one would be read over if the Parse fails.
        changesState = true
    }

    /// Makes the server's list of prepared statements the client's: those that are shared go, and the client's own come
    /// under their names.
    ///
    /// - Returns: non-nil when that has to wait for an answer or for the pool.
    mutating func showNames(
        server: inout ServerSession, table: inout StatementTable, toServer: inout Outbox
    ) -> Translation? {
        guard !isOnReplica, !(server.isQuiet && server.status == .failed) else { return nil }
        // A name would be given to what no server has confirmed.
        if changes.contains(where: { $0.batch != batchNumber }), server.willAnswer { return .wait }
        let shared = server.prepared.present
        let names = names.shared
        guard !shared.isEmpty || !names.isEmpty else { return nil }
        if let pin = pin(for: .sqlPrepare, server: server) { return pin }
        openTransaction(server: &server, toServer: &toServer)
        for id in shared {
            server.prepared.closing(id, syncs: server.syncsSent)
            toServer.write { $0.appendClose(statement: id.serverName) }
            server.expect(LedgerEntry(.close, .swallow, statement: id))
            isUnsynced = true
        }
        for name in names {
            guard let statement = statement(named: 0..<name.count, name.span), !isReserved(0..<name.count, name.span)
            else { continue }
            guard giveName(statement, name, server: &server, table: &table, toServer: &toServer) else { return .wait }
        }
        mayUnpin = true
        return nil
    }

    /// A Parse under the client's own name.
    mutating func parseAsOwn(
        _ view: ParseView, _ frame: Range<Int>, _ input: Span<UInt8>, _ reference: StatementReference,
        server: inout ServerSession, table: borrowing StatementTable, toServer: inout Outbox
    ) {
        var statement = PreparedStatement(reference: reference, id: table.id(reference))
        statement.isOwn = true
        changes.append(
            StatementChange(name: input.bytes(in: view.name), statement: statement, batch: batchNumber))
        server.expect(LedgerEntry(.parse, changesClient: true))
        toServer.forward(frame)
        isUnsynced = true
    }

    /// A Bind of what the server knows by that name, which SQL may have replaced meanwhile.
    mutating func bindOwn(
        _ header: FrameHeader, _ input: Span<UInt8>, at offset: inout Int, server: inout ServerSession,
        toServer: inout Outbox
    ) -> Translation? {
        guard closeStrangers(server: &server, toServer: &toServer) else { return .wait }
        mayHaveWritten = true
        server.remembersSequences = true
        isRooted = true
        server.expect(LedgerEntry(.bind))
        isUnsynced = true
        forwardPart(header, input, at: &offset, toServer: &toServer)
        return bodyRemaining > 0 ? .needInput : nil
    }
}

// MARK: Leaving the server

extension ClientSession {
    /// The session is about to leave a server whose statements are known: what it has under the client's names is
    /// shared from now on, and what SQL has deallocated is gone.
    ///
    /// - Parameter present: the names that the server has, as text.
    /// - Returns: whether every name could be compared.
    mutating func shareOwnNames(
        present: Set<String>, server: inout ServerSession, table: inout StatementTable
    ) -> Bool {
        let own = names.own
        guard changes.isEmpty, own.allSatisfy({ $0.allSatisfy { $0 < 0x80 } }) else { return own.isEmpty }
        for name in own {
            // PostgreSQL tells names apart by as much of them as it stores.
            let isPresent = present.contains(String(decoding: name.prefix(63), as: UTF8.self))
            if isPresent, let index = names.find(name) {
                names[index].isOwn = false
                if names[index].isFromSQL { server.guests.found(names[index].id, name: name) }
            } else if let removed = names.remove(name) {
                table.release(removed.reference)
            }
        }
        return true
    }
}

extension Effects {
    /// Whether the names of prepared statements may matter to the text.
    var speaksOfStatements: Bool { !isDisjoint(with: [.statementName, .listsStatements, .hiddenCode]) }
}

extension ServerSession {
    /// The server has closed a statement; one under a name of its own is gone for the client, too.
    ///
    /// - Returns: whether it was asked to.
    mutating func closed(_ entry: LedgerEntry?, _ facts: inout [ReplyFact]) -> Bool {
        guard let entry, entry.request == .close || entry.request == .closeGuest else { return false }
        if entry.request == .close { prepared.closed(entry.statement) } else { guests.closed(entry.statement) }
        if entry.changesClient { facts.append(.changeConfirmed) }
        return true
    }
}
