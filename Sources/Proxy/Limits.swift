// How many clients and server connections may one database, one user, one node have, and all together?

import Locks
import Pooling
import Sessions
import Wire

/// Under which names clients are counted: one for all that log in alike, so that each costs a pointer.
final class Admission: Sendable {
    let database: String
    let user: String

    init(database: String, user: String) {
        self.database = database
        self.user = user
    }
}

/// Clients that are logged in, or about to be.
struct ClientNumbers: Sendable {
    private struct Key: Hashable {
        var database: String
        var user: String
    }

    /// 0: no limit.
    private struct Limits {
        var ofDatabase: Int
        var ofUser: Int
        var ofBoth: Int

        init(_ key: Key, _ settings: ProxySettings) {
            let database = settings.database(named: key.database)
            ofDatabase = database?.maxClients ?? settings.server.maxDatabaseClients
            ofUser = settings.users[key.user]?.maxClients ?? settings.server.maxUserClients
            ofBoth = database.flatMap { settings.poolSettings(database: $0, user: key.user).maxClients } ?? 0
        }
    }

    private struct Entry {
        var admission: Admission
        var clients = 0
        var limits: Limits
        /// The limits are of these.
        var settings: SettingsInForce
    }

    private var entries: [Key: Entry] = [:]
    private var byDatabase: [String: Int] = [:]
    private var byUser: [String: Int] = [:]

    /// Counts a client; a failure says which limit forbids that.
    mutating func admit(
        database: String, user: String, _ settings: SettingsInForce
    ) -> Result<Admission, ErrorFields> {
        let key = Key(database: database, user: user)
        var entry =
            entries[key]
            ?? Entry(
                admission: Admission(database: database, user: user), limits: Limits(key, settings.value),
                settings: settings)
        if entry.settings !== settings {
            entry.limits = Limits(key, settings.value)
            entry.settings = settings
        }
        let (ofDatabase, ofUser) = (byDatabase[database, default: 0], byUser[user, default: 0])
        let limits = entry.limits
        if limits.ofDatabase > 0, ofDatabase >= limits.ofDatabase {
            return .failure(.tooMany("clients of database \"\(database)\"", limit: limits.ofDatabase))
        }
        if limits.ofUser > 0, ofUser >= limits.ofUser {
            return .failure(.tooMany("clients of user \"\(user)\"", limit: limits.ofUser))
        }
        if limits.ofBoth > 0, entry.clients >= limits.ofBoth {
            return .failure(
                .tooMany("clients of database \"\(database)\" and user \"\(user)\"", limit: limits.ofBoth))
        }
        byDatabase[database] = ofDatabase + 1
        byUser[user] = ofUser + 1
        entry.clients += 1
        entries[key] = entry
        return .success(entry.admission)
    }

    mutating func dismiss(_ client: Admission) {
        Self.decrement(&byDatabase, client.database)
        Self.decrement(&byUser, client.user)
        let key = Key(database: client.database, user: client.user)
        entries[key]?.clients -= 1
        if entries[key]?.clients == 0 { entries[key] = nil }
    }

    fileprivate static func decrement<Key: Hashable>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 0]
        counts[key] = count > 1 ? count - 1 : nil
    }
}

/// Server connections over all pools, those being opened included.
struct ConnectionBudget: Sendable {
    /// What a limit is about.
    enum Scope: Equatable, Sendable {
        case all
        case node(cluster: Int, place: Int)
        case database(String)
        case user(String)

        func contains(_ pool: Pool, _ group: PoolGroup) -> Bool {
            switch self {
            case .all: true
            case .node(let cluster, let place): pool.cluster == cluster && pool.node == place
            case .database(let name): group.database == name
            case .user(let name): group.user == name
            }
        }

        var name: String {
            switch self {
            case .all: "server connections"
            case .node: "connections to the node"
            case .database(let name): "server connections for database \"\(name)\""
            case .user(let name): "server connections of user \"\(name)\""
            }
        }
    }

    struct Refusal {
        var scope: Scope
        var limit: Int
    }

    private struct Node: Hashable {
        var cluster: Int
        var place: Int
    }

    private var all = 0
    private var byNode: [Node: Int] = [:]
    private var byDatabase: [String: Int] = [:]
    private var byUser: [String: Int] = [:]

    /// Counts a connection, unless a limit is reached.
    mutating func reserve(_ pool: Pool, _ group: PoolGroup, _ settings: ProxySettings) -> Refusal? {
        let node = Node(cluster: pool.cluster, place: pool.node)
        let (server, database) = (settings.server, settings.database(named: group.database))
        let limits: [(Scope, count: Int, limit: Int)] = [
            (.all, all, server.maxConnections),
            (.node(cluster: node.cluster, place: node.place), byNode[node, default: 0], server.maxNodeConnections),
            (
                .database(group.database), byDatabase[group.database, default: 0],
                database?.maxConnections ?? server.maxDatabaseConnections
            ),
            (
                .user(group.user), byUser[group.user, default: 0],
                settings.users[group.user]?.maxConnections ?? server.maxUserConnections
            ),
        ]
        if let hit = limits.first(where: { $0.limit > 0 && $0.count >= $0.limit }) {
            return Refusal(scope: hit.0, limit: hit.limit)
        }
        all += 1
        byNode[node, default: 0] += 1
        byDatabase[group.database, default: 0] += 1
        byUser[group.user, default: 0] += 1
        return nil
    }

    mutating func release(_ pool: Pool, _ group: PoolGroup) {
        all -= 1
        ClientNumbers.decrement(&byNode, Node(cluster: pool.cluster, place: pool.node))
        ClientNumbers.decrement(&byDatabase, group.database)
        ClientNumbers.decrement(&byUser, group.user)
    }
}

extension Worker {
    /// After so long a connection that a limit has denied is tried again.
    private static let deniedNanoseconds: UInt64 = 25_000_000

    // MARK: Clients

    /// Counts a client that has proved who it is; the error says why it may not stay.
    func admit(_ client: ClientConnection, database: String, user: String) -> ErrorFields? {
        let settings = shared.settings
        switch shared.clientNumbers.withLock({ $0.admit(database: database, user: user, settings) }) {
        case .success(let admission):
            client.admission = admission
            return nil
        case .failure(let error):
            shared.refusals.withLock { $0["clients", default: 0] += 1 }
            return error
        }
    }

    func dismiss(_ client: ClientConnection) {
        guard let admission = client.admission else { return }
        client.admission = nil
        shared.clientNumbers.withLock { $0.dismiss(admission) }
    }

    // MARK: Servers

    /// Whether the connection may be opened. If a limit forbids it, one that rests elsewhere has to make room.
    func reserve(_ server: ServerConnection) -> Bool {
        let settings = shared.settings
        let refusal = shared.budget.withLock { $0.reserve(server.pool, server.group, settings.value) }
        guard let refusal else {
            server.isBudgeted = true
            return true
        }
        var error = ErrorFields.tooMany(refusal.scope.name, limit: refusal.limit)
        error.severity = .error
        let told = error
        server.pool.lastError.withLock { $0 = told }
        forget(server)
        makeRoom(refusal.scope, for: server.pool)
        withPool(server.pool) { machine, actions in
            machine.connectDenied(
                epoch: server.epoch, now: now, retryAt: now &+ Self.deniedNanoseconds, actions: &actions)
        }
        return false
    }

    /// Closes the connection that has rested longest in the other pools that the limit is about.
    private func makeRoom(_ scope: ConnectionBudget.Scope, for needy: Pool) {
        var oldest: (pool: Pool, since: UInt64)?
        for group in shared.allGroups {
            for pool in group.existingPools where pool !== needy && scope.contains(pool, group) {
                guard let since = pool.machine.withLock({ $0.evictableSince }) else { continue }
                if oldest == nil || since < oldest?.since ?? 0 { oldest = (pool, since) }
            }
        }
        if let oldest { withPool(oldest.pool) { machine, actions in machine.evict(actions: &actions) } }
    }
}

extension ErrorFields {
    fileprivate static func tooMany(_ what: String, limit: Int) -> ErrorFields {
        ErrorFields(.fatal, "53300", "too many \(what)", detail: "At most \(limit) are allowed.")
    }
}
