// Does the router start without its nodes, and serve as they appear?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct AbsentNodeTests {
    /// Tests of this file stop servers.
    private static let cluster = Result { try PostgresCluster.start(replicas: 2) }

    @Test func withoutAnyNode() throws {
        let cluster = try Self.cluster.get()
        for replica in cluster.replicas { try replica.stop() }
        try cluster.primary.stop()
        let router = try RouterProcess.start(RouterConfiguration(cluster: cluster))
        #expect(router.isRunning)

        // A login may wait for the primary, or be refused: never more than failover_wait, and never with a crash.
        try cluster.primary.start()
        try router.waitUntilItServes()
        let client = try router.client()
        #expect(try client.port() == "\(cluster.primary.port)")
        try client.succeed("CREATE TABLE absent (x int)")

        for replica in cluster.replicas { try replica.start() }
        try cluster.waitUntilReplicasStream()
        try router.waitUntilReadsReach(cluster.replicaPorts)
        #expect(try client.query("TABLE absent").errors == [])
    }

    @Test func aLoginThatWaitsForThePrimary() throws {
        let cluster = try Self.cluster.get()
        try cluster.primary.stop()
        for replica in cluster.replicas { try replica.stop() }
        let router = try RouterProcess.start(RouterConfiguration(cluster: cluster))
        let waiting = try WireClient(silentTo: .port(router.port), deadline: .seconds(60))
        try waiting.send(
            .raw(FrontendMessage.startup([("user", "app"), ("database", "app")])), .query("SELECT 5 FOR UPDATE"))
        for node in cluster.nodes { try node.start() }
        try waiting.logIn()
        #expect(try waiting.readUntilReady().value == "5")
        try cluster.waitUntilReplicasStream()
    }

    @Test func noPrimaryForTooLong() throws {
        let cluster = try Self.cluster.get()
        try cluster.primary.stop()
        defer {
            try? cluster.primary.start()
            try? cluster.waitUntilReplicasStream()
        }
        let router = try RouterProcess.start(
            RouterConfiguration(cluster: cluster, overrides: ["routing": ["failover_wait": "\"200ms\""]]))
        // The replicas take the login; what needs the primary is told that there is none.
        let client = try eventually("a login") { try router.client() }
        let answer = try client.query("CREATE TABLE never (x int)")
        #expect(answer.errors == ["57P03"] && answer.last?.transactionState == "I")
        #expect(try client.query("BEGIN; SELECT 1; COMMIT").errors == ["57P03"])
    }

    @Test(arguments: [0, 1]) func oneNodeIsDownAtTheStart(_ index: Int) throws {
        let cluster = try Self.cluster.get()
        let replica = cluster.replicas[index]
        try replica.stop()
        defer { if replica.pid == nil { try? replica.start() } }
        let router = try RouterProcess.start(RouterConfiguration(cluster: cluster))
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(["\(cluster.replicas[1 - index].port)"])
        let client = try router.client()
        for _ in 0..<20 { #expect(try client.port() != "\(replica.port)") }
        try replica.start()
        try cluster.waitUntilReplicasStream()
        try router.waitUntilReadsReach(cluster.replicaPorts)
    }

    @Test func aNodeThatNeverAnswers() throws {
        let cluster = try Self.cluster.get()
        var configuration = try RouterConfiguration(cluster: cluster)
        let addresses = cluster.nodes.map(\.address) + ["127.0.0.1:1", "nosuchhost.invalid:5432"]
        configuration.tables["clusters.main"] = ["nodes": RouterConfiguration.list(addresses)]
        let router = try RouterProcess.start(configuration)
        try router.waitUntilItServes()
        try router.waitUntilReadsReach(cluster.replicaPorts)
    }

    @Test func twoRoutersOnOnePort() throws {
        let configuration = try RouterConfiguration(cluster: Self.cluster.get())
        let first = try RouterProcess.start(configuration)
        let program = ExternalProgram(
            try Repository.program(), Repository.run(first.directory + "/pointsman.toml"))
        let second = try program.run(limit: .seconds(20))
        #expect(second.status == 1)
        #expect(second.errors.contains("\(first.port)"))
        #expect(first.isRunning)
    }
}
