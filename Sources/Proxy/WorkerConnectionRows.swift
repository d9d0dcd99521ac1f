// What does the console say of single connections?

import Glibc
import Reactor
import Sessions

extension Worker {
    /// Answers a question that all workers are asked.
    func answer(_ gather: ConsoleGather) {
        let rows: [[String?]]
        switch gather.question {
        case .clients: rows = clients.compactMap { $0.map { clientRow($0) } }
        case .servers: rows = servers.compactMap { $0.map { serverRow($0) } }
        case .sockets(let activeOnly): rows = socketRows(activeOnly: activeOnly)
        case .pins: rows = clients.compactMap { $0.flatMap { pinRow($0) } }
        case .statements:
            rows = [
                [
                    "\(id.rawValue)", "\(statements.retainedCount)", nil,
                    "\(clients.count { $0.map { $0.session.statementCount > 0 } ?? false })",
                ]
            ]
        case .memory:
            rows = [
                [
                    "buffers of worker \(id.rawValue)", "1", "\(blocks.borrowed)", "\(blocks.spare)",
                    "\(blocks.borrowed + blocks.spare)",
                ]
            ]
        case .killClient(let key): rows = kill(key) ? [["killed"]] : []
        case .kill(let database):
            endClients(of: database)
            rows = []
        }
        gather.add(rows)
    }

    // MARK: Rows

    private func clientRow(_ client: ClientConnection) -> [String?] {
        let names = client.names
        let waited = client.wait.isNone ? 0 : now &- client.activeAt
        var isReplicating = false
        if case .replicating = client.phase { isReplicating = true }
        return [
            "C", names.user, names.database, isReplicating ? "yes" : "none", state(of: client),
            Self.host(client.peer), Self.port(client.peer),
        ] + Self.place(client.descriptor, client.peer) + [
            Self.instant(client.acceptedAt, now: now), Self.instant(client.activeAt, now: now),
            "\(waited / 1_000_000_000)", "\(waited / 1000 % 1_000_000)", client.group?.end == nil ? "0" : "1",
            pointer(client.token), client.server.map { pointer($0.token) } ?? "",
            Self.process(client.peer), Self.encryption(client.output), applicationName(client.session.profile.id),
            "\(client.session.statementCount)", "\(client.processID)",
        ]
    }

    private func state(of client: ClientConnection) -> String {
        if client.group?.end != nil { return "leaving" }
        switch client.phase {
        case .login, .welcoming: return "login"
        case .console, .replicating: return "active"
        case .serving: break
        }
        if case .pool = client.wait { return "waiting" }
        if case .held = client.wait { return "held" }
        if case .paused = client.wait { return "waiting" }
        return client.server == nil ? "idle" : "active"
    }

    private func serverRow(_ server: ServerConnection) -> [String?] {
        let state =
            switch server.phase {
            case .connecting, .encrypting, .login: "login"
            case .idle: "idle"
            case .attached, .finishing: "active"
            case .cooling: "being_canceled"
            case .resetting: "tested"
            }
        let node = shared.node(server.pool.cluster, server.pool.node)
        let place = server.descriptor.flatMap { Socket.localAddress($0) }
        return [
            "S", server.group.user, server.group.database, "none", state, node.host, "\(node.port)",
            place?.host ?? "", "\(place?.port ?? 0)", Self.instant(server.startedAt, now: now),
            Self.instant(server.client?.attachedAt ?? server.connectedAt, now: now), "0", "0", "0",
            pointer(server.token), server.client.map { pointer($0.token) } ?? "", "\(server.processID)",
            Self.encryption(server.output), applicationName(server.session.profile),
            "\(server.session.prepared.count)", "\(server.id.rawValue)",
        ]
    }

    private func socketRows(activeOnly: Bool) -> [[String?]] {
        func buffers(_ kept: Int, _ output: Int) -> [String?] {
            ["0", "0", "0", "0", "\(output)", "\(kept)", "\(output)"]
        }
        let ofClients = clients.compactMap { client -> [String?]? in
            guard let client, !activeOnly || client.server != nil || !client.output.isEmpty else { return nil }
            return clientRow(client) + buffers(client.kept.count, client.output.count)
        }
        let ofServers = servers.compactMap { server -> [String?]? in
            guard let server, !activeOnly || server.client != nil || !server.output.isEmpty else { return nil }
            return serverRow(server) + buffers(server.kept.count, server.output.count)
        }
        return ofClients + ofServers
    }

    private func pinRow(_ client: ClientConnection) -> [String?]? {
        guard client.session.isPinned, let server = client.server else { return nil }
        return [
            client.names.database, client.names.user, Self.host(client.peer), Self.port(client.peer),
            "\(client.session.pins)", server.address, "\(server.processID)", "\(client.processID)",
        ]
    }

    private func applicationName(_ profile: ProfileID) -> String {
        shared.profiles.withLock { $0.parameters(of: profile) }.first { $0.name == "application_name" }?.value ?? ""
    }

    private func pointer(_ token: Token) -> String {
        "0x" + String(UInt64(bitPattern: Int64(identity(token))), radix: 16)
    }

    private static func host(_ peer: Peer) -> String {
        if case .tcp(let address) = peer { address.host } else { "unix" }
    }

    private static func port(_ peer: Peer) -> String {
        if case .tcp(let address) = peer { "\(address.port)" } else { "0" }
    }

    private static func process(_ peer: Peer) -> String {
        if case .unix(let owner?) = peer { "\(owner.process)" } else { "0" }
    }

    /// This side's address and port.
    private static func place(_ descriptor: Descriptor, _ peer: Peer) -> [String?] {
        guard case .tcp = peer, let address = Socket.localAddress(descriptor) else { return ["unix", "0"] }
        return [address.host, "\(address.port)"]
    }

    private static func encryption(_ output: borrowing Output) -> String {
        guard let channel = output.channel, channel.isEstablished else { return "" }
        return "\(channel.version)/\(channel.cipher)"
    }

    /// An instant of the monotonic clock as a time of day, in UTC.
    private static func instant(_ instant: UInt64, now: UInt64) -> String? {
        if instant == 0 { return nil }
        let seconds = time(nil) - Int((now &- min(now, instant)) / 1_000_000_000)
        return CalendarTime(secondsSince1970: seconds).description + " UTC"
    }

    // MARK: Ends by command

    private func kill(_ key: CancelKey) -> Bool {
        guard key.worker == id.rawValue, key.slot >= 0, key.slot < clients.count, let client = clients[key.slot] else {
            return false
        }
        close(client, .endedByAdministrator)
        return true
    }

    private func endClients(of database: String?) {
        for case let client? in clients {
            if case .console = client.phase { continue }
            guard database == nil || client.names.database == database else { continue }
            close(client, .endedByAdministrator)
        }
    }
}
