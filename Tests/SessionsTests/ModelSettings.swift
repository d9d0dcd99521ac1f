// What has a model server been told of its settings, and how does the rig ask it?

import Routing
import Sessions
import Wire

/// Settings by name, as the current session has them.
struct ModelSettings {
    /// The row that stands for LISTEN, which is kept beside the settings because transactions undo it alike.
    private static let listening = "*listen"

    private var now: [String: String] = [:]
    /// What holds again if the transaction is undone, and behind SET LOCAL when it is not.
    private var before: [String: String]?
    private var beyond: [String: String] = [:]
    private var savepoint: [String: String] = [:]

    /// Carries out a SET, RESET, `SELECT set_config`, or what else concerns settings.
    mutating func run(_ text: String, isInTransaction: Bool) {
        let words = text.split { " =".contains($0) }.map { $0.trimmingPrefix("\"") }
        if text.hasPrefix("SET ") || text.hasPrefix("RESET ") {
            if before == nil { before = now }
            let isLocal = words[1] == "LOCAL"
            let name = String(isLocal ? words[2] : words[1]).replacing("\"", with: "")
            if text == "RESET ALL" {
                now = now.filter { $0.key == Self.listening }
                beyond = now
            } else {
                now[name] = text.hasPrefix("SET ") ? String(words.last ?? "") : nil
                if !isLocal { beyond[name] = now[name] }
            }
        } else if text.hasPrefix("SELECT pg_catalog.set_config(v.n") {
            if before == nil { before = now }
            for pair in text.split(separator: "(E'").dropFirst() {
                let parts = pair.split(separator: "'")
                guard now[String(parts[0])] == nil else { continue }
                now[String(parts[0])] = String(parts[2])
                if text.contains("v.v,false") { beyond[String(parts[0])] = String(parts[2]) }
            }
        } else if text.hasPrefix("SELECT pg_catalog.set_config") {
            for call in text.split(separator: "set_config(").dropFirst() {
                let parts = call.split(separator: "'")
                if parts.count > 3 { now[String(parts[1])] = String(parts[3]) }
            }
            beyond = now
        } else if text.contains("LISTEN") {
            if before == nil { before = now }
            now[Self.listening] = text.hasPrefix("LISTEN") ? "on" : nil
            beyond[Self.listening] = now[Self.listening]
        } else if text == "DISCARD ALL" {
            now = [:]
            beyond = [:]
        } else if text.hasPrefix("SAVEPOINT"), isInTransaction {
            savepoint = now
        } else if text.hasPrefix("ROLLBACK TO"), isInTransaction {
            now = savepoint
            beyond = savepoint
        }
    }

    mutating func end(commits: Bool) {
        if let before {
            now = commits ? beyond : before
            self.before = nil
        }
        beyond = now
    }

    /// nil: the text asks for no setting.
    func shown(_ text: String) -> String? {
        text == "SHOW work_mem" ? now["work_mem"] ?? "4MB" : nil
    }

    /// The rows of an inspection; nil: the text is none.
    func rows(_ text: String, statements: [(name: String, preparation: String?)]) -> [[String?]]? {
        guard text.hasPrefix("SELECT v.n") || text.hasPrefix("SELECT '*") else { return nil }
        let named = text.split(separator: "(E'").dropFirst().map { part -> [String?] in
            let name = String(part.prefix { $0 != "'" })
            return [name, now[name] ?? "4MB", now[name] == nil ? "default" : "session"]
        }
        let isListening = text.contains(Self.listening) && now[Self.listening] != nil
        let asksForNames = text.contains("pg_prepared_statements WHERE NOT from_sql")
        let own = statements.filter { statement in
            if statement.preparation != nil { return text.contains("pg_prepared_statements WHERE from_sql") }
            return asksForNames && !statement.name.hasPrefix("pointsman_")
        }
        return named + (isListening ? [[Self.listening, nil, nil]] : [])
            + own.map { ["*statement", $0.name, $0.preparation] }
    }
}

extension Rig {
    /// The client has reset what it may have brought.
    func restores(_ index: Int, _ server: Int) -> Bool {
        guard servers[server].session.awaitsRestoration == true else { return false }
        let brought = profiles.parameters(of: clients[index].session.initialProfile.id)
        var toServer = Outbox()
        clients[index].session.restore(brought, on: &servers[server].session, toServer: &toServer)
        write(toServer.bytes(from: Span()), to: server)
        return true
    }

    /// The client is through with its server, but for what it has set there; false: it has set nothing.
    func inspects(_ index: Int, _ server: Int) -> Bool {
        guard servers[server].session.isIdle == true, clients[index].session.needsInspection == true
        else { return false }
        let names = clients[index].session.settingsToInspect(in: profiles)
        var toServer = Outbox()
        clients[index].session.inspect(names, on: &servers[server].session, toServer: &toServer)
        write(toServer.bytes(from: Span()), to: server)
        return true
    }

    func adoptInspected(_ index: Int, _ server: Int) {
        guard let found = clients[index].session.takeInspected() else { return }
        if !found.settings.isEmpty {
            let initial = clients[index].session.initialProfile.id
            let (own, left) = profiles.retain(
                found.settings, after: clients[index].session.profile.id, initial: initial)
            clients[index].session.adopt(own, table: &table)
            servers[server].session.profile = left.id
        }
        if found.reasons.isEmpty { return }
        var toServer = Outbox()
        clients[index].session.pinned(found.reasons, on: &servers[server].session, toServer: &toServer)
        write(toServer.bytes(from: Span()), to: server)
    }

    /// Shows a token, and takes only that one back.
    func carryOut(_ command: TokenCommand, _ index: Int, _ input: [UInt8], at offset: inout Int) {
        let attachment = clients[index].server.map { servers[$0].session.attachment }
        let known = CommitToken(systemIdentifier: 7, timeline: 1, lsn: LSN(0x5000))
        var toClient = Outbox()
        switch command {
        case .raise(let token) where token != known:
            clients[index].session.refuseToken(
                .foreign(token, systemIdentifier: 7), input.span, at: &offset, isAttached: attachment != nil,
                table: &table, toClient: &toClient)
        case .show, .raise:
            clients[index].session.answer(
                aboutToken: command == .show ? known : nil, input.span, at: &offset, attachment: attachment,
                table: &table, toClient: &toClient)
        }
        clients[index].received += toClient.bytes(from: input.span)
    }
}
