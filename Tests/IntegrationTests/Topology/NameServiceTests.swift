// Do the addresses of a host name become the nodes of a cluster, and do they follow the name service?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct NameServiceTests {
    @Test func addressesOfAName() throws {
        let cluster = try Stage.cluster()
        let servers = try NamedServers(cluster.nodes)
        func name(_ places: [Int]) throws { try servers.write(hosts: places.map { ("pg.test", $0) }) }
        try name([0, 1])
        var settings = try RouterConfiguration(cluster: cluster)
        settings.tables["clusters.main"] = nil
        settings.tables["clusters.main.discovery"] = [
            "source": "\"dns\"", "endpoints": "[\"pg.test:\(servers.port)\"]", "interval": "\"100ms\"",
        ]
        settings.tables["probe"]?["slow_start"] = "\"0s\""
        let router = try RouterProcess.start(settings, environment: servers.environment)
        defer { router.stop() }
        let (one, two) = (cluster.replicas[0], cluster.replicas[1])
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(["\(one.port)"])
        let load = MovingNodesLoad(router, clients: 2)
        try name([0, 1, 2])
        try router.waitUntilReadsReach(["\(one.port)", "\(two.port)"])
        try name([0, 2])
        try eventually("the address to be gone") {
            router.log.contains("\(NamedServers.address(1)):\(servers.port) has left the cluster")
        }
        // A name without addresses says nothing about the servers.
        try name([])
        try eventually("the failure to be told") { router.log.contains("the nodes stay as they were") }
        try router.waitUntilReadsReach(["\(two.port)"])
        let (statements, failures) = load.end()
        #expect(failures == [] && statements > 20)
    }
}
