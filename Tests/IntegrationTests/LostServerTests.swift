// What do clients notice when a server connection dies under them?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct LostServerTests {
    /// Tests of this file kill backends.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(replicas: 2)
        try cluster.primary.psql("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app")
        try cluster.waitUntilReplayed()
        return cluster
    }

    private static let others = "datname = 'app' AND usename = 'app'"

    /// Ends all servers' backends of the application and returns how many there were.
    private func terminateAll(_ cluster: PostgresCluster) throws -> Int {
        var count = 0
        for node in cluster.nodes {
            let answer = try node.psql(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE \(Self.others)")
            count += Int(answer) ?? 0
        }
        return count
    }

    @Test func idleServersAreReplacedUnnoticed() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        for _ in 0..<5 {
            try client.succeed("INSERT INTO t VALUES (1)")
            for _ in 0..<4 { _ = try client.port() }
            #expect(try terminateAll(cluster) > 0)
            try eventually("reads and writes to go on") {
                try client.query("INSERT INTO t VALUES (1)").errors.isEmpty && client.port() != nil
            }
        }
        #expect(router.isRunning)
    }

    @Test func inATransaction() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let table = SharedCluster.tableName("lost")
        let client = try router.client()
        try client.succeed("CREATE TABLE \(table) (x int)")
        for _ in 0..<3 {
            try client.succeed("BEGIN")
            try client.succeed("INSERT INTO \(table) VALUES (1)")
            let pid = try client.value("SELECT pg_backend_pid()") ?? ""
            try cluster.primary.psql("SELECT pg_terminate_backend(\(pid))")
            try eventually("the loss to be seen") { try !client.query("SELECT 1").errors.isEmpty }
            #expect(client.transactionState == "E")
            #expect(try client.query("INSERT INTO \(table) VALUES (2)").errors == ["25P02"])
            #expect(try client.query("COMMIT").transcript == ["CommandComplete(ROLLBACK)", "ReadyForQuery(I)"])
            #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
        }
    }

    @Test func whileAWriteRuns() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        for round in 0..<4 {
            // Each round's text is another: the backend of the round before may still be seen.
            let write = "INSERT INTO t SELECT \(round) FROM pg_sleep(60)"
            try client.send(.query(write))
            let running = "FROM pg_stat_activity WHERE query = '\(write)'"
            try eventually("the write to run") { try cluster.primary.psql("SELECT count(*) \(running)") == "1" }
            // The router's own connection may be among those that are ended.
            let all = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            try cluster.primary.psql("SELECT pg_terminate_backend(pid) \(round % 2 == 0 ? running : all)")
            let answer = try client.readUntilReady()
            #expect(answer.errors == ["57P01"] && answer.last?.transactionState == "I")
            try eventually("the next write to succeed") { try client.query("INSERT INTO t VALUES (1)").errors.isEmpty }
        }
    }

    @Test func aPinnedSessionEnds() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        try client.succeed("SET work_mem = '5MB'")
        try client.succeed("CREATE TEMP TABLE mine (x int)")
        let pid = try client.value("SELECT pg_backend_pid()") ?? ""
        try cluster.primary.psql("SELECT pg_terminate_backend(\(pid))")
        // A query may be on its way when the end comes.
        _ = try? client.send(.query("SELECT 1"))
        let words = try client.readUntilEnd()
        #expect(words.errors == ["57P01"])
        #expect(try router.client().value("SHOW work_mem") != "5MB")
    }

    /// Writers and readers go on while their servers are ended one after another.
    @Test func underLoad() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster, ["pool": ["size": "4"]])
        let table = SharedCluster.tableName("load")
        try router.client().succeed("CREATE TABLE \(table) (x int)")
        let clients = try (0..<8).map { _ in try router.client() }
        var written = 0
        var unknown = 0
        for round in 0..<40 {
            for (number, client) in clients.enumerated() {
                try client.send(
                    .query(number % 2 == 0 ? "INSERT INTO \(table) VALUES (\(round))" : "SELECT count(*) FROM pg_class")
                )
            }
            if round % 4 == 0 { _ = try terminateAll(cluster) }
            for (number, client) in clients.enumerated() {
                let answer = try client.readUntilReady()
                #expect(answer.errors.allSatisfy { ["08006", "08007", "57P03"].contains($0) }, "\(answer.transcript)")
                guard number % 2 == 0 else { continue }
                if answer.errors.isEmpty { written += 1 } else { unknown += 1 }
            }
        }
        let stored = try Int(cluster.primary.psql("SELECT count(*) FROM \(table)")) ?? 0
        #expect(stored >= written && stored <= written + unknown)
        for client in clients {
            try eventually("each client to write again") {
                try client.query("INSERT INTO \(table) VALUES (0)").errors.isEmpty
            }
        }
        // None of four places of the pool is lost: four transactions can be open at the same time.
        let four = try (0..<4).map { _ in try router.client() }
        for client in four { try client.succeed("BEGIN; LOCK TABLE \(table) IN ROW SHARE MODE") }
        for client in four { try client.succeed("COMMIT") }
    }

    /// A killed backend makes its postmaster end all others and start anew.
    @Test func aKilledBackend() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        let reader = try router.client()
        for node in [cluster.replicas[0], cluster.primary] {
            try client.succeed("INSERT INTO t VALUES (1)")
            let question = "SELECT pid FROM pg_stat_activity WHERE \(Self.others) LIMIT 1"
            let pid = try eventually("a backend on \(node.name)") {
                _ = try reader.port()
                let text = try node.psql(question)
                guard let pid = Int32(text) else { throw SupportError("none") }
                return pid
            }
            #expect(kill(pid, SIGKILL) == 0)
            try eventually("\(node.name) to serve again", within: .seconds(30)) {
                try client.query("INSERT INTO t VALUES (1)").errors.isEmpty && !reader.query("SELECT 1").rows.isEmpty
            }
        }
        try cluster.waitUntilReplicasStream()
        try router.waitUntilReadsReach(cluster.replicaPorts)
    }

    @Test func aReplicaThatStopsAndComesBack() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        try cluster.replicas[1].stop(.immediate)
        try eventually("reads to be answered by the other replica") {
            try (0..<10).allSatisfy { _ in try client.port() == "\(cluster.replicas[0].port)" }
        }
        try cluster.replicas[1].start()
        try cluster.waitUntilReplicasStream()
        try router.waitUntilReadsReach(cluster.replicaPorts)
    }

    @Test func withoutAnyReplicaThePrimaryAnswers() throws {
        let cluster = try Self.cluster.get()
        let router = try Stage.startRouter(cluster)
        let client = try router.client()
        for replica in cluster.replicas { try replica.stop(.immediate) }
        try eventually("the primary to answer reads") { try client.port() == "\(cluster.primary.port)" }
        for _ in 0..<20 { #expect(try client.port() == "\(cluster.primary.port)") }
        for replica in cluster.replicas { try replica.start() }
        try cluster.waitUntilReplicasStream()
        try router.waitUntilReadsReach(cluster.replicaPorts)
    }
}
