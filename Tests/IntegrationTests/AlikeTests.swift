// Does a session on the split port read, answer by answer, like one on the primary itself?

import TestSupport
import Testing

@Suite struct AlikeTests {
    private static let table = Result { try Stage.makeTable("x int") }
    /// A write, which does nothing.
    private static let delete = "DELETE FROM <table> WHERE false"

    static let scripts: [[String]] = [
        [
            "SET default_transaction_read_only = on", delete, "SHOW transaction_read_only", "BEGIN",
            delete, "ROLLBACK", "BEGIN READ WRITE", delete, "ROLLBACK",
            "SET default_transaction_read_only = off", "BEGIN", delete, "ROLLBACK",
        ],
        [
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", delete,
            "SHOW transaction_read_only", "SHOW default_transaction_read_only",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ", "BEGIN",
            "SHOW transaction_isolation", "SHOW transaction_read_only", "COMMIT", "SHOW transaction_isolation",
        ],
        [
            "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1", "COMMIT AND CHAIN", "SHOW transaction_isolation",
            "ROLLBACK AND CHAIN", "SHOW transaction_isolation", "COMMIT", "COMMIT", "ROLLBACK AND CHAIN",
            "COMMIT AND CHAIN",
        ],
        [
            "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", "COMMIT AND CHAIN", "SHOW transaction_isolation",
            "SHOW transaction_deferrable", "COMMIT",
        ],
        [
            "BEGIN", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SHOW transaction_isolation",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "COMMIT", "SET TRANSACTION READ ONLY",
            "SHOW transaction_read_only",
        ],
        ["BEGIN", "SELECT 1", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT 1", "COMMIT"],
        ["BEGIN READ ONLY", "SET TRANSACTION READ WRITE", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SHOW work_mem", "SET TRANSACTION READ WRITE", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION READ WRITE", "SELECT 1", "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "COMMIT"],
        ["BEGIN READ ONLY", "SELECT 1", "BEGIN READ WRITE", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET transaction_read_only = off", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET LOCAL transaction_read_only TO off", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION READ WRITE; SELECT 1", delete, "ROLLBACK"],
        ["BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION READ ONLY; COMMIT; \(delete)", "SELECT 2"],
        ["BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION READ ONLY; SELECT pg_advisory_xact_lock_shared(1)", "COMMIT"],
        ["BEGIN READ ONLY", "SELECT 1", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SELECT 1", "ROLLBACK"],
        [
            "BEGIN READ ONLY", "DECLARE c CURSOR FOR SELECT 1", "BEGIN READ WRITE", delete, "ROLLBACK",
        ],
        [
            "BEGIN READ ONLY", "SELECT 1", "LOCK TABLE <table> IN ACCESS SHARE MODE", "SET TRANSACTION READ WRITE",
            delete, "ROLLBACK",
        ],
        [
            "BEGIN READ ONLY", "SELECT 1", "SET statement_timeout = '4s'", "SET TRANSACTION READ WRITE", delete,
            "ROLLBACK",
        ],
        [
            "BEGIN READ ONLY", "SELECT 1", "SELECT 1/0", "ROLLBACK AND CHAIN", "SHOW transaction_read_only", delete,
            "COMMIT",
        ],
        [
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1", "SELECT 1/0", "COMMIT AND CHAIN",
            "SHOW transaction_isolation", delete, "COMMIT",
        ],
        [
            "BEGIN READ ONLY", "SELECT 1", "SET TRANSACTION READ ONLY", "SELECT 2", "COMMIT AND CHAIN", "SELECT 3",
            "COMMIT",
        ],
        [
            "BEGIN READ ONLY", "SELECT 1", "COMMIT AND CHAIN", "SET TRANSACTION READ WRITE", delete,
            "ROLLBACK",
        ],
        [
            "BEGIN", "SAVEPOINT a", "SELECT 1", "SAVEPOINT a", "SELECT 1/0", "ROLLBACK TO a", "SELECT 1", "RELEASE a",
            "ROLLBACK TO b", "SELECT 1", "COMMIT",
        ],
        ["SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"],
        ["BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "BEGIN", "ABORT", "END", "PREPARE TRANSACTION 'x'"],
        [
            "BEGIN ISOLATION LEVEL FOO", "BEGIN", "SELECT 1/0", "BEGIN", "SET work_mem = '1MB'", "COMMIT",
            "SHOW work_mem",
        ],
        ["BEGIN ISOLATION LEVEL REPEATABLE READ", "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'", "ROLLBACK"],
        [
            "BEGIN READ ONLY", "DECLARE c CURSOR FOR SELECT generate_series(1, 5)", "FETCH 2 FROM c", "MOVE 1 IN c",
            "FETCH c", "CLOSE c", "FETCH c", "COMMIT",
        ],
        [
            "SET work_mem = '1MB'", "DISCARD ALL", "SHOW work_mem", "BEGIN", "DISCARD ALL", "ROLLBACK", "DISCARD PLANS",
            "DISCARD TEMP", "DISCARD SEQUENCES",
        ],
        [
            "PREPARE q (int) AS SELECT $1 + 1", "EXECUTE q (1)", "EXECUTE q", "EXECUTE q ('x')", "DEALLOCATE q",
            "EXECUTE q (1)", "DEALLOCATE q", "DEALLOCATE ALL",
        ],
        ["PREPARE p AS SELECT 1", "SELECT name, statement, from_sql FROM pg_prepared_statements", "DEALLOCATE p"],
        ["SELECT pg_cancel_backend(pg_backend_pid())", "SELECT 1"],
        [
            "SET work_mem = '3MB'", "BEGIN", "SET work_mem = '4MB'", "SAVEPOINT a", "SET work_mem = '5MB'",
            "ROLLBACK TO a", "SHOW work_mem", "ROLLBACK", "SHOW work_mem", "RESET work_mem", "SHOW work_mem",
        ],
    ]

    /// Texts of several statements.
    static let texts: [[String]] = [
        // What ends a transaction on a replica need not wait for what runs behind it elsewhere.
        [
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1",
            "COMMIT; \(delete); SHOW transaction_isolation",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1/0", "ROLLBACK; \(delete)", "SELECT 1",
            "BEGIN READ ONLY", "DECLARE c CURSOR FOR SELECT 1", "END WORK; \(delete)", "SHOW transaction_read_only",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1", "COMMIT AND CHAIN; SELECT 2", "ROLLBACK",
        ]
    ]

    @Test(arguments: scripts + texts)
    func script(_ statements: [String]) throws {
        let direct = try Stage.direct()
        let client = try Stage.client()
        for statement in statements {
            let text = try Self.text(statement)
            let wanted = try Self.story(direct.query(text))
            #expect(try Self.story(client.query(text)) == wanted, "\(statement), of \(statements)")
        }
    }

    /// Each with the extended protocol, too.
    @Test(arguments: scripts)
    func extended(_ statements: [String]) throws {
        let direct = try Stage.direct()
        let client = try Stage.client()
        for statement in statements {
            let text = try Self.text(statement)
            let wanted = try Self.story(direct.extended(text))
            #expect(try Self.story(client.extended(text)) == wanted, "\(statement), of \(statements)")
        }
    }

    /// In one batch of the extended protocol, too.
    @Test(
        arguments: [
            ("SELECT 1", "COMMIT"), ("SELECT 1", "ROLLBACK"), ("SELECT 1/0", "ROLLBACK"),
            ("DECLARE c CURSOR FOR SELECT 1", "COMMIT"), ("DECLARE c CURSOR FOR SELECT 1", "ABORT"),
        ])
    func aBatchThatLeavesAReplica(_ statement: String, _ end: String) throws {
        let sessions = try [Stage.direct(), Stage.client()]
        for next in [Self.delete, "BEGIN", "SELECT 2", "PREPARE z AS SELECT 1"] {
            let stories = try sessions.map { client in
                try client.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                var answers = try client.query(statement)
                var batch: [FrontendMessage] = []
                for text in [end, try Self.text(next)] { batch += [.parse(text), .bind(), .execute()] }
                answers += try client.exchange(batch)
                answers += try client.query("SELECT 3")
                answers += try client.query("ROLLBACK; DEALLOCATE ALL")
                return Self.story(answers)
            }
            #expect(stories[0] == stories[1], "\(next)")
        }
    }

    private static func text(_ statement: String) throws -> String {
        try statement.replacing("<table>", with: table.get())
    }

    /// Statements of the protocol have the client's names wherever SQL can see them, and no others are to be seen.
    @Test(arguments: ["", "LISTEN a", "PREPARE three AS SELECT 3", "BEGIN"])
    func ownStatements(_ before: String) throws {
        let question = "SELECT name, statement, from_sql FROM pg_prepared_statements ORDER BY name"
        // Statements of somebody else's, on every server.
        let other = try Stage.client()
        for number in 0..<4 {
            let (read, write) = ("read\(number)", "write\(number)")
            _ = try other.exchange([.parse("SELECT \(number)", name: read), .bind(statement: read), .execute()])
            _ = try other.exchange([.parse("UPDATE nothing SET x = \(number)", name: write), .describeStatement(write)])
        }
        let sessions = try [Stage.direct(), Stage.client()]
        var stories: [[[String]]] = [[], []]
        for (index, client) in sessions.enumerated() {
            func note(_ answer: [BackendMessage]) { stories[index].append(Self.story(answer)) }
            if !before.isEmpty { note(try client.query(before)) }
            note(try client.exchange([.parse("SELECT $1::int", name: "one")]))
            note(try client.exchange([.bind(["7"], statement: "one"), .execute()]))
            note(try client.exchange([.parse("SELECT 'two'", name: "Two")]))
            note(try client.query(question))
            note(try client.extended(question))
            note(try client.exchange([.bind(["8"], statement: "one"), .execute()]))
            note(try client.query("DEALLOCATE one"))
            note(try client.exchange([.parse(question, name: "list")]))
            for _ in 0..<2 { note(try client.exchange([.bind(statement: "list"), .execute()])) }
            note(try client.exchange([.bind(statement: "one"), .execute()]))
            if before == "BEGIN" { note(try client.query("ROLLBACK")) }
            note(try client.exchange([.bind(statement: "Two"), .execute()]))
            note(try client.query(question))
        }
        #expect(stories[0] == stories[1])
        // Nothing of that keeps the server.
        if before.isEmpty {
            try eventually("reads on a replica") { try Stage.replicaPorts().contains(sessions[1].port() ?? "") }
        }
    }

    /// What was said, in words that can be compared.
    private static func story(_ answer: [BackendMessage]) -> [String] {
        answer.map { message in
            if let row = message.row { return "row \(row)" }
            let fields = message.fields
            guard !fields.isEmpty else { return [message].transcript.joined() }
            return "SVCMDHP".compactMap { letter in fields[letter].map { "\(letter) \($0)" } }.joined(separator: ", ")
        }
    }
}
