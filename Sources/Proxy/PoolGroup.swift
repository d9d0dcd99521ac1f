// What do all clients of one database and user share, whichever worker they are on?

import Authentication
import Locks
import OpenSSL
import Pooling
import Reactor
import Routing
import Sessions
import Synchronization
import Wire

/// The pools of one (database, user): one for each node of the cluster.
final class PoolGroup: Sendable {
    let number: Int
    let database: String
    let user: String
    /// The database's name on the servers.
    let serverDatabase: String
    let cluster: Int
    /// Shared with all users of the database.
    let catalog: Catalog?
    let secret: Secret?
    let routing: RoutingSettings
    let maxLagNanoseconds: UInt64
    let pool: PoolSettings
    let session: SessionSettings
    /// By the node's place in the cluster; a pool is made when it is first asked for, and stays.
    private let pools = InlineArray<64, AtomicLazyReference<Pool>> { _ in AtomicLazyReference() }
    private let workerCount: Int
    /// What a client's own SCRAM login revealed last; good for logins at servers that hold the same secret.
    let keys = Lock<SCRAMKeys?>(nil)
    /// Shared with all users of the database.
    let writes: DatabaseFloor
    private let welcomes = Lock<Welcomes>(Welcomes())

    /// What servers report at their start, by the settings that a client brought.
    private struct Welcomes {
        /// More different settings than this are asked for anew each time.
        static let limit = 1_024

        var base: [StartupParameter] = []
        var byProfile: [ProfileID: Welcome] = [:]
    }

    init(
        number: Int, database: String, user: String, entry: DatabaseSettings, cluster: Int,
        catalog: Catalog?, writes: DatabaseFloor, secret: Secret?, pool: PoolSettings, maxMessageSize: Int,
        workerCount: Int
    ) {
        self.number = number
        self.database = database
        self.user = user
        self.serverDatabase = entry.serverName(forRequest: database)
        self.cluster = cluster
        self.catalog = catalog
        self.writes = writes
        self.secret = secret
        self.routing = entry.routing
        self.maxLagNanoseconds = entry.routing.maxLag.clampedNanoseconds
        self.pool = pool
        self.session = Self.session(entry, pool, maxMessageSize: maxMessageSize)
        self.workerCount = workerCount
    }

    /// The pool of the node in a place.
    func pool(_ place: Int) -> Pool {
        if let known = pools[place].load() { return known }
        return pools[place].storeIfNil(
            Pool(group: number, cluster: cluster, node: place, settings: pool, workerCount: workerCount))
    }

    /// The pools that there are.
    var existingPools: [Pool] { pools.indices.compactMap { existingPool($0) } }

    func existingPool(_ place: Int) -> Pool? { pools[place].load() }

    static func session(_ entry: DatabaseSettings, _ pool: PoolSettings, maxMessageSize: Int) -> SessionSettings {
        SessionSettings(
            maxBufferedBatch: entry.routing.maxBufferedBatch, maxMessageSize: maxMessageSize,
            maxPreparedStatements: pool.maxPreparedStatements,
            lazyBegin: entry.routing.lazyBegin, splitTransactions: entry.routing.splitTransactions,
            anyNodeAddress: entry.routing.nodeFunctions == .any,
            readRetries: entry.routing.readRetries, keepsServer: pool.mode == .session,
            allowsTransactions: pool.mode != .statement,
            defaults: RoutingDefaults(
                consistency: entry.routing.consistency, maxLag: entry.routing.maxLag.clampedNanoseconds))
    }

    /// What is said to a client of a profile, if a server was asked before.
    func welcome(_ profile: ProfileID) -> Welcome? {
        welcomes.withLock { $0.byProfile[profile] }
    }

    func learned(_ welcome: Welcome, for profile: ProfileID) {
        welcomes.withLock { welcomes in
            guard welcomes.byProfile.count < Welcomes.limit else { return }
            welcomes.byProfile[profile] = welcome
        }
    }

    /// A server of the group logged in. When it reports other settings than before (ALTER DATABASE … SET, a new
    /// version), what is known is out of date.
    func serverReported(_ parameters: [StartupParameter]) {
        let stable = parameters.filter { $0.name != "in_hot_standby" }
        welcomes.withLock { welcomes in
            guard welcomes.base != stable else { return }
            welcomes.base = stable
            welcomes.byProfile = [:]
        }
    }
}

/// One pool behind its lock: decide under it, act after it.
final class Pool: Sendable {
    let group: Int
    let cluster: Int
    /// The node's place in the cluster.
    let node: Int
    let machine: Lock<PoolMachine>
    /// Why the last attempt to open a server failed.
    let lastError = Lock<ErrorFields?>(nil)

    init(group: Int, cluster: Int, node: Int, settings: PoolSettings, workerCount: Int) {
        self.group = group
        self.cluster = cluster
        self.node = node
        machine = Lock(PoolMachine(settings: settings, workerCount: workerCount))
    }
}
