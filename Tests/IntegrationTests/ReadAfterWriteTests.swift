// Does a session see its own writes, even while a replica stands still?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct ReadAfterWriteTests {
    /// Tests of this file pause the replay of replicas.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(replicas: 2)
        try cluster.primary.psql(
            "CREATE TABLE t (x int)", "INSERT INTO t VALUES (0)", "ALTER TABLE t OWNER TO app",
            "CREATE FUNCTION f(n int) RETURNS void LANGUAGE sql AS 'UPDATE t SET x = n'",
            "CREATE PROCEDURE p(n int) LANGUAGE sql AS 'UPDATE t SET x = n'")
        return cluster
    }
    private static let router = Result { try Stage.startRouter(cluster.get()) }

    private func paused(_ count: Int, _ body: (PostgresCluster) throws -> Void) throws {
        let cluster = try Self.cluster.get()
        try cluster.waitUntilReplayed()
        for replica in cluster.replicas.prefix(count) { try replica.pauseReplay() }
        defer { for replica in cluster.replicas.prefix(count) { try? replica.resumeReplay() } }
        try body(cluster)
    }

    @Test(arguments: [0, 1, 2]) func neverStale(_ pausedReplicas: Int) throws {
        let router = try Self.router.get()
        try paused(pausedReplicas) { _ in
            let client = try router.client()
            for number in 1...100 {
                try client.succeed("UPDATE t SET x = \(number)")
                #expect(try client.value("SELECT x FROM t") == "\(number)")
                #expect(try client.extended("SELECT x FROM t").value == "\(number)")
            }
        }
    }

    /// Ways to write that a command tag or a first word does not tell.
    @Test(arguments: [
        "WITH w AS (UPDATE t SET x = {n} RETURNING 1) SELECT * FROM w", "SELECT f({n})", "CALL p({n})",
        "DO 'BEGIN UPDATE t SET x = {n}; END'", "SELECT 1; UPDATE t SET x = {n}",
        "BEGIN; UPDATE t SET x = {n}; COMMIT", "UPDATE t SET x = {n}; COMMIT; SELECT 1/0",
        "EXPLAIN ANALYZE UPDATE t SET x = {n}", "BEGIN; UPDATE t SET x = {n}; END; BEGIN; SELECT 1/0",
    ])
    func anyWrite(_ statement: String) throws {
        let router = try Self.router.get()
        try paused(1) { _ in
            var client = try router.client()
            for number in 1...15 {
                try client.query(statement.replacing("{n}", with: "\(number)"))
                if client.transactionState != "I" { try client.query("ROLLBACK") }
                #expect(try client.value("SELECT x FROM t") == "\(number)")
                // Some of these statements pin the session; what follows a pin proves nothing.
                client.close()
                client = try router.client()
            }
        }
    }

    @Test func explicitTransactions() throws {
        let router = try Self.router.get()
        try paused(1) { _ in
            let client = try router.client()
            for number in 1...50 {
                for statement in ["BEGIN", "UPDATE t SET x = \(number)", "COMMIT"] { try client.succeed(statement) }
                #expect(try client.value("SELECT x FROM t") == "\(number)")
                try client.succeed("BEGIN READ ONLY")
                #expect(try client.value("SELECT x FROM t") == "\(number)")
                try client.succeed("COMMIT")
            }
        }
    }

    @Test func aWriteAndAReadInOnePipeline() throws {
        let router = try Self.router.get()
        try paused(1) { _ in
            let client = try router.client()
            for number in 1...100 {
                try client.send(
                    FrontendMessage.extended("UPDATE t SET x = $1", ["\(number)"]) + [.sync]
                        + FrontendMessage.extended("SELECT x FROM t") + [.sync, .query("SELECT x FROM t")])
                #expect(try client.readUntilReady().errors == [])
                #expect(try client.readUntilReady().value == "\(number)")
                #expect(try client.readUntilReady().value == "\(number)")
            }
        }
    }

    @Test func aCommitThatWasFlushed() throws {
        let router = try Self.router.get()
        try paused(1) { _ in
            let client = try router.client()
            for number in 1...20 {
                try client.succeed("BEGIN")
                try client.extended("UPDATE t SET x = $1", ["\(number)"])
                try client.send([.parse("COMMIT"), .bind(), .execute(), .flush])
                #expect(try client.read(until: .commandComplete).errors == [])
                try client.send(.sync)
                _ = try client.readUntilReady()
                #expect(try client.value("SELECT x FROM t") == "\(number)")
            }
        }
    }

    @Test func copyIn() throws {
        let router = try Self.router.get()
        try paused(1) { cluster in
            let client = try router.client()
            try client.succeed("CREATE TABLE copied (x int)")
            for number in 1...30 {
                try client.send(.query("COPY copied FROM STDIN"), .copyData(Array("\(number)\n".utf8)), .copyDone)
                #expect(try client.readUntilReady().errors == [])
                #expect(try client.value("SELECT count(*) FROM copied") == "\(number)")
            }
            try client.succeed("DROP TABLE copied")
        }
    }

    @Test func replicasServeAgainWhenTheyHaveCaughtUp() throws {
        let router = try Self.router.get()
        let client = try router.client()
        try paused(2) { cluster in
            try client.succeed("UPDATE t SET x = 0")
            for _ in 0..<20 { #expect(try client.port() == "\(cluster.primary.port)") }
        }
        var seen: Set<String> = []
        let ports = try Self.cluster.get().replicaPorts
        try eventually("both replicas to serve the session again") {
            if let port = try client.port() { seen.insert(port) }
            return seen.isSuperset(of: ports)
        }
        // A session that has written nothing never left them.
        let other = try router.client()
        #expect(try ports.contains(other.port() ?? ""))
    }

    /// The same with `eventual` is stale, so the tests above can fail.
    @Test func eventualConsistencyIsStale() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster, consistency: "eventual")
        try paused(2) { _ in
            let client = try router.client()
            try client.succeed("UPDATE t SET x = 1000")
            #expect(try client.value("SELECT x FROM t") != "1000")
        }
    }

    @Test func primaryConsistencyReadsFromThePrimary() throws {
        let cluster = try Self.cluster.get()
        let router = try RouterProcess.start(cluster: cluster, consistency: "primary")
        let client = try router.client()
        for _ in 0..<20 { #expect(try client.port() == "\(cluster.primary.port)") }
    }

    @Test func aReplicaThatIsTooFarBehindIsLeftAlone() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster, ["routing": ["max_lag": "\"500ms\""]])
        try paused(1) { cluster in
            try cluster.primary.psql("UPDATE t SET x = 7")
            let client = try router.client()
            var inARow = 0
            try eventually("the paused replica to get no more reads") {
                let isPaused = try client.port() == "\(cluster.replicas[0].port)"
                inARow = isPaused ? 0 : inARow + 1
                return inARow >= 40
            }
            #expect(try client.value("SELECT x FROM t") == "7")
        }
    }
}
