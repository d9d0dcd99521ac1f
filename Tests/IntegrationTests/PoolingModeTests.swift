// Do the pool modes `session` and `statement` hold on real servers, for a database and for a user?

import TestSupport
import Testing

@Suite struct PoolingModeTests {
    /// Nothing of a session is seen by the next one, and as many sessions as servers fit.
    @Test func session() throws {
        let router = try Stage.startRouter([
            "users.postgres.pool": ["size": "2", "mode": "\"session\"", "wait_timeout": "\"1s\""]
        ])
        for _ in 0..<3 {
            let clients = try (0..<2).map { _ in try router.client(user: "postgres") }
            var servers: Set<String> = []
            for client in clients {
                let server = try #require(try client.value("SELECT pg_backend_pid()"))
                servers.insert(server)
                try client.succeed("CREATE TEMP TABLE mine (x int)")
                try client.succeed("SET work_mem = '5MB'")
                for _ in 0..<3 {
                    #expect(try client.value("SELECT pg_backend_pid()") == server)
                    #expect(try client.value("SELECT count(*) FROM mine") == "0")
                    #expect(try client.value("SHOW work_mem") == "5MB")
                }
            }
            #expect(servers.count == 2)
            let third = try router.client(user: "postgres")
            #expect(try third.query("SELECT 1").errors == ["57014"])
            for client in clients { client.close() }
            try eventually("a server to be free") { try third.query("SELECT count(*) FROM pg_class").errors.isEmpty }
            #expect(try third.query("SELECT count(*) FROM mine").errors == ["42P01"])
            #expect(try third.value("SHOW work_mem") == "4MB")
            third.close()
        }
    }

    @Test func statement() throws {
        let router = try Stage.startRouter(["users.postgres.pool": ["mode": "\"statement\""]])
        let client = try router.client(user: "postgres")
        #expect(try client.query("BEGIN").errors == ["0A000"])
        #expect(try client.query("SELECT 1; SELECT 2").rows.count == 2)
        #expect(try client.extended("START TRANSACTION").errors == ["0A000"])
        #expect(try client.extended("SELECT $1::int", ["7"]).value == "7")
    }

    /// The mode is that user's alone.
    @Test func ofAUser() throws {
        let router = try Stage.startRouter(["users.postgres.pool": ["mode": "\"statement\""]])
        #expect(try router.client(user: "postgres").query("BEGIN").errors == ["0A000"])
        #expect(try router.client().query("BEGIN").errors.isEmpty)
    }
}
