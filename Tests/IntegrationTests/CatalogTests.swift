// Does the router learn from the catalog what users' functions and views may do, and does it notice when that changes?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct CatalogTests {
    /// Its databases are this file's own, so that nobody else's changes disturb what is known of them.
    private static let stage = Result { try start() }

    private static func start() throws -> (cluster: PostgresCluster, router: RouterProcess) {
        let cluster = try PostgresCluster.start(replicas: 2)
        do {
            let router = try Stage.startRouter(cluster, ["server": ["workers": "2"]])
            return (cluster, router)
        } catch {
            cluster.stop()
            throw error
        }
    }

    private var router: RouterProcess { get throws { try Self.stage.get().router } }
    private var cluster: PostgresCluster { get throws { try Self.stage.get().cluster } }
    private var primaryPort: String { get throws { "\(try cluster.primary.port)" } }

    private func isOnReplica(_ sql: String, _ client: WireClient) throws -> Bool {
        guard let port = try client.succeed(sql).rows.last?.first else { throw SupportError("no row: \(sql)") }
        return try port != primaryPort
    }

    /// A client that called a function of which nothing is known yet keeps its server; here each attempt has its own.
    private func waitUntilKnown(_ sql: String) throws {
        try eventually("a replica to answer \(sql)") {
            let client = try router.client()
            defer { client.close() }
            let answer = try client.query(sql)
            let port = answer.rows.last?.first ?? nil
            return try answer.errors.isEmpty && port != nil && port != primaryPort
        }
    }

    private func waitUntilOnReplica(_ sql: String, _ client: WireClient) throws {
        try eventually("a replica to answer \(sql)") {
            // It may not have replayed what the statement needs.
            let answer = try client.query(sql)
            let port = answer.rows.last?.first ?? nil
            return try answer.errors.isEmpty && port != nil && port != primaryPort
        }
    }

    @Test func harmlessFunctionsAndViewsAreBalanced() throws {
        let maker = try router.client()
        for sql in [
            "CREATE FUNCTION calm(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'",
            "CREATE FUNCTION wild() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION lying() RETURNS int LANGUAGE plpgsql STABLE AS "
                + "'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN 1; END'",
            "CREATE SEQUENCE seq", "CREATE VIEW drawing AS SELECT nextval('seq') AS n",
            "CREATE VIEW over AS SELECT n FROM drawing", "CREATE VIEW plain AS SELECT calm(1) AS n",
        ] { try maker.succeed(sql) }
        let client = try router.client()
        try waitUntilKnown("SELECT inet_server_port(), calm(1)")
        try waitUntilOnReplica("SELECT inet_server_port(), calm(1)", client)
        #expect(try isOnReplica("SELECT inet_server_port(), n FROM plain", client))
        #expect(try client.extended("SELECT inet_server_port(), calm($1)", ["1"]).value != primaryPort)
        for sql in ["lying()", "(SELECT n FROM over)", "(SELECT n FROM drawing)"] {
            for _ in 0..<5 { #expect(try !isOnReplica("SELECT inet_server_port(), \(sql)", client), "\(sql)") }
        }
        // Nothing of that pins.
        try waitUntilOnReplica("SELECT inet_server_port(), calm(1)", client)
        #expect(try !isOnReplica("SELECT inet_server_port(), wild()", client))
    }

    /// From the acknowledgement on nobody calls a function on a replica that has just become harmful.
    @Test func noStaleKnowledgeIsUsed() throws {
        let maker = try router.client()
        let clients = try (0..<6).map { _ in try router.client() }
        let create = "CREATE OR REPLACE FUNCTION turning() RETURNS int LANGUAGE sql STABLE AS"
        let call = "SELECT inet_server_port(), turning()"
        try maker.succeed("\(create) 'SELECT 1'")
        try waitUntilKnown(call)
        for round in 0..<10 {
            try maker.succeed("\(create) 'SELECT \(round)'")
            for client in clients { try waitUntilOnReplica(call, client) }
            if round.isMultiple(of: 2) {
                try maker.succeed("\(create) 'SELECT 1 FROM pg_advisory_xact_lock(1)'")
            } else {
                try maker.succeed("BEGIN")
                try maker.succeed("\(create) 'SELECT 1 FROM pg_advisory_xact_lock(1)'")
                try maker.succeed("COMMIT")
            }
            for client in clients { #expect(try !isOnReplica(call, client)) }
        }
    }

    @Test func viewsToo() throws {
        let maker = try router.client()
        let client = try router.client()
        let call = "SELECT inet_server_port() FROM turning_view"
        try maker.succeed("CREATE TABLE plain_table (x int)")
        for round in 0..<5 {
            try maker.succeed("CREATE OR REPLACE VIEW turning_view AS SELECT \(round)::int AS n")
            try waitUntilOnReplica(call, client)
            try maker.succeed("CREATE OR REPLACE VIEW turning_view AS SELECT (pg_backend_pid() > 0)::int AS n")
            #expect(try !isOnReplica(call, client))
        }
    }

    @Test func preparedStatementsFollow() throws {
        let maker = try router.client()
        let client = try router.client()
        let create = "CREATE OR REPLACE FUNCTION kept() RETURNS int LANGUAGE sql STABLE AS"
        try maker.succeed("\(create) 'SELECT 1'")
        try waitUntilKnown("SELECT inet_server_port(), kept()")
        #expect(try client.exchange([.parse("SELECT inet_server_port(), kept()", name: "s")]).errors == [])
        func port() throws -> String? { try client.exchange([.bind(statement: "s"), .execute()]).value }
        try eventually("a replica to serve the prepared statement") { try port() != primaryPort }
        try maker.succeed("\(create) 'SELECT 1 FROM pg_advisory_xact_lock(1)'")
        for _ in 0..<5 {
            let answer = try client.exchange([.bind(statement: "s"), .execute()])
            #expect(try answer.value == primaryPort, "\(answer)")
        }
        try maker.succeed("\(create) 'SELECT 1'")
        try eventually("a replica to serve the prepared statement") { try port() != primaryPort }
    }

    /// Where the prober may not connect nothing is known, and that is said once.
    @Test func aDatabaseThatRefusesTheProber() throws {
        let cluster = try cluster
        try cluster.primary.psql("CREATE DATABASE shut OWNER app", database: "postgres")
        try cluster.primary.psql("REVOKE CONNECT ON DATABASE shut FROM PUBLIC", database: "postgres")
        try cluster.primary.psql(
            "CREATE FUNCTION calm(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'", database: "shut")
        try cluster.waitUntilReplayed()
        let client = try router.client(database: "shut")
        let warning = "cannot read the catalog of database \"shut\" as user \"pointsman\""
        try eventually("a warning") { try router.log.contains(warning) }
        #expect(try !isOnReplica("SELECT inet_server_port(), calm(1)", client))
        #expect(try isOnReplica("SELECT inet_server_port()", router.client(database: "shut")))
        #expect(try router.log.components(separatedBy: warning).count == 2)
    }

    @Test func withoutCatalogsUserFunctionsAreWrites() throws {
        let cluster = try cluster
        try cluster.primary.psql(
            "CREATE FUNCTION unknown_here() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'")
        let router = try Stage.startRouter(cluster, ["probe": ["catalog_interval": "\"0s\""]])
        defer { router.stop() }
        let client = try router.client()
        #expect(try !isOnReplica("SELECT inet_server_port(), unknown_here()", client))
    }
}
