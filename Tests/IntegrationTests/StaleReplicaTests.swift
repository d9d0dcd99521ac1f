// Is nothing read from replicas that stand still, have lost their primary, or follow another one?

import PostgresCluster
import TestSupport
import Testing

@Suite struct StaleReplicaTests {
    /// A cluster of its own, with a router that looks often, and reads on both replicas.
    private func start(
        _ consistency: String, maxLag: String = "\"10s\""
    ) throws -> (PostgresCluster, RouterProcess) {
        let cluster = try PostgresCluster.start(replicas: 2)
        do {
            try cluster.primary.psql(
                "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app", "INSERT INTO t VALUES (0)")
            try cluster.waitUntilReplayed()
            return (cluster, try router(cluster, consistency, maxLag: maxLag))
        } catch {
            cluster.stop()
            throw error
        }
    }

    private func router(
        _ cluster: PostgresCluster, _ consistency: String, maxLag: String = "\"10s\""
    ) throws -> RouterProcess {
        let router = try RouterProcess.start(
            cluster: cluster, consistency: consistency,
            overrides: [
                "probe": ["interval": "\"20ms\"", "timeout": "\"10s\""], "routing": ["max_lag": maxLag],
                "admin": ["users": #"["postgres"]"#],
            ])
        try eventually("both replicas to be used") { try ports(router) == cluster.replicaPorts }
        return router
    }

    /// Where sessions without a past read.
    private func ports(_ router: RouterProcess) throws -> Set<String> {
        try Set((0..<12).map { _ in try router.client().value("SELECT inet_server_port()") ?? "" })
    }

    private func port(_ node: PostgresNode) -> String { "\(node.port)" }

    /// Whatever the level, a session sees its own writes; data that are too old nobody reads.
    @Test func pausedReplay() throws {
        let (cluster, router) = try start("session", maxLag: "\"1s\"")
        defer { cluster.stop() }
        let client = try router.client()
        try cluster.replicas[0].pauseReplay()
        for number in 1...50 {
            try client.succeed("UPDATE t SET x = \(number)")
            #expect(try client.value("SELECT x FROM t") == "\(number)")
        }
        try eventually("the paused replica to be left out") {
            try client.succeed("UPDATE t SET x = x + 1")
            return try ports(router) == [port(cluster.replicas[1])]
        }
        let console = try router.client(user: "postgres", database: "pointsman")
        let nodes = try console.query("SHOW NODES").rows.map { [$0[1], $0.last ?? nil] }
        #expect(nodes.contains([cluster.replicas[0].address, "it lags more than max_lag"]))
        try cluster.replicas[0].resumeReplay()
        try eventually("it to be used again") { try ports(router) == cluster.replicaPorts }
        // An idle primary writes nothing that a paused replica could lack.
        try cluster.replicas[0].pauseReplay()
        #expect(try client.value("SELECT count(*) FROM t") == "1")
        try cluster.replicas[0].resumeReplay()
    }

    /// What does not come in is not replayed, whatever the replica says of its own lag.
    @Test func deadReceiver() throws {
        let (cluster, router) = try start("session", maxLag: "\"1s\"")
        defer { cluster.stop() }
        let replica = cluster.replicas[1]
        let conninfo = try replica.psql("SHOW primary_conninfo")
        try replica.set("primary_conninfo", "host=/nowhere port=1")
        try eventually("the receiver to end") { try replica.psql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" }
        let client = try router.client()
        for number in 1...50 {
            try client.succeed("UPDATE t SET x = \(number)")
            #expect(try client.value("SELECT x FROM t") == "\(number)")
        }
        try eventually("the replica to be left out") { try ports(router) == [port(cluster.replicas[0])] }
        try replica.set("primary_conninfo", conninfo)
        try eventually("it to be used again", within: .seconds(60)) { try ports(router) == cluster.replicaPorts }
        #expect(try client.value("SELECT x FROM t") == "50")
    }

    /// A replica that was promoted by itself is a history of its own, and so is whoever follows it.
    @Test func anotherTimeline() throws {
        let (cluster, router) = try start("eventual")
        defer { cluster.stop() }
        let follower = cluster.replicas[1]
        let conninfo = try follower.psql("SHOW primary_conninfo")
        // The follower must not have received what the new history lacks.
        try follower.set("primary_conninfo", "host=/nowhere port=1")
        try eventually("its receiver to end") { try follower.psql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" }
        try cluster.primary.psql("UPDATE t SET x = 1")
        try eventually("the other one to be ahead") { try cluster.replicas[0].psql("SELECT x FROM t") == "1" }
        try cluster.replicas[0].promote()
        try cluster.replicas[0].psql("UPDATE t SET x = -1")
        try follower.set(
            "primary_conninfo",
            conninfo.replacing("port=\(cluster.primary.port)", with: "port=\(cluster.replicas[0].port)"))
        try eventually("the follower to be on the new timeline", within: .seconds(60)) {
            try follower.psql("SELECT x FROM t") == "-1"
        }
        // The highest timeline is the primary now, and the former one is fenced.
        let client = try router.client()
        try eventually("writes to reach the new primary", within: .seconds(60)) {
            try client.query("UPDATE t SET x = -2 RETURNING inet_server_port()").value == port(cluster.replicas[0])
        }
        try cluster.primary.psql("UPDATE t SET x = 99")
        for _ in 0..<40 {
            #expect(try ["-1", "-2"].contains(router.client().value("SELECT x FROM t") ?? ""))
        }
        #expect(try !ports(router).contains(port(cluster.primary)))
    }

    /// A process that has just begun knows no floor: until it has looked, it reads from the primary.
    @Test func aNewProcess() throws {
        let (cluster, old) = try start("session")
        defer { cluster.stop() }
        for node in cluster.replicas { try node.set("recovery_min_apply_delay", "1s") }
        let client = try old.client()
        for number in 1...5 {
            try client.succeed("UPDATE t SET x = \(number)")
            let token = try client.value("SHOW pointsman.token") ?? ""
            let new = try RouterProcess.start(cluster: cluster, consistency: "session")
            let reader = try new.client()
            try reader.succeed("SET pointsman.token = '\(token)'")
            #expect(try reader.value("SELECT x FROM t") == "\(number)")
            // Its own writes it sees from the first one on.
            let other = try new.client()
            try other.succeed("UPDATE t SET x = \(number * 100)")
            #expect(try other.value("SELECT x FROM t") == "\(number * 100)")
        }
    }
}
