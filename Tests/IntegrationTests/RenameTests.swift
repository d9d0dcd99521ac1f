// Whose data does a client get when a database or a role is dropped or gets another name?

import PostgresCluster
import TestSupport
import Testing

/// Connections in the pools stay with what had the name when they logged in.
@Suite(.serialized) struct RenameTests {
    private static let cluster = Result { try PostgresCluster.start(replicas: 1) }

    private let cluster: PostgresCluster
    private let router: RouterProcess
    private let admin: WireClient

    init() throws {
        cluster = try Self.cluster.get()
        let password = ["password": "\"usr\""]
        router = try RouterProcess.start(
            RouterConfiguration(cluster: cluster, overrides: ["users.usr": password, "users.other": password]))
        try router.waitUntilItServes()
        admin = try router.client(user: "postgres", database: "postgres")
    }

    private func onReplica(_ client: WireClient, _ sql: String) throws -> String? {
        try eventually("a replica to answer") {
            let row = try client.query("SELECT pg_catalog.inet_server_port(), x.* FROM (\(sql)) x").rows.first
            guard let row, row.first == "\(cluster.replicas[0].port)" else {
                throw SupportError("\(try client.query("EXPLAIN ROUTE \(sql)").rows)")
            }
            return row.last ?? nil
        }
    }

    /// Ends the connections to a database, those of the pools and of the catalog's reader, until nobody objects.
    private func succeed(_ sql: String, without database: String) throws {
        try eventually("\(sql)") {
            try admin.succeed(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
            return try admin.query(sql).errors.isEmpty
        }
    }

    @Test func databases() throws {
        for name in ["one", "two"] {
            try cluster.primary.psql("CREATE DATABASE \(name)")
            try cluster.primary.psql("CREATE TABLE x AS SELECT '\(name)'::text AS v", database: name, user: "postgres")
        }
        try cluster.waitUntilReplayed()
        let before = try router.client(user: "postgres", database: "one")
        #expect(try onReplica(before, "SELECT v FROM x") == "one")
        before.close()

        try succeed("ALTER DATABASE one RENAME TO old", without: "one")
        try succeed("ALTER DATABASE two RENAME TO one", without: "two")
        let after = try router.client(user: "postgres", database: "one")
        try after.succeed("INSERT INTO x VALUES ('mine')")
        for _ in 0..<20 { #expect(try after.value("SELECT string_agg(v, ',' ORDER BY v) FROM x") == "mine,two") }
        #expect(try onReplica(after, "SELECT string_agg(v, ',' ORDER BY v) FROM x") == "mine,two")
    }

    @Test func roles() throws {
        try cluster.primary.psql(
            "CREATE ROLE usr LOGIN PASSWORD 'usr'", "CREATE TABLE secret AS SELECT 1 AS a",
            "GRANT SELECT ON secret TO usr")
        try cluster.waitUntilReplayed()
        let before = try router.client(user: "usr", database: "app")
        #expect(try onReplica(before, "SELECT a FROM secret") == "1")
        before.close()

        try admin.succeed("ALTER ROLE usr RENAME TO usrold")
        try admin.succeed("CREATE ROLE usr LOGIN PASSWORD 'usr'")
        let after = try router.client(user: "usr", database: "app")
        #expect(try onReplica(after, "SELECT session_user") == "usr")
        #expect(try after.query("SELECT a FROM secret").errors == ["42501"])
        after.close()

        // A role of the same name is another one, which may be what the former was not.
        try admin.succeed("DROP ROLE usr")
        try admin.succeed("CREATE ROLE usr LOGIN PASSWORD 'usr'")
        try cluster.primary.psql("GRANT SELECT ON secret TO usr")
        let last = try router.client(user: "usr", database: "app")
        #expect(try onReplica(last, "SELECT a FROM secret") == "1")
    }

    /// A replica that does not replay is asked again after a while: it shows what any connection to it would show.
    @Test func aReplicaThatLags() throws {
        try cluster.primary.psql("CREATE ROLE gone")
        try cluster.waitUntilReplayed()
        let patient = [("pointsman.consistency", "eventual"), ("pointsman.max_lag", "1h")]
        let client = try router.client(options: patient)
        let question = "SELECT pg_catalog.inet_server_port()"
        let (primary, replica) = ("\(cluster.primary.port)", "\(cluster.replicas[0].port)")
        try eventually("the replica to answer") { try client.value(question) == replica }
        try cluster.replicas[0].pauseReplay()
        defer { try? cluster.replicas[0].resumeReplay() }
        try admin.succeed("DROP ROLE gone")
        for _ in 0..<10 { #expect(try client.value(question) == primary) }
        try eventually("the replica to be asked again", within: .seconds(60)) {
            try client.value(question) == replica
        }
    }

    /// What was known of a database says nothing of another one by its name.
    @Test func knowledgeOfADatabase() throws {
        try cluster.primary.psql("CREATE DATABASE known")
        try cluster.primary.psql(
            "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'", database: "known")
        try cluster.primary.psql("CREATE DATABASE model")
        try cluster.primary.psql(
            "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT pg_advisory_lock($1); SELECT 1'",
            database: "model")
        try cluster.waitUntilReplayed()
        try eventually("the function to be known") {
            // Who calls it before that keeps the primary.
            let before = try router.client(user: "postgres", database: "known")
            defer { before.close() }
            let port = try before.value("SELECT pg_catalog.inet_server_port() FROM f(7)")
            return port == "\(cluster.replicas[0].port)"
        }
        try succeed("DROP DATABASE known", without: "known")
        try succeed("CREATE DATABASE known TEMPLATE model", without: "model")
        try cluster.waitUntilReplayed()
        let after = try router.client(user: "postgres", database: "known")
        for _ in 0..<20 {
            let port = try after.value("SELECT pg_catalog.inet_server_port() FROM f(7)")
            #expect(port == "\(cluster.primary.port)")
        }
    }
}
