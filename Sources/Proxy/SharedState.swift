// What do the workers have in common, and behind which locks?

public import Authentication
import Locks
import Logging
import OpenSSL
import Pooling
import Reactor
public import Routing
import Sessions
import Synchronization
import Wire

/// A cluster as the proxy sees it; whoever wires the process connects it to a prober.
public struct ProxyCluster: Sendable {
    public var settings: ClusterDefinition
    /// The number of the last sample begun.
    public var samples: SampleCounter
    /// A session waits for a sample.
    public var requestSample: @Sendable () -> Void
    /// Traffic found something odd about a node.
    public var requestProbe: @Sendable (NodeID) -> Void
    /// A database, by its name on the servers, is in use, and so many changes of its catalog were seen passing; nil:
    /// catalogs are not read.
    public var requestCatalog: (@Sendable (String, UInt64) -> Void)?

    /// A node is to serve no reads, or to serve them again.
    public var setDrained: @Sendable (NodeID, Bool) -> Void

    public init(
        settings: ClusterDefinition, samples: SampleCounter, requestSample: @escaping @Sendable () -> Void,
        requestProbe: @escaping @Sendable (NodeID) -> Void,
        requestCatalog: (@Sendable (String, UInt64) -> Void)?,
        setDrained: @escaping @Sendable (NodeID, Bool) -> Void
    ) {
        self.setDrained = setDrained
        self.settings = settings
        self.samples = samples
        self.requestSample = requestSample
        self.requestProbe = requestProbe
        self.requestCatalog = requestCatalog
    }
}

/// Asks the cluster of a number, in a database by its name there, what is known of a user.
public typealias UserLookUp =
    @Sendable (_ cluster: Int, _ database: String, _ user: String, @escaping @Sendable (UserAnswer) -> Void) -> Void

/// Asks others whether a password is right.
public typealias PasswordVerifier =
    @Sendable (_ question: PasswordQuestion, @escaping @Sendable (PasswordVerdict) -> Void) -> Void

/// The process-wide state: immutable settings, and a few tables behind locks that only logins take.
final class SharedState: Sendable {
    /// Pools of more (database, user) pairs than this are refused: names are the clients' to choose.
    static let groupLimit = 10_000

    struct GroupKey: Hashable {
        var database: String
        var user: String
    }

    struct Groups {
        var list: [PoolGroup] = []
        var byKey: [GroupKey: PoolGroup] = [:]
        /// By the number of the cluster and the database's name on its servers.
        var writes: [Int: [String: DatabaseFloor]] = [:]
        /// What was asked for last, and under which settings: most clients of a program log in alike.
        var recent: (database: String, user: String, settings: SettingsInForce, group: PoolGroup)?
    }

    /// The settings in force; a reload changes them.
    private let live: Lock<SettingsInForce>
    let clusters: [ProxyCluster]
    /// By the number of the cluster, the nodes by place; of one that has left, what it was.
    private let places: Lock<[[NodeSettings]]>
    let clusterNumbers: [String: Int]
    let workerCount: Int
    let logger: Logger
    /// Makes the exchanges with unknown users look like the others'.
    let mockSeed: [UInt8]
    let mockKind: SecretKind
    let profiles = Lock<ProfileTable>(ProfileTable())
    let derivedKeys: Lock<DerivedKeysCache>
    let catalogs = CatalogTable()
    let deriver: KeyDeriver
    let transports: Transports
    let retries = Lock<RetryCounters>(RetryCounters())
    /// Clients that were turned or sent away, by the limit.
    let refusals = Lock<[String: UInt64]>([:])
    let clientNumbers = Lock(ClientNumbers())
    let budget = Lock(ConnectionBudget())
    let pauses = Pauses()
    let periods = Lock(StatsPeriods())
    /// What the console asks of the process.
    let command: @Sendable (ProcessCommand) -> Void
    /// Asks the cluster of a number, in a database by its name there, for a user's secret; nil: nobody can be asked.
    let lookUp: UserLookUp?
    /// Asks others whether a password is right; nil: nobody can be asked.
    let verify: PasswordVerifier?
    let held: HeldWork
    /// By worker.
    let reports: [PublishedReport]
    let version: String
    /// Clients of all workers, those on their way to one included.
    let clientCount = Atomic<Int>(0)
    /// Workers that may still accept clients, and hand them to others.
    let acceptorCount: Atomic<Int>
    /// By worker.
    let pulses: [WorkerPulse]
    private let groups = Lock<Groups>(Groups())

    init(
        settings: ProxySettings, clusters: [ProxyCluster], workerCount: Int, version: String, logger: Logger,
        lookUp: UserLookUp?, verify: PasswordVerifier?, command: @escaping @Sendable (ProcessCommand) -> Void
    ) throws(ReactorError) {
        self.command = command
        self.lookUp = lookUp
        self.verify = verify
        held = HeldWork(settings.server)
        self.version = version
        reports = (0..<workerCount).map { _ in PublishedReport() }
        live = Lock(SettingsInForce(settings))
        self.clusters = clusters
        places = Lock(clusters.map(\.settings.nodes))
        self.workerCount = workerCount
        self.logger = logger
        acceptorCount = Atomic(workerCount)
        pulses = (0..<workerCount).map { _ in WorkerPulse(now: MonotonicClock.now()) }
        mockSeed = SecureRandom.bytes(32)
        var numbers: [String: Int] = [:]
        for (number, cluster) in clusters.enumerated() { numbers[cluster.settings.name] = number }
        clusterNumbers = numbers
        derivedKeys = Lock(
            DerivedKeysCache(limit: settings.authentication.maxDerivedKeys, derivesAtOnce: false))
        deriver = try KeyDeriver(logger: logger)
        transports = Transports(settings, clusters: clusters.map(\.settings.transport))
        mockKind = settings.directory.commonestKind
    }

    var settings: SettingsInForce { live.withLock { $0 } }

    /// The pools for a client's database and user; nil when there is no such database.
    ///
    /// - Parameter found: what a server says of the user's secret.
    func group(database: String, user: String, secret found: Secret? = nil) -> Result<PoolGroup, ErrorFields> {
        let settings = settings
        return groups.withLock { groups in
            if found == nil, let recent = groups.recent, recent.settings === settings, recent.database == database,
                recent.user == user
            {
                return .success(recent.group)
            }
            let result = group(database: database, user: user, found, settings.value, &groups)
            if case .success(let group) = result { groups.recent = (database, user, settings, group) }
            return result
        }
    }

    private func group(
        database: String, user: String, _ found: Secret?, _ settings: ProxySettings, _ groups: inout Groups
    ) -> Result<PoolGroup, ErrorFields> {
        guard let entry = settings.database(named: database), let cluster = clusterNumbers[entry.cluster] else {
            return .failure(ErrorFields(.fatal, "3D000", "database \"\(database)\" does not exist"))
        }
        // All clients of a database with a user of its own share that user's pools.
        let user = entry.user ?? user
        let found = entry.user == nil ? found : entry.secret
        let key = GroupKey(database: database, user: user)
        if let known = groups.byKey[key] {
            guard let found, known.secret != found else { return .success(known) }
            // The password was changed; servers want the new one.
            let new = PoolGroup(
                known.core, entry: entry, secret: found, pool: known.pool,
                maxMessageSize: settings.server.maxMessageSize)
            groups.list[known.number] = new
            groups.byKey[key] = new
            return .success(new)
        }
        guard groups.list.count < Self.groupLimit else {
            return .failure(
                ErrorFields(
                    .fatal, "53300", "too many pools",
                    detail: "At most \(Self.groupLimit) pairs of database and user are served."))
        }
        let serverName = entry.serverName(forRequest: database)
        let writes = groups.writes[cluster, default: [:]][serverName] ?? DatabaseFloor()
        groups.writes[cluster, default: [:]][serverName] = writes
        let core = PoolGroup.Core(
            number: groups.list.count, database: database, user: user, cluster: cluster,
            catalog: catalogs.use(cluster: cluster, database: serverName), writes: writes,
            workerCount: workerCount)
        let group = PoolGroup(
            core, entry: entry, secret: found ?? settings.directory.lookup(user),
            pool: settings.poolSettings(database: entry, user: user),
            maxMessageSize: settings.server.maxMessageSize)
        groups.list.append(group)
        groups.byKey[key] = group
        return .success(group)
    }

    /// Puts new settings in force, as far as the running process can follow them.
    ///
    /// - Returns: the groups that are others now.
    func take(_ settings: ProxySettings) -> [PoolGroup] {
        live.withLock { $0 = SettingsInForce(settings) }
        return groups.withLock { groups in
            groups.recent = nil
            var changed: [PoolGroup] = []
            for (number, group) in groups.list.enumerated() where group.end == nil {
                let new = renewed(group, settings)
                if new.end != nil { groups.byKey[GroupKey(database: group.database, user: group.user)] = nil }
                if new.end == nil { groups.byKey[GroupKey(database: group.database, user: group.user)] = new }
                groups.list[number] = new
                changed.append(new)
            }
            return changed
        }
    }

    private func renewed(_ group: PoolGroup, _ settings: ProxySettings) -> PoolGroup {
        guard let entry = settings.database(named: group.database) else {
            return PoolGroup(group, endingWith: .removed("database \"\(group.database)\" was removed"))
        }
        guard clusterNumbers[entry.cluster] == group.cluster,
            entry.serverName(forRequest: group.database) == group.serverDatabase
        else { return PoolGroup(group, endingWith: .movedElsewhere(group.database)) }
        if let user = entry.user {
            guard user == group.user else { return PoolGroup(group, endingWith: .movedElsewhere(group.database)) }
            return PoolGroup(
                group.core, entry: entry, secret: entry.secret ?? settings.directory.lookup(user),
                pool: settings.poolSettings(database: entry, user: user),
                maxMessageSize: settings.server.maxMessageSize)
        }
        let asks = settings.authentication.query != nil || settings.asksOthers
        let secret = settings.directory.lookup(group.user)
        guard secret != nil || settings.users[group.user] != nil || asks else {
            return PoolGroup(group, endingWith: .removed("user \"\(group.user)\" was removed"))
        }
        return PoolGroup(
            group.core, entry: entry, secret: asks && (secret ?? .unusable) == .unusable ? group.secret : secret,
            pool: settings.poolSettings(database: entry, user: group.user),
            maxMessageSize: settings.server.maxMessageSize)
    }

    /// Where the node in a place is reached.
    func node(_ cluster: Int, _ place: Int) -> NodeSettings { places.withLock { $0[cluster][place] } }

    /// The nodes of a cluster are others now; places do not become fewer.
    func setNodes(_ nodes: [NodeSettings], cluster: Int) { places.withLock { $0[cluster] = nodes } }

    /// Whether no connection leads to the node that stands, or stood, in a place.
    func isVacant(_ cluster: Int, _ place: Int) -> Bool {
        allGroups.allSatisfy { group in
            group.cluster != cluster || group.existingPool(place)?.machine.withLock { $0.isEmpty } ?? true
        }
    }

    /// The only database that clients can mean, if there is only one.
    var onlyDatabase: String? {
        var names = Set(settings.value.databases.keys)
        if names.remove(DatabaseSettings.wildcard) != nil { names.formUnion(allGroups.map(\.database)) }
        return names.count == 1 ? names.first : nil
    }

    /// The group of a pool.
    func group(_ number: Int) -> PoolGroup {
        groups.withLock { $0.list[number] }
    }

    var allGroups: [PoolGroup] {
        groups.withLock { $0.list }
    }
}

extension ErrorFields: Error {}

extension ErrorFields {
    fileprivate static func movedElsewhere(_ database: String) -> ErrorFields {
        .removed("database \"\(database)\" is served elsewhere")
    }

    /// What clients hear whose database or user is no longer served.
    static func removed(_ sentence: String) -> ErrorFields {
        ErrorFields(.fatal, "57P01", sentence, hint: "Connect again.")
    }
}
