// Does a cancel reach the query that runs now, and never another?

import TestSupport
import Testing

@Suite struct CancelTests {
    /// On a replica, on the primary, in a transaction, by the extended protocol.
    @Test(arguments: ["SELECT pg_sleep(60)", "SELECT pg_sleep(60) FOR UPDATE", "SELECT pg_sleep(60), pg_backend_pid()"])
    func aRunningQuery(_ sql: String) throws {
        let client = try Stage.client()
        for _ in 0..<3 {
            try client.send(.query(sql))
            try waitUntilItRuns(sql)
            try client.cancel()
            #expect(try client.readUntilReady().errors == ["57014"])
            try client.send(FrontendMessage.extended(sql) + [.sync])
            try waitUntilItRuns(sql)
            try client.cancel()
            #expect(try client.readUntilReady().errors == ["57014"])
            #expect(try client.value("SELECT 1") == "1")
        }
        try client.succeed("BEGIN")
        try client.send(.query(sql))
        try waitUntilItRuns(sql)
        try client.cancel()
        #expect(try client.readUntilReady().transcript.last == "ReadyForQuery(E)")
        #expect(try client.query("SELECT 1").errors == ["25P02"])
        try client.succeed("ROLLBACK")
        #expect(try client.value("SELECT 1") == "1")
    }

    private func waitUntilItRuns(_ sql: String) throws {
        let literal = sql.replacing("'", with: "''")
        let question = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '\(literal)'"
        let nodes = try Stage.cluster().nodes.map { try WireClient(direct: $0, user: "postgres") }
        defer { for node in nodes { node.close() } }
        try eventually("a server to run \(sql)") { try nodes.contains { try $0.value(question) != "0" } }
    }

    @Test func aQueryThatWaitsForAServer() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let holder = try router.client()
        try holder.succeed("BEGIN")
        try holder.succeed("SELECT 1 FOR UPDATE")
        let table = try Stage.makeTable("x int")
        let waiter = try router.client()
        for messages in [
            [.query("INSERT INTO \(table) VALUES (1)")], FrontendMessage.extended("TABLE \(table) FOR SHARE") + [.sync],
        ] {
            try waiter.send(messages)
            // The cancel may be quicker than the query; then it is repeated.
            try eventually("the waiting query to be cancelled") {
                try waiter.cancel()
                return !waiter.isQuiet
            }
            let answer = try waiter.readUntilReady()
            #expect(
                answer.transcript == [
                    "ErrorResponse(57014: canceling statement due to user request)", "ReadyForQuery(I)",
                ])
        }
        #expect(holder.isQuiet)
        try holder.succeed("COMMIT")
        try waiter.succeed("INSERT INTO \(table) VALUES (2)")
        #expect(try waiter.value("SELECT x FROM \(table)") == "2")
    }

    /// One server connection goes from client to client while cancels of the one are always late.
    @Test func neverAnothersQuery() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let hasty = try router.client()
        let calm = try router.client()
        for round in 0..<80 {
            try hasty.send(.query("SELECT pg_sleep(\(Double(round % 8) / 2000)) FOR UPDATE"))
            try calm.send(.query("SELECT pg_sleep(0.004), \(round) FOR UPDATE"))
            if round % 3 == 0 { _ = try hasty.readUntilReady() }
            try hasty.cancel()
            let answer = try calm.readUntilReady()
            #expect(answer.errors == [])
            #expect(answer.rows.last?.last == "\(round)")
            if round % 3 != 0 {
                let own = try hasty.readUntilReady()
                #expect(own.errors == [] || own.errors == ["57014"])
            }
        }
    }

    @Test func aCancelOfNothing() throws {
        let client = try Stage.client()
        for _ in 0..<20 {
            try client.cancel()
            #expect(try client.value("SELECT 1") == "1")
        }
        try client.succeed("BEGIN")
        try client.cancel()
        try client.succeed("SELECT 1 FOR UPDATE")
        try client.cancel()
        try client.succeed("COMMIT")
    }

    @Test func keysThatAreWrong() throws {
        let client = try Stage.client()
        let sql = "SELECT pg_sleep(1.5), 'a wrong key'"
        try client.send(.query(sql))
        try waitUntilItRuns(sql.replacing("''", with: "'"))
        let wrong = client.backendKey.map { $0 ^ 1 }
        try client.cancel(key: wrong)
        try client.cancel(pid: client.backendPID &+ 1)
        try client.cancel(pid: -1)
        try client.cancel(pid: Int32.max)
        try client.cancel(pid: 0)
        #expect(try client.readUntilReady().errors == [])
    }

    @Test func keysDiffer() throws {
        let clients = try (0..<20).map { _ in try Stage.client() }
        #expect(Set(clients.map(\.backendKey)).count == 20)
        #expect(Set(clients.map(\.backendPID)).count == 20)
    }

    @Test func aCopyThatRuns() throws {
        let client = try Stage.client()
        let sql = "COPY (SELECT pg_sleep(60)) TO STDOUT"
        try client.send(.query(sql))
        try waitUntilItRuns(sql)
        try client.cancel()
        #expect(try client.readUntilReady().errors == ["57014"])
    }
}
