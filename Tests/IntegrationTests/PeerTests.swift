// Do several processes share their ports, and does a cancel request find the one whose client it means?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct PeerTests {
    /// Two routers that listen on the same ports, each with a unix socket of its own.
    ///
    /// - Parameter confused: each is told that the other is reached where it is itself.
    private func routers(confused: Bool = false) throws -> [RouterProcess] {
        var settings = try RouterConfiguration(cluster: Stage.cluster())
        settings.tables["listen"]?["shares_port"] = "true"
        let port = settings.tables["listen"]?["port"] ?? ""
        // The cluster's directory is removed at the end, with what is in it.
        let directories = try (1...2).map { _ in
            try Stage.cluster().directory + "/peer-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        }
        return try (1...2).map { number in
            let own = directories[number - 1]
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
            settings.tables["listen"]?["unix_socket_dir"] = RouterConfiguration.quoted(own)
            settings.tables["server"]?["peer_id"] = "\(number)"
            settings.tables["peers"] = [:]
            for other in 1...2 {
                let directory = confused ? own : directories[other - 1]
                settings.tables["peers"]?["\(other)"] = RouterConfiguration.quoted("\(directory):\(port)")
            }
            let router = try RouterProcess.start(settings)
            try router.waitUntilItServes()
            return router
        }
    }

    private func running(_ sql: String) throws -> Int {
        try Stage.cluster().nodes.reduce(0) { sum, node in
            let question = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '\(sql)'"
            return sum + (Int(try node.psql(question)) ?? 0)
        }
    }

    @Test func aRequestAtTheWrongProcess() throws {
        let routers = try routers()
        defer { for router in routers { router.stop() } }
        let clients = try (1...12).map { _ in try routers[0].client() }
        let sleep = "SELECT pg_sleep(61.5)"
        for client in clients { try client.send(.query(sleep)) }
        try eventually("all clients' queries to run") { try running(sleep) == clients.count }
        // The kernel chooses the process for each request; that half of them come to the wrong one is likely, that none
        // does is not.
        for client in clients {
            try client.cancel()
            #expect(try client.readUntilReady().errors == ["57014"])
        }
        // When one process leaves, the other goes on with the port.
        routers[0].signal(SIGTERM)
        for client in clients { client.close() }
        _ = try routers[0].waitUntilExit()
        let client = try routers[1].client()
        #expect(try client.value("SELECT 1") == "1")
        #expect(Set(clients.map { $0.backendPID >> 26 }) == [1, 2], "both processes had clients")
    }

    /// A request that comes to the wrong process a second time ends there.
    @Test func confusedPeers() throws {
        let routers = try routers(confused: true)
        defer { for router in routers { router.stop() } }
        let clients = try (1...8).map { _ in try routers[0].client() }
        for client in clients { for _ in 1...4 { try client.cancel() } }
        for client in clients { #expect(try client.value("SELECT 1") == "1") }
    }
}
