// How many clients and server connections may one database, one user, one node have, and all together?

import Locks
import Pooling
import Sessions
import Wire

/// Under which names clients are counted: one for all that log in alike, so that each costs a pointer.
final class Admission: Sendable {
    let database: String
    let user: String
    /// Its number.
    fileprivate let pair: Int

    fileprivate init(database: String, user: String, pair: Int) {
        self.database = database
        self.user = user
        self.pair = pair
    }
}

/// Small numbers for keys, which hold until the key is removed.
private struct Numbering<Key: Hashable & Sendable>: Sendable {
    private var numbers: [Key: Int] = [:]
    private var free: [Int] = []

    var isEmpty: Bool { numbers.isEmpty }

    func number(of key: Key) -> Int? { numbers[key] }

    /// Of a key that has none.
    mutating func add(_ key: Key) -> Int {
        let number = free.popLast() ?? numbers.count
        numbers[key] = number
        return number
    }

    mutating func remove(_ key: Key) {
        if let number = numbers.removeValue(forKey: key) { free.append(number) }
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

        init(_ admission: Admission, _ settings: ProxySettings) {
            let database = settings.database(named: admission.database)
            ofDatabase = database?.maxClients ?? settings.server.maxDatabaseClients
            ofUser = settings.users[admission.user]?.maxClients ?? settings.server.maxUserClients
            ofBoth =
                database.flatMap { settings.poolSettings(database: $0, user: admission.user).maxClients } ?? 0
        }
    }

    /// Of one database and user; stays as long as it has a client. Apart from the references beside it, so that
    /// counting copies none.
    private struct Pair {
        var clients = 0
        /// The numbers of its database and its user.
        var database: Int
        var user: Int
        var limits: Limits
    }

    private var pairNumbers = Numbering<Key>()
    private var databaseNumbers = Numbering<String>()
    private var userNumbers = Numbering<String>()
    /// By the numbers of the pairs.
    private var pairs: [Pair] = []
    private var admissions: [Admission?] = []
    /// What the limits of the pairs were taken from.
    private var sources: [SettingsInForce?] = []
    /// Clients by the numbers of the databases and of the users.
    private var ofDatabases: [Int] = []
    private var ofUsers: [Int] = []
    /// Who came last: most clients of a program log in alike.
    private var recent: Admission?

    var isEmpty: Bool { pairNumbers.isEmpty && databaseNumbers.isEmpty && userNumbers.isEmpty }

    /// Counts a client; a failure says which limit forbids that.
    mutating func admit(
        database: String, user: String, _ settings: SettingsInForce
    ) -> Result<Admission, ErrorFields> {
        let admission = known(database, user) ?? begin(Key(database: database, user: user), settings)
        let number = admission.pair
        if sources[number] !== settings {
            pairs[number].limits = Limits(admission, settings.value)
            sources[number] = settings
        }
        if let error = objection(to: admission) {
            endIfUnused(admission)
            return .failure(error)
        }
        count(1, number)
        recent = admission
        return .success(admission)
    }

    mutating func dismiss(_ client: Admission) {
        count(-1, client.pair)
        endIfUnused(client)
    }

    private func known(_ database: String, _ user: String) -> Admission? {
        if let recent, recent.database == database, recent.user == user { return recent }
        return pairNumbers.number(of: Key(database: database, user: user)).flatMap { admissions[$0] }
    }

    private func objection(to admission: Admission) -> ErrorFields? {
        let pair = pairs[admission.pair]
        let limits = pair.limits
        if limits.ofDatabase > 0, ofDatabases[pair.database] >= limits.ofDatabase {
            return .tooMany("clients of database \"\(admission.database)\"", limit: limits.ofDatabase)
        }
        if limits.ofUser > 0, ofUsers[pair.user] >= limits.ofUser {
            return .tooMany("clients of user \"\(admission.user)\"", limit: limits.ofUser)
        }
        if limits.ofBoth > 0, pair.clients >= limits.ofBoth {
            return .tooMany(
                "clients of database \"\(admission.database)\" and user \"\(admission.user)\"",
                limit: limits.ofBoth)
        }
        return nil
    }

    private mutating func begin(_ key: Key, _ settings: SettingsInForce) -> Admission {
        let database = databaseNumbers.number(of: key.database) ?? databaseNumbers.add(key.database)
        let user = userNumbers.number(of: key.user) ?? userNumbers.add(key.user)
        if database == ofDatabases.count { ofDatabases.append(0) }
        if user == ofUsers.count { ofUsers.append(0) }
        let number = pairNumbers.add(key)
        let admission = Admission(database: key.database, user: key.user, pair: number)
        let pair = Pair(database: database, user: user, limits: Limits(admission, settings.value))
        if number == pairs.count {
            pairs.append(pair)
            admissions.append(admission)
            sources.append(settings)
        } else {
            pairs[number] = pair
            admissions[number] = admission
            sources[number] = settings
        }
        return admission
    }

    private mutating func count(_ change: Int, _ number: Int) {
        pairs[number].clients += change
        ofDatabases[pairs[number].database] += change
        ofUsers[pairs[number].user] += change
    }

    private mutating func endIfUnused(_ admission: Admission) {
        let pair = pairs[admission.pair]
        guard pair.clients == 0 else { return }
        if recent === admission { recent = nil }
        pairNumbers.remove(Key(database: admission.database, user: admission.user))
        admissions[admission.pair] = nil
        sources[admission.pair] = nil
        // Others with the same database or user have clients, as long as they stay.
        if ofDatabases[pair.database] == 0 { databaseNumbers.remove(admission.database) }
        if ofUsers[pair.user] == 0 { userNumbers.remove(admission.user) }
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
        Self.decrement(&byNode, Node(cluster: pool.cluster, place: pool.node))
        Self.decrement(&byDatabase, group.database)
        Self.decrement(&byUser, group.user)
    }

    private static func decrement<Key: Hashable>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 0]
        counts[key] = count > 1 ? count - 1 : nil
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
