// Is a change of the catalog followed that takes effect with COMMIT PREPARED?

import PostgresCluster
import TestSupport
import Testing

@Suite struct PreparedChangesTests {
    @Test func commitPrepared() throws {
        let cluster = try PostgresCluster.start(replicas: 1, settings: ["max_prepared_transactions": "2"])
        defer { cluster.stop() }
        let router = try Stage.startRouter(cluster, ["probe": ["catalog_interval": "\"1h\""]])
        let client = try router.client()
        try client.succeed("CREATE FUNCTION changes() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'")
        try cluster.waitUntilReplayed()
        let question = "SELECT pg_catalog.inet_server_port(), changes()"
        try eventually("the function to be known") {
            try client.query(question).rows.first == cluster.replicaPorts.map { [$0, "1"] }.first
        }
        try client.succeed("BEGIN")
        let body = "SELECT 2 FROM pg_advisory_xact_lock(1)"
        try client.succeed("CREATE OR REPLACE FUNCTION changes() RETURNS int LANGUAGE sql STABLE AS '\(body)'")
        try client.succeed("PREPARE TRANSACTION 'change'")
        try eventually("the catalog to be read again") {
            try client.query(question).rows.first == cluster.replicaPorts.map { [$0, "1"] }.first
        }
        try client.succeed("COMMIT PREPARED 'change'")
        try cluster.waitUntilReplayed()
        for _ in 0..<5 { #expect(try client.query(question).rows.first == ["\(cluster.primary.port)", "2"]) }
    }
}
