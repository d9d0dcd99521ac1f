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
        "DISCARD PLANS", "SELECT 1; DEALLOCATE ALL", "DEALLOCATE", "DEALLOCATE s; SELECT 1", "SELECT 1; DEALLOCATE s",
        "DEALLOCATE s; SELECT 1/0", "SELECT 1/0; DEALLOCATE s", "DEALLOCATE nosuch; SELECT 1",
        "DEALLOCATE s; DEALLOCATE \"Odd \"\"name\"", "DEALLOCATE s; PREPARE s AS SELECT 7", "EXECUTE s",
        "PREPARE s AS SELECT 7", "PREPARE s AS SELECT nosuch", "EXECUTE s; EXECUTE \"Odd \"\"name\"", "EXECUTE nosuch",
        "EXPLAIN EXECUTE s", "DEALLOCATE s; EXECUTE s",
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
                "the protocol gives a name that SQL has given",
                .init([.query("PREPARE q AS SELECT 7"), .parse("SELECT 9", name: "q"), .sync]),
                .init([.bind(statement: "q"), .execute(), .sync, .query("EXECUTE q")]),
                .init([.closeStatement("q"), .sync, .parse("SELECT 9", name: "q"), .sync]),
                .init([.bind(statement: "q"), .execute(), .sync, .query("EXECUTE q"), .query("DEALLOCATE q")]),
                .init([.bind(statement: "q"), .execute(), .sync, .query("PREPARE q AS SELECT 8")]),
                .init([.bind(statement: "q"), .execute(), .sync, .describeStatement("q"), .sync]),
                .init([.parse("SELECT nosuch", name: "q"), .sync, .parse("SELEC", name: "q"), .sync])),
            Conversation(
                "SQL and protocol take turns, all at once",
                .init(
                    prepare + [
                        .query("EXECUTE s"), .bind(statement: "s"), .execute(), .sync, .query("DEALLOCATE s"),
                        .parse("SELECT 4", name: "s"), .sync, .query("EXECUTE s; DEALLOCATE s"),
                        .query("PREPARE s AS SELECT 5"), .bind(statement: "s"), .execute(), .sync,
                        .closeStatement("s"), .sync, .query("EXECUTE s"),
                    ])),
            Conversation(
                "what SQL executes writes",
                .init([.parse("INSERT INTO {t} VALUES (2)", name: "i"), .sync, .query("EXECUTE i")]),
                .init([.query("SELECT count(*) FROM {t}"), .query("EXECUTE i"), .query("DEALLOCATE ALL")]),
                .init([.query("SELECT count(*) FROM {t}"), .bind(statement: "i"), .execute(), .sync])),
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
