// Do statements that were prepared in SQL follow their session over shared servers, without a difference?

import TestSupport
import Testing

@Suite struct PreparedInSQLTests {
    static let conversations = [
        Conversation(
            "values, kinds and numbers of arguments",
            .init([.query("PREPARE q (int, text) AS SELECT $1 + 1 AS n, upper($2) AS u")]),
            .init([.query("EXECUTE q (1, 'a')"), .query("EXECUTE q(2, 'b') ;"), .query("/* x */ execute Q ( 3 , 'c')")]
            ),
            .init([.query("EXECUTE q (1)"), .query("EXECUTE q"), .query("EXECUTE q (1, 2, 3)")]),
            .init([.query("EXECUTE q ('x', 'y')"), .query("EXECUTE q (1/0, 'y')"), .query("EXECUTE q (nosuch, 'y')")]),
            .init([.query("EXECUTE q (1, (SELECT 'a'))"), .query("EXECUTE q (1, 'a') UNION SELECT 1")])),
        Conversation(
            "positions of errors",
            .init([.query("PREPARE q AS SELECT y FROM {t}   WHERE x = 1"), .query("EXECUTE q")]),
            .init([.query("ALTER TABLE {t} RENAME COLUMN y TO z"), .query("EXECUTE q"), .query("EXECUTE q")]),
            .init([.query("ALTER TABLE {t} RENAME COLUMN z TO y"), .query("EXECUTE q")]),
            .init([.query("ALTER TABLE {t} RENAME TO {t}_former"), .query("EXECUTE q")]),
            .init([.query("ALTER TABLE {t}_former RENAME TO {t}"), .query("EXECUTE q")])),
        Conversation(
            "a name that is taken",
            .init([.query("PREPARE q AS SELECT 1"), .query("PREPARE q AS SELECT 1"), .query("PREPARE q AS SELECT 2")]),
            .init([.query("PREPARE q AS SELECT nosuch"), .query("EXECUTE q"), .query("PREPARE \"Q\" AS SELECT 3")]),
            .init([.query("EXECUTE q"), .query("EXECUTE \"Q\""), .query("DEALLOCATE q"), .query("EXECUTE q")]),
            .init([.query("PREPARE q AS SELECT 4"), .query("EXECUTE q"), .query("DEALLOCATE ALL")]),
            .init([.query("EXECUTE q"), .query("EXECUTE \"Q\""), .query("DEALLOCATE q")])),
        Conversation(
            "what cannot be prepared",
            .init([.query("PREPARE q AS VACUUM"), .query("PREPARE q AS"), .query("PREPARE q (nosuch) AS SELECT $1")]),
            .init([.query("PREPARE q AS SELECT FROM nosuch"), .query("EXECUTE q"), .query("PREPARE q AS SELECT $1")]),
            .init([.query("EXECUTE q (1)"), .query("EXECUTE q ('x')")])),
        Conversation(
            "writes",
            .init([.query("PREPARE q AS INSERT INTO {t} VALUES ($1, $2) RETURNING x"), .query("EXECUTE q (2, 'two')")]),
            .init([.query("SELECT * FROM {t} ORDER BY x"), .query("EXECUTE q (2, 'again')")]),
            .init([.query("BEGIN"), .query("EXECUTE q (3, 'three')"), .query("ROLLBACK")]),
            .init([.query("SELECT * FROM {t} ORDER BY x"), .query("EXECUTE q (3, now()::text)")]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in transactions",
            .init([.query("BEGIN"), .query("PREPARE q AS SELECT count(*) FROM {t}"), .query("EXECUTE q")]),
            .init([.query("INSERT INTO {t} VALUES (2)"), .query("EXECUTE q"), .query("ROLLBACK"), .query("EXECUTE q")]),
            .init([.query("BEGIN"), .query("SELECT 1/0"), .query("EXECUTE q"), .query("PREPARE r AS SELECT 1")]),
            .init([.query("COMMIT"), .query("EXECUTE q"), .query("EXECUTE r")]),
            .init([
                .query("BEGIN READ ONLY"), .query("PREPARE r AS SELECT 5"), .query("EXECUTE r"), .query("EXECUTE q"),
            ]),
            .init([.query("DEALLOCATE r"), .query("COMMIT"), .query("EXECUTE r")]),
            .init([.query("BEGIN ISOLATION LEVEL REPEATABLE READ"), .query("EXECUTE q"), .query("COMMIT")]),
            .init([.query("BEGIN"), .query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), .query("EXECUTE q")]),
            .init([.query("SAVEPOINT s"), .query("PREPARE s AS SELECT 6"), .query("ROLLBACK TO s")]),
            .init([.query("EXECUTE s"), .query("COMMIT"), .query("EXECUTE s")])),
        Conversation(
            "all at once",
            .init([
                .query("PREPARE q AS SELECT 1"), .query("EXECUTE q"), .query("DEALLOCATE q"), .query("EXECUTE q"),
                .query("PREPARE q AS SELECT 2"), .query("EXECUTE q"), .query("PREPARE q AS SELECT 3"),
                .query("EXECUTE q"), .query("BEGIN"), .query("EXECUTE q"), .query("COMMIT"), .query("SELECT 1/0"),
                .query("EXECUTE q"), .query("DISCARD ALL"), .query("EXECUTE q"),
            ])),
        Conversation(
            "settings that change what is prepared",
            .init([.query("SET search_path = pg_catalog"), .query("PREPARE q AS SELECT * FROM {t}")]),
            .init([.query("RESET search_path"), .query("PREPARE q AS SELECT * FROM {t}"), .query("EXECUTE q")]),
            .init([.query("SET search_path = pg_catalog"), .query("EXECUTE q"), .query("RESET ALL")]),
            .init([.query("EXECUTE q"), .query("PREPARE d AS SELECT timestamptz '2024-01-01 00:00'")]),
            .init([.query("EXECUTE d"), .query("SET TIME ZONE 'Asia/Tokyo'"), .query("EXECUTE d")]),
            .init([.query("BEGIN"), .query("SET LOCAL TIME ZONE 'UTC'"), .query("EXECUTE d"), .query("COMMIT")]),
            .init([.query("EXECUTE d"), .query("RESET ALL"), .query("EXECUTE d")])),
        Conversation(
            "other words that speak of a statement",
            .init([.query("PREPARE q AS SELECT x FROM {t}"), .query("EXPLAIN (COSTS OFF) EXECUTE q")]),
            .init([.query("CREATE TABLE {t}_copy AS EXECUTE q"), .query("SELECT * FROM {t}_copy")]),
            .init([.query("EXECUTE q"), .query("EXECUTE q; EXECUTE q"), .query("DEALLOCATE q; PREPARE q AS SELECT 9")]),
            .init([.query("EXECUTE q"), .query("SELECT name, statement, from_sql FROM pg_prepared_statements")])),
        Conversation(
            "code that speaks of a statement",
            .init([.query("PREPARE q AS SELECT 1"), .query("EXECUTE q")]),
            .init([.query("DO $$ BEGIN EXECUTE 'DEALLOCATE q'; END $$"), .query("EXECUTE q")]),
            .init([.query("DO $$ BEGIN EXECUTE 'PREPARE q AS SELECT 2'; END $$"), .query("EXECUTE q")]),
            .init([.query("DEALLOCATE q"), .query("EXECUTE q"), .query("PREPARE q AS SELECT 3"), .query("EXECUTE q")])),
        Conversation(
            "with the extended protocol",
            .init([.query("PREPARE q (int) AS SELECT $1 + 1")]),
            .init(FrontendMessage.extended("EXECUTE q (1)") + [.sync]),
            .init([.describeStatement("q"), .sync, .query("EXECUTE q (2)")]),
            .init(FrontendMessage.extended("PREPARE r AS SELECT 7") + [.sync, .query("EXECUTE r")]),
            .init(FrontendMessage.extended("DEALLOCATE r") + [.sync, .query("EXECUTE r")]),
            .init([.closeStatement("q"), .sync, .query("EXECUTE q (3)")])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check(times: 3)
    }

    /// Field by field, the position in the text included.
    @Test func errorsAreThose() throws {
        let router = try Stage.startRouter(poolSize: 2)
        let table = try Stage.makeTable("x int, y int")
        let texts = [
            "PREPARE q (int) AS  SELECT nosuch FROM \(table)",
            "PREPARE q (int) AS SELECT x, y FROM \(table) WHERE x = $1",
            "EXECUTE q", "EXECUTE q (nosuch)", "EXECUTE q (1, 2)", "EXECUTE q ('one')", "EXECUTE nosuch",
            "ALTER TABLE \(table) DROP y", "EXECUTE q (1)", "EXECUTE q (1)", "PREPARE q AS SELECT 1",
        ]
        func fields(_ client: WireClient) throws -> [[Character: String]] {
            try texts.flatMap { text in
                try client.send(.query(text))
                return try client.readUntilReady().filter { $0.sqlState != nil }.map { $0.fields }
            }
        }
        let found = try fields(router.client())
        try Stage.run("ALTER TABLE \(table) ADD y int")
        let expected = try fields(Stage.direct())
        #expect(found == expected)
        #expect(expected.compactMap { $0["P"] }.count >= 4)
    }

    /// Reads go to replicas, each server is told of the statement once, and nobody keeps a server.
    @Test func nothingIsPinned() throws {
        let router = try Stage.startRouter(poolSize: 2)
        let clients = try (0..<6).map { _ in try router.client() }
        let table = try Stage.makeTable("x int")
        for client in clients {
            try client.succeed("PREPARE place (int) AS SELECT inet_server_port() WHERE $1 = 1")
            try client.succeed("PREPARE insertion AS INSERT INTO \(table) VALUES (1)")
        }
        let replicas = try Stage.replicaPorts()
        for _ in 0..<5 {
            for client in clients {
                #expect(try replicas.contains(client.value("EXECUTE place (1)") ?? ""))
            }
        }
        for client in clients { try client.succeed("EXECUTE insertion") }
        #expect(try Stage.direct().value("SELECT count(*) FROM \(table)") == "6")
        for client in clients {
            try eventually("reads on replicas") {
                try replicas.contains(client.value("SELECT inet_server_port()") ?? "")
            }
        }
    }

    /// One server for two clients that mean different things by one name.
    @Test func aNameMeansWhatItsClientMeans() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        let (first, second, third) = try (router.client(), router.client(), router.client())
        for _ in 0..<3 {
            try first.succeed("PREPARE q AS SELECT 1 FOR UPDATE")
            try second.succeed("PREPARE q AS SELECT 2 FOR UPDATE")
            #expect(try first.value("EXECUTE q") == "1")
            #expect(try second.value("EXECUTE q") == "2")
            #expect(try third.query("EXECUTE q").errors == ["26000"])
            #expect(try third.query("SELECT 1; EXECUTE q").errors == ["26000"])
            #expect(try third.query("DO $$ BEGIN EXECUTE 'EXECUTE q'; END $$").errors == ["26000"])
            try third.succeed("DISCARD ALL")
            #expect(try third.exchange([.bind(statement: "q"), .execute()]).errors == ["26000"])
            #expect(try third.value("SELECT count(*) FROM pg_prepared_statements") == "0")
            #expect(try first.value("EXECUTE q") == "1")
            try third.succeed("PREPARE q AS SELECT 3 FOR UPDATE")
            #expect(try third.value("EXECUTE q") == "3")
            // Refuses a transaction block, and whatever looks like one.
            try third.succeed("VACUUM \(table)")
            try third.succeed("DEALLOCATE q")
            #expect(try second.value("EXECUTE q") == "2")
            #expect(try third.query("EXPLAIN EXECUTE q").errors == ["26000"])
            for client in [first, second] { try client.succeed("DEALLOCATE q") }
        }
    }

    /// PostgreSQL cuts names off; what is left may be another's.
    @Test func longNames() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let (first, second) = try (router.client(), router.client())
        let name = String(repeating: "n", count: 63)
        try first.succeed("PREPARE \(name) AS SELECT 1 FOR UPDATE")
        #expect(try second.query("EXECUTE \(name)tail").errors == ["26000"])
        try second.succeed("DISCARD ALL")
        #expect(try first.value("EXECUTE \(name)") == "1")
    }

    /// No more of them stay on a server than statements of the protocol.
    @Test func manyStatements() throws {
        let router = try Stage.startRouter(poolSize: 1, ["max_prepared_statements": "3"])
        let client = try router.client()
        for number in 0..<20 { try client.succeed("PREPARE q\(number) AS SELECT \(number) FOR UPDATE") }
        for number in 0..<20 { #expect(try client.value("EXECUTE q\(number)") == "\(number)") }
        #expect(try client.query("EXECUTE q20").errors == ["26000"])
    }

    /// A literal that means the present is read once, and its session stays where that was.
    @Test func thePresentIsReadOnce() throws {
        let router = try Stage.startRouter(poolSize: 2)
        let client = try router.client()
        try client.succeed("PREPARE q AS SELECT timestamptz 'now'")
        let read = try client.value("EXECUTE q")
        for _ in 0..<10 { #expect(try client.value("EXECUTE q") == read) }
        #expect(try client.value("SELECT inet_server_port()") == Stage.primaryPort())
    }
}
