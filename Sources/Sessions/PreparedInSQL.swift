// How do statements that were prepared in SQL follow their client from server to server?

import SQL
import Wire

/// A PREPARE that was carried out is kept as text. Where its client says EXECUTE, and the server does not have the
/// statement, the PREPARE is sent ahead, so that whatever PostgreSQL has to say about the statement, it says in the
/// words and with the positions that it would have used. An EXECUTE goes where its statement may run.
extension ClientSession {
    /// Longer names are cut off by PostgreSQL.
    private static let longestName = 63

    /// The verdict on a PREPARE or an EXECUTE, by what the session knows.
    mutating func resolved(
        _ read: Classification, _ text: Span<UInt8>, table: borrowing StatementTable
    ) -> Classification {
        var verdict: Classification?
        if case .prepare(let name, let statement) = read.command {
            verdict = verdictOnPrepare(read, text, name: name, statement: statement, table: table)
        } else if case .execute(let name, let arguments) = read.command {
            verdict = verdictOnExecute(read, text, name: name, arguments: arguments, table: table)
        }
        batch.speaksOfGuest = verdict != nil
        return verdict ?? read
    }

    /// The verdict on a text of the extended protocol. There an EXECUTE keeps the session on its server, as it may on
    /// the reader port if its statement may run there.
    mutating func asForReader(_ reference: StatementReference, table: inout StatementTable) -> Classification {
        let read = table.currentClassification(reference)
        guard listener == .reader, read.isExecution else { return read }
        let text = table.text(reference)
        defer { batch.speaksOfGuest = false }
        return resolved(read, text.span, table: table)
    }

    /// The name of a statement in the text. What it stands for may not be known yet.
    private mutating func title(_ name: Range<Int>, in text: Span<UInt8>) -> [UInt8] {
        let title = Identifier.value(of: text.extracting(name))
        if isUncertain(0..<title.count, title.span) { batch.isUncertain = true }
        return title
    }

    private mutating func verdictOnExecute(
        _ read: Classification, _ text: Span<UInt8>, name: Range<Int>, arguments: Range<Int>,
        table: borrowing StatementTable
    ) -> Classification? {
        let title = title(name, in: text)
        // What PostgreSQL makes of a longer name may be another's.
        guard title.count <= Self.longestName else { return nil }
        guard let known = statement(named: 0..<title.count, title.span) else {
            guard !isPinned, !hasRunHiddenCode else { return nil }
            // The session has no others: an EXECUTE of what does not exist runs nothing.
            var verdict = read
            verdict.effects = .statementName
            verdict.pins = []
            verdict.routeClass = .replicaSafe
            return verdict
        }
        guard known.isFromSQL, !known.isOwn, let prepared = table.classificationOfPrepared(known.reference)
        else { return nil }
        return Classifier.classify(
            text, executing: read, name: name, arguments: arguments, prepared: prepared, settings: lexerInForce,
            knowledge: table.knowledge(of: catalog))
    }

    private mutating func verdictOnPrepare(
        _ read: Classification, _ text: Span<UInt8>, name: Range<Int>, statement: Range<Int>,
        table: borrowing StatementTable
    ) -> Classification? {
        let title = title(name, in: text)
        let bytes = 0..<title.count
        let known = self.statement(named: bytes, title.span)
        // What it means must be what it means to any server that has the client's settings.
        guard variant == 0, !hasLocalSettings, !hasTouchedSettings, !isLexingInDoubt, !pins.contains(.setting),
            text.count <= StatementTable.cachedTextLimit, names.count + changes.count < StatementNames.limit,
            title.count <= Self.longestName, title.allSatisfy({ $0 < 0x80 }), !isReserved(bytes, title.span),
            known.map({ $0.isFromSQL && !$0.isOwn }) ?? true
        else { return nil }
        return Classifier.classify(
            text, preparing: read, statement: statement, settings: lexerInForce,
            knowledge: table.knowledge(of: catalog))
    }

    // MARK: On the attached server

    /// Makes the server ready for a PREPARE or an EXECUTE.
    ///
    /// - Returns: false when an answer is owed that tells what the server has.
    mutating func isGuestReady(
        _ classification: Classification, _ text: Span<UInt8>, server: inout ServerSession,
        table: borrowing StatementTable, toServer: inout Outbox
    ) -> Bool {
        guard let title = Self.title(of: classification, text) else { return true }
        // Where nothing can be prepared, nothing can be executed.
        if server.isQuiet, server.status == .failed { return true }
        if server.guests.isInDoubt(syncs: server.syncsSent) { return false }
        guard let known = statement(named: 0..<title.count, title.span) else {
            closeGuest(named: title, server: &server, toServer: &toServer)
            return true
        }
        if case .prepare = classification.command {
            return occupy(title, known, server: &server, toServer: &toServer)
        }
        return ensureGuest(known, title, server: &server, table: table, toServer: &toServer)
    }

    /// Makes the server refuse a name that is taken, once it has read the text. What it stands for does not matter.
    ///
    /// - Returns: false when an answer is owed that tells whether the server has the statement.
    private mutating func occupy(
        _ name: [UInt8], _ known: PreparedStatement, server: inout ServerSession, toServer: inout Outbox
    ) -> Bool {
        switch server.guests.touch(known.id, syncs: server.syncsSent) {
        case .uncertain: return false
        case .present: return true
        case .absent: break
        }
        openTransaction(server: &server, toServer: &toServer)
        closeGuest(named: name, server: &server, toServer: &toServer)
        closeGuest(.placeholder, server: &server, toServer: &toServer)
        toServer.write { $0.appendParse(name: name, tail: [0, 0, 0]) }
        server.expect(LedgerEntry(.parse, .swallow))
        server.guests.preparing(.placeholder, name: name, syncs: server.syncsSent)
        isUnsynced = true
        changesState = true
        return true
    }

    /// What is to be expected of the PREPARE or EXECUTE that is about to be forwarded.
    mutating func entryForGuest(
        _ classification: Classification, _ text: Span<UInt8>, server: inout ServerSession,
        table: inout StatementTable
    ) -> LedgerEntry {
        guard case .prepare = classification.command, let title = Self.title(of: classification, text) else {
            return LedgerEntry(.query)
        }
        let isTaken = statement(named: 0..<title.count, title.span) != nil
        let reference = table.retain(
            tail: ([UInt8](copying: text) + [0, 0, 0]).span, textLength: text.count, key: parsing)
        var statement = PreparedStatement(reference: reference, id: table.id(reference))
        statement.isFromSQL = true
        changes.append(StatementChange(name: title, statement: statement, batch: batchNumber))
        // What comes next may speak of it.
        changesState = true
        if isTaken { return LedgerEntry(.query, changesClient: true) }
        server.guests.preparing(statement.id, name: title, syncs: server.syncsSent)
        return LedgerEntry(.query, changesClient: true, statement: statement.id)
    }

    private static func title(of classification: Classification, _ text: Span<UInt8>) -> [UInt8]? {
        if case .prepare(let name, _) = classification.command { return Identifier.value(of: text.extracting(name)) }
        if case .execute(let name, _) = classification.command { return Identifier.value(of: text.extracting(name)) }
        return nil
    }

    /// - Returns: false when an answer is owed that tells whether the server has the statement.
    mutating func ensureGuest(
        _ statement: PreparedStatement, _ name: [UInt8], server: inout ServerSession,
        table: borrowing StatementTable, toServer: inout Outbox
    ) -> Bool {
        switch server.guests.touch(statement.id, syncs: server.syncsSent) {
        case .uncertain: return false
        case .present: return true
        case .absent: break
        }
        prepareAgain(
            statement, name, LedgerEntry(.prepareGuest, .swallow, statement: statement.id), server: &server,
            table: table, toServer: &toServer)
        server.guests.preparing(statement.id, name: name, syncs: server.syncsSent)
        if let surplus = server.guests.surplus(limit: settings.maxPreparedStatements) {
            closeGuest(surplus, server: &server, toServer: &toServer)
        }
        return true
    }

    /// From now on the server is the truth for the name.
    ///
    /// - Returns: false when an answer is owed that tells whether the server has the statement.
    mutating func adoptGuest(
        _ statement: PreparedStatement, _ name: [UInt8], server: inout ServerSession, table: inout StatementTable,
        toServer: inout Outbox
    ) -> Bool {
        switch server.guests.touch(statement.id, syncs: server.syncsSent) {
        case .uncertain:
            return false
        case .present:
            guard let index = names.find(name) else { preconditionFailure("What is certain is confirmed.") }
            names[index].isOwn = true
            server.guests.remove(statement.id)
        case .absent:
            var own = statement
            own.isOwn = true
            table.retain(own.reference)
            prepareAgain(
                statement, name, LedgerEntry(.prepareGuest, .swallow, changesClient: true), server: &server,
                table: table, toServer: &toServer)
            changes.append(StatementChange(name: name, statement: own, batch: batchNumber))
        }
        return true
    }

    private mutating func prepareAgain(
        _ statement: PreparedStatement, _ name: [UInt8], _ entry: LedgerEntry, server: inout ServerSession,
        table: borrowing StatementTable, toServer: inout Outbox
    ) {
        openTransaction(server: &server, toServer: &toServer)
        closeGuest(named: name, server: &server, toServer: &toServer)
        server.askInBatch(table.text(statement.reference), entry, toServer: &toServer)
        isUnsynced = true
        // A Query behind this one would be read over if it fails.
        changesState = true
    }

    /// Code in a text may speak of the client's statements by their names.
    ///
    /// - Returns: false when an answer is owed that tells what the server has.
    mutating func ensureGuests(
        inCodeOf text: Span<UInt8>, server: inout ServerSession, table: borrowing StatementTable,
        toServer: inout Outbox
    ) -> Bool {
        for name in names.preparedInSQL where text.contains(name) {
            guard let index = names.find(name) else { continue }
            guard ensureGuest(names[index], name, server: &server, table: table, toServer: &toServer) else {
                return false
            }
        }
        return true
    }

    // MARK: Found on the server

    /// Compares the statements that a server has from PREPARE with what the session knows of them.
    ///
    /// - Returns: whether nothing is there that the session could not bring elsewhere.
    mutating func compareGuests(
        with found: [String: String], server: inout ServerSession, table: inout StatementTable
    ) -> Bool {
        var isKnown = true
        for (name, text) in found {
            let title = Array(name.utf8)
            guard let index = names.find(title), names[index].isFromSQL,
                table.text(names[index].reference).elementsEqual(text.utf8)
            else {
                isKnown = false
                continue
            }
        }
        // Code that the router did not see may have deallocated one, or given its name to another.
        for guest in server.guests.present {
            let title = String(decoding: guest.name, as: UTF8.self)
            guard let index = names.find(guest.name), names[index].id == guest.id else { continue }
            if found[title] == nil {
                if let removed = names.remove(guest.name) { table.release(removed.reference) }
                server.guests.remove(guest.id)
            } else if found[title].map({ !table.text(names[index].reference).elementsEqual($0.utf8) }) ?? false {
                names[index].isOwn = true
                server.guests.remove(guest.id)
            }
        }
        return isKnown
    }

    // MARK: Those of others

    /// Whatever might see, or be hindered by, what others have prepared finds nothing of it. A read that speaks of no
    /// statement can do neither.
    ///
    /// - Returns: false when an answer is owed that tells whether something is left.
    mutating func closeStrangers(
        for classification: Classification, server: inout ServerSession, toServer: inout Outbox
    ) -> Bool {
        let speaksOfOthers = classification.effects.speaksOfStatements && !batch.speaksOfGuest
        if classification.routeClass == .replicaSafe, !speaksOfOthers { return true }
        return closeStrangers(server: &server, toServer: &toServer)
    }

    @discardableResult
    mutating func closeStrangers(server: inout ServerSession, toServer: inout Outbox) -> Bool {
        guard !server.guests.isEmpty, !server.isSkipping, !server.isCopyingIn else { return true }
        if server.guests.isInDoubt(syncs: server.syncsSent) { return false }
        for guest in server.guests.present {
            let known = statement(named: 0..<guest.name.count, guest.name.span)
            if known?.id == guest.id, known?.isFromSQL == true { continue }
            closeGuest(guest.id, server: &server, toServer: &toServer)
        }
        return true
    }

    mutating func closeGuest(named name: [UInt8], server: inout ServerSession, toServer: inout Outbox) {
        if let id = server.guests.id(named: name) { closeGuest(id, server: &server, toServer: &toServer) }
    }

    private mutating func closeGuest(_ id: StatementID, server: inout ServerSession, toServer: inout Outbox) {
        guard let name = server.guests.name(of: id) else { return }
        server.guests.closing(id, syncs: server.syncsSent)
        toServer.write { $0.appendClose(statement: name) }
        server.expect(LedgerEntry(.closeGuest, .swallow, statement: id))
        isUnsynced = true
    }
}

extension Span<UInt8> {
    /// Whether the bytes stand somewhere, in either case of ASCII letters.
    func contains(_ word: [UInt8]) -> Bool {
        guard count >= word.count else { return false }
        for start in 0...count - word.count {
            var length = 0
            while length < word.count, self[start + length] | 0x20 == word[length] | 0x20 { length += 1 }
            if length == word.count { return true }
        }
        return false
    }
}
