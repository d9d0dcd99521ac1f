// Does SQL's DEALLOCATE know the statements that the protocol named, as drivers expect?

import TestSupport
import Testing

@Suite struct DeallocateTests {
    private static let prepare: [FrontendMessage] = [
        .parse("SELECT 1", name: "s"), .parse("SELECT 2", name: "Odd \"name"), .sync,
    ]
    private static let useBoth: [FrontendMessage] = [
        .bind(statement: "s"), .execute(), .sync, .bind(statement: "Odd \"name"), .execute(), .sync,
    ]

    private static func spelled(_ sql: String) -> Conversation {
        Conversation(
            sql, .init(prepare), .init([.query(sql)]), .init(useBoth),
            .init([.parse("SELECT 3", name: "s"), .bind(statement: "s"), .execute(), .sync]))
    }

    private static func extended(_ sql: String) -> Conversation {
        Conversation(
            sql + " by the extended protocol", .init(prepare), .init(FrontendMessage.extended(sql) + [.sync]),
            .init(useBoth))
    }

    private static func inside(_ sql: String) -> Conversation {
        Conversation(
            sql + " in a transaction", .init(prepare),
            .init([.query("BEGIN"), .query(sql), .query("SELECT 1 FOR UPDATE")]),
            .init(useBoth), .init([.query("ROLLBACK")]), .init(useBoth))
    }

    private static let statements = [
        "DEALLOCATE s", "DEALLOCATE PREPARE S", "DEALLOCATE \"s\"", "DEALLOCATE \"Odd \"\"name\"", "DEALLOCATE ALL",
        "DEALLOCATE PREPARE ALL", "DEALLOCATE nosuch", "DEALLOCATE \"S\"", "deallocate /* x */ s ;", "DISCARD ALL",
        "DISCARD PLANS", "SELECT 1; DEALLOCATE ALL", "DEALLOCATE",
    ]

    static let conversations =
        statements.map(spelled) + statements.filter { !$0.contains(";") }.map(extended)
        + statements.map(inside) + [
            Conversation(
                "DEALLOCATE in a failed transaction",
                .init(prepare),
                .init([.query("BEGIN"), .query("SELECT 1/0"), .query("DEALLOCATE s"), .query("ROLLBACK")]),
                .init(useBoth)),
            Conversation(
                "twice", .init(prepare), .init([.query("DEALLOCATE s"), .query("DEALLOCATE s")]), .init(useBoth)),
            Conversation(
                "the protocol uses a statement that SQL named",
                .init([.query("PREPARE q AS SELECT 7"), .bind(statement: "q"), .execute(), .sync]),
                .init([.describeStatement("q"), .sync]), .init([.query("DEALLOCATE q"), .query("EXECUTE q")]),
                .init([.parse("SELECT 9", name: "q"), .bind(statement: "q"), .execute(), .sync])),
        ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check(times: 2)
    }

    /// What one client deallocates is not taken from others that gave the same text a name.
    @Test func othersKeepTheirs() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let clients = try (0..<3).map { _ in try router.client() }
        for client in clients { try client.exchange([.parse("SELECT 1", name: "s")]) }
        for client in clients { #expect(try client.exchange([.bind(statement: "s"), .execute()]).value == "1") }
        try clients[0].succeed("DEALLOCATE ALL")
        try clients[1].succeed("DEALLOCATE s")
        for client in clients[..<2] {
            #expect(try client.exchange([.bind(statement: "s"), .execute()]).errors == ["26000"])
        }
        for _ in 0..<3 { #expect(try clients[2].exchange([.bind(statement: "s"), .execute()]).value == "1") }
    }
}
