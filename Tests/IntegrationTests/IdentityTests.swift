// Is a session's backend, as the client sees it, its own?

import PostgresCluster
import TestSupport
import Testing

@Suite struct IdentityTests {
    private let end = "SELECT pg_terminate_backend(pg_backend_pid())"

    @Test(arguments: ["", "BEGIN", "CREATE TEMP TABLE mine (x int)", "BEGIN READ ONLY"])
    func aClientCanEndItselfAndNobodyElse(_ before: String) throws {
        let router = try Stage.startRouter(poolSize: 2)
        let others = try (0..<3).map { _ in try router.client() }
        for other in others { #expect(try other.value("SELECT 1") == "1") }
        let client = try router.client()
        if !before.isEmpty { try client.succeed(before) }
        try client.send(.query(end))
        let last = try client.readUntilEnd()
        let error = try #require(last.last)
        #expect(error.sqlState == "57P01" && error.fields["S"] == "FATAL")
        #expect(error.fields["M"] == "terminating connection due to administrator command")
        for other in others { #expect(try other.query("INSERT INTO visits_of_nobody VALUES (1)").errors == ["42P01"]) }
        #expect(router.isRunning)
    }

    @Test func withTheExtendedProtocol() throws {
        let router = try Stage.startRouter(poolSize: 2)
        let client = try router.client()
        try client.send(FrontendMessage.extended(end) + [.sync])
        #expect(try client.readUntilEnd().last?.sqlState == "57P01")
    }

    /// One that waits for notifications, say, must not wait for ever.
    @Test func theServerOfAnIdlePinnedClientDies() throws {
        let router = try Stage.startRouter(poolSize: 3)
        let client = try router.client()
        try client.succeed("LISTEN news")
        let pid = try client.value("SELECT pg_backend_pid()") ?? ""
        try Stage.cluster().primary.psql("SELECT pg_terminate_backend(\(pid))")
        let last = try client.readUntilEnd()
        #expect(last.map(\.sqlState) == ["57P01"])
        #expect(last.first?.fields["M"] == "terminating connection due to administrator command")
    }

    @Test func notificationsNameTheBackend() throws {
        let router = try Stage.startRouter(poolSize: 3)
        let client = try router.client()
        try client.succeed("LISTEN news")
        let pid = try #require(try client.value("SELECT pg_backend_pid()"))
        let answer = try client.query("NOTIFY news, 'own'")
        let heard = try #require(answer.first { $0.kind == .notificationResponse })
        #expect(heard.notification?.pid == Int32(pid))
    }
}
