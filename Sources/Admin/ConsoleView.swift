// What can SHOW show, and in which columns?

/// A table that SHOW prints. The columns of those that PgBouncer has, too, are PgBouncer's in PgBouncer's order; ours
/// follow them.
public enum ConsoleView: String, CaseIterable, Sendable {
    case activeSockets = "ACTIVE_SOCKETS"
    case clients = "CLIENTS"
    case config = "CONFIG"
    case databases = "DATABASES"
    case dnsHosts = "DNS_HOSTS"
    case dnsZones = "DNS_ZONES"
    case descriptors = "FDS"
    case help = "HELP"
    case lists = "LISTS"
    case memory = "MEM"
    case nodePools = "NODE_POOLS"
    case nodes = "NODES"
    case peerPools = "PEER_POOLS"
    case peers = "PEERS"
    case pins = "PINS"
    case pools = "POOLS"
    case routes = "ROUTES"
    case servers = "SERVERS"
    case sockets = "SOCKETS"
    case state = "STATE"
    case statements = "STATEMENTS"
    case stats = "STATS"
    case statsAverages = "STATS_AVERAGES"
    case statsTotals = "STATS_TOTALS"
    case totals = "TOTALS"
    case users = "USERS"
    case version = "VERSION"

    public var columns: [String] {
        switch self {
        case .help: ["command", "for", "what it does"]
        case .version: ["version"]
        case .nodes:
            [
                "cluster", "node", "role", "state", "lag_bytes", "lag_ms", "timeline", "lsn", "weight", "outstanding",
                "why",
            ]
        case .routes: ["goes_to", "reason", "object", "database", "count", "remark"]
        case .pins: ["database", "user", "addr", "port", "reasons", "node", "remote_pid", "id"]
        case .statements: ["worker", "statements", "bytes", "clients"]
        case .clients, .servers: Self.connection
        case .sockets, .activeSockets:
            Self.connection + [
                "recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain", "pkt_avail", "send_avail",
            ]
        case .nodePools: Self.pools.columns.filter { $0 != "cl_active" } + ["node"]
        case .pools:
            [
                "database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req",
                "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login",
                "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts", "sv_pinned",
            ]
        case .peerPools: ["peer_id", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active_cancel", "sv_login"]
        case .databases:
            [
                "name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool_size",
                "server_lifetime", "pool_mode", "load_balance_hosts", "max_connections", "current_connections",
                "max_client_connections", "current_client_connections", "paused", "disabled", "cluster",
            ]
        case .users:
            [
                "name", "pool_size", "reserve_pool_size", "pool_mode", "max_user_connections", "current_connections",
                "max_user_client_connections", "current_client_connections",
            ]
        case .peers: ["peer_id", "host", "port", "pool_size"]
        case .lists: ["list", "items"]
        case .config: ["key", "value", "default", "changeable"]
        case .state: ["key", "value"]
        case .memory: ["name", "size", "used", "free", "memtotal"]
        case .dnsHosts: ["hostname", "ttl", "addrs"]
        case .dnsZones: ["zonename", "serial", "count"]
        case .descriptors:
            [
                "fd", "task", "user", "database", "addr", "port", "cancel", "link", "client_encoding", "std_strings",
                "datestyle", "timezone", "password", "scram_client_key", "scram_server_key",
            ]
        case .stats: ["database"] + Self.figures.map { "total_" + $0.whole } + Self.figures.map { "avg_" + $0.short }
        case .statsTotals: ["database"] + Self.figures.map(\.ofTotals)
        case .statsAverages:
            ["database"]
                + Self.figures.map { $0.isLate ? "avg_" + $0.short : $0.ofTotals }
        case .totals: ["name", "value"]
        }
    }

    /// Columns that hold numbers. Clients turn them into numbers of their own, as they do with PgBouncer's.
    private static let numbers: Set<String> = [
        "port", "local_port", "wait", "wait_us", "close_needed", "remote_pid", "prepared_statements", "id", "recv_pos",
        "pkt_pos", "pkt_remain", "send_pos", "send_remain", "pkt_avail", "send_avail", "cl_active", "cl_waiting",
        "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active", "sv_active_cancel", "sv_being_canceled",
        "sv_idle", "sv_used", "sv_tested", "sv_login", "sv_pinned", "maxwait", "maxwait_us", "peer_id", "pool_size",
        "min_pool_size", "reserve_pool_size", "server_lifetime", "max_connections", "current_connections",
        "max_client_connections", "current_client_connections", "paused", "disabled", "max_user_connections",
        "max_user_client_connections", "items", "size", "used", "free", "memtotal", "ttl", "serial", "count", "fd",
        "lag_bytes", "lag_ms", "timeline", "weight", "outstanding", "worker", "statements", "bytes",
    ]

    /// PostgreSQL's numbers (OIDs) of the columns' types.
    public var types: [Int32] { columns.map(type) }

    private func type(of column: String) -> Int32 {
        if self == .config || self == .state { return Self.text }
        if self == .totals { return column == "value" ? Self.int8 : Self.text }
        if column.hasPrefix("total_") || column.hasPrefix("avg_") { return Self.numeric }
        if self == .statsTotals || self == .statsAverages { return column == "database" ? Self.text : Self.numeric }
        return Self.numbers.contains(column) ? Self.int8 : Self.text
    }

    private static let text: Int32 = 25
    private static let int8: Int32 = 20
    private static let numeric: Int32 = 1700

    /// Whether only those may see it who may change things.
    var isSecret: Bool { self == .descriptors }

    var meaning: String {
        switch self {
        case .activeSockets: "as SHOW SOCKETS, but for those at rest"
        case .clients: "each client connection"
        case .config: "the settings in force under PgBouncer's names"
        case .databases: "each database of the settings, with its limits"
        case .dnsHosts: "the names of nodes that a name service has told the addresses of"
        case .dnsZones: "nothing: zones are not watched"
        case .descriptors: "nothing: descriptors are not handed to another process"
        case .help: "this list"
        case .lists: "how many there are of each kind of thing"
        case .memory: "the buffers that are lent, by worker"
        case .nodePools: "waiting clients and servers by database, user and node"
        case .nodes: "role, state, lag and work of each node, and why it serves no reads"
        case .peerPools: "the other processes that cancel requests may be meant for"
        case .peers: "the other processes that cancel requests may be meant for"
        case .pins: "the sessions that keep their server, and why"
        case .pools: "clients and servers by database and user"
        case .routes: "where batches went since the start, by reason and by the object that decided"
        case .servers: "each server connection"
        case .sockets: "each client and server connection with its buffers"
        case .state: "whether everything is paused"
        case .statements: "how many prepared statements are known"
        case .stats: "what was done for each database, in all and in the last period"
        case .statsAverages: "what was done for each database in the last period"
        case .statsTotals: "what was done for each database since the start"
        case .totals: "the sums of SHOW STATS"
        case .users: "each user of the settings, with its limits"
        case .version: "the version of Pointsman"
        }
    }

    private static let connection = [
        "type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port", "connect_time",
        "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls", "application_name",
        "prepared_statements", "id",
    ]

    /// A figure of SHOW STATS under its names.
    struct Figure {
        /// Behind `total_`.
        var whole: String
        /// Behind `avg_`.
        var short: String
        /// In SHOW STATS_TOTALS.
        var ofTotals: String
        /// PgBouncer names it otherwise in SHOW STATS_AVERAGES.
        var isLate = false
    }

    /// In the order in which they stand.
    static let figures = [
        Figure(
            whole: "server_assignment_count", short: "server_assignment_count", ofTotals: "server_assignment_count"),
        Figure(whole: "xact_count", short: "xact_count", ofTotals: "xact_count"),
        Figure(whole: "query_count", short: "query_count", ofTotals: "query_count"),
        Figure(whole: "received", short: "recv", ofTotals: "bytes_received"),
        Figure(whole: "sent", short: "sent", ofTotals: "bytes_sent"),
        Figure(whole: "xact_time", short: "xact_time", ofTotals: "xact_time"),
        Figure(whole: "query_time", short: "query_time", ofTotals: "query_time"),
        Figure(whole: "wait_time", short: "wait_time", ofTotals: "wait_time"),
        Figure(
            whole: "client_parse_count", short: "client_parse_count", ofTotals: "client_parse_count", isLate: true),
        Figure(
            whole: "server_parse_count", short: "server_parse_count", ofTotals: "server_parse_count", isLate: true),
        Figure(whole: "bind_count", short: "bind_count", ofTotals: "bind_count", isLate: true),
        Figure(
            whole: "client_login_count", short: "client_login_count", ofTotals: "client_login_count", isLate: true),
    ]
}
