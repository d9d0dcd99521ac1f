// Is every limit kept, and does the one who meets it learn which it was?

import PostgresCluster
import TestSupport
import Testing

@Suite struct LimitTests {
    @Test func theSizeOfAPool() throws {
        let router = try Stage.startRouter(poolSize: 3, ["wait_timeout": "\"60s\""])
        let holders = try (0..<3).map { _ in try router.client(options: [("application_name", "holds a place")]) }
        for client in holders { try client.succeed("BEGIN; SELECT 1 FOR UPDATE") }
        let waiters = try (0..<10).map { _ in try router.client() }
        for client in waiters { try client.send(.query("SELECT pg_backend_pid()")) }
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holds a place'"
        #expect(try Stage.cluster().primary.psql(count) == "3")
        #expect(waiters.allSatisfy { $0.isQuiet })
        for client in holders { try client.succeed("COMMIT") }
        let pids = try waiters.map { try $0.readUntilReady().value }
        #expect(Set(pids).count <= 3 && !pids.contains(nil))
    }

    @Test func waitingForAPool() throws {
        let router = try Stage.startRouter(poolSize: 1, ["wait_timeout": "\"1100ms\""])
        let holder = try router.client()
        let other = try router.client()
        for _ in 0..<2 {
            try holder.succeed("BEGIN; SELECT 1 FOR UPDATE")
            let answer = try other.query("SELECT 1 FOR UPDATE")
            let error = try #require(answer.first)
            #expect(error.sqlState == "57014")
            #expect(error.fields["M"]?.contains("wait_timeout") == true)
            #expect(
                error.fields["D"]?.contains("\"app\"") == true && error.fields["D"]?.contains("1.1 seconds") == true)
            #expect(answer.last?.transactionState == "I")
            let extended = try other.extended("SELECT 1 FOR UPDATE")
            #expect(extended.errors == ["57014"])
            // Reads have a pool of their own on each replica.
            #expect(try other.value("SELECT 5") == "5")
            try holder.succeed("COMMIT")
            #expect(try other.value("SELECT 6 FOR UPDATE") == "6")
        }
    }

    @Test func waitingInALazyTransaction() throws {
        let router = try Stage.startRouter(poolSize: 1, ["wait_timeout": "\"1s\""])
        let holder = try router.client()
        try holder.succeed("BEGIN; SELECT 1 FOR UPDATE")
        let other = try router.client()
        try other.succeed("BEGIN")
        #expect(try other.query("SELECT 1").errors == ["57014"])
        #expect(other.transactionState == "E")
        #expect(try other.query("SELECT 1").errors == ["25P02"])
        #expect(try other.query("COMMIT").transcript == ["CommandComplete(ROLLBACK)", "ReadyForQuery(I)"])
        try holder.succeed("COMMIT")
        #expect(try other.value("SELECT 1 FOR UPDATE") == "1")
    }

    /// First come, first served.
    @Test func waitersAreServedInOrder() throws {
        let router = try Stage.startRouter(["pool": ["size": "1"], "server": ["workers": "1"]])
        let table = try Stage.makeTable("n serial, x int")
        let holder = try router.client()
        try holder.succeed("BEGIN; SELECT 1 FOR UPDATE")
        let clients = try (0..<8).map { _ in try router.client() }
        for (number, client) in clients.enumerated() {
            try client.send(.query("INSERT INTO \(table) (x) VALUES (\(number))"))
            // Answered by the same thread, so the INSERT before it is in the queue.
            _ = try clients[(number + 1) % 8].isQuiet ? router.client().close() : ()
        }
        try holder.succeed("COMMIT")
        for client in clients { #expect(try client.readUntilReady().errors == []) }
        let order = try holder.value(
            "SELECT string_agg(x::text, ',' ORDER BY n) FROM \(table) WHERE pg_backend_pid() > 0")
        #expect(order == "0,1,2,3,4,5,6,7", Comment(rawValue: router.log))
    }

    @Test func clients() throws {
        let router = try RouterProcess.start(
            cluster: Stage.cluster(), overrides: ["server": ["max_clients": "3"]])
        var clients = try eventually("three places") { try (0..<3).map { _ in try router.client() } }
        for _ in 0..<3 {
            do {
                _ = try router.client()
                Issue.record("a client too many was taken")
            } catch let error as WireClient.ServerError {
                #expect(error.sqlState == "53300")
            }
        }
        #expect(try clients[0].value("SELECT 1") == "1")
        clients.removeLast().close()
        let next = try eventually("the place to be free") { try router.client() }
        #expect(try next.value("SELECT 1") == "1")
    }

    @Test func pinnedSessions() throws {
        let router = try Stage.startRouter(["pool": ["size": "4", "max_pinned": "1"]])
        let pinned = try router.client()
        try pinned.succeed("LISTEN a")
        let other = try router.client()
        let answer = try other.query("CREATE TEMP TABLE x (y int)")
        #expect(answer.errors == ["53300"] && answer.last?.transactionState == "I")
        #expect(answer.first?.fields["M"]?.contains("pinned") == true)
        #expect(try other.extended("LISTEN c").errors == ["53300"])
        #expect(try other.value("SELECT 1") == "1")
        #expect(try other.value("SELECT 1 FOR UPDATE") == "1")
        try other.succeed("BEGIN")
        #expect(try other.query("LISTEN b").errors == ["53300"])
        #expect(other.transactionState == "E")
        try other.succeed("ROLLBACK")
        // The pin that is held is not counted twice.
        try pinned.succeed("LISTEN d")
        pinned.close()
        try eventually("the pin to be free") { try other.query("LISTEN e").errors.isEmpty }
        #expect(try other.value("SELECT pg_listening_channels()") == "e")
    }

    @Test func messages() throws {
        let router = try Stage.startRouter(["server": ["max_message_size": "\"1MiB\""]])
        let client = try router.client()
        let text = String(repeating: "x", count: 900_000)
        #expect(try client.extended("SELECT length($1::text)", [text]).value == "900000")
        try client.send(.raw(Array("Q".utf8) + [0, 32, 0, 0]))
        #expect(try client.readUntilEnd().errors == ["08P01"])
        #expect(try router.client().value("SELECT 1") == "1")
    }
}
