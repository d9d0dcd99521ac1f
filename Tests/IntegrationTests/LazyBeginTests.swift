// Does BEGIN wait for the first statement, and does nobody notice?

import TestSupport
import Testing

@Suite struct LazyBeginTests {
    @Test func anEmptyTransactionTouchesNoServer() throws {
        let router = try Stage.startRouter(poolSize: 1, ["wait_timeout": "\"2s\""])
        let writer = try router.client()
        let readers = try (0..<2).map { _ in try router.client() }
        // Every server connection there may be is taken.
        try writer.succeed("BEGIN; SELECT 1 FOR UPDATE")
        for reader in readers {
            // On a busy machine a replica may be left out for a moment, and the other one is taken.
            try eventually("a replica for each reader") {
                try reader.succeed("BEGIN READ ONLY")
                let answer = try reader.query("SELECT 1")
                if !answer.errors.isEmpty { try reader.succeed("ROLLBACK") }
                return answer.errors.isEmpty
            }
        }
        let client = try router.client()
        for end in ["COMMIT", "ROLLBACK", "END", "ABORT"] {
            #expect(try client.query("BEGIN").transcript == ["CommandComplete(BEGIN)", "ReadyForQuery(T)"])
            #expect(
                try client.query("SET TRANSACTION READ ONLY").transcript == [
                    "CommandComplete(SET)", "ReadyForQuery(T)",
                ])
            #expect(try client.query(end).errors == [])
            #expect(client.transactionState == "I")
        }
        let extended = try client.exchange([.parse("BEGIN"), .bind(), .describePortal(), .execute()])
        #expect(
            extended.transcript
                == ["ParseComplete", "BindComplete", "NoData", "CommandComplete(BEGIN)", "ReadyForQuery(T)"])
        #expect(try client.extended("COMMIT").errors == [])
        for client in readers + [writer] { try client.succeed("COMMIT") }
    }

    static let conversations = [
        Conversation(
            "begin and end in all spellings",
            .init(
                [
                    "BEGIN", "COMMIT", "START TRANSACTION", "END", "begin work", "rollback work", "BEGIN TRANSACTION",
                    "ABORT", "/* x */ BEGIN; -- y", "COMMIT AND NO CHAIN", "START TRANSACTION READ ONLY", "END WORK",
                ].map { .query($0) })),
        Conversation(
            "BEGIN in a transaction",
            .init([.query("BEGIN"), .query("BEGIN"), .query("SELECT 1"), .query("BEGIN"), .query("COMMIT")])),
        Conversation(
            "an end without a beginning",
            .init([.query("COMMIT"), .query("ROLLBACK"), .query("END"), .query("SELECT 1")])),
        Conversation(
            "chains",
            .init([
                .query("BEGIN ISOLATION LEVEL REPEATABLE READ"), .query("COMMIT AND CHAIN"),
                .query("SHOW transaction_isolation"),
                .query("ROLLBACK AND CHAIN"), .query("SHOW transaction_isolation"), .query("COMMIT"),
                .query("COMMIT AND CHAIN"),
            ])),
        Conversation(
            "a BEGIN that is none",
            .init([
                .query("BEGIN ISOLATION LEVEL NONSENSE"), .query("BEGIN READ"), .query("BEGIN, READ ONLY"),
                .query("BEGIN READ ONLY READ WRITE"), .query("ROLLBACK"), .query("SELECT 1"),
            ])),
        Conversation(
            "lists of modes that end in a comma, or begin with one",
            .init([
                .query("BEGIN READ ONLY,"), .query("SELECT 1"),
                .query("START TRANSACTION ISOLATION LEVEL SERIALIZABLE,"),
                .query("BEGIN ,READ ONLY"), .query("BEGIN READ ONLY,,DEFERRABLE"), .query("BEGIN,"),
                .query("SET TRANSACTION READ ONLY,"), .query("BEGIN"), .query("SET TRANSACTION READ ONLY,"),
                .query("SELECT 1"), .query("ROLLBACK"), .query("BEGIN READ ONLY DEFERRABLE"),
                .query("SHOW transaction_deferrable"), .query("COMMIT"),
            ]),
            .init(FrontendMessage.extended("BEGIN READ ONLY,") + [.sync]),
            .init([.query("SELECT 1")])),
        Conversation(
            "ends that are none",
            .init([
                .query("BEGIN"), .query("COMMIT AND"), .query("COMMIT"), .query("BEGIN"), .query("END AND NO"),
                .query("ABORT"), .query("BEGIN"), .query("ABORT TO s"), .query("ROLLBACK WORK"), .query("BEGIN"),
                .query("COMMIT WORK TRANSACTION"), .query("END TRANSACTION AND NO CHAIN"),
                .query("ROLLBACK AND CHAIN"), .query("COMMIT AND CHAIN"), .query("BEGIN READ ONLY"),
                .query("ABORT WORK AND CHAIN"), .query("SHOW transaction_read_only"), .query("END WORK AND CHAIN"),
                .query("SHOW transaction_read_only"), .query("ROLLBACK TRANSACTION AND NO CHAIN"),
            ])),
        Conversation(
            "the first statement fails",
            .init([.query("BEGIN"), .query("SELECT 1/0"), .query("SELECT 1"), .query("COMMIT"), .query("SELECT 2")]),
            .init([.query("BEGIN"), .query("nonsense"), .query("SELECT 1"), .query("ROLLBACK"), .query("SELECT 2")])),
        Conversation(
            "modes",
            .init([
                .query("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE"),
                .query("SHOW transaction_isolation"),
                .query("SHOW transaction_deferrable"), .query("INSERT INTO {t} VALUES (2)"), .query("COMMIT"),
                .query("START TRANSACTION READ WRITE"), .query("SHOW transaction_read_only"), .query("COMMIT"),
            ])),
        Conversation(
            "modes that are set afterwards",
            .init([
                .query("BEGIN"), .query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
                .query("SET TRANSACTION READ ONLY"),
                .query("SHOW transaction_isolation"), .query("DELETE FROM {t}"), .query("ROLLBACK"),
                .query("BEGIN"), .query("SELECT 1"), .query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
                .query("COMMIT"),
            ])),
        Conversation(
            "savepoints",
            .init([
                .query("BEGIN"), .query("SAVEPOINT a"), .query("INSERT INTO {t} VALUES (2)"), .query("SAVEPOINT b"),
                .query("INSERT INTO {t} VALUES (2)"), .query("ROLLBACK TO b"), .query("RELEASE a"), .query("COMMIT"),
                .query("SELECT count(*) FROM {t}"), .query("SAVEPOINT c"), .query("BEGIN"),
                .query("ROLLBACK TO nosuch"),
                .query("COMMIT"),
            ])),
        Conversation(
            "empty statements in a lazy transaction",
            .init([
                .query("BEGIN"), .query(""), .query(" -- nothing"), .query("SELECT 1"), .query(""), .query("COMMIT"),
            ])),
        Conversation(
            "by the extended protocol",
            .init(FrontendMessage.extended("BEGIN") + [.sync] + FrontendMessage.extended("SELECT 1") + [.sync]),
            .init(FrontendMessage.extended("COMMIT") + [.sync]),
            .init([.parse("BEGIN", name: "b"), .describeStatement("b"), .sync]),
            .init([.bind(statement: "b"), .execute(), .sync, .bind(statement: "b"), .execute(), .sync]),
            .init([.query("ROLLBACK")])),
        Conversation(
            "BEGIN with text around it",
            .init([
                .query("BEGIN; INSERT INTO {t} VALUES (2)"), .query("SELECT count(*) FROM {t}"), .query("ROLLBACK"),
                .query("SELECT 1; BEGIN"), .query("SELECT 2"), .query("COMMIT; BEGIN"), .query("ROLLBACK"),
                .query("SELECT count(*) FROM {t}"),
            ])),
        Conversation(
            "two-phase commit",
            .init([
                .query("BEGIN"), .query("INSERT INTO {t} VALUES (2)"), .query("PREPARE TRANSACTION '{t}'"),
                .query("COMMIT PREPARED '{t}'"), .query("SELECT count(*) FROM {t}"), .query("BEGIN"),
                .query("COMMIT PREPARED 'nosuch'"), .query("ROLLBACK"), .query("ROLLBACK PREPARED 'nosuch'"),
            ])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check()
    }

    @Test(arguments: conversations) func withoutLaziness(_ conversation: Conversation) throws {
        try conversation.check(through: Self.eager.get(), times: 1)
    }

    private static let eager = Result { try Stage.startRouter(["routing": ["lazy_begin": "false"]]) }

    /// The transaction's time is that of its first statement.
    @Test func theTransactionBeginsWithItsFirstStatement() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN")
        let before = try Stage.direct().value("SELECT clock_timestamp()") ?? ""
        #expect(try client.value("SELECT now() >= '\(before)', pg_backend_pid()") == "t")
        let now = try client.value("SELECT now()")
        #expect(try client.value("SELECT now()") == now)
        try client.succeed("COMMIT")
    }

    @Test func serializableGoesToThePrimary() throws {
        let client = try Stage.client()
        for begin in ["BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "BEGIN READ WRITE", "BEGIN"] {
            try client.succeed(begin)
            #expect(try client.port() == Stage.primaryPort())
            try client.succeed("COMMIT")
        }
        try client.succeed("BEGIN READ ONLY")
        try client.succeed("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        #expect(try client.port() == Stage.primaryPort())
        #expect(try client.value("SHOW transaction_isolation") == "serializable")
        try client.succeed("COMMIT")
    }
}
