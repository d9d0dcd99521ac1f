// Do several workers keep their heads when everything happens at once? `make tsan` runs this with ThreadSanitizer.

import Foundation
import Locks
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct BusyWorkersTests {
    /// A replica of this cluster is killed.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(replicas: 2)
        try Programs.pgbench(port: cluster.primary.port, ["-i", "-s", "1", "-q"])
        try cluster.primary.psql("CREATE TABLE t (n int, x int)", "ALTER TABLE t OWNER TO app")
        try cluster.waitUntilReplayed()
        return cluster
    }

    /// Few servers for many clients of many threads: most acquisitions wait, and servers change hands all the time.
    private static func startRouter(method: String = "trust") throws -> RouterProcess {
        let configuration = try RouterConfiguration(
            cluster: cluster.get(),
            overrides: [
                "server": ["workers": "3"], "pool": ["size": "3", "max_pinned": "3", "idle_timeout": "\"1s\""],
                "probe": ["timeout": "\"10s\""], "auth": ["method": "\"\(method)\""],
            ])
        return try RouterProcess.start(configuration)
    }

    /// Runs the parts at the same time, each on a thread of its own; the first error of each.
    private static func atOnce(_ parts: [@Sendable () throws -> Void]) throws -> [String] {
        let errors = Lock<[String]>([])
        let threads = parts.map { part in
            Thread {
                do { try part() } catch { errors.withLock { $0.append("\(error)") } }
            }
        }
        for thread in threads { thread.start() }
        try eventually("all parts to end", within: .seconds(240)) { threads.allSatisfy(\.isFinished) }
        return errors.withLock { $0 }
    }

    @Test func everythingAtOnce() throws {
        let router = try Self.startRouter()
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(Self.cluster.get().replicaPorts)
        let port = router.port
        let errors = try Self.atOnce([
            // Transactions in the prepared mode would need a server for each client: pgbench waits for the answer to a
            // Parse, and cannot end the transactions of its other clients meanwhile.
            { try Programs.pgbench(port: port, ["-n", "-S", "-M", "prepared", "-c", "6", "-t", "200"]) },
            { try Programs.pgbench(port: port, ["-n", "-S", "-M", "extended", "-c", "6", "-t", "200"]) },
            { try Programs.pgbench(port: port, ["-n", "-M", "simple", "-c", "6", "-t", "50"]) },
            { try Programs.pgbench(port: port, ["-n", "-S", "-C", "-c", "6", "-t", "15"]) },
            {
                for _ in 0..<15 {
                    let client = try router.client()
                    defer { client.close() }
                    try client.succeed("SET work_mem = '5MB'")
                    try client.send(.query("SELECT pg_sleep(20)"))
                    try eventually("the query to be cancelled") {
                        try client.cancel()
                        return !client.isQuiet
                    }
                    #expect(try client.readUntilReady().errors == ["57014"])
                }
            },
            {
                for number in 0..<15 {
                    let client = try router.client(user: "postgres")
                    defer { client.close() }
                    try client.succeed("CREATE TEMPORARY TABLE gone AS SELECT \(number)")
                    try client.succeed("DROP TABLE gone")
                    try client.send(.query("SELECT count(*) FROM pgbench_accounts, generate_series(1, 50)"))
                }
            },
        ])
        #expect(errors == [])
        router.signal(SIGTERM)
        try router.expectCleanEnd()
    }

    /// Every thread makes and loses connections to the node at the same time.
    @Test func aReplicaDiesAndReturns() throws {
        let cluster = try Self.cluster.get()
        let router = try Self.startRouter()
        try router.waitUntilItServes()
        let replica = cluster.replicas[1]
        let isOver = Lock(false)
        // The parts for reading and writing run until the replica is back and has been found.
        let work: @Sendable (Int) throws -> Void = { number in
            let client = try router.client()
            defer { client.close() }
            try client.succeed("INSERT INTO t VALUES (\(number), 0)")
            var round = 0
            while !isOver.withLock({ $0 }) {
                round += 1
                try client.succeed("UPDATE t SET x = \(round) WHERE n = \(number)")
                #expect(try client.value("SELECT x FROM t WHERE n = \(number)") == "\(round)")
            }
        }
        let errors = try Self.atOnce(
            (0..<8).map { number in { try work(number) } } + [
                {
                    defer { isOver.withLock { $0 = true } }
                    for _ in 0..<2 {
                        try replica.stop(.immediate)
                        try replica.start()
                        try router.waitUntilReadsReach(["\(replica.port)"])
                    }
                }
            ])
        #expect(errors == [])
        router.signal(SIGINT)
        try router.expectCleanEnd()
    }

    /// Logins share the derived keys, and servers log in while clients do.
    @Test func loginsByPassword() throws {
        let router = try Self.startRouter(method: "scram-sha-256")
        let port = router.port
        try eventually("logins to be served") {
            try Programs.psql(port: port, "SELECT 1").status == 0
        }
        let errors = try Self.atOnce(
            (0..<3).map { _ in { try Programs.pgbench(port: port, ["-n", "-S", "-C", "-c", "4", "-t", "10"]) } }
                + [
                    {
                        for _ in 0..<10 {
                            let wrong = try Programs.psql(port: port, "SELECT 1", password: "wrong")
                            #expect(wrong.errors.contains("password authentication failed"))
                        }
                    }
                ])
        #expect(errors == [])
        router.signal(SIGQUIT)
        try router.expectCleanEnd()
    }
}
