// Does the router follow a real Patroni cluster: members that come and go, a switchover, a failover?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct PatroniTests {
    /// A write that is tried until it succeeds; clients keep their connection meanwhile.
    private func write(_ number: Int, _ client: WireClient) throws {
        try eventually("write \(number) to succeed", within: .seconds(60)) {
            try client.query("INSERT INTO written VALUES (\(number))").errors.isEmpty
        }
    }

    @Test func aPatroniCluster() throws {
        let stage = try PatroniStage()
        let a = try stage.add("a")
        let probe = DatabaseRole.probe.name
        try stage.psql(
            a, "CREATE ROLE \(probe) LOGIN", "GRANT pg_monitor TO \(probe)", "CREATE ROLE app LOGIN",
            "CREATE DATABASE app OWNER app")
        try stage.psql(a, "SET ROLE app; CREATE TABLE written (number int PRIMARY KEY)", database: "app")
        let b = try stage.add("b")

        var settings = try RouterConfiguration(nodes: [])
        settings.tables["clusters.main"] = nil
        settings.tables["clusters.main.discovery"] = [
            "source": "\"patroni\"", "interval": "\"500ms\"",
            // One that answers is enough.
            "endpoints": RouterConfiguration.list(["http://127.0.0.1:1", b.url, a.url]),
        ]
        settings.tables["probe"]?["slow_start"] = "\"0s\""
        settings.tables["probe"]?["timeout"] = "\"5s\""
        let router = try RouterProcess.start(settings)
        defer { router.stop() }
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(["\(b.port)"])
        let client = try router.client()
        defer { client.close() }
        try write(1, client)

        let c = try stage.add("c")
        try router.waitUntilReadsReach(["\(b.port)", "\(c.port)"])
        try write(2, client)

        try stage.switchOver(to: c)
        try write(3, client)
        let port = try client.query("BEGIN; SELECT inet_server_port(); COMMIT")
        #expect(port.contains { $0.kind == .dataRow && $0.description.contains("\(c.port)") })
        try router.waitUntilReadsReach(["\(b.port)"])

        // What was acknowledged is on every member that may become the leader.
        for member in [a, b] {
            try eventually("\(member.name) to have every row", within: .seconds(120)) {
                try stage.psql(member, "SELECT count(*) FROM written", database: "app") == "3"
            }
        }
        // The leader is gone without a word: Patroni promotes another one when its lock has expired.
        try stage.kill(c)
        try write(4, client)
        #expect(try client.value("SELECT count(*) FROM written") == "4")
        try eventually("the lost member to be no node any more", within: .seconds(60)) {
            router.log.contains("\(c.address) has left the cluster")
        }
    }
}
