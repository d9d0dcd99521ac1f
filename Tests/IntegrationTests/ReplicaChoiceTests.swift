// Which node answers reads, as the operator has chosen?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct ReplicaChoiceTests {
    private func ports(_ client: WireClient, _ count: Int) throws -> [String] {
        try (0..<count).map { _ in try client.value("SELECT inet_server_port()") ?? "" }
    }

    @Test(arguments: ["least_outstanding", "round_robin", "random", "latency"])
    func everyWayUsesBothReplicas(_ balance: String) throws {
        let router = try Stage.startRouter(["routing": ["load_balance": "\"\(balance)\""]])
        let client = try router.client()
        try eventually("both replicas to answer", within: .seconds(60)) {
            try Set(ports(client, 40)) == Stage.replicaPorts()
        }
    }

    @Test func inTurn() throws {
        let router = try Stage.startRouter(
            ["routing": ["load_balance": "\"round_robin\""], "probe": ["slow_start": "\"0s\""]])
        let client = try router.client()
        try eventually("the replicas to take turns") {
            let found = try ports(client, 20)
            return zip(found, found.dropFirst()).allSatisfy { $0 != $1 }
        }
    }

    @Test func thePrimaryTakesItsShare() throws {
        let router = try Stage.startRouter(["routing": ["primary_reads": "\"always\""]])
        let client = try router.client()
        let all = try Stage.replicaPorts().union([Stage.primaryPort()])
        try eventually("all nodes to answer") { try Set(ports(client, 40)) == all }
    }

    /// Reads wait for a replica rather than to go to the primary, and see what the session wrote.
    @Test func thePrimaryTakesNone() throws {
        let router = try Stage.startRouter(["routing": ["primary_reads": "\"never\""]])
        let client = try router.client()
        let table = try Stage.makeTable("x int")
        for round in 1...10 {
            try client.succeed("INSERT INTO \(table) VALUES (\(round))")
            let row = try client.query("SELECT max(x), inet_server_port() FROM \(table)").rows.first
            #expect(row?.first == "\(round)")
            #expect(try Stage.replicaPorts().contains((row?.last ?? "") ?? ""))
        }
    }

    @Test func weights() throws {
        let cluster = try Stage.cluster()
        let nodes = cluster.nodes.enumerated().map { place, node in
            "{ address = \"\(node.address)\", weight = \(place == 1 ? 9 : 1) }"
        }
        let router = try Stage.startRouter(
            [
                "clusters.main": ["nodes": "[\(nodes.joined(separator: ", "))]"],
                "routing": ["load_balance": "\"random\""], "probe": ["slow_start": "\"0s\""],
            ])
        let client = try router.client()
        try eventually("the heavier replica to get most reads") {
            let found = try ports(client, 200)
            let heavy = found.count { $0 == "\(cluster.replicas[0].port)" }
            return heavy > 150 && heavy < 200
        }
    }

    @Test func zones() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        let nodes = cluster.nodes.enumerated().map { place, node in
            "{ address = \"\(node.address)\", zone = \"\(place == 1 ? "here" : "there")\" }"
        }
        let router = try RouterProcess.start(
            cluster: cluster,
            overrides: [
                "clusters.main": ["nodes": "[\(nodes.joined(separator: ", "))]"],
                "server": ["zone": "\"here\"", "workers": "1"], "pool": ["size": "4"],
            ])
        let client = try router.client()
        let near = "\(cluster.replicas[0].port)"
        try eventually("reads to reach the near replica") { try Set(ports(client, 10)) == [near] }
        #expect(try Set(ports(client, 100)) == [near])
        // Who waits for a connection is work of the near replica as well.
        let question = "SELECT pg_catalog.inet_server_port() FROM pg_sleep(1)"
        let crowd = try (1...24).map { _ in try router.client() }
        for one in crowd { try one.send(.query(question)) }
        let answers = try Set(crowd.map { try $0.readUntilReady().rows.first?.first })
        #expect(answers == Set(cluster.replicas.map { "\($0.port)" }))
        for one in crowd { one.close() }
        try cluster.replicas[0].stop()
        try eventually("reads to spill over") { try Set(ports(client, 10)) == ["\(cluster.replicas[1].port)"] }
    }
}
