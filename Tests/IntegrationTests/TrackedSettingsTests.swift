// Do the settings that a session has changed follow it to every server, as PostgreSQL would have them?

import TestSupport
import Testing

@Suite struct TrackedSettingsTests {
    private func client(_ options: [(String, String)] = []) throws -> WireClient {
        try Self.router.get().client(user: "postgres", options: options)
    }

    private static let router = Result { try Stage.startRouter() }

    /// What the session sees of a setting, wherever it is asked.
    private func values(_ question: String, _ client: WireClient) throws -> Set<String?> {
        var found: Set<String?> = []
        for _ in 0..<6 {
            found.insert(try client.value(question))
            found.insert(try client.extended(question).value)
        }
        found.insert(try client.value(question + (question.hasPrefix("SHOW") ? "" : " FOR UPDATE")))
        return found
    }

    /// The session is on no server of its own: others are asked for its reads.
    private func expectIsFree(_ client: WireClient) throws {
        try eventually("reads on replicas") {
            try Stage.replicaPorts().contains(client.value("SELECT inet_server_port()") ?? "")
        }
    }

    @Test(arguments: [
        ("SET work_mem = '5MB'", "SHOW work_mem", "5MB"), ("SET work_mem TO 5000", "SHOW work_mem", "5000kB"),
        (
            "SET SESSION search_path = pg_catalog, \"$user\", \"A b\"", "SHOW search_path",
            "pg_catalog, \"$user\", \"A b\""
        ),
        ("SET TIME ZONE 'Asia/Tokyo'", "SHOW TIME ZONE", "Asia/Tokyo"),
        ("SET TIME ZONE -7", "SELECT extract(timezone FROM timestamptz '2024-01-01')::int", "-25200"),
        ("SET TIME ZONE INTERVAL '+02:30' HOUR TO MINUTE", "SELECT current_setting('TimeZone')", "<+02:30>-02:30"),
        ("SET datestyle = german", "SELECT date '2024-02-29'", "29.02.2024"),
        ("SET NAMES 'latin1'", "SHOW client_encoding", "LATIN1"),
        ("SET standard_conforming_strings = off", "SHOW standard_conforming_strings", "off"),
        ("SET app.name = 'it''s \\\\ me'", "SELECT current_setting('app.name', true)", "it's \\\\ me"),
        ("SET ROLE pg_monitor", "SELECT current_user", "pg_monitor"),
        ("SET SESSION AUTHORIZATION app", "SELECT session_user || '/' || current_user", "app/app"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SHOW transaction_isolation",
            "repeatable read"
        ),
        ("SELECT set_config('work_mem', '6MB', false)", "SHOW work_mem", "6MB"),
        ("SET application_name = 'me'", "SHOW application_name", "me"),
        ("SET extra_float_digits = 3", "SHOW extra_float_digits", "3"),
        ("SET statement_timeout TO '77s'", "SHOW statement_timeout", "77s"),
    ])
    func follow(_ text: String, _ question: String, _ value: String) throws {
        for isExtended in [false, true] {
            let client = try client()
            let other = try self.client()
            let before = try values(question, other)
            if isExtended { #expect(try client.extended(text).errors == []) } else { try client.succeed(text) }
            #expect(try values(question, client) == [value])
            if !text.contains("ROLE"), !text.contains("AUTHORIZATION") { try expectIsFree(client) }
            #expect(try values(question, client) == [value])
            // Of a setting that nobody knows a server keeps the name, without a value.
            #expect(try Set(values(question, other).map { $0 ?? "" }) == Set(before.map { $0 ?? "" }))
            try client.succeed("DISCARD ALL")
            #expect(try Set(values(question, client).map { $0 ?? "" }) == Set(before.map { $0 ?? "" }))
        }
    }

    /// What is undone is undone everywhere.
    @Test(arguments: [
        (["BEGIN", "SET work_mem = '5MB'", "COMMIT"], "5MB"), (["BEGIN", "SET work_mem = '5MB'", "ROLLBACK"], "4MB"),
        (["BEGIN", "SET LOCAL work_mem = '5MB'", "COMMIT"], "4MB"),
        (["BEGIN", "SET work_mem = '5MB'", "SAVEPOINT s", "SET work_mem = '6MB'", "ROLLBACK TO s", "COMMIT"], "5MB"),
        (["BEGIN", "SET work_mem = '5MB'", "SET LOCAL work_mem = '6MB'", "COMMIT"], "5MB"),
        (["SET work_mem = '5MB'", "BEGIN", "SET work_mem = '6MB'", "SELECT 1/0", "COMMIT"], "5MB"),
        (["SET work_mem = '5MB'", "SET work_mem = 'much'"], "5MB"),
        (["SET work_mem = '5MB'", "RESET work_mem"], "4MB"), (["SET work_mem = '5MB'", "RESET ALL"], "4MB"),
        (["SET work_mem = '5MB'", "SET work_mem TO DEFAULT"], "4MB"),
        (["SET work_mem = '5MB'", "BEGIN", "RESET ALL", "ROLLBACK"], "5MB"),
        (["SET work_mem = '5MB'", "LISTEN a", "SET work_mem = '6MB'", "UNLISTEN *"], "6MB"),
    ])
    func undone(_ texts: [String], _ value: String) throws {
        let client = try client()
        for text in texts { _ = try client.query(text) }
        #expect(client.transactionState == "I")
        #expect(try values("SHOW work_mem", client) == [value])
    }

    /// RESET gives back what the client brought, a role stays at RESET ALL, and DISCARD ALL ends both.
    @Test func whatTheClientBrought() throws {
        let client = try client([("options", "-c work_mem=7MB"), ("application_name", "brought")])
        try client.succeed("SET work_mem = '5MB'")
        try client.succeed("SET ROLE pg_monitor")
        #expect(try values("SHOW work_mem", client) == ["5MB"])
        try client.succeed("RESET work_mem")
        #expect(try values("SHOW work_mem", client) == ["7MB"])
        try client.succeed("SET application_name = 'other'")
        try client.succeed("RESET ALL")
        #expect(try values("SHOW application_name", client) == ["brought"])
        #expect(try values("SELECT current_user", client) == ["pg_monitor"])
        try client.succeed("DISCARD ALL")
        #expect(try values("SELECT current_user", client) == ["postgres"])
        #expect(try values("SHOW work_mem", client) == ["7MB"])
        try expectIsFree(client)
    }

    /// A role with fewer rights stands in nobody's way.
    @Test func rolesAndRights() throws {
        let plain = try client()
        let strict = try client()
        try plain.succeed("SET ROLE pg_monitor")
        try strict.succeed("SET session_replication_role = replica")
        try strict.succeed("SET ROLE pg_read_all_data")
        for _ in 0..<10 {
            let question = "SELECT current_user || '/' || current_setting('session_replication_role')"
            #expect(try plain.value(question) == "pg_monitor/origin")
            #expect(try strict.value(question) == "pg_read_all_data/replica")
        }
    }

    /// Its prepared statements mean what they meant.
    @Test func preparedStatements() throws {
        let client = try client()
        _ = try client.exchange([
            .parse("SELECT date '02.01.2024'::text, current_setting('datestyle')", name: "early"),
        ])
        try client.succeed("SET datestyle = 'German, DMY'")
        for _ in 0..<4 {
            let rows = try client.exchange([.bind(statement: "early"), .execute()]).rows
            #expect(rows.first?.last == "German, DMY")
        }
        let late = try self.client()
        try late.succeed("SET datestyle = 'ISO, DMY'")
        for _ in 0..<4 {
            #expect(try late.extended("SELECT date '02.01.2024'::text").value == "2024-01-02")
            #expect(try self.client().extended("SELECT date '02.01.2024'::text").value == "2024-02-01")
        }
    }
}
