// How many clients and server connections may one database, one user, one node have, and all together?

import Locks
import Pooling
import Sessions
import Wire

/// Under which names clients are counted: one for all that log in alike, so that each costs a pointer.
final class Admission: Sendable {
    let user: String
    fileprivate let tally: Int

    fileprivate init(user: String, tally: Int) {
        self.user = user
        self.tally = tally
    }
}

/// Values by keys, and by numbers that hold as long as the value stays.
private struct Register<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var numbers: [Key: Int] = [:]
    private var entries: [(key: Key, value: Value)?] = []
    private var free: [Int] = []

    var isEmpty: Bool { numbers.isEmpty }

    func number(of key: Key) -> Int? { numbers[key] }

    /// `value` makes the value out of its number.
    mutating func add(_ key: Key, _ value: (Int) -> Value) -> Int {
        let number = free.popLast() ?? entries.count
        if number == entries.count { entries.append(nil) }
        entries[number] = (key, value(number))
        numbers[key] = number
        return number
    }

    mutating func remove(_ number: Int) {
        guard let entry = entries[number] else { return }
        numbers[entry.key] = nil
        entries[number] = nil
        free.append(number)
    }

    subscript(number: Int) -> Value {
        get {
            guard let entry = entries[number] else { preconditionFailure("A number holds while its value stays.") }
            return entry.value
        }
        set { entries[number]?.value = newValue }
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

    /// Of one database and user; stays as long as it has a client.
    private struct Tally {
        var admission: Admission
        var clients = 0
        /// The numbers of its database and its user.
        var database: Int
        var user: Int
        var limits: Limits
        /// The limits are of these.
        var settings: SettingsInForce
    }

    private var tallies = Register<Key, Tally>()
    /// Clients by database and by user.
    private var databases = Register<String, Int>()
    private var users = Register<String, Int>()

    var isEmpty: Bool { tallies.isEmpty && databases.isEmpty && users.isEmpty }

    /// Counts a client; a failure says which limit forbids that.
    mutating func admit(
        database: String, user: String, _ settings: SettingsInForce
    ) -> Result<Admission, ErrorFields> {
        let key = Key(database: database, user: user)
        let number = tallies.number(of: key) ?? begin(key, settings)
        if tallies[number].settings !== settings {
            tallies[number].limits = Limits(key, settings.value)
            tallies[number].settings = settings
        }
        if let error = objection(to: key, tallies[number]) {
            endIfUnused(number)
            return .failure(error)
        }
        count(1, number)
        return .success(tallies[number].admission)
    }

    mutating func dismiss(_ client: Admission) {
        count(-1, client.tally)
        endIfUnused(client.tally)
    }

    private func objection(to key: Key, _ tally: Tally) -> ErrorFields? {
        let limits = tally.limits
        if limits.ofDatabase > 0, databases[tally.database] >= limits.ofDatabase {
            return .tooMany("clients of database \"\(key.database)\"", limit: limits.ofDatabase)
        }
        if limits.ofUser > 0, users[tally.user] >= limits.ofUser {
            return .tooMany("clients of user \"\(key.user)\"", limit: limits.ofUser)
        }
        if limits.ofBoth > 0, tally.clients >= limits.ofBoth {
            return .tooMany("clients of database \"\(key.database)\" and user \"\(key.user)\"", limit: limits.ofBoth)
        }
        return nil
    }

    private mutating func begin(_ key: Key, _ settings: SettingsInForce) -> Int {
        let database = databases.number(of: key.database) ?? databases.add(key.database) { _ in 0 }
        let user = users.number(of: key.user) ?? users.add(key.user) { _ in 0 }
        return tallies.add(key) { number in
            Tally(
                admission: Admission(user: key.user, tally: number), database: database, user: user,
                limits: Limits(key, settings.value), settings: settings)
        }
    }

    private mutating func count(_ change: Int, _ number: Int) {
        tallies[number].clients += change
        databases[tallies[number].database] += change
        users[tallies[number].user] += change
    }

    private mutating func endIfUnused(_ number: Int) {
        let tally = tallies[number]
        guard tally.clients == 0 else { return }
        tallies.remove(number)
        // Others with the same database or user have clients, as long as they stay.
        if databases[tally.database] == 0 { databases.remove(tally.database) }
        if users[tally.user] == 0 { users.remove(tally.user) }
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
