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
        let run: (String) -> [FrontendMessage] = { [.parse($0), .bind(), .execute()] }
        return [
            [.query(insert)], [.query("BEGIN"), .query(insert), .query("COMMIT")],
            [.query("BEGIN READ WRITE"), .query(insert), .query("COMMIT")],
            [.query("BEGIN; \(insert); COMMIT")], [.query("BEGIN READ WRITE; \(insert); COMMIT")],
            run("BEGIN") + run(insert) + run("COMMIT") + [.sync],
            run("BEGIN") + [.flush] + run(insert) + run("COMMIT") + [.sync],
            run("SELECT 1") + [.flush] + run(insert) + [.sync],
            run("SELECT 1") + [.query(insert)], run("SELECT 1") + [.flush, .query(insert)],
            run("SELECT 1") + [.flush, .query("BEGIN READ WRITE; \(insert); COMMIT")],
            run("BEGIN") + [.flush, .query("SET TRANSACTION READ WRITE"), .query(insert), .query("COMMIT")],
            run("BEGIN") + [.flush] + run("SET TRANSACTION READ WRITE") + run(insert) + run("COMMIT") + [.sync],
            run("SET default_transaction_read_only = off") + [.sync, .query(insert)],
            run("SELECT 1") + [.flush] + run("SET transaction_read_only = off") + run(insert) + [.sync],
            [.query("SET default_transaction_read_only = off"), .query(insert)],
            [.query("SELECT set_config('transaction_read_only', 'off', true); \(insert)")],
            [.query("RESET ALL"), .query(insert)], [.query("DISCARD ALL"), .query(insert)],
            [.query("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"), .query(insert)],
            [.parse(insert, name: "i"), .sync] + run("SELECT 1") + [.flush, .bind(statement: "i"), .execute(), .sync],
            [.query("COPY \(table) FROM STDIN"), .copyData(Array("1\n".utf8)), .copyDone],
            [.query("DO $$BEGIN \(insert); END$$")],
        ]
    }

    @Test(arguments: 0..<23) func nothingIsWritten(_ number: Int) throws {
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
