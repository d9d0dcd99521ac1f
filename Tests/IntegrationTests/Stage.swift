// What do the integration tests share: the servers, and a router with default settings in front of them?

import PostgresCluster
import TestSupport
import Testing

/// The shared cluster with one router. A test that needs other settings starts a router of its own in front of the same
/// servers; a test that hurts a server starts servers of its own.
enum Stage {
    private static let shared = Result { try startRouter() }

    static func cluster() throws -> PostgresCluster { try SharedCluster.get() }

    static func router() throws -> RouterProcess { try shared.get() }

    /// A client of the shared router's split port.
    static func client(
        database: String = "app", options: [(String, String)] = [], deadline: Duration = .seconds(60)
    ) throws -> WireClient {
        try router().client(database: database, options: options, deadline: deadline)
    }

    /// A client of the shared primary itself.
    static func direct(options: [(String, String)] = []) throws -> WireClient {
        try WireClient(direct: cluster().primary, options: options)
    }

    /// A router in front of the shared cluster; both replicas answer reads when it returns.
    static func startRouter(
        consistency: String = "session", _ overrides: [String: [String: String]] = [:]
    ) throws -> RouterProcess {
        try startRouter(cluster(), consistency: consistency, overrides)
    }

    static func startRouter(
        _ cluster: PostgresCluster, consistency: String = "session", _ overrides: [String: [String: String]] = [:]
    ) throws -> RouterProcess {
        // A busy machine must not look like a node that is down.
        let patient = overrides.merging(["probe": ["timeout": "\"10s\""]]) { $0.merging($1) { first, _ in first } }
        let router = try RouterProcess.start(cluster: cluster, consistency: consistency, overrides: patient)
        try router.waitUntilReadsReach(cluster.replicaPorts)
        return router
    }

    /// A router whose pools have this many connections, all of which pinned sessions may hold.
    static func startRouter(poolSize: Int, _ settings: [String: String] = [:]) throws -> RouterProcess {
        let pool = ["size": "\(poolSize)", "max_pinned": "\"100%\""]
        return try startRouter(cluster(), ["pool": pool.merging(settings) { $1 }])
    }

    static func primaryPort() throws -> String { try "\(cluster().primary.port)" }
    static func replicaPorts() throws -> Set<String> { try cluster().replicaPorts }

    /// Makes a table of a name that no other test uses, on all servers when it returns.
    static func makeTable(_ columns: String, _ prefix: String = "t") throws -> String {
        let name = SharedCluster.tableName(prefix)
        try run("CREATE TABLE \(name) (\(columns))")
        return name
    }

    /// Runs statements on the primary, past every router; the replicas have replayed them when it returns.
    static func run(_ statements: String...) throws {
        let client = try direct()
        defer { client.close() }
        for statement in statements { try client.succeed(statement) }
        try cluster().waitUntilReplayed()
    }
}

/// What runs a text by the extended protocol, without the Sync.
func execution(_ sql: String) -> [FrontendMessage] { [.parse(sql), .bind(), .execute()] }

extension PostgresCluster {
    var replicaPorts: Set<String> { Set(replicas.map { "\($0.port)" }) }

    /// Waits until the replicas have replayed all that the primary has written by now.
    func waitUntilReplayed() throws {
        let primary = try WireClient(direct: primary, user: "postgres")
        defer { primary.close() }
        // A commit that is flushed, and all that were before it.
        try primary.succeed("SELECT pg_logical_emit_message(true, 'waits', '')")
        let target = try primary.value("SELECT pg_current_wal_flush_lsn()") ?? ""
        let question = "SELECT pg_last_wal_replay_lsn() >= '\(target)'"
        for replica in replicas where replica.pid != nil {
            let client = try WireClient(direct: replica, user: "postgres")
            defer { client.close() }
            try eventually("\(replica.name) to replay up to \(target)") { try client.value(question) == "t" }
        }
    }
}

extension RouterProcess {
    /// A client of the split port.
    func client(
        user: String = "app", database: String = "app", options: [(String, String)] = [],
        deadline: Duration = .seconds(60)
    ) throws -> WireClient {
        try WireClient(port: port, user: user, database: database, options: options, deadline: deadline)
    }

    /// Waits until the router has ended, with an exit code of 0, which a build with ThreadSanitizer denies a process
    /// whose threads raced.
    func expectCleanEnd() throws {
        let status = try waitUntilExit(within: .seconds(30))
        let report = log.range(of: "WARNING: ThreadSanitizer").map { log[$0.lowerBound...] } ?? log.suffix(1000)
        #expect(status == 0, "\(report.prefix(9000))")
    }

    /// Waits until reads are answered by all servers of these ports.
    func waitUntilReadsReach(_ ports: Set<String>) throws {
        let client = try client(options: [("application_name", "waits for the replicas")])
        defer { client.close() }
        var seen: Set<String> = []
        try eventually("reads to reach the servers on \(ports)", within: .seconds(60)) {
            if let port = try client.port() { seen.insert(port) }
            return seen.isSuperset(of: ports)
        }
    }
}

extension WireClient {
    /// The port of the server that answers a read now.
    /// With its schema the function is known even while others change the catalog.
    func port() throws -> String? { try value("SELECT pg_catalog.inet_server_port()") }

    /// Runs a statement that must succeed.
    @discardableResult
    func succeed(_ sql: String) throws -> [BackendMessage] {
        let answer = try query(sql)
        if let error = answer.first(where: { $0.kind == .errorResponse }) {
            throw SupportError("\(sql): \(error)")
        }
        return answer
    }
}
