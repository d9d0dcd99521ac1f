// Does the client of the tests say and read what PostgreSQL says and reads?

import PostgresCluster
import TestSupport
import Testing

@Suite struct WireClientTests {
    private func client() throws -> WireClient {
        try WireClient(direct: SharedCluster.get().primary, options: [("application_name", "wire test")])
    }

    @Test func logsIn() throws {
        let client = try client()
        #expect(client.greeting.first?.description == "Authentication(0)")
        #expect(client.greeting.last?.description == "ReadyForQuery(I)")
        #expect(client.parameters["application_name"] == "wire test")
        #expect(client.backendPID > 0 && client.backendKey.count == 4)
        #expect(throws: WireClient.ServerError.self) {
            try WireClient(direct: SharedCluster.get().primary, database: "no_such_database")
        }
    }

    @Test(arguments: [
        ("SELECT 1 AS a, NULL AS b", ["RowDescription(a, b)", "DataRow(1, null)", "CommandComplete(SELECT 1)"]),
        ("", ["EmptyQueryResponse"]),
        ("SELECT 1/0", ["ErrorResponse(22012: division by zero)"]),
        ("COPY (SELECT 5) TO STDOUT", ["CopyOutResponse", "CopyData(5)", "CopyDone", "CommandComplete(COPY 1)"]),
    ])
    func simpleQueries(_ sql: String, _ expected: [String]) throws {
        #expect(try client().query(sql).transcript == expected + ["ReadyForQuery(I)"])
    }

    @Test func extendedProtocol() throws {
        let client = try client()
        let answer = try client.exchange([
            .parse("SELECT $1::int + 1 AS n", name: "s"), .describeStatement("s"), .bind(["41"], statement: "s"),
            .execute(), .closeStatement("s"),
        ])
        #expect(
            answer.transcript == [
                "ParseComplete", "ParameterDescription", "RowDescription(n)", "BindComplete", "DataRow(42)",
                "CommandComplete(SELECT 1)", "CloseComplete", "ReadyForQuery(I)",
            ])
        let suspended = try client.exchange([
            .parse("SELECT generate_series(1, 3)"), .bind(), .execute(limit: 1), .execute(limit: 1),
        ])
        #expect(suspended.rows == [["1"], ["2"]] && suspended.filter { $0.kind == .portalSuspended }.count == 2)
        #expect(try client.extended("SELECT $1::text", [nil]).rows == [[nil]])
    }

    @Test func pipelinesAndFlush() throws {
        let client = try client()
        try client.send(FrontendMessage.extended("SELECT 1") + [.flush])
        #expect(try client.read(until: .commandComplete).rows == [["1"]])
        try client.send(
            [.sync] + FrontendMessage.extended("nonsense") + [.sync] + FrontendMessage.extended("SELECT 2") + [.sync])
        #expect(try client.readUntilReady().transcript == ["ReadyForQuery(I)"])
        #expect(try client.readUntilReady().errors == ["42601"])
        #expect(try client.readUntilReady().value == "2")
        #expect(client.isQuiet)
    }

    @Test func copyIn() throws {
        let client = try client()
        try client.query("CREATE TEMP TABLE c (x int)")
        try client.send(.query("COPY c FROM STDIN"))
        #expect(try client.receive().kind == .copyInResponse)
        try client.send(.copyData(Array("1\n2\n".utf8)), .copyDone)
        #expect(try client.readUntilReady().transcript == ["CommandComplete(COPY 2)", "ReadyForQuery(I)"])
        #expect(try client.value("SELECT sum(x) FROM c") == "3")
    }

    @Test func cancels() throws {
        let client = try client()
        let observer = try self.client()
        try client.send(.query("SELECT pg_sleep(60)"))
        // A request that comes before the query has begun cancels nothing.
        try eventually("the query runs") {
            let state = "SELECT state FROM pg_stat_activity WHERE pid = \(client.backendPID) AND query LIKE '%sleep%'"
            return try observer.value(state) == "active"
        }
        try client.cancel()
        #expect(try client.readUntilReady().errors == ["57014"])
    }

    @Test func deadlinesAndEnds() throws {
        let short = try WireClient(direct: SharedCluster.get().primary, deadline: .milliseconds(200))
        try short.send(.query("SELECT pg_sleep(60)"))
        #expect(throws: SupportError("waited in vain for an answer")) { try short.receive() }
        short.vanish()

        let client = try client()
        try client.send(.terminate)
        #expect(try client.receiveOrEnd() == nil)
        #expect(throws: SupportError("the connection was closed")) { try client.receive() }
    }

    @Test func conditionsThatNeverHold() {
        #expect(throws: ClusterError.self) { try eventually("a wonder", within: .milliseconds(50)) { false } }
        #expect(throws: Never.self) {
            var calls = 0
            let value = try eventually("the third call") {
                calls += 1
                if calls < 3 { throw SupportError("not yet") }
                return calls
            }
            #expect(value == 3)
        }
    }
}
