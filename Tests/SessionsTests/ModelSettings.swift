// What has a model server been told of its settings, and how does the rig ask it?

import Routing
import Sessions
import Wire

/// Settings by name, as the current session has them.
struct ModelSettings {
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
                now = [:]
                beyond = [:]
            } else {
                now[name] = text.hasPrefix("SET ") ? String(words.last ?? "") : nil
                if !isLocal { beyond[name] = now[name] }
            }
        } else if text.hasPrefix("SELECT pg_catalog.set_config") {
            for call in text.split(separator: "set_config(").dropFirst() {
                let parts = call.split(separator: "'")
                if parts.count > 3 { now[String(parts[1])] = String(parts[3]) }
            }
            beyond = now
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
    func rows(_ text: String) -> [[String?]]? {
        guard text.hasPrefix("SELECT v.n") else { return nil }
        return text.split(separator: "(E'").dropFirst().map { part in
            let name = String(part.prefix { $0 != "'" })
            return [name, now[name] ?? "4MB", now[name] == nil ? "default" : "session"]
        }
    }
}

extension Rig {
    /// The client is through with its server, but for what it has set there; false: it has set nothing.
    func inspects(_ index: Int, _ server: Int) -> Bool {
        guard servers[server].session.isIdle == true, clients[index].session.isDetachable == true,
            clients[index].session.needsInspection == true
        else { return false }
        let names = clients[index].session.settingsToInspect(in: profiles)
        var toServer = Outbox()
        clients[index].session.inspect(names, on: &servers[server].session, toServer: &toServer)
        write(toServer.bytes(from: Span()), to: server)
        return true
    }

    func adoptInspected(_ index: Int, _ server: Int) {
        guard let found = clients[index].session.takeInspected() else { return }
        if found.isEmpty {
            var toServer = Outbox()
            clients[index].session.pinned(.setting, on: &servers[server].session, toServer: &toServer)
            return write(toServer.bytes(from: Span()), to: server)
        }
        let initial = clients[index].session.initialProfile.id
        let (own, left) = profiles.retain(found, after: clients[index].session.profile.id, initial: initial)
        clients[index].session.adopt(own, table: &table)
        servers[server].session.profile = left.id
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
