// Do a client's named statements work on every server, and are they its own?

import TestSupport
import Testing

@Suite struct NamedStatementTests {
    @Test func oneStatementOnAllServers() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.exchange([
            .parse("SELECT $1::int + 1, inet_server_port()", name: "read"),
            .parse("INSERT INTO \(table) VALUES ($1) RETURNING inet_server_port()", name: "write"),
        ])
        for _ in 0..<3 {
            let written = try client.exchange([.bind(["1"], statement: "write"), .execute()])
            #expect(try written.value == Stage.primaryPort())
            var ports: Set<String> = []
            try eventually("the reads to reach both replicas") {
                let answer = try client.exchange([.bind(["41"], statement: "read"), .execute()])
                #expect(answer.value == "42")
                if let port = answer.rows.first?.last ?? nil { ports.insert(port) }
                return try ports.isSuperset(of: Stage.replicaPorts())
            }
        }
        // The same statement inside a transaction, hence on the primary.
        try client.succeed("BEGIN")
        try client.exchange([.bind(["1"], statement: "write"), .execute()])
        let answer = try client.exchange([.bind(["8"], statement: "read"), .execute()])
        #expect(try answer.rows == [["9", Stage.primaryPort()]])
        try client.succeed("ROLLBACK")
    }

    @Test func oneNameOfManyClients() throws {
        let clients = try (0..<10).map { _ in try Stage.client() }
        for (number, client) in clients.enumerated() {
            try client.exchange([.parse("SELECT 'client \(number)', $1::int", name: "s")])
        }
        for round in 0..<20 {
            for client in clients { try client.send([.bind(["\(round)"], statement: "s"), .execute(), .sync]) }
            for (number, client) in clients.enumerated() {
                #expect(try client.readUntilReady().rows == [["client \(number)", "\(round)"]])
            }
        }
    }

    static let conversations = [
        Conversation(
            "a name that is taken",
            .init([.parse("SELECT 1", name: "s"), .sync]),
            .init([.parse("SELECT 2", name: "s"), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync]),
            .init([.closeStatement("s"), .parse("SELECT 3", name: "s"), .bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a name that is taken in the same batch",
            .init([.parse("SELECT 1", name: "s"), .parse("SELECT 2", name: "s"), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a name that nobody gave", .init([.bind(statement: "s"), .execute(), .sync]),
            .init([.describeStatement("s"), .sync]), .init([.closeStatement("s"), .sync])),
        Conversation(
            "a Parse that failed gives no name",
            .init([.parse("SELECT nosuch", name: "s"), .sync]), .init([.bind(statement: "s"), .execute(), .sync]),
            .init([.parse("SELECT 1", name: "s"), .bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a Parse behind an error gives no name",
            .init([.parse("nonsense"), .parse("SELECT 1", name: "s"), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a Parse before an error gives its name",
            .init([.parse("SELECT 1", name: "s"), .bind(statement: "s"), .execute(), .parse("nonsense"), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a statement outlives ROLLBACK",
            .init([.query("BEGIN"), .parse("SELECT 1", name: "s"), .sync, .query("ROLLBACK")]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a Close before an error counts",
            .init([.parse("SELECT 1", name: "s"), .sync]),
            .init([.closeStatement("s"), .parse("nonsense"), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "parameter types", .init([.parse("SELECT $1", name: "s", types: [23]), .describeStatement("s"), .sync]),
            .init([.bind(["12"], statement: "s"), .execute(), .sync]),
            .init([.bind(["x"], statement: "s"), .execute(), .sync])),
        Conversation(
            "names with odd characters",
            .init([.parse("SELECT 1", name: "a b\"c'; é"), .bind(statement: "a b\"c'; é"), .execute(), .sync]),
            .init([.parse("SELECT 2", name: "A B\"C'; é"), .bind(statement: "A B\"C'; é"), .execute(), .sync])),
        Conversation(
            "in a failed transaction",
            .init([.parse("SELECT 1", name: "s"), .sync, .query("BEGIN"), .query("SELECT 1/0")]),
            .init([.bind(statement: "s"), .execute(), .sync]), .init([.parse("SELECT 2", name: "r"), .sync]),
            .init([.parse("ROLLBACK", name: "e"), .bind(statement: "e"), .execute(), .sync]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a simple query between",
            .init([.parse("SELECT 1", name: "s"), .sync, .query("SELECT 0")]),
            .init([.bind(statement: "s"), .execute(), .sync])),
        Conversation(
            "a statement that ends its transaction",
            .init([.parse("COMMIT", name: "c"), .parse("BEGIN", name: "b"), .sync]),
            .init([.bind(statement: "b"), .execute(), .sync]), .init([.query("INSERT INTO {t} VALUES (2)")]),
            .init([.bind(statement: "c"), .execute(), .sync]), .init([.query("SELECT count(*) FROM {t}")])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check()
    }

    @Test func moreStatementsThanAServerKeeps() throws {
        let router = try Stage.startRouter(poolSize: 2, ["max_prepared_statements": "5"])
        let client = try router.client()
        for number in 0..<30 {
            try client.exchange([.parse("SELECT \(number) + $1::int", name: "s\(number)")])
        }
        for round in 0..<4 {
            for number in 0..<30 {
                let answer = try client.exchange([.bind(["\(round)"], statement: "s\(number)"), .execute()])
                #expect(answer.value == "\(number + round)")
            }
        }
        let all = try client.exchange((0..<30).flatMap { [.bind(["1"], statement: "s\($0)"), .execute()] })
        #expect(all.rows.map(\.first) == (0..<30).map { "\($0 + 1)" })
    }

    /// PostgreSQL folds literals when it parses: 'now' of a zone, an unqualified name.
    @Test func settingsAreNotMixed() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let tokyo = try router.client(options: [("TimeZone", "Asia/Tokyo")])
        let utc = try router.client(options: [("TimeZone", "UTC")])
        let sql = "SELECT timestamptz '2024-01-01 00:00' AT TIME ZONE 'UTC'"
        for client in [tokyo, utc] { try client.exchange([.parse(sql, name: "s")]) }
        for _ in 0..<10 {
            #expect(try tokyo.exchange([.bind(statement: "s"), .execute()]).value == "2023-12-31 15:00:00")
            #expect(try utc.exchange([.bind(statement: "s"), .execute()]).value == "2024-01-01 00:00:00")
        }
    }
}
