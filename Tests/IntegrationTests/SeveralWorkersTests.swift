// Does it make a difference to clients that several threads serve them, and share the servers?

import TestSupport
import Testing

@Suite struct SeveralWorkersTests {
    private static let router = Result {
        try Stage.startRouter(["server": ["workers": "3"], "pool": ["size": "2", "max_pinned": "\"100%\""]])
    }

    /// Two server connections go round twelve clients on three threads.
    @Test func serversAreShared() throws {
        let router = try Self.router.get()
        let table = try Stage.makeTable("x int, y int")
        let clients = try (0..<12).map { _ in try router.client() }
        for (number, client) in clients.enumerated() {
            try client.exchange([
                .parse("INSERT INTO \(table) VALUES (\(number), $1)", name: "s"), .parse("SELECT \(number)"),
            ])
        }
        for round in 0..<30 {
            for client in clients {
                try client.send([.bind(["\(round)"], statement: "s"), .execute(), .sync, .bind(), .execute(), .sync])
            }
            for (number, client) in clients.enumerated() {
                #expect(try client.readUntilReady().errors == [])
                #expect(try client.readUntilReady().value == "\(number)")
            }
        }
        let count = "SELECT count(*) FROM \(table) WHERE pg_backend_pid() > 0"
        for client in clients { #expect(try client.value(count) == "360") }
    }

    @Test func readsSeeWrites() throws {
        let router = try Self.router.get()
        let table = try Stage.makeTable("n int, x int")
        let clients = try (0..<6).map { _ in try router.client() }
        for number in clients.indices { try Stage.run("INSERT INTO \(table) VALUES (\(number), 0)") }
        for round in 1...40 {
            for (number, client) in clients.enumerated() {
                try client.send(
                    .query("UPDATE \(table) SET x = \(round) WHERE n = \(number)"),
                    .query("SELECT x FROM \(table) WHERE n = \(number)"))
            }
            for client in clients {
                #expect(try client.readUntilReady().errors == [])
                #expect(try client.readUntilReady().value == "\(round)")
            }
        }
    }

    @Test func cancelsFindTheirClient() throws {
        let router = try Self.router.get()
        for _ in 0..<6 {
            let client = try router.client()
            try client.send(.query("SELECT pg_sleep(60)"))
            // A cancel that comes before the query is lost, as with PostgreSQL.
            try eventually("the query to be cancelled") {
                try client.cancel()
                return !client.isQuiet
            }
            #expect(try client.readUntilReady().errors == ["57014"])
        }
    }

    @Test func stateDoesNotLeak() throws {
        let router = try Self.router.get()
        for _ in 0..<6 {
            let owner = try router.client(user: "postgres")
            try owner.succeed("SET work_mem = '5MB'")
            #expect(try owner.value("SHOW work_mem") == "5MB")
            owner.close()
            let others = try (0..<4).map { _ in try router.client(user: "postgres") }
            for other in others { #expect(try other.value("SELECT current_setting('work_mem') FOR UPDATE") == "4MB") }
        }
    }
}
