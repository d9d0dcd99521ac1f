// Do the router's own settings follow the end of a transaction as PostgreSQL's do?

import TestSupport
import Testing

@Suite struct SettingsAtTheEndTests {
    /// What `pointsman.max_lag` is behind these texts, if it was 5s before their transaction and becomes 6s within it.
    static let ends: [([String], String)] = [
        (["COMMIT"], "6s"), (["ROLLBACK"], "5s"), (["COMMIT; SELECT 1/0"], "6s"), (["COMMIT; BEGIN; ROLLBACK"], "6s"),
        (["COMMIT AND CHAIN"], "6s"), (["ROLLBACK AND CHAIN"], "5s"), (["COMMIT AND CHAIN", "ROLLBACK"], "6s"),
        (["ROLLBACK AND CHAIN", "COMMIT"], "5s"), (["ROLLBACK; BEGIN"], "5s"), (["SELECT 1/0", "COMMIT"], "5s"),
        (["SAVEPOINT a", "ROLLBACK TO a", "COMMIT"], "6s"), (["SAVEPOINT a", "ROLLBACK TO a; COMMIT"], "6s"),
        (["SAVEPOINT a", "SELECT 1/0", "ROLLBACK TO a", "COMMIT"], "6s"),
        (["SAVEPOINT a", "ROLLBACK AND CHAIN"], "5s"), (["SAVEPOINT a", "ROLLBACK"], "5s"),
        (["RESET ALL", "COMMIT"], "10s"), (["RESET ALL", "ROLLBACK"], "5s"),
    ]

    @Test(arguments: ends) func endsOfTransactions(_ texts: [String], _ value: String) throws {
        for isLocal in [false, true] {
            let router = try Stage.router()
            let client = try router.client()
            try client.succeed("SET pointsman.max_lag = '5s'")
            try client.succeed("BEGIN")
            try client.succeed("SELECT txid_current()")
            try client.succeed("SET \(isLocal ? "LOCAL " : "")pointsman.max_lag = '6s'")
            for text in texts { _ = try client.query(text) }
            let expected = isLocal && value == "6s" ? "5s" : value
            #expect(try client.value("SHOW pointsman.max_lag") == expected)
            if client.transactionState == "T" { try client.succeed("COMMIT") }
            #expect(try client.value("SHOW pointsman.max_lag") == expected)
            client.close()
        }
    }

    /// RESET ALL of a text that fails was none.
    @Test func aResetThatFails() throws {
        let client = try Stage.client()
        for begin in ["", "BEGIN"] {
            try client.succeed("SET pointsman.max_lag = '5s'")
            if !begin.isEmpty { for text in [begin, "SAVEPOINT a"] { try client.succeed(text) } }
            #expect(try client.query("SELECT 1/0; RESET ALL").errors == ["22012"])
            if !begin.isEmpty { try client.succeed("ROLLBACK TO a") }
            try client.succeed("RESET work_mem")
            #expect(try client.value("SHOW pointsman.max_lag") == "5s")
            if !begin.isEmpty { try client.succeed("COMMIT") }
            #expect(try client.query("RESET ALL; SELECT 1/0").errors == ["22012"])
            #expect(try client.value("SHOW pointsman.max_lag") == "5s")
            try client.succeed("RESET ALL")
            #expect(try client.value("SHOW pointsman.max_lag") == "10s")
        }
    }

    /// A role that was set for the transaction before does not rule the next one on the same server; that it was for
    /// reading alone is a characteristic, which stays.
    @Test func roleOfTheTransactionBefore() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN")
        try client.succeed("SET LOCAL pointsman.role = replica")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        try client.succeed("COMMIT AND CHAIN")
        #expect(try client.value("SHOW pointsman.role") == "auto")
        try client.succeed("SELECT pg_advisory_xact_lock(1)")
        #expect(try client.port() == Stage.primaryPort())
        try client.succeed("COMMIT AND CHAIN")
        try client.succeed("SET TRANSACTION READ WRITE")
        #expect(try client.value("SELECT txid_current() > 0") == "t")
        try client.succeed("COMMIT")
    }

    /// The transaction that a refused text would have begun has failed.
    @Test(arguments: ["COMMIT; BEGIN", "END; START TRANSACTION", "ROLLBACK; BEGIN", "BEGIN"])
    func refusedBehindABeginning(_ begin: String) throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        #expect(try client.query("\(begin); SET pointsman.max_lag = 5").errors == ["0A000"])
        #expect(client.transactionState == "E")
        #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25P02"])
        try client.succeed("ROLLBACK")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
    }

    /// On the reader port an EXECUTE goes where its statement may run, in either protocol.
    @Test func executedOnTheReaderPort() throws {
        let client = try WireClient(port: Stage.router().readerPort, deadline: .seconds(20))
        try client.succeed("PREPARE one AS SELECT 1")
        #expect(try client.value("EXECUTE one") == "1")
        #expect(try client.extended("EXECUTE one").value == "1")
        let prepared = FrontendMessage.parse("EXECUTE one", name: "run")
        #expect(try client.exchange([prepared, .describeStatement("run")]).errors == [])
        #expect(try client.exchange([.bind(statement: "run"), .execute(), .flush]).value == "1")
        try client.succeed("PREPARE two AS INSERT INTO pg_class VALUES (1)")
        #expect(try client.extended("EXECUTE two").errors == ["25006"])
    }
}
