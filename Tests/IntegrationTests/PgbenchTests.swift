// Does pgbench run in all its protocol modes?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct PgbenchTests {
    /// A database of its own, because the tables' names are fixed.
    private static let database = Result {
        let name = SharedCluster.tableName("bench")
        let router = try Stage.router()
        try router.client(user: "postgres", database: "postgres").succeed("CREATE DATABASE \(name) OWNER app")
        try Programs.pgbench(port: router.port, ["-i", "-s", "1", "-q"], database: name)
        try Stage.cluster().waitUntilReplayed()
        return name
    }

    @Test(arguments: ["simple", "extended", "prepared"]) func reads(_ mode: String) throws {
        let output = try Programs.pgbench(
            port: Stage.router().port, ["-n", "-S", "-M", mode, "-c", "8", "-j", "2", "-t", "250"],
            database: Self.database.get())
        #expect(output.contains("number of transactions actually processed: 2000/2000"))
        #expect(!output.contains("failed: 1"))
    }

    @Test(arguments: ["simple", "extended", "prepared"]) func writes(_ mode: String) throws {
        let output = try Programs.pgbench(
            port: Stage.router().port, ["-n", "-M", mode, "-c", "4", "-j", "2", "-t", "50"],
            database: Self.database.get())
        #expect(output.contains("number of transactions actually processed: 200/200"))
        let sums = """
            SELECT sum(abalance), (SELECT sum(bbalance) FROM pgbench_branches),
            (SELECT sum(tbalance) FROM pgbench_tellers),
                (SELECT coalesce(sum(delta), 0) FROM pgbench_history), pg_backend_pid() > 0 FROM pgbench_accounts
            """
        let row = try Stage.client(database: Self.database.get()).query(sums).rows[0]
        #expect(Set(row[..<4]).count == 1, "the balances differ: \(row)")
    }

    /// A connection for each transaction.
    @Test func reconnecting() throws {
        let output = try Programs.pgbench(
            port: Stage.router().port, ["-n", "-S", "-C", "-c", "4", "-t", "25"], database: Self.database.get())
        #expect(output.contains("number of transactions actually processed: 100/100"))
    }

    @Test(arguments: ["extended", "prepared"]) func pipelines(_ mode: String) throws {
        let script = """
            \\startpipeline
            SELECT abalance FROM pgbench_accounts WHERE aid = 1;
            UPDATE pgbench_accounts SET abalance = abalance WHERE aid = 2;
            SELECT abalance FROM pgbench_accounts WHERE aid = 3;
            \\endpipeline
            """
        let path = try Stage.router().directory + "/pipeline.sql"
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        let output = try Programs.pgbench(
            port: Stage.router().port, ["-n", "-M", mode, "-c", "4", "-t", "50", "-f", path],
            database: Self.database.get())
        #expect(output.contains("number of transactions actually processed: 200/200"))
    }
}
