// What may an operator choose about the router itself: where it listens, what it serves and how much it takes?

import Admin
public import Authentication
public import Pooling
import Reactor
public import Routing

/// Everything the proxy is told at its start, already checked; the text it came from is no longer known here.
public struct ProxySettings: Sendable {
    public var listen: ListenSettings
    public var server: ServerSettings
    public var authentication: AuthSettings
    /// By name.
    public var clusters: [String: ClusterDefinition]
    /// By the name clients ask for; `DatabaseSettings.wildcard` stands for every other name.
    public var databases: [String: DatabaseSettings]
    /// Who may log in, and what they prove and the servers are told.
    public var directory: UserDirectory
    /// What single users have of their own, by name.
    public var users: [String: UserSettings]
    public var admin: AdminSettings
    /// How clients prove who they are, one by one; nil: all by `authentication.method`.
    public var access: AccessRules?
    /// Towards clients.
    public var transport = TransportSettings(.disable)
    /// Towards clients of single ports; nil: as of the others.
    public var readerSecurity: TransportSecurity?
    public var writerSecurity: TransportSecurity?
    /// What databases without limits of their own have got.
    public var poolDefaults = PoolSettings()
    /// Where the other processes are reached that clients' cancel requests may be meant for, by their numbers.
    public var peers: [Int: NodeSettings] = [:]

    public init(
        listen: ListenSettings = ListenSettings(),
        server: ServerSettings = ServerSettings(),
        authentication: AuthSettings = AuthSettings(),
        clusters: [String: ClusterDefinition] = [:],
        databases: [String: DatabaseSettings] = [:],
        directory: UserDirectory = UserDirectory(),
        users: [String: UserSettings] = [:],
        admin: AdminSettings = AdminSettings()
    ) {
        self.listen = listen
        self.server = server
        self.authentication = authentication
        self.clusters = clusters
        self.databases = databases
        self.directory = directory
        self.users = users
        self.admin = admin
    }

    /// Somebody else may be asked whether passwords are right.
    var asksOthers: Bool {
        authentication.method.asksOthers
            || access?.rules.contains { if case .ask = $0.verdict { true } else { false } } ?? false
    }

    /// Towards clients of a port.
    func transport(of port: ListenerKind) -> TransportSettings {
        var transport = transport
        switch port {
        case .split: break
        case .reader: transport.security = readerSecurity ?? transport.security
        case .writer: transport.security = writerSecurity ?? transport.security
        }
        return transport
    }

    /// The entry that serves a name a client asked for: its own, else the wildcard's, else none.
    public func database(named name: String) -> DatabaseSettings? {
        databases[name] ?? databases[DatabaseSettings.wildcard]
    }

    /// The limits of the pool of one database and one user: the user's overrides win over the database's.
    public func poolSettings(database: DatabaseSettings, user: String) -> PoolSettings {
        users[user]?.pool.applied(to: database.pool) ?? database.pool
    }
}

/// Settings that do not change any more, and are not copied for each look at them.
final class SettingsInForce: Sendable {
    let value: ProxySettings

    init(_ value: ProxySettings) { self.value = value }
}

/// Where clients find the router.
public struct ListenSettings: Equatable, Sendable {
    /// What the kernel takes as the name of a unix socket, its ending zero byte not counted.
    public static let longestSocketPath = 107

    /// Numeric addresses or host names, each bound on every port below.
    public var addresses: [String]
    /// A directory that gets a socket `.s.PGSQL.<port>` for each port; nil: no unix sockets.
    public var unixSocketDirectory: String?
    /// Who may connect to them, as the permissions of a file.
    public var unixSocketMode: UInt32 = 0o777
    /// Routes statement by statement.
    public var port: UInt16
    /// Primary only.
    public var writerPort: UInt16?
    /// Replicas only.
    public var readerPort: UInt16?
    /// Other processes of the same user may listen on the same ports.
    public var sharesPort = false
    /// Who says in a header of the PROXY protocol for whom it connects.
    public var proxies = ProxySources()

    public init(
        addresses: [String] = ["127.0.0.1"],
        unixSocketDirectory: String? = nil,
        port: UInt16 = 6432,
        writerPort: UInt16? = nil,
        readerPort: UInt16? = nil
    ) {
        self.addresses = addresses
        self.unixSocketDirectory = unixSocketDirectory
        self.port = port
        self.writerPort = writerPort
        self.readerPort = readerPort
    }
}

/// Connections that must begin with a header of the PROXY protocol.
public struct ProxySources: Equatable, Sendable {
    private var networks: [Network] = []
    private var includesUnixSockets = false

    public init() {}

    /// Takes a network, an address, or `unix`; false: it is none of these.
    public mutating func add(_ text: String) -> Bool {
        if text == "unix" {
            includesUnixSockets = true
            return true
        }
        guard let network = Network(text) else { return false }
        networks.append(network)
        return true
    }

    func contains(_ peer: Peer) -> Bool {
        switch peer {
        case .tcp(let address): networks.contains { $0.contains(address) }
        case .unix: includesUnixSockets
        }
    }
}

/// What the process as a whole may use.
public struct ServerSettings: Equatable, Sendable {
    /// Worker threads; 0 means one for each core.
    public var workers: Int
    /// Each is a thread.
    public static let mostWorkers = 64
    /// Client connections over all workers; the next one gets 53300.
    public var maxClients: Int
    /// From accept to the end of the login.
    public var loginTimeout: Duration
    /// Each login is logged.
    public var logsConnections = true
    /// Bytes of one message of a client, its length word included; a longer one gets 08P01.
    public var maxMessageSize: Int
    /// Server connections in all; zero: as many as the pools allow, so in all of these.
    public var maxConnections = 0
    /// Server connections to one node.
    public var maxNodeConnections = 0
    /// Server connections for one database, or one user, that has no limit of its own.
    public var maxDatabaseConnections = 0
    public var maxUserConnections = 0
    /// Clients of one database, or one user, that has no limit of its own.
    public var maxDatabaseClients = 0
    public var maxUserClients = 0
    /// Batches that may wait for the cluster to change, for a primary above all; the next one gets 53400.
    public var maxHeld = 10_000
    /// Bytes that may be kept of them.
    public var maxHeldBytes = 256 << 20
    /// Its number among the processes that forward cancel requests to each other, 1 to `largestPeerID`; 0: there are
    /// no others.
    public var peerID = 0
    /// Where the router runs: reads prefer nodes of the same zone. nil: all nodes are alike.
    public var zone: String?

    public static let largestPeerID = CancelKey.peerLimit

    /// PostgreSQL's own limit on a message.
    public static let largestMessageSize = 0x3fff_ffff

    public init(
        workers: Int = 0,
        maxClients: Int = 10_000,
        loginTimeout: Duration = .seconds(60),
        maxMessageSize: Int = ServerSettings.largestMessageSize,
        zone: String? = nil
    ) {
        self.workers = workers
        self.maxClients = maxClients
        self.loginTimeout = loginTimeout
        self.maxMessageSize = maxMessageSize
        self.zone = zone
    }
}

/// The nodes of one cluster: a primary and its replicas; who is which is found by probing.
public struct ClusterDefinition: Equatable, Sendable {
    public var name: String
    /// In the order of the settings file; empty where the nodes are found out.
    public var nodes: [NodeSettings]
    /// Towards the nodes.
    public var transport = TransportSettings(.prefer)

    public init(name: String, nodes: [NodeSettings] = []) {
        self.name = name
        self.nodes = nodes
    }
}

/// One PostgreSQL server of a cluster.
public struct NodeSettings: Equatable, Sendable {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    public var host: String
    public var port: UInt16
    /// Its share of the reads relative to the other replicas; at least 1.
    public var weight: Int
    /// Where it stands; nil when not told.
    public var zone: String?

    /// Whether it may answer reads as a replica.
    public var isBalanced: Bool

    public init(host: String, port: UInt16 = 5432, weight: Int = 1, zone: String? = nil, isBalanced: Bool = true) {
        self.host = host
        self.port = port
        self.weight = weight
        self.zone = zone
        self.isBalanced = isBalanced
    }

    /// "host:port", an IPv6 address in brackets.
    public var address: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// A database as clients name it.
public struct DatabaseSettings: Equatable, Sendable {
    /// The name that stands for every database without an entry of its own.
    public static let wildcard = "*"
    /// Names that stand for the console.
    public static let consoleNames = Console.databases

    public var name: String
    public var cluster: String
    /// Its name on the servers; nil: the name the client asked for.
    public var serverName: String?
    /// Who all its clients are on the servers; nil: themselves.
    public var user: String?
    /// What that user logs in with; nil: nothing is known.
    public var secret: Secret?
    /// Clients, and server connections; nil: the process's limits.
    public var maxClients: Int?
    public var maxConnections: Int?
    public var pool: PoolSettings
    public var routing: RoutingSettings

    public init(
        name: String,
        cluster: String,
        serverName: String? = nil,
        pool: PoolSettings = PoolSettings(),
        routing: RoutingSettings = RoutingSettings()
    ) {
        self.name = name
        self.cluster = cluster
        self.serverName = serverName
        self.pool = pool
        self.routing = routing
    }

    /// The database to log in to on a server when a client asked for `requested`.
    public func serverName(forRequest requested: String) -> String {
        serverName ?? requested
    }
}

/// A host's own address with a port.
public struct ListenAddress: Equatable, Sendable {
    /// An IPv4 address, or an IPv6 address without brackets.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// Who may use the console, and where the state is told over HTTP.
public struct AdminSettings: Equatable, Sendable {
    /// May do everything.
    public var users: Set<String>
    /// May look.
    public var statsUsers: Set<String>
    /// Where questions over HTTP are answered; nil: nowhere.
    public var http: ListenAddress?

    public init(users: Set<String> = [], statsUsers: Set<String> = [], http: ListenAddress? = nil) {
        self.users = users
        self.statsUsers = statsUsers
        self.http = http
    }
}

/// What one user has of its own; the password is in the directory.
public struct UserSettings: Equatable, Sendable {
    public var name: String
    /// Clients, and server connections; nil: the process's limits.
    public var maxClients: Int?
    public var maxConnections: Int?
    public var pool: PoolOverrides

    public init(name: String, pool: PoolOverrides = PoolOverrides()) {
        self.name = name
        self.pool = pool
    }
}
