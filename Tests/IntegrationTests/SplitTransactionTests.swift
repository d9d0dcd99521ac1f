// Do transactions read on a replica until they write, and is everything in them as on one server?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct SplitTransactionTests {
    /// It counts statements; tests stop its replicas and change the defaults of its roles.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(
            replicas: 2, settings: ["shared_preload_libraries": "pg_stat_statements", "max_connections": "100"])
        try cluster.primary.psql(
            "CREATE EXTENSION pg_stat_statements", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app",
            "GRANT CREATE ON SCHEMA public TO app")
        try cluster.waitUntilReplayed()
        return cluster
    }

    private func router(isOn: Bool = true) throws -> (RouterProcess, PostgresCluster) {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster, ["routing": ["split_transactions": "\(isOn)"]])
        return (router, cluster)
    }

    @Test func readsThenWrites() throws {
        let (router, cluster) = try router()
        let client = try router.client()
        for number in 1...20 {
            try eventually("a replica to have the last write") {
                try cluster.replicaPorts.contains(client.port() ?? "")
            }
            try client.succeed("BEGIN")
            #expect(try cluster.replicaPorts.contains(client.port() ?? ""))
            #expect(try client.extended("SELECT $1::int", ["7"]).value == "7")
            #expect(try client.query("INSERT INTO t VALUES (\(number)) RETURNING inet_server_port()").value
                == "\(cluster.primary.port)")
            #expect(try client.value("SELECT count(*) FROM t WHERE x = \(number)") == "1")
            try client.succeed(number % 2 == 0 ? "ROLLBACK" : "COMMIT")
            #expect(try client.value("SELECT count(*) FROM t WHERE x = \(number)") == (number % 2 == 0 ? "0" : "1"))
        }
    }

    /// A standby refuses what the primary does: the transaction goes there and no one is told.
    @Test func whatAStandbyRefuses() throws {
        let cluster = try Self.cluster.get()
        try cluster.primary.psql(
            "CREATE OR REPLACE FUNCTION quiet() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
            "CREATE SEQUENCE IF NOT EXISTS q", "GRANT ALL ON q TO app")
        try cluster.waitUntilReplayed()
        // What is changed past it, it sees some seconds later.
        let router = try Stage.startRouter(
            cluster, ["routing": ["split_transactions": "true"], "probe": ["catalog_interval": "\"5s\""]])
        let client = try router.client()
        try eventually("the function to be known", within: .seconds(60)) {
            try cluster.replicaPorts.contains(client.query("SELECT inet_server_port(), quiet()").value ?? "")
        }
        try cluster.primary.psql(
            "CREATE OR REPLACE FUNCTION quiet() RETURNS int LANGUAGE sql STABLE AS 'SELECT nextval(''q'')::int'")
        try cluster.waitUntilReplayed()
        try client.succeed("BEGIN")
        #expect(try cluster.replicaPorts.contains(client.port() ?? ""))
        let answer = try client.query("SELECT quiet()")
        #expect(answer.errors == [])
        #expect(try client.port() == "\(cluster.primary.port)")
        try client.succeed("COMMIT")
    }

    /// A replica that goes away between two reads takes nothing with it.
    @Test func aLostReplica() throws {
        let (router, cluster) = try router()
        for _ in 0..<4 {
            let client = try router.client()
            try client.succeed("BEGIN")
            let pid = try client.query("SELECT inet_server_port(), 1").value
            let replica = try #require(cluster.replicas.first { "\($0.port)" == pid })
            try replica.psql(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE usename = 'app' AND state LIKE 'idle in%'
                """)
            try eventually("the loss to be noticed") { router.log.contains("server connection closed") }
            try client.succeed("INSERT INTO t VALUES (100)")
            try client.succeed("COMMIT")
            #expect(client.transactionState == "I")
        }
    }

    /// Whoever has another isolation by default would see two states of one.
    @Test func otherDefaults() throws {
        let (router, cluster) = try router()
        try cluster.primary.psql("ALTER ROLE app SET default_transaction_isolation = 'repeatable read'")
        defer { _ = try? cluster.primary.psql("ALTER ROLE app RESET default_transaction_isolation") }
        try cluster.waitUntilReplayed()
        let other = try Stage.startRouter(cluster, ["routing": ["split_transactions": "true"]])
        let client = try other.client()
        try client.succeed("BEGIN")
        #expect(try client.port() == "\(cluster.primary.port)")
        try client.succeed("INSERT INTO t VALUES (200)")
        try client.succeed("COMMIT")
        _ = router
    }

    /// How many statements a part of the cluster has run since the last reset.
    private func statements(_ nodes: [PostgresNode]) throws -> Int {
        try nodes.reduce(0) { sum, node in
            let count = try node.psql(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ 'shop_' AND query !~ 'CREATE'")
            return sum + (Int(count) ?? 0)
        }
    }

    /// An application whose requests are transactions: what it reads before it writes leaves the primary.
    @Test func django() throws {
        var shares: [Bool: Double] = [:]
        for isOn in [false, true] {
            let (router, cluster) = try router(isOn: isOn)
            defer { router.stop() }
            let arguments = ["--port", "\(router.port)", "--reads", "1", "--writes", "1"]
            let first = try Programs.python(script: "django_traffic.py", arguments)
            #expect(first.hasPrefix("ok "))
            for node in cluster.replicas + [cluster.primary] { try node.psql("SELECT pg_stat_statements_reset()") }
            let output = try Programs.python(script: "django_traffic.py", arguments)
            #expect(output.hasPrefix("ok "))
            let onReplicas = try statements(cluster.replicas)
            let onPrimary = try statements([cluster.primary])
            try #require(onReplicas + onPrimary > 1_000)
            shares[isOn] = Double(onReplicas) / Double(onReplicas + onPrimary)
            print("split_transactions \(isOn): \(onReplicas) statements on replicas, \(onPrimary) on the primary")
        }
        #expect(shares[false] == 0)
        // The rest writes, or reads what the session has just written.
        #expect(shares[true] ?? 0 > 0.3)
    }
}
