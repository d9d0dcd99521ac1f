// Does each limit of time end what it is for, with its own error, and nothing else?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct TimeoutTests {
    private func start(_ pool: [String: String]) throws -> RouterProcess {
        try Stage.startRouter(["pool": pool, "admin": ["users": #"["postgres"]"#]])
    }

    private func sqlState(_ messages: [BackendMessage]) -> String? {
        messages.first { $0.kind == .errorResponse }?.sqlState
    }

    @Test func query() throws {
        let router = try start(["query_timeout": "\"1500ms\""])
        let client = try router.client()
        #expect(sqlState(try client.query("SELECT pg_sleep(20)")) == "57014")
        // The session goes on, and many short queries are no long one.
        for _ in 0..<8 { #expect(try client.query("SELECT pg_sleep(0.2)").errors == []) }
        try client.succeed("BEGIN")
        #expect(try client.query("SELECT pg_sleep(0.1) FROM txid_current()").errors == [])
        Thread.sleep(forTimeInterval: 1.7)
        #expect(try client.value("SELECT 1") == "1")
        #expect(sqlState(try client.query("SELECT pg_sleep(20)")) == "57014")
        try client.succeed("ROLLBACK")
        #expect(router.log.contains("a client ran into query_timeout"))
    }

    @Test func transaction() throws {
        let router = try start(["transaction_timeout": "\"1500ms\"", "size": "1"])
        let client = try router.client()
        for _ in 0..<8 { #expect(try client.query("SELECT pg_sleep(0.2)").errors == []) }
        try client.succeed("BEGIN")
        try client.succeed("SELECT txid_current()")
        try client.send(.query("SELECT pg_sleep(20)"))
        #expect(sqlState(try client.readUntilEnd()) == "25P04")
        // Its server is free again, or another one is there.
        try router.client().succeed("SELECT txid_current()")
        // At rest in the transaction as well.
        let resting = try router.client()
        try resting.succeed("BEGIN")
        try resting.succeed("SELECT txid_current()")
        #expect(sqlState(try resting.readUntilEnd()) == "25P04")
    }

    @Test(arguments: [["BEGIN"], ["BEGIN", "SELECT txid_current()"], ["BEGIN READ ONLY", "SELECT 1"]])
    func idleTransaction(_ statements: [String]) throws {
        let router = try start(["idle_transaction_timeout": "\"1500ms\""])
        let (client, other) = (try router.client(), try router.client())
        for statement in statements { try client.succeed(statement) }
        #expect(sqlState(try client.readUntilEnd()) == "25P03")
        // No transaction, no rest.
        #expect(try other.value("SELECT 1") == "1")
        try other.succeed("BEGIN")
        #expect(try other.query("SELECT pg_sleep(2) FROM txid_current()").errors == [])
        try other.succeed("COMMIT")
    }

    @Test func clientIdle() throws {
        let router = try start(["client_idle_timeout": "\"1500ms\""])
        let (client, other) = (try router.client(), try router.client())
        try client.succeed("SELECT 1")
        try other.succeed("BEGIN")
        #expect(sqlState(try client.readUntilEnd()) == "57P05")
        #expect(try other.value("SELECT 1") == "1")
        try other.succeed("COMMIT")
        for _ in 0..<4 {
            Thread.sleep(forTimeInterval: 0.5)
            #expect(try other.value("SELECT 1") == "1")
        }
    }

    @Test func waiting() throws {
        let router = try start(["wait_notice": "\"300ms\"", "size": "1"])
        let (holder, waiter) = (try router.client(), try router.client())
        try holder.succeed("BEGIN")
        try holder.succeed("SELECT txid_current()")
        try waiter.send(.query("SELECT txid_current()"))
        let notice = try waiter.receive()
        #expect(notice.kind == .noticeResponse && notice.fields["M"]?.contains("waits for one") == true)
        #expect(try waiter.isSilent(for: .milliseconds(700)))
        try holder.succeed("COMMIT")
        #expect(try waiter.readUntilReady().errors == [])
    }

    @Test func ofOneUser() throws {
        let router = try Stage.startRouter(["users.postgres.pool": ["client_idle_timeout": "\"1s\""]])
        let (limited, free) = (try router.client(user: "postgres"), try router.client())
        #expect(sqlState(try limited.readUntilEnd()) == "57P05")
        #expect(try free.value("SELECT 1") == "1")
    }
}
