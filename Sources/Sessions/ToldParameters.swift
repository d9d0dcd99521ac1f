// What was a client told of its settings, and when must it be told something else?

import SQL
public import Wire

/// A RESET gives what role, database and server have. What the client brought is told to the server again behind it,
/// and only then the client hears that it is ready.
enum Restoration: Equatable, Sendable {
    case no
    /// The last request under way ends with ReadyForQuery, which is held.
    case expected
    /// It is held.
    case held
}

extension ServerSession {
    /// ReadyForQuery is held until the client's settings are restored, which nobody has begun.
    public var awaitsRestoration: Bool { restoration == .held && isQuiet }

    /// ParameterStatus; returns whether it goes to the client.
    mutating func reported(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, _ facts: inout [ReplyFact]
    ) -> Bool {
        let body = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
        guard let nameEnd = bytes.terminator(in: body),
            let valueEnd = bytes.terminator(in: nameEnd + 1..<body.upperBound)
        else {
            facts.append(.protocolViolation("the server sent an invalid ParameterStatus"))
            return false
        }
        let name = bytes.text(in: body.lowerBound..<nameEnd)
        let value = bytes.text(in: nameEnd + 1..<valueEnd)
        if let index = parameters.firstIndex(where: { $0.name == name }) {
            parameters[index].value = value
        } else {
            parameters.append(StartupParameter(name, value))
        }
        lexer.take(name, value)
        if name == "in_hot_standby" { isStandby = value == "on" }
        facts.append(.parameterStatus(name: name, value: value))
        guard name != "in_hot_standby" else { return false }
        let isOver = restoration == .no || (restoration == .expected && ledger.count > 1)
        guard isOver, first.map({ $0.disposition == .forward }) ?? true else {
            if !untold.contains(name) { untold.append(name) }
            return false
        }
        return noteTold(name, value)
    }

    /// Returns whether the client believes something else.
    private mutating func noteTold(_ name: String, _ value: String) -> Bool {
        if let index = told.firstIndex(where: { $0.name == name }) {
            guard told[index].value != value else { return false }
            told[index].value = value
        } else {
            told.append(StartupParameter(name, value))
        }
        hasToldNews = true
        return true
    }

    /// Tells the client what has become of settings since it was told of them, ahead of a ReadyForQuery.
    mutating func tellChanges(toClient: inout Outbox) {
        guard !untold.isEmpty else { return }
        for parameter in parameters where untold.contains(parameter.name) {
            // Whoever was told nothing yet is told all of it at its welcome.
            guard told.contains(where: { $0.name == parameter.name }), noteTold(parameter.name, parameter.value),
                !isAbandoned
            else { continue }
            toClient.write { $0.appendParameterStatus(name: parameter.name, value: parameter.value) }
        }
        untold.removeAll(keepingCapacity: true)
    }
}

extension ClientSession {
    /// Remembers what becomes of the client's settings by a statement that is about to run.
    mutating func noteLoss(_ classification: Classification, _ text: Span<UInt8>) {
        let effects = classification.effects
        guard !effects.isDisjoint(with: [.sessionState, .setLocal]), mayKeepState, initialProfile.id != .base,
            loses(classification, text)
        else { return }
        batch.restoresLocally = !effects.contains(.sessionState)
    }

    /// Whether a statement may give a setting another value than the client has brought without naming one.
    private func loses(_ classification: Classification, _ text: Span<UInt8>) -> Bool {
        if classification.statementCount > 1 { return true }
        return switch classification.command {
        case .reset, .resetAll, .discardAll: true
        case .set(name: _, let value, isLocal: _):
            value.count == 7 && String(decoding: text.bytes(in: value), as: UTF8.self).lowercased() == "default"
        case .empty, .begin, .commit, .rollback, .savepoint, .rollbackTo, .release, .prepareTransaction,
            .commitPrepared, .rollbackPrepared, .setTransaction, .sessionCharacteristics, .deallocate, .deallocateAll,
            .discardPlans, .discardSequences, .discardTemp, .unlistenAll, .closeAll, .show, .setConfig, .explain,
            .explainRoute, .select, .copy, .prepare, .execute, .other:
            false
        }
    }

    /// The end of the batch is sent: what comes behind waits until the client has its settings again.
    mutating func expectEnd(_ entry: LedgerEntry, server: inout ServerSession) {
        let isRead = !server.isCopyingIn
        server.expect(entry)
        guard isRead, let isLocal = batch.restoresLocally else { return }
        awaiting = .restoration(isLocal: isLocal)
        server.restoration = .expected
    }

    /// Gives the server what the client has brought and has not set to something else.
    public mutating func restore(
        _ brought: [StartupParameter], on server: inout ServerSession, toServer: inout Outbox
    ) {
        guard case .restoration(let isLocal) = awaiting else { return }
        server.ask(Self.restoring(brought, isLocal: isLocal), toServer: &toServer)
    }

    /// Settings that `pg_settings` does not show have no source.
    private static func restoring(_ brought: [StartupParameter], isLocal: Bool) -> [UInt8] {
        let list = brought.map { "(\(ProfileTable.literal($0.name)),\(ProfileTable.literal($0.value)))" }
        let text = """
            SELECT pg_catalog.set_config(v.n,v.v,\(isLocal)) FROM (VALUES \(list.joined(separator: ","))) AS v (n,v) \
            LEFT JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) v.n \
            WHERE CASE WHEN s.source IS NULL \
            THEN COALESCE(pg_catalog.current_setting(v.n,true),'') OPERATOR(pg_catalog.=) \
            CASE WHEN v.n OPERATOR(pg_catalog.=) 'role' THEN 'none' ELSE '' END \
            ELSE s.source OPERATOR(pg_catalog.<>) 'session' END
            """
        return Array(text.utf8)
    }

    /// The server has them, or could not be given them.
    mutating func restored(_ error: ReceivedError?, server: inout ServerSession) {
        awaiting = nil
        // DISCARD ALL has left nothing else.
        if error == nil, server.profile == .base, profile.id == initialProfile.id { server.profile = profile.id }
    }

    /// The server holds back nothing any more, because the batch has failed or was read over.
    mutating func noteEndOfRestoration(server: inout ServerSession, isReadOver: Bool) {
        guard case .restoration = awaiting else { return }
        if isReadOver { server.restoration = .no }
        if server.restoration == .no { awaiting = nil }
    }

    /// DISCARD ALL, answered without a server: the client has what it had at its start.
    mutating func tellAsAtStart(toClient: inout Outbox) {
        guard told != toldAtStart else { return }
        for parameter in toldAtStart where !told.contains(parameter) {
            toClient.write { $0.appendParameterStatus(name: parameter.name, value: parameter.value) }
        }
        told = toldAtStart
    }
}
