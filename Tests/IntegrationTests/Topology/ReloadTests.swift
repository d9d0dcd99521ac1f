// Do nodes come and go by a reload of the settings, without other traffic being touched?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct ReloadTests {
    private func connections(at node: PostgresNode) throws -> Int {
        Int(try node.psql("SELECT count(*) FROM pg_stat_activity WHERE usename IN ('app', 'pointsman')")) ?? -1
    }

    @Test func nodesComeAndGo() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        let (one, two) = (cluster.replicas[0], cluster.replicas[1])
        var settings = try RouterConfiguration(nodes: [cluster.primary, one])
        settings.tables["probe"]?["timeout"] = "\"10s\""
        settings.tables["probe"]?["slow_start"] = "\"0s\""
        // Connections that are kept ready are not, where no node is any more.
        settings.tables["pool"] = ["min_size": "2"]
        settings.tables["admin"] = ["users": #"["postgres"]"#]
        let router = try RouterProcess.start(settings)
        defer { router.stop() }
        try router.waitUntilReadsReach(["\(one.port)"])
        let load = MovingNodesLoad(router)

        settings.tables["clusters.main"]?["nodes"] = RouterConfiguration.list(cluster.nodes.map(\.address))
        try router.reload(settings)
        try router.waitUntilReadsReach(["\(one.port)", "\(two.port)"])
        #expect(router.log.contains("\(two.address) belongs to the cluster now"))

        settings.tables["clusters.main"]?["nodes"] = RouterConfiguration.list([cluster.primary, two].map(\.address))
        try router.reload(settings)
        try eventually("nobody to be connected to the node that has left") { try connections(at: one) == 0 }
        Thread.sleep(forTimeInterval: 0.3)
        #expect(try connections(at: one) == 0)
        #expect(try connections(at: two) > 2)
        #expect(router.log.contains("\(one.address) has left the cluster"))
        let nodes = try Programs.psql(port: router.port, "SHOW NODES", user: "postgres", database: "pointsman").output
        #expect(!nodes.contains(one.address) && nodes.contains(two.address))

        settings.tables["clusters.main"]?["nodes"] = RouterConfiguration.list(cluster.nodes.map(\.address))
        try router.reload(settings)
        try router.waitUntilReadsReach(["\(one.port)", "\(two.port)"])
        let (statements, failures) = load.end()
        #expect(failures == [] && statements > 100)
    }

    @Test func aBrokenFileChangesNothing() throws {
        let cluster = try Stage.cluster()
        var settings = try RouterConfiguration(cluster: cluster)
        let router = try RouterProcess.start(settings)
        defer { router.stop() }
        let client = try router.client()
        try router.reload(toml: settings.toml + "\n[clusters.main]\nnodes = 3\n")
        try eventually("the mistake to be told") { router.log.contains("the settings stay as they were") }
        #expect(try client.value("SELECT 1") == "1")
        try router.reload(settings)
        try eventually("the file to be read") { router.log.contains("the settings have been read again") }
        settings.tables["server"]?["workers"] = "1"
        settings.tables["probe"]?["interval"] = "\"60ms\""
        try router.reload(settings)
        let sentence = "a restart is needed for what changed in [server], [probe]"
        try eventually("what waits for a restart to be named") { router.log.contains(sentence) }
        #expect(try client.value("SELECT 1") == "1")
    }
}
