// Is the reader port read-only where the primary stands in for the replicas?

import PostgresCluster
import TestSupport
import Testing

@Suite struct ReaderFallbackTests {
    /// In front of the primary alone: every session of the reader port runs there.
    private static let router = Result {
        try RouterProcess.start(RouterConfiguration(nodes: [Stage.cluster().primary]))
    }

    private func client(_ options: [(String, String)] = []) throws -> WireClient {
        let router = try Self.router.get()
        try router.waitUntilItServes()
        return try eventually("a login") {
            try WireClient(port: router.readerPort, options: options, deadline: .seconds(20))
        }
    }

    /// What settings say of reads is not said of logins, which need any server.
    @Test func loginsNeedNoReplica() throws {
        let router = try RouterProcess.start(
            RouterConfiguration(
                nodes: [Stage.cluster().primary], overrides: ["routing": ["read_fallback": "\"error\""]]))
        defer { router.stop() }
        try router.waitUntilItServes()
        let client = try WireClient(port: router.port, deadline: .seconds(20))
        #expect(try client.query("SELECT 1").errors.first?.contains("57P03") == true)
        #expect(try client.value("SELECT inet_server_port() WHERE txid_current() > 0") == Stage.primaryPort())
        let writer = try WireClient(port: router.writerPort, deadline: .seconds(20))
        #expect(try writer.value("SELECT 1") == "1")
    }

    /// Who has only mistyped a word must not look for another port.
    @Test(arguments: [
        ("SELEC 1", "SELEC: The statement is not understood."),
        ("SELECT 1, nosuch(2)", "nosuch: The function is not known to be safe."),
        ("INSERT INTO nosuch VALUES (1)", "INSERT: The statement modifies data."),
    ])
    func whatObjectsIsNamed(_ text: String, _ rule: String) throws {
        let client = try client()
        for messages in try [client.query(text), client.query("SELECT 1; " + text), client.extended(text)] {
            let error = messages.first { $0.kind == .errorResponse }
            #expect(error?.fields["C"] == "25006")
            #expect(error?.fields["D"] == rule + " Sessions on the reader port are read-only.")
        }
    }

    @Test func sessionsAreReadOnly() throws {
        let client = try client()
        #expect(try client.port() == Stage.primaryPort())
        #expect(client.parameters["default_transaction_read_only"] == "on")
        #expect(client.parameters["in_hot_standby"] == "on")
        for _ in 0..<3 {
            #expect(try client.value("SELECT current_setting('default_transaction_read_only')") == "on")
        }
        try client.succeed("BEGIN")
        #expect(try client.value("SELECT current_setting('default_transaction_read_only')") == "on")
        try client.succeed("COMMIT")
    }

    /// What the client asks for at its start does not make it a writer.
    @Test(arguments: [
        ("default_transaction_read_only", "off"), ("options", "-c default_transaction_read_only=off"),
    ])
    func theStartupPacketDoesNotChangeThat(_ option: (String, String)) throws {
        let client = try client([option])
        #expect(try client.value("SELECT current_setting('default_transaction_read_only')") == "on")
    }

    /// Whatever a client may try in the middle of a batch, nothing is written.
    static func attempts(_ table: String) -> [[FrontendMessage]] {
        let insert = "INSERT INTO \(table) VALUES (1)"
        return [
            [.query(insert)], [.query("BEGIN"), .query(insert), .query("COMMIT")],
            [.query("BEGIN READ WRITE"), .query(insert), .query("COMMIT")],
            [.query("BEGIN; \(insert); COMMIT")], [.query("BEGIN READ WRITE; \(insert); COMMIT")],
            execution("BEGIN") + execution(insert) + execution("COMMIT") + [.sync],
            execution("BEGIN") + [.flush] + execution(insert) + execution("COMMIT") + [.sync],
            execution("SELECT 1") + [.flush] + execution(insert) + [.sync],
            execution("SELECT 1") + [.query(insert)], execution("SELECT 1") + [.flush, .query(insert)],
            execution("SELECT 1") + [.flush, .query("BEGIN READ WRITE; \(insert); COMMIT")],
            execution("BEGIN") + [.flush, .query("SET TRANSACTION READ WRITE"), .query(insert), .query("COMMIT")],
            execution("BEGIN") + [.flush] + execution("SET TRANSACTION READ WRITE") + execution(insert)
                + execution("COMMIT") + [.sync],
            execution("SET default_transaction_read_only = off") + [.sync, .query(insert)],
            execution("SELECT 1") + [.flush] + execution("SET transaction_read_only = off") + execution(insert) + [
                .sync
            ],
            [.query("SET default_transaction_read_only = off"), .query(insert)],
            [.query("SELECT set_config('transaction_read_only', 'off', true); \(insert)")],
            [.query("RESET ALL"), .query(insert)], [.query("DISCARD ALL"), .query(insert)],
            [.query("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"), .query(insert)],
            [.parse(insert, name: "i"), .sync] + execution("SELECT 1") + [
                .flush, .bind(statement: "i"), .execute(), .sync,
            ],
            [.query("COPY \(table) FROM STDIN"), .copyData(Array("1\n".utf8)), .copyDone],
            [.query("DO $$BEGIN \(insert); END$$")],
            [.query("RESET default_transaction_read_only"), .query(insert)],
            [.query("SET work_mem = '5MB'; SET default_transaction_read_only = off"), .query(insert)],
            [.query("SELECT set_config('default_transaction_read_only', 'off', false)"), .query(insert)],
            [.query("SET work_mem = '5MB'; SET a.b = 'c'"), .query(insert)],
            [.query("BEGIN READ WRITE; SELECT 1; COMMIT")], [.query("SET a.b = 'c'; BEGIN"), .query(insert)],
            [.query("PREPARE q AS \(insert)"), .query("EXECUTE q")],
            execution("PREPARE q AS \(insert)") + [.sync, .query("EXECUTE q")] + execution("EXECUTE q") + [.sync],
            [.query("SELECT set_config('default_transaction_read_' || 'only', 'off', false)"), .query(insert)],
            [.query("SELECT set_config(E'default\\x5ftransaction_read_only', 'off', false)")],
            execution("SELECT 1") + [.flush]
                + execution("SELECT set_config('default_transaction_' || 'read_only', 'off', false)")
                + [.sync],
            execution("BEGIN") + execution("SET work_mem = '5MB'") + execution(insert) + execution("COMMIT") + [.sync],
        ]
    }

    @Test(arguments: 0..<35) func nothingIsWritten(_ number: Int) throws {
        let table = try Stage.makeTable("x int")
        let attempt = Self.attempts(table)[number]
        let client = try client()
        try client.send(attempt + [.sync])
        var errors: [String] = []
        for _ in 0..<attempt.count(where: { $0.endsInReady }) + 1 { errors += try client.readUntilReady().errors }
        #expect(errors.contains { ["25006", "0A000"].contains($0) }, "\(errors)")
        #expect(try Stage.direct().value("SELECT count(*) FROM \(table)") == "0")
        _ = try client.query("ROLLBACK")
        #expect(try client.value("SELECT 1") == "1")
    }

    /// What no text shows, the server refuses. With servers of its own, because a domain that writes makes more than
    /// itself suspect in its database.
    @Test func checksOfDomainsCannotWrite() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let maker = try WireClient(direct: cluster.primary)
        for sql in [
            "CREATE TABLE written (x int)",
            """
            CREATE FUNCTION writes(int) RETURNS bool LANGUAGE plpgsql AS \
            'BEGIN INSERT INTO written VALUES ($1); RETURN true; END'
            """,
            "CREATE DOMAIN writing AS int CHECK (writes(VALUE))", "CREATE TABLE t (d writing)",
            "INSERT INTO t VALUES (NULL)", "TRUNCATE written",
        ] { try maker.succeed(sql) }
        let router = try RouterProcess.start(RouterConfiguration(nodes: [cluster.primary]))
        defer { router.stop() }
        try router.waitUntilItServes()
        let client = try eventually("a login") { try WireClient(port: router.readerPort, deadline: .seconds(20)) }
        let write = "SELECT COALESCE(NULLIF(t, t), '(52)') FROM t"
        #expect(try client.query(write).errors == ["25006"])
        for setting in ["'default_transaction_' || 'read_only'", "E'default\\x5ftransaction_read_only'"] {
            #expect(try client.query("SELECT set_config(\(setting), 'off', false)").errors == ["25006"])
            #expect(try client.query(write).errors == ["25006"])
        }
        #expect(try client.exchange(execution("BEGIN") + execution(write) + execution("COMMIT")).errors == ["25006"])
        #expect(try maker.value("SELECT count(*) FROM written") == "0")
    }

    /// A view of which nothing is known yet may set what keeps the server from writing: that is seen, and undone.
    @Test func whatNobodyKnowsIsUndone() throws {
        let name = SharedCluster.tableName("unknown")
        let client = try client()
        #expect(try client.value("SELECT 1") == "1")
        try Stage.run(
            "CREATE TABLE \(name) (x int)",
            "CREATE VIEW \(name)_sets AS SELECT set_config('default_transaction_read_only', 'off', false)",
            "CREATE FUNCTION \(name)_f() RETURNS int LANGUAGE sql AS 'INSERT INTO \(name) VALUES (1) RETURNING 1'",
            "CREATE VIEW \(name)_writes AS SELECT \(name)_f()")
        for _ in 0..<3 {
            // Refused by the router or by the server, by when it was read.
            let answer = try client.query("SELECT * FROM \(name)_sets")
            #expect(answer.errors == [] || answer.errors == ["25006"])
            #expect(try client.value("SHOW default_transaction_read_only") == "on")
            #expect(try client.query("SELECT * FROM \(name)_writes").errors == ["25006"])
        }
        #expect(try self.client().query("SELECT * FROM \(name)_writes").errors == ["25006"])
        #expect(try Stage.direct().value("SELECT count(*) FROM \(name)") == "0")
    }

    @Test(arguments: [
        "BEGIN READ WRITE", "START TRANSACTION READ WRITE", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off", "SET SESSION default_transaction_read_only TO false",
    ])
    func requestsForReadWriteAreRefused(_ sql: String) throws {
        let client = try client()
        #expect(try client.query(sql).errors == ["0A000"])
        #expect(try client.extended(sql).errors == ["0A000"])
        try client.succeed("BEGIN")
        try client.succeed("SELECT 1")
        #expect(try client.query("SET TRANSACTION READ WRITE").errors == ["0A000"])
        try client.succeed("ROLLBACK")
    }
}
