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

/// The pools of one (database, user), with the settings that are in force for it. A reload makes another one of the
/// same number, whose `core` is this one's.
final class PoolGroup: Sendable {
    /// What outlives the settings.
    final class Core: Sendable {
        let number: Int
        let database: String
        let user: String
        let cluster: Int
        /// Shared with all users of the database.
        let catalog: Catalog?
        /// Shared with all users of the database.
        let writes: DatabaseFloor
        /// What a client's own SCRAM login revealed last; good for logins at servers that hold the same secret.
        let keys = Lock<SCRAMKeys?>(nil)
        /// Whether the server that logged in last has said that its transactions are SERIALIZABLE by default.
        let isSerializable = Atomic<Bool>(false)
        fileprivate let welcomes = Lock<Welcomes>(Welcomes())
        /// By the node's place in the cluster; a pool is made when it is first asked for, and stays.
        fileprivate let pools = InlineArray<64, AtomicLazyReference<Pool>> { _ in AtomicLazyReference() }
        fileprivate let workerCount: Int

        init(
            number: Int, database: String, user: String, cluster: Int, catalog: Catalog?, writes: DatabaseFloor,
            workerCount: Int
        ) {
            self.number = number
            self.database = database
            self.user = user
            self.cluster = cluster
            self.catalog = catalog
            self.writes = writes
            self.workerCount = workerCount
        }
    }

    let core: Core
    /// The database's name on the servers.
    let serverDatabase: String
    let secret: Secret?
    let routing: RoutingSettings
    let pool: PoolSettings
    let session: SharedSettings
    /// Its clients may take too long for something.
    let limitsTime: Bool
    /// Why its clients have to leave; nil: they may stay.
    let end: ErrorFields?

    var number: Int { core.number }
    var database: String { core.database }
    var user: String { core.user }
    var cluster: Int { core.cluster }
    var catalog: Catalog? { core.catalog }
    var writes: DatabaseFloor { core.writes }

    /// What servers report at their start, by the settings that a client brought.
    fileprivate struct Welcomes {
        /// More different settings than this are asked for anew each time.
        static let limit = 1_024

        var base: [StartupParameter] = []
        var byProfile: [ProfileID: Welcome] = [:]
    }

    init(
        _ core: Core, entry: DatabaseSettings, secret: Secret?, pool: PoolSettings, maxMessageSize: Int,
        end: ErrorFields? = nil
    ) {
        self.core = core
        serverDatabase = entry.serverName(forRequest: core.database)
        self.secret = secret
        routing = entry.routing
        self.pool = pool
        limitsTime = [
            pool.queryTimeout, pool.transactionTimeout, pool.idleTransactionTimeout, pool.clientIdleTimeout,
            pool.waitNotice,
        ].contains { $0 > .zero }
        session = Self.session(entry, pool, maxMessageSize: maxMessageSize)
        self.end = end
    }

    /// The same, but its clients have to leave.
    init(_ former: PoolGroup, endingWith end: ErrorFields) {
        core = former.core
        serverDatabase = former.serverDatabase
        secret = former.secret
        routing = former.routing
        pool = former.pool
        limitsTime = former.limitsTime
        session = former.session
        self.end = end
    }

    /// The pool of the node in a place.
    func pool(_ place: Int) -> Pool {
        if let known = core.pools[place].load() { return known }
        return core.pools[place].storeIfNil(
            Pool(group: number, cluster: cluster, node: place, settings: pool, workerCount: core.workerCount))
    }

    /// The pools that there are.
    var existingPools: [Pool] { core.pools.indices.compactMap { existingPool($0) } }

    func existingPool(_ place: Int) -> Pool? { core.pools[place].load() }

    static func session(_ entry: DatabaseSettings, _ pool: PoolSettings, maxMessageSize: Int) -> SharedSettings {
        var settings = SessionSettings(entry.routing)
        settings.maxMessageSize = maxMessageSize
        settings.maxPreparedStatements = pool.maxPreparedStatements
        settings.keepsServer = pool.mode == .session
        settings.allowsTransactions = pool.mode != .statement
        return SharedSettings(settings)
    }

    /// What is said to a client of a profile, if a server was asked before.
    func welcome(_ profile: ProfileID) -> Welcome? {
        core.welcomes.withLock { $0.byProfile[profile] }
    }

    func learned(_ welcome: Welcome, for profile: ProfileID) {
        core.welcomes.withLock { welcomes in
            guard welcomes.byProfile.count < Welcomes.limit else { return }
            welcomes.byProfile[profile] = welcome
        }
    }

    /// A server of the group logged in. When it reports other settings than before (ALTER DATABASE … SET, a new
    /// version), what is known is out of date.
    func serverReported(_ parameters: [StartupParameter]) {
        let stable = parameters.filter { $0.name != "in_hot_standby" }
        core.welcomes.withLock { welcomes in
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
