// Does each limit on numbers of clients and connections hold, and does work go on at it?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ConnectionLimitTests {
    private func isRefused(_ router: RouterProcess, user: String = "app", database: String = "app") -> Bool {
        do {
            _ = try router.client(user: user, database: database)
            return false
        } catch {
            return (error as? WireClient.ServerError)?.sqlState == "53300"
        }
    }

    @Test func clientsOfADatabase() throws {
        let router = try Stage.startRouter([
            "server": ["max_database_clients": "2"], "admin": ["users": #"["postgres"]"#],
            "databases.postgres": ["cluster": "\"main\"", "max_clients": "1"],
        ])
        let one = try router.client()
        let two = try router.client(user: "postgres")
        let console = try router.client(user: "postgres", database: "pgbouncer")
        let rows = try console.query("SHOW DATABASES").rows
        #expect(rows.contains { $0[0] == "postgres" && $0[13] == "1" })
        #expect(rows.contains { $0[0] == "app" && $0[13] == "2" })
        #expect(isRefused(router) && isRefused(router, user: "postgres"))
        let other = try router.client(database: "postgres")
        #expect(isRefused(router, database: "postgres"))
        one.close()
        try eventually("the place to be free") { !isRefused(router) }
        #expect(try two.value("SELECT 1") == "1" && other.value("SELECT 1") == "1")
    }

    @Test func clientsOfAUserInADatabase() throws {
        let router = try Stage.startRouter([
            "users.postgres.pool": ["max_clients": "1"], "databases.app": ["cluster": "\"main\""],
        ])
        let one = try router.client(user: "postgres")
        #expect(isRefused(router, user: "postgres"))
        #expect(!isRefused(router) && !isRefused(router, user: "postgres", database: "postgres"))
        #expect(try one.value("SELECT 1") == "1")
    }

    @Test func clientsOfAUser() throws {
        let router = try RouterProcess.start(
            RouterConfiguration(
                cluster: Stage.cluster(),
                overrides: ["server": ["max_user_clients": "1"], "users.postgres": ["max_clients": "2"]]))
        var first: WireClient?
        try eventually("the router to serve") {
            first = try? router.client()
            return first != nil
        }
        let one = try #require(first)
        let (two, three) = (
            try router.client(user: "postgres"), try router.client(user: "postgres", database: "postgres")
        )
        #expect(isRefused(router, database: "postgres") && isRefused(router, user: "postgres"))
        for client in [one, two, three] { #expect(try client.value("SELECT 1") == "1") }
    }

    /// One connection at rest makes room for another pool's, and who finds none at rest waits for one.
    @Test(arguments: [
        ["server": ["max_server_connections": "2"]], ["server": ["max_node_connections": "1"]],
    ]) func connections(_ limits: [String: [String: String]]) throws {
        // Reads and writes share one node here.
        let router = try RouterProcess.start(
            RouterConfiguration(
                nodes: [Stage.cluster().primary], overrides: limits.merging(["probe": ["timeout": "\"10s\""]]) { $1 }))
        try router.waitUntilItServes()
        let clients = try ["app", "postgres"].flatMap { user in
            try ["app", "postgres"].map { try router.client(user: user, database: $0) }
        }
        for _ in 0..<3 {
            for client in clients { #expect(try client.value("SELECT txid_current() > 0") == "t") }
        }
        try clients[0].succeed("BEGIN")
        try clients[0].succeed("SELECT txid_current()")
        if limits["server"]?["max_server_connections"] != nil {
            try clients[1].succeed("BEGIN")
            try clients[1].succeed("SELECT txid_current()")
        }
        try clients[2].send(.query("SELECT txid_current() > 0"))
        #expect(try clients[2].isSilent(for: .milliseconds(300)))
        try clients[0].succeed("COMMIT")
        #expect(try clients[2].readUntilReady().rows == [["t"]])
    }

    @Test func connectionsOfADatabaseAndOfAUser() throws {
        let router = try RouterProcess.start(
            RouterConfiguration(
                nodes: [Stage.cluster().primary],
                overrides: [
                    "server": ["max_user_connections": "1"], "users.postgres": ["max_connections": "5"],
                    "databases.postgres": ["cluster": "\"main\"", "max_connections": "1"],
                    "pool": ["wait_timeout": "\"1s\""], "probe": ["timeout": "\"10s\""],
                ]))
        try router.waitUntilItServes()
        func hold(_ user: String, _ database: String) throws -> WireClient {
            let client = try router.client(user: user, database: database)
            try client.succeed("BEGIN")
            try client.succeed("SELECT txid_current()")
            return client
        }
        let app = try hold("app", "app")
        let second = try router.client(user: "app", database: "app")
        func detail(_ client: WireClient) throws -> String {
            try client.query("SELECT txid_current()").first { $0.kind == .errorResponse }?.fields["D"] ?? ""
        }
        #expect(try detail(second).contains("too many server connections of user \"app\""))
        let root = try hold("postgres", "postgres")
        let third = try router.client(user: "postgres", database: "postgres")
        #expect(try detail(third).contains("too many server connections for database \"postgres\""))
        // Another database of the same user has room.
        let other = try hold("postgres", "app")
        for client in [app, root, other] { try client.succeed("COMMIT") }
    }
}
