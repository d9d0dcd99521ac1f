// Does a client that resets its settings have what it brought, and is it told what holds?

import TestSupport
import Testing

@Suite struct ToldSettingsTests {
    private func client(_ options: [(String, String)] = []) throws -> WireClient {
        try Self.router.get().client(user: "postgres", options: options)
    }

    private static let router = Result { try Stage.startRouter() }

    /// What the session sees of a setting, wherever it is asked.
    private func values(_ question: String, _ client: WireClient) throws -> Set<String?> {
        var found: Set<String?> = []
        for _ in 0..<6 { found.insert(try client.value(question)) }
        return found
    }

    private static let told = [
        "client_encoding", "TimeZone", "DateStyle", "IntervalStyle", "application_name", "standard_conforming_strings",
        "default_transaction_read_only", "is_superuser", "session_authorization",
    ]

    /// What the client believes is what holds, wherever it is asked.
    private func expectToldTruth(_ client: WireClient, after texts: [String]) throws {
        for _ in 0..<3 {
            for name in Self.told {
                let value = try client.value("SELECT current_setting('\(name)')")
                #expect(client.parameters[name] == value, "\(name) after \(texts)")
            }
        }
    }

    @Test(arguments: [
        ["SET client_encoding = LATIN1", "DISCARD ALL"], ["SET timezone = 'Asia/Tokyo'", "DISCARD ALL"],
        ["RESET client_encoding"], ["SELECT 1; RESET ALL"], ["RESET ALL"], ["DISCARD ALL"], ["SET timezone TO DEFAULT"],
        ["SET TIME ZONE DEFAULT"], ["SET timezone = 'Asia/Tokyo'", "RESET timezone"],
        ["SET datestyle = german", "RESET ALL"], ["LISTEN a", "DISCARD ALL"], ["LISTEN a", "RESET ALL"],
        ["CREATE TEMP TABLE t (x int)", "SET application_name = 'x'", "RESET application_name", "DISCARD ALL"],
        ["SET application_name = 'x'; SET timezone = 'Asia/Tokyo'", "RESET ALL", "DISCARD ALL"],
        ["BEGIN", "RESET client_encoding", "COMMIT"], ["BEGIN", "SET timezone = 'Asia/Tokyo'", "ROLLBACK"],
        ["BEGIN", "RESET ALL", "ROLLBACK"], ["BEGIN", "RESET ALL", "SELECT 1/0", "ROLLBACK"],
        ["BEGIN", "SET LOCAL timezone TO DEFAULT", "COMMIT"], ["RESET nosuch"], ["RESET ALL; SELECT 1/0"],
        ["SET SESSION AUTHORIZATION app", "DISCARD ALL"], ["SET SESSION AUTHORIZATION app", "RESET ALL"],
        ["SET SESSION AUTHORIZATION app", "RESET SESSION AUTHORIZATION"],
        ["SET default_transaction_read_only = off", "RESET default_transaction_read_only"],
        ["SET standard_conforming_strings = off", "DISCARD ALL"],
    ])
    func theClientIsToldTheTruth(_ texts: [String]) throws {
        let brought = [
            ("client_encoding", "LATIN1"), ("TimeZone", "Europe/Paris"), ("DateStyle", "SQL, DMY"),
            ("options", "-c IntervalStyle=iso_8601 -c default_transaction_read_only=on"),
            ("application_name", "brought"),
        ]
        for options in [[], brought] {
            for isExtended in [false, true] {
                let client = try client(options)
                try expectToldTruth(client, after: [])
                for text in texts {
                    let isMessage = isExtended && !text.contains(";")
                    _ = try isMessage ? client.extended(text) : client.query(text)
                    if client.transactionState != "E" { try expectToldTruth(client, after: texts) }
                }
            }
        }
    }

    /// RESET gives what the client brought within its transaction, too.
    @Test func whatTheClientBroughtInATransaction() throws {
        let client = try client([("options", "-c search_path=pg_catalog -c work_mem=7MB -c app.own=mine")])
        let path = "SELECT current_setting('search_path')"
        try client.succeed("SET search_path = public")
        try client.succeed("BEGIN")
        try client.succeed("SET LOCAL search_path TO DEFAULT")
        #expect(try client.value(path) == "pg_catalog")
        try client.succeed("COMMIT")
        #expect(try values(path, client) == ["public"])
        try client.succeed("BEGIN")
        try client.succeed("RESET search_path")
        #expect(try client.value(path) == "pg_catalog")
        try client.succeed("SET LOCAL work_mem = '5MB'")
        try client.succeed("SET LOCAL work_mem TO DEFAULT")
        #expect(try client.value("SHOW work_mem") == "7MB")
        try client.succeed("ROLLBACK")
        #expect(try values(path, client) == ["public"])
        try client.succeed("SET app.own = 'other'")
        try client.succeed("RESET app.own")
        #expect(try values("SHOW app.own", client) == ["mine"])
    }
}
