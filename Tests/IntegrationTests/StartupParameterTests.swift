// Does every setting that a client brings at its start hold on whichever server answers?

import TestSupport
import Testing

@Suite struct StartupParameterTests {
    /// Name and value as startup parameters, what SHOW must say.
    static let settings: [(String, String, String)] = [
        ("statement_timeout", "12345", "12345ms"), ("search_path", "pg_catalog, public", "pg_catalog, public"),
        ("search_path", "a,b,c", "a, b, c"), ("search_path", "\"$user\", \"odd, name\"", "\"$user\", \"odd, name\""),
        ("client_min_messages", "error", "error"), ("work_mem", "7MB", "7MB"),
        ("TimeZone", "Asia/Tokyo", "Asia/Tokyo"), ("datestyle", "German, DMY", "German, DMY"),
        ("extra_float_digits", "-3", "-3"), ("app.name", "it's \\ \"me\"", "it's \\ \"me\""), ("geqo", "off", "off"),
        ("application_name", "o'brien \\ test", "o'brien \\ test"), ("client_encoding", "latin1", "latin1"),
        ("default_transaction_read_only", "on", "on"), ("idle_in_transaction_session_timeout", "1h", "1h"),
        ("standard_conforming_strings", "off", "off"), ("bytea_output", "escape", "escape"),
        ("temp_tablespaces", "", "\"\""), ("lock_timeout", "0", "0"), ("IntervalStyle", "iso_8601", "iso_8601"),
    ]

    @Test(arguments: settings) func holdsEverywhere(_ setting: (name: String, value: String, shown: String)) throws {
        let direct = try Stage.direct(options: [(setting.name, setting.value)])
        let shown = try direct.value("SHOW \(setting.name)")
        let client = try Stage.client(options: [(setting.name, setting.value)])
        for _ in 0..<12 { #expect(try client.value("SHOW \(setting.name)") == shown) }
        try client.succeed("BEGIN")
        _ = try client.value("SELECT pg_backend_pid()")
        #expect(try client.value("SHOW \(setting.name)") == shown)
        try client.succeed("ROLLBACK")
        // Others keep what they had.
        let other = try Stage.client()
        let plain = try Stage.direct().value("SELECT current_setting('\(setting.name)', true)")
        for _ in 0..<6 {
            #expect(try other.value("SELECT current_setting('\(setting.name)', true)") ?? "" == plain ?? "")
        }
    }

    @Test func optionsOfTheCommandLine() throws {
        let options = "-c statement_timeout=300 --search_path=pg_catalog -c work\\_mem=9MB -cgeqo=off -c app.x=a\\ b"
        let client = try Stage.client(options: [("options", options)])
        for _ in 0..<8 {
            #expect(try client.value("SHOW statement_timeout") == "300ms")
            #expect(try client.value("SHOW search_path") == "pg_catalog")
            #expect(try client.value("SHOW work_mem") == "9MB")
            #expect(try client.value("SHOW geqo") == "off")
            #expect(try client.value("SHOW app.x") == "a b")
        }
        #expect(try client.query("SELECT pg_sleep(30)").errors == ["57014"])
        #expect(try client.query("SELECT pg_sleep(30) FOR UPDATE").errors == ["57014"])
    }

    @Test func theGreetingReportsThem() throws {
        let client = try Stage.client(options: [("application_name", "greeted"), ("TimeZone", "Asia/Tokyo")])
        let direct = try Stage.direct(options: [("application_name", "greeted"), ("TimeZone", "Asia/Tokyo")])
        #expect(client.parameters == direct.parameters)
    }

    @Test func noticesAreKeptOff() throws {
        let loud = try Stage.client()
        let quiet = try Stage.client(options: [("client_min_messages", "error")])
        let sql = "DROP TABLE IF EXISTS nosuchtable"
        for _ in 0..<3 {
            #expect(try loud.query(sql).contains { $0.kind == .noticeResponse })
            #expect(try !quiet.query(sql).contains { $0.kind == .noticeResponse })
        }
    }

    /// A standby refuses SERIALIZABLE.
    @Test(arguments: ["serializable", "SERIALIZABLE"]) func serializableByDefault(_ level: String) throws {
        let client = try Stage.client(options: [("default_transaction_isolation", level)])
        for _ in 0..<20 { #expect(try client.port() == Stage.primaryPort()) }
        #expect(try client.value("SHOW transaction_isolation") == "serializable")
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.port() == Stage.primaryPort())
        try client.succeed("COMMIT")
        let options = try Stage.client(options: [("options", "-c default_transaction_isolation=\(level)")])
        for _ in 0..<10 { #expect(try options.port() == Stage.primaryPort()) }
        let other = try Stage.client(options: [("default_transaction_isolation", "repeatable read")])
        #expect(try Stage.replicaPorts().contains(other.port() ?? ""))
        #expect(try other.value("SHOW transaction_isolation") == "repeatable read")
    }

    /// What the role brings counts as what the client brings.
    @Test func serializableByRole() throws {
        let role = SharedCluster.tableName("careful")
        try Stage.cluster().primary.psql(
            "CREATE ROLE \(role) LOGIN PASSWORD 'careful'",
            "ALTER ROLE \(role) SET default_transaction_isolation = serializable",
            "ALTER ROLE \(role) SET work_mem = '6MB'")
        try Stage.cluster().waitUntilReplayed()
        let router = try Stage.startRouter(["users.\(role)": ["password": "\"careful\""]])
        let client = try router.client(user: role)
        for _ in 0..<10 {
            #expect(try client.value("SHOW work_mem") == "6MB")
            #expect(try client.port() == Stage.primaryPort())
        }
        #expect(try client.value("SHOW transaction_isolation") == "serializable")
        let explained = try client.query("EXPLAIN ROUTE SELECT 1").rows.map { $0.map { $0 ?? "" } }
        #expect(explained.contains(["goes to", "127.0.0.1:\(try Stage.primaryPort()) (primary)"]), "\(explained)")
        for port in try Stage.replicaPorts() {
            let node = explained.first { $0[0] == "node 127.0.0.1:\(port)" }
            #expect(node?[1].hasSuffix("SERIALIZABLE by default") == true)
        }
        let milder = try router.client(user: role, options: [("default_transaction_isolation", "read committed")])
        for _ in 0..<5 { #expect(try milder.value("SHOW transaction_isolation") == "read committed") }
        for _ in 0..<5 { #expect(try client.value("SHOW transaction_isolation") == "serializable") }
    }

    @Test(arguments: [
        ("no_such_setting", "1"), ("work_mem", "much"), ("client_encoding", "nosuch"), ("search_path", "a,,b"),
        ("statement_timeout", "-5"), ("TimeZone", "Mars/Olympus"), ("port", "1"),
        ("default_transaction_isolation", "x"),
        ("options", "-c nosuch=1"), ("options", "-c work_mem=much"),
    ])
    func whatPostgreSQLRefuses(_ name: String, _ value: String) throws {
        func refusal(_ connect: () throws -> WireClient) -> String {
            do {
                _ = try connect()
                return "taken"
            } catch {
                return "\(error)"
            }
        }
        let direct = refusal { try Stage.direct(options: [(name, value)]) }
        #expect(direct != "taken")
        #expect(refusal { try Stage.client(options: [(name, value)]) } == direct)
        #expect(try Stage.client().value("SELECT 1") == "1")
    }

    /// Clients of different settings take turns on one connection.
    @Test func settingsTakeTurns() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let zones = ["Asia/Tokyo", "Europe/Paris", "America/Lima"]
        let clients = try zones.map { try router.client(options: [("TimeZone", $0), ("work_mem", "\($0.count)MB")]) }
        let plain = try router.client()
        for _ in 0..<10 {
            for (zone, client) in zip(zones, clients) {
                #expect(try client.value("SELECT current_setting('TimeZone') FOR UPDATE") == zone)
                #expect(try client.value("SELECT current_setting('work_mem') FOR UPDATE") == "\(zone.count)MB")
                #expect(try client.value("SHOW TimeZone") == zone)
            }
            #expect(try plain.value("SELECT current_setting('work_mem') FOR UPDATE") == "4MB")
            #expect(try plain.value("SHOW work_mem") == "4MB")
        }
    }

    /// What RESET goes back to is what the client brought.
    @Test func resetGoesBackToThem() throws {
        let client = try Stage.client(options: [("work_mem", "7MB"), ("search_path", "public")])
        try client.succeed("SET work_mem = '9MB'")
        #expect(try client.value("SHOW work_mem") == "9MB")
        try client.succeed("RESET ALL")
        #expect(try client.value("SHOW work_mem") == "7MB")
        try client.succeed("SET work_mem = '9MB'")
        try client.succeed("DISCARD ALL")
        #expect(try client.value("SHOW work_mem") == "7MB")
        #expect(try client.value("SHOW search_path") == "public")
    }
}
