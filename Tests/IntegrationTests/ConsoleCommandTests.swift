// Does the console show and do what PgBouncer's does?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ConsoleCommandTests {
    private func start(_ overrides: [String: [String: String]] = [:]) throws -> RouterProcess {
        let admin = ["admin": ["users": #"["postgres"]"#, "stats_users": #"["app"]"#]]
        return try Stage.startRouter(admin.merging(overrides) { $0.merging($1) { $1 } })
    }

    private func console(_ router: RouterProcess, _ user: String = "postgres") throws -> WireClient {
        try router.client(user: user, database: "pgbouncer")
    }

    /// The rows by the names of their columns.
    private func table(_ sql: String, _ client: WireClient) throws -> [[String: String]] {
        let answer = try client.query(sql)
        #expect(answer.errors == [], "\(sql)")
        let names = answer.first { $0.kind == .rowDescription }?.columns ?? []
        return answer.rows.map { row in
            Dictionary(uniqueKeysWithValues: zip(names, row).compactMap { name, value in value.map { (name, $0) } })
        }
    }

    private func error(_ sql: String, _ client: WireClient) throws -> String? {
        try client.query(sql).first { $0.kind == .errorResponse }?.sqlState
    }

    @Test func everyTable() throws {
        let router = try start()
        let (client, admin, looker) = (try router.client(), try console(router), try console(router, "app"))
        try client.succeed("SELECT 1")
        for name in [
            "ACTIVE_SOCKETS", "CLIENTS", "CONFIG", "DATABASES", "DNS_HOSTS", "DNS_ZONES", "HELP", "LISTS", "MEM",
            "NODES", "NODE_POOLS", "PEER_POOLS", "PEERS", "PINS", "POOLS", "ROUTES", "SERVERS", "SOCKETS", "STATE",
            "STATEMENTS",
            "STATS", "STATS_AVERAGES", "STATS_TOTALS", "TOTALS", "USERS", "VERSION",
        ] {
            let simple = try looker.query("SHOW \(name)")
            #expect(simple.errors == [], "\(name)")
            let columns = simple.first { $0.kind == .rowDescription }?.columns?.count
            for row in simple.rows { #expect(row.count == columns, "\(name)") }
            #expect(try looker.extended("SHOW \(name)").errors == [], "\(name)")
        }
        #expect(try error("SHOW FDS", looker) == "42501")
        #expect(try admin.query("SHOW FDS").errors == [])
    }

    /// As whatever scrapes PgBouncer's console with psycopg does.
    @Test func numbersAreNumbers() throws {
        let router = try start()
        try router.client().succeed("SELECT txid_current()")
        let code = """
            import sys, psycopg
            where = {"host": "127.0.0.1", "port": sys.argv[1], "user": "app", "dbname": "pgbouncer"}
            with psycopg.connect(**where, autocommit=True) as c:
                for table in ["STATS", "POOLS", "DATABASES", "LISTS", "USERS", "CLIENTS", "SERVERS", "MEM", "TOTALS"]:
                    with c.cursor() as cursor:
                        cursor.execute(f"SHOW {table}")
                        names = [column.name for column in cursor.description]
                        rows = cursor.fetchall()
                        assert rows, table
                        for row in rows:
                            for name, value in zip(names, row):
                                if name.startswith(("total_", "avg_", "cl_", "sv_", "max", "current_")):
                                    assert value is None or not isinstance(value, str), (table, name)
            """
        try Programs.python(code: code, ["\(router.port)"])
    }

    @Test func connections() throws {
        let router = try start()
        let client = try router.client(options: [("application_name", "watched")])
        let admin = try console(router)
        try client.succeed("BEGIN")
        let pid = try client.value("SELECT pg_backend_pid()") ?? ""
        let mine = try #require(try table("SHOW CLIENTS", admin).first { $0["application_name"] == "watched" })
        #expect(mine["state"] == "active" && mine["addr"] == "127.0.0.1")
        #expect(mine["database"] == "app" && mine["user"] == "app")
        let server = try #require(try table("SHOW SERVERS", admin).first { $0["remote_pid"] == pid })
        #expect(server["link"] == mine["ptr"] && mine["link"] == server["ptr"] && server["state"] == "active")
        #expect(mine["connect_time"]?.hasSuffix(" UTC") == true)
        let pool = try #require(
            try table("SHOW POOLS", admin).first { $0["database"] == "app" && $0["sv_active"] == "1" })
        #expect(pool["user"] == "app" && pool["pool_mode"] == "transaction")
        let names = try table("SHOW POOLS", admin).map { "\($0["database"] ?? "")/\($0["user"] ?? "")" }
        #expect(Set(names).count == names.count)
        let node = try table("SHOW NODE_POOLS", admin).first { $0["sv_active"] == "1" && $0["database"] == "app" }
        #expect(try node?["node"] == Stage.cluster().primary.address || node?["node"]?.isEmpty == false)
        try client.succeed("COMMIT")
        try client.succeed("CREATE TEMP TABLE pinned (x int)")
        #expect(try table("SHOW PINS", admin).contains { $0["user"] == "app" && $0["reasons"]?.isEmpty == false })
        #expect(try table("SHOW DATABASES", admin).contains { $0["name"] == "app" && $0["paused"] == "0" })
        #expect(try table("SHOW USERS", admin).contains { $0["name"] == "app" })
        let lists = try table("SHOW LISTS", admin)
        #expect(lists.contains { $0["list"] == "used_clients" && Int($0["items"] ?? "") ?? 0 >= 2 })
    }

    @Test func figures() throws {
        let router = try start()
        let admin = try console(router)
        func figures() throws -> [String: String] {
            Thread.sleep(forTimeInterval: 0.2)
            return try table("SHOW STATS", admin).first { $0["database"] == "app" } ?? [:]
        }
        let client = try router.client()
        try client.succeed("SELECT 1")
        let before = try figures()
        try client.succeed("BEGIN")
        for _ in 0..<3 { try client.succeed("SELECT txid_current()") }
        try client.succeed("COMMIT")
        for _ in 0..<5 { _ = try client.extended("SELECT $1::text", ["x"]) }
        try client.succeed("SELECT pg_sleep(0.2)")
        let after = try figures()
        func difference(_ name: String) -> Int { (Int(after[name] ?? "") ?? 0) - (Int(before[name] ?? "") ?? 0) }
        #expect(difference("total_xact_count") == 7)
        // The lazy BEGIN goes to the server with the first statement.
        #expect(difference("total_query_count") == 10)
        #expect(difference("total_client_parse_count") == 5)
        #expect(difference("total_bind_count") == 5)
        #expect(difference("total_server_assignment_count") >= 7)
        #expect(difference("total_received") > 100 && difference("total_sent") > 300)
        #expect(difference("total_query_time") >= 150_000 && difference("total_xact_time") >= 150_000)
        #expect(try table("SHOW TOTALS", admin).contains { $0["name"] == "total_xact_count" })
    }

    @Test func disable() throws {
        let router = try start()
        let (client, admin) = (try router.client(), try console(router))
        try admin.succeed("DISABLE app")
        #expect { try router.client() } throws: { ($0 as? WireClient.ServerError)?.sqlState == "57P03" }
        #expect(try client.value("SELECT 1") == "1")
        #expect(try table("SHOW DATABASES", admin).contains { $0["name"] == "app" && $0["disabled"] == "1" })
        try admin.succeed("ENABLE app")
        try router.client().succeed("SELECT 1")
    }

    @Test func reconnect() throws {
        let router = try start(["pool": ["size": "1"]])
        let (client, admin) = (try router.client(), try console(router))
        let before = try client.value("SELECT pg_backend_pid() FROM txid_current()")
        try client.succeed("BEGIN")
        #expect(try client.value("SELECT pg_backend_pid() FROM txid_current()") == before)
        try admin.succeed("RECONNECT app")
        // A transaction is not touched.
        #expect(try client.value("SELECT pg_backend_pid()") == before)
        try admin.send(.query("WAIT_CLOSE app"))
        #expect(try admin.isSilent(for: .milliseconds(300)))
        try client.succeed("COMMIT")
        #expect(try admin.readUntilReady().errors == [])
        #expect(try client.value("SELECT pg_backend_pid() FROM txid_current()") != before)
    }

    @Test func killAndResume() throws {
        let router = try start()
        let (client, admin) = (try router.client(), try console(router))
        try client.succeed("SELECT txid_current()")
        try admin.succeed("KILL app")
        #expect("\(try client.readUntilEnd())".contains("57P01"))
        let waiting = try WireClient(silentTo: .port(router.port))
        try waiting.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])))
        try waiting.logIn()
        try waiting.send(.query("SELECT 'after'"))
        #expect(try waiting.isSilent(for: .milliseconds(300)))
        try admin.succeed("RESUME app")
        #expect(try waiting.readUntilReady().rows == [["after"]])
        #expect(try table("SHOW STATE", admin).contains { $0["key"] == "active" && $0["value"] == "yes" })
    }

    @Test func killOneClient() throws {
        let router = try start()
        let (one, other, admin) = (
            try router.client(options: [("application_name", "doomed")]), try router.client(), try console(router)
        )
        let id = try table("SHOW CLIENTS", admin).first { $0["application_name"] == "doomed" }?["id"] ?? ""
        // CVE-2026-6667: who may only look may not do it.
        #expect(try error("KILL_CLIENT \(id)", console(router, "app")) == "42501")
        try admin.succeed("KILL_CLIENT \(id)")
        #expect("\(try one.readUntilEnd())".contains("57P01"))
        #expect(try other.value("SELECT 1") == "1")
        #expect(try error("KILL_CLIENT \(id)", admin) == "42704")
        #expect(try error("KILL_CLIENT x", admin) == "22023")
    }

    @Test func suspend() throws {
        let router = try start()
        let (client, admin) = (try router.client(), try console(router))
        try admin.succeed("SUSPEND")
        #expect(try table("SHOW STATE", admin).contains { $0["key"] == "suspended" && $0["value"] == "yes" })
        try client.send(.query("SELECT 'later'"))
        #expect(try client.isSilent(for: .milliseconds(300)))
        try admin.succeed("RESUME")
        #expect(try client.readUntilReady().rows == [["later"]])
    }

    @Test func reload() throws {
        let router = try start()
        let admin = try console(router)
        try admin.succeed("RELOAD")
        #expect(router.log.contains("the settings have been read again"))
        let path = "\(router.directory)/pointsman.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try (text + "\n[nosuch]\nx = 1\n").write(toFile: path, atomically: false, encoding: .utf8)
        let failure = try admin.query("RELOAD").first { $0.kind == .errorResponse }
        #expect(failure?.sqlState == "F0000" && failure?.fields["M"]?.contains("nosuch") == true)
    }

    @Test func set() throws {
        let router = try start()
        let admin = try console(router)
        func value(_ key: String) throws -> String? {
            try table("SHOW CONFIG", admin).first { $0["key"] == key }?["value"]
        }
        try admin.succeed("SET max_client_conn = 2")
        let client = try router.client()
        #expect { try router.client() } throws: { ($0 as? WireClient.ServerError)?.sqlState == "53300" }
        try admin.succeed("SET max_client_conn = 100")
        try admin.succeed("SET idle_transaction_timeout = '0.3'")
        #expect(try value("idle_transaction_timeout") == "0.3")
        try client.succeed("BEGIN")
        #expect("\(try client.readUntilEnd())".contains("25P03"))
        #expect(try error("SET max_client_conn = many", admin) == "22023")
        #expect(try error("SET listen_port = 7", admin) == "42704")
        #expect(try admin.query("SET extra_float_digits = 3").errors == [])
    }

    @Test func shutdown() throws {
        let router = try start()
        let (client, admin) = (try router.client(), try console(router))
        try client.succeed("BEGIN")
        try client.succeed("SELECT txid_current()")
        _ = try admin.query("SHUTDOWN WAIT_FOR_SERVERS")
        #expect(try client.value("SELECT 1") == "1")
        try client.succeed("COMMIT")
        #expect("\(try client.readUntilEnd())".contains("57P01"))
        try router.expectCleanEnd()
    }
}
