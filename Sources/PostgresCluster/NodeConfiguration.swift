// With which settings, access rules and roles does every server of a private cluster run?

/// A role that may log in with a password.
public struct DatabaseRole: Sendable, Equatable {
    public let name: String
    public let password: String

    /// The superuser.
    public static let superuser = DatabaseRole(name: "postgres", password: "postgres")
    /// The router's probe: `pg_monitor` and nothing else.
    public static let probe = DatabaseRole(name: "pointsman", password: "pointsman")
    /// Owner of the application's database.
    public static let application = DatabaseRole(name: "app", password: "app")
}

enum NodeConfiguration {
    /// The application's database, owned by the application's role.
    static let database = "app"

    /// Durability is off, because the data live as long as the process; all that is replication is as in production.
    static let settings = """
        listen_addresses = '127.0.0.1'
        max_connections = 300
        max_prepared_transactions = 20
        password_encryption = 'scram-sha-256'
        shared_buffers = 16MB
        jit = off
        autovacuum = off
        fsync = off
        full_page_writes = off
        wal_level = replica
        wal_log_hints = on
        wal_keep_size = 256MB
        min_wal_size = 32MB
        max_wal_size = 512MB
        checkpoint_timeout = 1h
        max_wal_senders = 10
        max_replication_slots = 10
        wal_sender_timeout = 5s
        hot_standby = on
        wal_receiver_timeout = 5s
        wal_receiver_status_interval = 1s
        wal_retrieve_retry_interval = 100ms
        log_line_prefix = '%m [%p] %q%u@%d '

        """

    /// Everyone proves a password over TCP; the socket lies in a directory that only the starter uses.
    static let accessRules = """
        local all all trust
        local replication all trust
        host all all 127.0.0.1/32 scram-sha-256
        host replication all 127.0.0.1/32 scram-sha-256

        """

    /// Run once on the new primary, in this order, each statement on its own.
    static let statements = [
        "ALTER ROLE postgres PASSWORD '\(DatabaseRole.superuser.password)'",
        "CREATE ROLE pointsman LOGIN PASSWORD '\(DatabaseRole.probe.password)'",
        "GRANT pg_monitor TO pointsman",
        "CREATE ROLE app LOGIN PASSWORD '\(DatabaseRole.application.password)'",
        "CREATE DATABASE app OWNER app",
    ]
}
