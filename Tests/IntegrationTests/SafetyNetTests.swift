// Is what a replica refuses or breaks run again elsewhere, without its client noticing?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct SafetyNetTests {
    /// Tests of this file change the catalog past the router, pause replicas and kill their backends.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(
            replicas: 2,
            settings: ["max_standby_streaming_delay": "0", "hot_standby_feedback": "off", "autovacuum": "off"])
        try cluster.primary.psql(
            "CREATE SEQUENCE s", "GRANT ALL ON s TO app", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app",
            "INSERT INTO t SELECT generate_series(1, 1000)")
        try cluster.waitUntilReplayed()
        return cluster
    }

    /// It reads the catalog at its start and never again.
    private static func router(_ cluster: PostgresCluster) throws -> RouterProcess {
        try Stage.startRouter(
            cluster, consistency: "eventual", ["probe": ["catalog_interval": "\"1h\""]])
    }

    /// From now on it writes.
    private func turn(_ name: String, _ cluster: PostgresCluster) throws {
        try cluster.primary.psql(
            "CREATE OR REPLACE FUNCTION \(name)() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT nextval(''s'')'")
        try cluster.waitUntilReplayed()
    }

    /// A call of a function of which nothing is known yet pins its session: each attempt is another one.
    private func waitUntilKnown(_ sql: String, _ router: RouterProcess, _ cluster: PostgresCluster) throws {
        try eventually("the router to know the function", within: .seconds(60)) {
            let client = try router.client()
            defer { client.close() }
            return try cluster.replicaPorts.contains(client.query(sql).rows.first?[1] ?? "")
        }
    }

    @Test func aFunctionThatHasBegunToWrite() throws {
        let cluster = try Self.cluster.get()
        for name in ["simple", "extended"] { try cluster.primary.psql("DROP FUNCTION IF EXISTS \(name)()") }
        for name in ["simple", "extended"] {
            try cluster.primary.psql(
                "CREATE FUNCTION \(name)() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint'")
        }
        try cluster.waitUntilReplayed()
        let router = try Self.router(cluster)
        let client = try router.client()
        for name in ["simple", "extended"] {
            let sql = "SELECT \(name)(), inet_server_port()"
            try waitUntilKnown(sql, router, cluster)
            try turn(name, cluster)
            for _ in 0..<4 {
                let answer =
                    name == "simple"
                    ? try client.query("\(sql) -- again") : try client.extended(sql + ", $1::int", ["7"])
                #expect(answer.errors == [])
                #expect(answer.rows.first?[1] == "\(cluster.primary.port)")
            }
        }
        func decides(_ client: WireClient, _ comment: String = "") throws -> String? {
            let rows = try client.query("EXPLAIN ROUTE \(comment)SELECT simple(), inet_server_port()").rows
            return rows.first { $0[0] == "decided by" }?[1]
        }
        #expect(try decides(client) == "learned")
        // Where the port or a role decides it was learned in vain.
        #expect(try decides(client, "/* pointsman: role=replica */ ") == "hint")
        for port in [router.readerPort, router.writerPort] {
            #expect(try decides(WireClient(port: port, user: "app", database: "app")) != "learned")
        }
        // One for each text was refused; the others went to the primary at once.
        let refused = cluster.replicas.map { replica in
            replica.log.split(separator: "\n").count { $0.contains("cannot execute nextval() in a read-only") }
        }
        #expect(refused.reduce(0, +) == 2)
        #expect(router.log.contains("a read was refused by a replica and done by the primary"))
    }

    /// The second command is refused when the result of the first one has begun to come.
    @Test func theSecondOfTwoCommands() throws {
        let cluster = try Self.cluster.get()
        try cluster.primary.psql(
            "DROP FUNCTION IF EXISTS second()",
            "CREATE FUNCTION second() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint'")
        try cluster.waitUntilReplayed()
        let router = try Self.router(cluster)
        let sql = "SELECT second(), inet_server_port()"
        try waitUntilKnown(sql, router, cluster)
        try turn("second", cluster)
        let answer = try router.client().query("SELECT repeat('x', 50000), inet_server_port(); \(sql)")
        #expect(answer.errors == [])
        #expect(answer.rows.map { $0.last } == ["\(cluster.primary.port)", "\(cluster.primary.port)"])
        #expect(answer.rows.first?.first??.utf8.count == 50_000)
    }

    @Test func aTableThatTheReplicasDoNotHaveYet() throws {
        let cluster = try Self.cluster.get()
        let router = try Self.router(cluster)
        let client = try router.client()
        for replica in cluster.replicas { try replica.pauseReplay() }
        defer { for replica in cluster.replicas { try? replica.resumeReplay() } }
        let table = SharedCluster.tableName("young")
        try cluster.primary.psql("CREATE TABLE \(table) (x int)", "GRANT ALL ON \(table) TO app")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
        #expect(try client.extended("SELECT count(*) + $1::int FROM \(table)", ["5"]).value == "5")
        try cluster.primary.psql("ALTER TABLE \(table) ADD COLUMN y int", "INSERT INTO \(table) VALUES (1, 2)")
        #expect(try client.value("SELECT y FROM \(table)") == "2")

        // Parsed and described with a Flush, as drivers do that want to know the types of the parameters.
        try client.send(.parse("SELECT y + $1 FROM \(table)", name: "young"), .describeStatement("young"), .flush)
        #expect(try client.read(until: .rowDescription).errors == [])
        try client.send(.bind(["1"], statement: "young"), .execute(), .sync)
        #expect(try client.readUntilReady().value == "3")

        // A read-only transaction as a whole.
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.value("SELECT count(y) FROM \(table)") == "1")
        try client.succeed("COMMIT")
        // What nobody has is the client's error, and the primary's.
        #expect(try client.query("SELECT * FROM nobody_has_this").errors == ["42P01"])
    }

    @Test func aConflictWithReplay() throws {
        let cluster = try Self.cluster.get()
        let router = try Self.router(cluster)
        let client = try router.client()
        try cluster.primary.psql("CREATE TABLE obstacles AS SELECT 0 AS round", "GRANT ALL ON obstacles TO app")
        try cluster.waitUntilReplayed()
        for round in 0..<3 {
            let sql = "SELECT (SELECT count(pg_sleep(60)::text) FROM obstacles), count(*) FROM t WHERE x > -\(round)"
            try client.send(.query(sql))
            try waitUntilItRuns(sql, on: cluster.replicas)
            // Who has replayed it needs not wait.
            try cluster.primary.psql(
                "BEGIN; DELETE FROM obstacles; TRUNCATE t; INSERT INTO t SELECT generate_series(1, 1000); COMMIT")
            let answer = try client.readUntilReady()
            #expect(answer.errors == [] && answer.rows == [["0", "1000"]])
            try cluster.primary.psql("INSERT INTO obstacles VALUES (\(round))")
            try cluster.waitUntilReplayed()
        }
        let question = "SELECT confl_lock + confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'app'"
        try eventually("three conflicts to be counted") {
            try cluster.replicas.compactMap { Int(try $0.psql(question)) }.reduce(0, +) >= 3
        }
    }

    @Test func aBackendThatIsTerminated() throws {
        let cluster = try Self.cluster.get()
        let router = try Self.router(cluster)
        let client = try router.client()
        for round in 0..<2 {
            let sql = "SELECT count(*), pg_sleep(1) FROM t AS terminated\(round)"
            try client.send(round == 0 ? [.query(sql)] : FrontendMessage.extended(sql) + [.sync])
            try waitUntilItRuns(sql, on: cluster.replicas)
            let running = "state = 'active' AND query = '\(sql)'"
            for replica in cluster.replicas {
                try replica.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(running)")
            }
            let answer = try client.readUntilReady()
            #expect(answer.errors == [] && answer.value == "1000")
        }
        // The client's own cancel is no reason to run anything again.
        let sql = "SELECT pg_sleep(60) AS cancelled"
        try client.send(.query(sql))
        try waitUntilItRuns(sql, on: cluster.replicas)
        try client.cancel()
        #expect(try client.readUntilReady().errors == ["57014"])
    }

    @Test func pipelinesThroughDrivers() throws {
        let cluster = try Self.cluster.get()
        try cluster.primary.psql("DROP FUNCTION IF EXISTS driven()")
        try cluster.primary.psql("CREATE FUNCTION driven() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint'")
        try cluster.waitUntilReplayed()
        let router = try Self.router(cluster)
        try waitUntilKnown("SELECT driven(), inet_server_port()", router, cluster)
        try turn("driven", cluster)
        let reads = cluster.replicaPorts.sorted().joined(separator: ",")
        let output = try Programs.python(
            script: "net_checks.py",
            ["--port", "\(router.port)", "--reads", reads, "--writes", "\(cluster.primary.port)"])
        #expect(output.split(separator: "\n") == ["ok psycopg_prepares_and_pipelines", "ok asyncpg_prepares"])
    }

    /// Reads go on while a replica ends as if the power had failed.
    @Test func aReplicaThatDies() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        let router = try Stage.startRouter(cluster, consistency: "eventual")
        let clients = try (0..<6).map { _ in try router.client() }
        for _ in 0..<3 {
            for client in clients { try client.send(.query("SELECT pg_sleep(0.3), 'before'")) }
            try waitUntilItRuns("SELECT pg_sleep(0.3), 'before'", on: cluster.replicas)
            try cluster.replicas[1].stop(.immediate)
            for client in clients { #expect(try client.readUntilReady().errors == []) }
            for _ in 0..<20 {
                for client in clients { #expect(try client.query("SELECT 1").errors == []) }
            }
            try cluster.replicas[1].start()
            try router.waitUntilReadsReach(cluster.replicaPorts)
        }
    }

    private func waitUntilItRuns(_ sql: String, on nodes: [PostgresNode]) throws {
        let literal = sql.replacing("'", with: "''")
        let question = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '\(literal)'"
        try eventually("the query to run") { try nodes.contains { try $0.psql(question) != "0" } }
    }
}
