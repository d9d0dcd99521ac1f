// What becomes of each setting of PgBouncer's?

import Authentication

/// Where a setting of `[pgbouncer]` goes.
enum PgBouncerRule: Equatable {
    case text(String, String)
    /// Nothing if it is empty.
    case file(String, String)
    case names(String, String)
    case number(String, String)
    /// Zero means none.
    case limit(String, String)
    case seconds(String, String)
    case bytes(String, String)
    case switched(String, String)
    /// It is dealt with together with others.
    case elsewhere
    /// It has no equivalent; the sentence says why.
    case none(String)
    /// Likewise, but this value means the same as nothing.
    case `default`(String, String)
}

enum PgBouncerRules {
    static let usualCiphers = ["", "default", "secure", "fast", "normal", "all"]

    private static let notWatched = "names are looked up when connections are opened; see [clusters.NAME.discovery]"
    private static let logging = "server.log_level decides what is logged"

    static let all: [String: PgBouncerRule] = [
        "admin_users": .names("admin", "users"), "application_name_add_host": .default("0", "it is not supported"),
        "auth_dbname": .text("auth", "query_database"), "auth_file": .file("auth", "users_file"),
        "auth_hba_file": .file("auth", "hba_file"), "auth_ident_file": .file("auth", "ident_file"),
        "auth_ldap_options": .elsewhere, "auth_query": .text("auth", "query"),
        "auth_type": .elsewhere, "auth_user": .text("auth", "query_user"),
        "autodb_idle_timeout": .none("pools behind \"*\" stay; their connections close by pool.idle_timeout"),
        "cancel_wait_timeout": .none("a cancel request does not wait: it has a connection of its own"),
        "client_idle_timeout": .seconds("pool", "client_idle_timeout"),
        "client_login_timeout": .seconds("server", "login_timeout"), "client_tls_sslmode": .text("tls", "mode"),
        "client_tls_ca_file": .file("tls", "ca"), "client_tls_cert_file": .file("tls", "certificate"),
        "client_tls_key_file": .file("tls", "key"),
        "client_tls_ciphers": .default("default", "set tls.ciphers, as OpenSSL writes lists"),
        "client_tls13_ciphers": .file("tls", "cipher_suites"), "client_tls_protocols": .elsewhere,
        "client_tls_dheparams": .default("auto", "OpenSSL's own choice is used"),
        "client_tls_ecdhcurve": .default("auto", "OpenSSL's own choice is used"),
        "conffile": .none("the file of the command line is read again"),
        "default_pool_size": .number("pool", "size"), "disable_pqexec": .default("0", "it is not supported"),
        "dns_max_ttl": .none(notWatched), "dns_nxdomain_ttl": .none(notWatched),
        "dns_zone_check_period": .none(notWatched),
        "idle_transaction_timeout": .seconds("pool", "idle_transaction_timeout"),
        "ignore_startup_parameters": .none("what a client brings is told to its servers, as on a direct connection"),
        "job_name": .none(logging), "service_name": .none(logging), "listen_addr": .elsewhere,
        "listen_backlog": .none("the kernel's limit is used"), "listen_port": .number("listen", "port"),
        "log_connections": .switched("server", "log_connections"),
        "log_disconnections": .none(logging), "log_pooler_errors": .none(logging),
        "log_stats": .none("see /metrics"), "logfile": .none("the log goes to standard error"),
        "login_notify_message": .none("it is not supported"), "max_client_conn": .number("server", "max_clients"),
        "max_db_client_connections": .limit("server", "max_database_clients"),
        "max_db_connections": .limit("server", "max_database_connections"),
        "max_packet_size": .bytes("server", "max_message_size"),
        "max_prepared_statements": .limit("pool", "max_prepared_statements"),
        "max_user_client_connections": .limit("server", "max_user_clients"),
        "max_user_connections": .limit("server", "max_user_connections"), "min_pool_size": .number("pool", "min_size"),
        "peer_id": .limit("server", "peer_id"), "pidfile": .none("a service manager knows its processes"),
        "pkt_buf": .none("buffers belong to workers and have one size"),
        "pool_idle_timeout": .none("an empty pool costs next to nothing"), "pool_mode": .text("pool", "mode"),
        "query_timeout": .seconds("pool", "query_timeout"), "query_wait_notify": .seconds("pool", "wait_notice"),
        "query_wait_timeout": .seconds("pool", "wait_timeout"), "reserve_pool_size": .number("pool", "reserve_size"),
        "reserve_pool_timeout": .seconds("pool", "reserve_timeout"),
        "resolv_conf": .none("the system's resolver is used"),
        "sbuf_loopcnt": .none("turns have a fixed size"), "scram_iterations": .number("auth", "scram_iterations"),
        "server_check_delay": .none("a dead connection is seen at once"),
        "server_check_query": .none("a dead connection is seen at once"),
        "server_connect_timeout": .seconds("pool", "connect_timeout"),
        "server_fast_close": .default("0", "condemned connections end when they are free"),
        "server_idle_timeout": .seconds("pool", "idle_timeout"), "server_lifetime": .seconds("pool", "lifetime"),
        "server_login_retry": .seconds("pool", "max_retry_delay"),
        "server_reset_query": .default("DISCARD ALL", "DISCARD ALL is used where something has to be cleared"),
        "server_reset_query_always": .none("what a session left behind is always cleared"),
        "server_round_robin": .default("0", "the connection used last is used first"),
        "server_tls_sslmode": .elsewhere, "server_tls_ca_file": .elsewhere, "server_tls_cert_file": .elsewhere,
        "server_tls_key_file": .elsewhere, "server_tls_ciphers": .elsewhere, "server_tls13_ciphers": .elsewhere,
        "server_tls_protocols": .elsewhere, "so_reuseport": .elsewhere,
        "stats_period": .default("60", "averages are those of a minute"), "stats_users": .names("admin", "stats_users"),
        "suspend_timeout": .none("SUSPEND waits for the end of all work"),
        "syslog": .none("the log goes to standard error"), "syslog_facility": .none("the log goes to standard error"),
        "syslog_ident": .none("the log goes to standard error"), "tcp_defer_accept": .none("it is always on"),
        "tcp_keepalive": .none("it is always on"), "tcp_keepcnt": .none("it is set"),
        "tcp_keepidle": .none("it is set"),
        "tcp_keepintvl": .none("it is set"), "tcp_socket_buffer": .none("the kernel's choice is used"),
        "tcp_user_timeout": .none("it is set"), "track_extra_parameters": .none("every setting follows its session"),
        "transaction_timeout": .seconds("pool", "transaction_timeout"),
        "unix_socket_dir": .file("listen", "unix_socket_dir"), "unix_socket_group": .none("it is not supported"),
        "unix_socket_mode": .text("listen", "unix_socket_mode"),
        "user": .none("a service manager starts it as its user"), "verbose": .none(logging),
    ]
}

/// A user of a users file with a password in the clear.
struct UsersFileEntry: Equatable {
    var user: String
    var password: String

    static func plain(_ text: String) -> [UsersFileEntry] {
        var mistakes: [UsersFileMistake] = []
        let directory = UserDirectory(usersFile: text, mistakes: &mistakes)
        return directory.names.sorted().compactMap { name in
            guard case .plain(let password)? = directory.lookup(name), !password.isEmpty else { return nil }
            return UsersFileEntry(user: name, password: password)
        }
    }
}
