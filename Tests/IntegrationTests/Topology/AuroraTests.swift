// Does the router follow a cluster that says of itself what Aurora's functions say? No Aurora is at hand: functions of
// the same names and columns stand in for it, on servers that replicate in PostgreSQL's own way.

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct AuroraTests {
    /// The columns that are documented and used; the answers come from a table.
    private static let functions = [
        "SET allow_system_table_mods = on",
        """
        CREATE TABLE public.aurora (server_id text PRIMARY KEY, session_id text, durable_lsn bigint,
          replica_lag_in_msec double precision, last_update_timestamp timestamptz, port int)
        """,
        """
        CREATE FUNCTION pg_catalog.aurora_replica_status() RETURNS TABLE (server_id text, session_id text,
          durable_lsn bigint, replica_lag_in_msec double precision, last_update_timestamp timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT server_id, session_id,
          CASE WHEN session_id = ''MASTER_SESSION_ID'' THEN extract(epoch FROM clock_timestamp())::bigint END,
          replica_lag_in_msec, last_update_timestamp FROM public.aurora'
        """,
        """
        CREATE FUNCTION pg_catalog.aurora_db_instance_identifier() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
        AS 'SELECT server_id FROM public.aurora WHERE port = inet_server_port()'
        """,
    ]

    private func list(_ node: PostgresNode, _ id: String, isWriter: Bool, lag: Int?) -> String {
        let session = isWriter ? "'MASTER_SESSION_ID'" : "gen_random_uuid()::text"
        return """
            INSERT INTO public.aurora VALUES ('\(id)', \(session), NULL, \(lag.map { "\($0)" } ?? "NULL"), now(),
              \(node.port)) ON CONFLICT (server_id) DO UPDATE SET session_id = excluded.session_id,
              replica_lag_in_msec = excluded.replica_lag_in_msec, last_update_timestamp = now()
            """
    }

    @Test func aClusterThatSaysWhatAuroraSays() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        let (writer, one, two) = (cluster.primary, cluster.replicas[0], cluster.replicas[1])
        for statement in Self.functions.dropFirst() {
            try writer.psql(Self.functions[0], statement, database: "postgres")
        }
        func tell(_ statements: [String], _ node: PostgresNode) throws {
            for statement in statements { try node.psql(statement, database: "postgres") }
        }
        try tell(
            [list(writer, "w", isWriter: true, lag: nil), list(one, "r1", isWriter: false, lag: 15)], writer)

        let servers = try NamedServers(cluster.nodes)
        try servers.write(hosts: [
            ("main.cluster-x.test", 0), ("w.x.test", 0), ("r1.x.test", 1), ("r2.x.test", 2),
        ])
        var settings = try RouterConfiguration(cluster: cluster)
        settings.tables["clusters.main"] = nil
        settings.tables["clusters.main.discovery"] = [
            "source": "\"aurora\"", "interval": "\"200ms\"",
            "endpoints": RouterConfiguration.list(["main.cluster-x.test:\(servers.port)", "r2.x.test:\(servers.port)"]),
        ]
        settings.tables["probe"]?["slow_start"] = "\"0s\""
        settings.tables["routing"]?["failover_wait"] = "\"60s\""
        let router = try RouterProcess.start(settings, environment: servers.environment)
        defer { router.stop() }
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(["\(one.port)"])
        try tell([list(two, "r2", isWriter: false, lag: 15)], writer)
        try router.waitUntilReadsReach(["\(one.port)", "\(two.port)"])

        // What a replica says of its own age counts.
        try tell([list(one, "r1", isWriter: false, lag: 60_000)], writer)
        try cluster.waitUntilReplayed()
        let reader = try router.client()
        defer { reader.close() }
        try eventually("the late replica to be left out") {
            try (1...20).allSatisfy { _ in try reader.port() == "\(two.port)" }
        }
        // Positions are not comparable: who has written reads on the writer from then on.
        try reader.succeed("CREATE TABLE written (number int)")
        #expect(try (1...20).allSatisfy { _ in try reader.port() == "\(writer.port)" })

        // It is one storage, whatever stands in for it.
        try cluster.waitUntilReplayed()
        // The storage lets one node write: nothing waits for the former writer to be heard of.
        let load = try router.client()
        defer { load.close() }
        try writer.stop(.immediate)
        try two.promote()
        try tell(
            [list(two, "r2", isWriter: true, lag: nil), "DELETE FROM public.aurora WHERE server_id = 'w'"], two)
        try load.succeed("INSERT INTO written VALUES (1)")
        #expect(try load.value("SELECT inet_server_port()") == "\(two.port)")
        try eventually("the former writer to be no node any more") {
            router.log.contains("w.x.test:\(servers.port) has left the cluster")
        }
    }
}
