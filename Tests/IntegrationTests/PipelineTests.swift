// Are pipelines answered as PostgreSQL answers them, with errors at any place?

import TestSupport
import Testing

@Suite struct PipelineTests {
    private static func run(_ sql: String, _ values: [String?] = []) -> [FrontendMessage] {
        FrontendMessage.extended(sql, values)
    }

    static let conversations = [
        Conversation("reads", .init((1...20).flatMap { run("SELECT $1::int", ["\($0)"]) + [.sync] })),
        Conversation(
            "an error between batches",
            .init(run("SELECT 1") + [.sync] + run("SELECT 1/0") + [.sync] + run("SELECT 2") + [.sync])),
        Conversation(
            "an error in the middle of a batch",
            .init(
                run("INSERT INTO {t} VALUES (2)") + run("SELECT 1/0") + run("INSERT INTO {t} VALUES (3)") + [.sync]
                    + run("SELECT x FROM {t} ORDER BY x") + [.sync]),
            .init([.query("SELECT x FROM {t} ORDER BY x")])),
        Conversation(
            "an error in Parse, Bind, Describe, Execute",
            .init(run("SELEC 1") + run("SELECT 2") + [.sync]),
            .init([.parse("SELECT $1::int"), .bind(["x"]), .execute(), .sync]),
            .init([.parse("SELECT 1"), .bind(), .describePortal("nosuch"), .execute(), .sync]),
            .init([.parse("SELECT 1"), .bind(), .execute(portal: "nosuch"), .sync]),
            .init([.bind(statement: "nosuch"), .execute(), .sync]),
            .init([.describeStatement("nosuch"), .parse("SELECT 1"), .sync]),
            .init([.parse("SELECT $1::int"), .bind([]), .execute(), .sync]),
            .init(run("SELECT 3") + [.sync])),
        Conversation(
            "session state in the middle of a batch",
            .init(
                run("INSERT INTO {t} VALUES (2)") + run("SELECT set_config('app.x', 'y', false)") + run("SELECT 1/0")
                    + run("INSERT INTO {t} VALUES (3)") + [.sync]),
            .init([.query("SELECT x FROM {t} ORDER BY x")]),
            .init(
                run("INSERT INTO {t} VALUES (1)") + run("LISTEN c") + run("INSERT INTO {t} VALUES (4)") + [.sync]),
            .init([.query("SELECT x FROM {t} ORDER BY x")]),
            .init(run("SELECT count(*) FROM pg_listening_channels()") + [.sync])),
        Conversation(
            "reads and writes in one batch",
            .init(
                run("SELECT count(*) FROM {t}") + run("INSERT INTO {t} VALUES (2)") + run("SELECT count(*) FROM {t}")
                    + [.sync])),
        Conversation(
            "reads and writes in turn",
            .init(
                (2...12).flatMap {
                    run("INSERT INTO {t} VALUES ($1)", ["\($0)"]) + [.sync] + run("SELECT count(*) FROM {t}") + [.sync]
                })),
        Conversation(
            "simple queries in a row", .init((1...10).map { .query("SELECT \($0)") }),
            .init([.query("SELECT 1/0"), .query("SELECT 1"), .query("nonsense"), .query(""), .query("SELECT 2")])),
        Conversation(
            "both protocols mixed",
            .init(
                [.query("SELECT 1")] + run("SELECT 2") + [.sync, .query("INSERT INTO {t} VALUES (2)")] + run("SELECT 3")
                    + [.sync, .query("SELECT 4; SELECT 1/0; SELECT 5")])),
        Conversation(
            "a transaction in a pipeline",
            .init(
                run("BEGIN") + [.sync] + run("INSERT INTO {t} VALUES (2)") + [.sync] + run("SELECT x FROM {t}") + [
                    .sync
                ]
                    + run("COMMIT") + [.sync]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "a transaction in one batch",
            .init(
                run("BEGIN") + run("INSERT INTO {t} VALUES (2)") + run("COMMIT") + run("SELECT count(*) FROM {t}") + [
                    .sync
                ])),
        Conversation(
            "a transaction that fails in a pipeline",
            .init(
                run("BEGIN") + [.sync] + run("INSERT INTO {t} VALUES (1)") + [.sync] + run("SELECT 1") + [.sync]
                    + run("ROLLBACK") + [.sync] + run("SELECT 2") + [.sync])),
        Conversation(
            "BEGIN and an error in one batch",
            .init(run("BEGIN") + run("SELECT 1/0") + run("INSERT INTO {t} VALUES (2)") + [.sync]),
            .init(run("INSERT INTO {t} VALUES (3)") + [.sync]), .init([.query("COMMIT")]),
            .init([.query("SELECT x FROM {t}")])),
        Conversation(
            "portals that are suspended",
            .init([
                .parse("SELECT generate_series(1, 5)"), .bind(), .execute(limit: 2), .execute(limit: 2),
                .execute(limit: 2),
                .sync,
            ]),
            .init([.query("BEGIN")]),
            .init([.parse("SELECT generate_series(1, 5)"), .bind(portal: "p"), .execute(portal: "p", limit: 2), .sync]),
            .init([.execute(portal: "p", limit: 2), .sync]), .init([.query("SELECT 1")]),
            .init([.execute(portal: "p"), .closePortal("p"), .sync]), .init([.query("COMMIT")])),
        Conversation(
            "a portal does not outlive its transaction",
            .init([.parse("SELECT 1"), .bind(portal: "p"), .sync]), .init([.execute(portal: "p"), .sync])),
        Conversation("a Sync alone", .init([.sync, .sync, .sync]), .init([.query("SELECT 1")])),
        Conversation(
            "empty queries",
            .init([.query(""), .query(" ; "), .query("-- nothing")] + run("") + [.sync] + run(" ; ;") + [.sync])),
        Conversation(
            "messages of parse and describe only",
            .init([.parse("SELECT $1::int AS n", name: "s"), .describeStatement("s"), .sync]),
            .init([.bind(["7"], statement: "s"), .describePortal(), .execute(), .closeStatement("s"), .sync]),
            .init([.bind(["7"], statement: "s"), .execute(), .sync])),
        Conversation(
            "one statement bound many times",
            .init([.parse("SELECT $1::int * 2")] + (1...50).flatMap { [.bind(["\($0)"]), .execute()] } + [.sync])),
        Conversation(
            "NULL, empty and binary values",
            .init(run("SELECT $1::text, $2::text", [nil, ""]) + [.sync]),
            .init(
                [.parse("SELECT $1::int8"), .bind(["5"], binaryResults: true), .describePortal(), .execute(), .sync])),
        Conversation("two commands in a Parse", .init(run("SELECT 1; SELECT 2") + [.sync])),
        Conversation(
            "a statement that refuses a transaction block",
            .init([.query("BEGIN"), .query("VACUUM {t}"), .query("ROLLBACK"), .query("VACUUM {t}")]),
            .init(run("VACUUM {t}") + [.sync])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check()
    }

    /// More than is buffered for a decision.
    @Test func aLongPipeline() throws {
        let table = try Stage.makeTable("x int, y text")
        let client = try Stage.client()
        let filler = String(repeating: "y", count: 1000)
        let inserts = (1...500).flatMap {
            FrontendMessage.extended("INSERT INTO \(table) VALUES ($1, $2)", ["\($0)", filler])
        }
        let answer = try client.exchange(inserts)
        #expect(answer.count { $0.tag == "INSERT 0 1" } == 500)
        let reads = (1...500).flatMap {
            FrontendMessage.extended("SELECT x, $2::text FROM \(table) WHERE x = $1", ["\($0)", filler])
        }
        #expect(try client.exchange(reads).rows.map(\.first) == (1...500).map { "\($0)" })
        #expect(client.isQuiet)
    }

    @Test func manyBatchesBeforeAnyAnswerIsRead() throws {
        let client = try Stage.client()
        for number in 1...1000 {
            try client.send([.parse("SELECT \(number)"), .bind(), .execute(), .sync])
        }
        for number in 1...1000 { #expect(try client.readUntilReady().value == "\(number)") }
    }
}
