// Which keys may stand in which table of the settings file?

/// A kind of table and its keys; a key that is not listed here is a mistake.
public enum Section: String, CaseIterable, Sendable {
    case top = ""
    case listen
    case server
    case peers
    case auth
    case ldap = "auth.ldap"
    case tls
    case probe
    case clusters
    case cluster = "clusters.NAME"
    case node = "clusters.NAME.nodes[]"
    case discovery = "clusters.NAME.discovery"
    case clusterTLS = "clusters.NAME.tls"
    case databases
    case database = "databases.NAME"
    case users
    case user = "users.NAME"
    case pool
    case routing
    case admin
    case secret = "a secret"

    /// The keys, in the order in which the documentation tells of them; empty where any name is one.
    public var keys: [String] {
        switch self {
        case .top:
            [
                "listen", "server", "peers", "auth", "tls", "probe", "clusters", "databases", "users", "pool",
                "routing", "admin",
            ]
        case .listen:
            [
                "addresses", "unix_socket_dir", "unix_socket_mode", "port", "reader_port", "writer_port", "shares_port",
                "proxy_protocol_from",
            ]
        case .server:
            [
                "workers", "max_clients", "max_database_clients", "max_user_clients", "max_server_connections",
                "max_node_connections", "max_database_connections", "max_user_connections", "login_timeout",
                "max_message_size", "max_held", "max_held_bytes", "zone", "peer_id", "log_connections", "log_level",
                "log_format",
            ]
        case .auth:
            [
                "method", "users_file", "scram_iterations", "query", "query_user", "query_database", "hba_file",
                "ident_file", "pam_service", "ldap",
            ]
        case .ldap:
            [
                "url", "starttls", "prefix", "suffix", "base_dn", "bind_dn", "bind_password", "search_attribute",
                "search_filter",
            ]
        case .tls:
            [
                "mode", "reader_mode", "writer_mode", "certificate", "key", "ca", "min_version", "ciphers",
                "cipher_suites",
            ]
        case .clusterTLS:
            ["mode", "certificate", "key", "ca", "min_version", "ciphers", "cipher_suites", "negotiation"]
        case .probe:
            [
                "user", "password", "database", "interval", "min_interval", "timeout", "failures_until_down",
                "catalog_interval", "slow_start",
            ]
        case .peers, .clusters, .databases, .users: []
        case .cluster: ["nodes", "discovery", "tls"]
        case .node: ["address", "weight", "zone"]
        case .discovery: ["source", "endpoints", "domain", "interval", "timeout", "ca"]
        case .database:
            ["cluster", "dbname", "user", "password", "max_clients", "max_connections", "pool", "routing"]
        case .user: ["password", "max_clients", "max_connections", "pool"]
        case .pool:
            [
                "mode", "size", "min_size", "reserve_size", "reserve_timeout", "max_pinned",
                "max_prepared_statements", "max_clients", "max_waiters", "max_connecting", "wait_timeout",
                "idle_timeout",
                "lifetime", "connect_timeout", "retry_delay", "max_retry_delay", "max_overtaking", "query_timeout",
                "transaction_timeout", "idle_transaction_timeout", "client_idle_timeout", "wait_notice",
            ]
        case .routing:
            [
                "mode", "consistency", "max_lag", "load_balance", "primary_reads", "read_fallback", "reader_fallback",
                "node_functions", "after_write", "after_write_wait", "lazy_begin", "split_transactions",
                "failover_wait",
                "max_buffered_batch", "read_retries",
            ]
        case .admin: ["users", "stats_users", "http"]
        case .secret: ["env", "file"]
        }
    }

    /// Whether the keys of this kind of table are names that the operator chooses.
    var takesAnyName: Bool {
        switch self {
        case .peers, .clusters, .databases, .users: true
        default: false
        }
    }

    /// Every key as `docs/SETTINGS.md` names it, the tables themselves left out.
    public static var documentedKeys: [String] {
        allCases.filter { $0 != .top && $0 != .secret }.flatMap { section in
            section.keys.map { "\(section.rawValue).\($0)" }
        }
    }
}

extension Section {
    /// What may be said to somebody who wrote a key that is not one of this table.
    func advice(onUnknown key: String) -> String {
        if let near = Suggestion.nearest(to: key, among: keys) {
            return "did you mean \"\(near)\"?"
        }
        let homes = Section.allCases.filter { $0 != self && $0 != .top && $0 != .secret && $0.keys.contains(key) }
        let known = "known here: " + keys.joined(separator: ", ")
        if homes.isEmpty { return known }
        return "it is a key of " + homes.map { "[\($0.rawValue)]" }.joined(separator: " and ") + "; " + known
    }
}
