// Can drivers and tools set up their sessions on the reader port, and does what they set follow them?

import PostgresCluster
import TestSupport
import Testing

@Suite struct ReaderSettingsTests {
    private func client(_ options: [(String, String)] = []) throws -> WireClient {
        try WireClient(port: Stage.router().readerPort, options: options, deadline: .seconds(20))
    }

    /// Asks until both replicas have answered.
    private func expectEverywhere(_ client: WireClient, _ question: String, _ expected: String) throws {
        var seen: Set<String> = []
        try eventually("both replicas to answer") {
            let row = try client.query("SELECT pg_catalog.inet_server_port(), (\(question))").rows.first ?? []
            #expect(row.last == expected, "\(question)")
            if let port = row.first.flatMap({ $0 }) { seen.insert(port) }
            return try seen == Stage.replicaPorts()
        }
    }

    /// What drivers say once they are connected: pgjdbc, Rails, Django, node-postgres, pg_dump.
    @Test(arguments: [
        ("SET extra_float_digits = 3", "extra_float_digits", "3"),
        ("SET SESSION TIME ZONE 'Asia/Tokyo'", "timezone", "Asia/Tokyo"),
        ("SET client_min_messages TO 'error'", "client_min_messages", "error"),
        ("SELECT set_config('app.tenant', '7', false)", "app.tenant", "7"),
        ("SELECT pg_catalog.set_config('search_path', '', false)", "search_path", ""),
        ("SET SESSION statement_timeout TO 5000", "statement_timeout", "5s"),
        ("SET application_name = 'reports'", "application_name", "reports"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "default_transaction_read_only", "on"),
        ("SET default_transaction_read_only = on", "default_transaction_read_only", "on"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", "transaction_isolation",
            "repeatable read"
        ),
    ])
    func settingsFollow(_ sql: String, _ name: String, _ value: String) throws {
        for isExtended in [false, true] {
            let client = try client()
            #expect(try (isExtended ? client.extended(sql) : client.query(sql)).errors == [])
            try expectEverywhere(client, "pg_catalog.current_setting('\(name)')", value)
            client.close()
        }
        let other = try self.client()
        try expectEverywhere(
            other, "pg_catalog.current_setting('\(name)', true) IS DISTINCT FROM '\(value)' OR '\(name)' ~ 'read_only'",
            "t")
    }

    @Test func settingsAreReset() throws {
        // The last is how asyncpg gives a connection back to its pool.
        for reset in [
            "RESET work_mem", "SET work_mem TO DEFAULT", "RESET ALL", "DISCARD ALL",
            "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
        ] {
            let client = try client([("work_mem", "6MB")])
            defer { client.close() }
            try client.succeed("SET work_mem = '7MB'")
            try expectEverywhere(client, "pg_catalog.current_setting('work_mem')", "7MB")
            try client.succeed(reset)
            try expectEverywhere(client, "pg_catalog.current_setting('work_mem')", "6MB")
            try expectEverywhere(client, "pg_catalog.current_setting('default_transaction_read_only')", "on")
        }
    }

    @Test func inTransactions() throws {
        let client = try client()
        try client.succeed("BEGIN")
        try client.succeed("SET work_mem = '8MB'")
        #expect(try client.value("SHOW work_mem") == "8MB")
        try client.succeed("ROLLBACK")
        try expectEverywhere(client, "pg_catalog.current_setting('work_mem')", "4MB")
        try client.succeed("BEGIN")
        try client.succeed("SET work_mem = '9MB'")
        try client.succeed("COMMIT")
        try expectEverywhere(client, "pg_catalog.current_setting('work_mem')", "9MB")
    }

    /// As pgjdbc begins a transaction: together with what comes first in it.
    @Test func beginsWithItsFirstStatement() throws {
        let client = try client()
        for begin in ["BEGIN", "BEGIN READ ONLY", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ"] {
            let answer = try client.exchange(
                execution(begin) + execution("SET work_mem = '5MB'") + execution("SELECT inet_server_port()"))
            #expect(answer.errors == [])
            #expect(try Stage.replicaPorts().contains(answer.value ?? ""))
            #expect(client.transactionState == "T")
            #expect(
                try client.exchange(execution("SELECT current_setting('work_mem')") + execution("COMMIT")).value
                    == "5MB")
            #expect(client.transactionState == "I")
        }
        let answer = try client.exchange(execution("BEGIN") + execution("CREATE TABLE never (x int)"))
        #expect(answer.errors == ["25006"])
    }

    /// The texts of its statements mean what they meant when they were prepared, so it stays with what it has there.
    @Test func searchPathBehindAPreparedStatement() throws {
        let client = try client()
        _ = try client.exchange([.parse("SELECT current_schemas(false)", name: "schemas")])
        try client.succeed("SET search_path = pg_catalog")
        #expect(try client.exchange([.bind(statement: "schemas"), .execute()]).errors == [])
        let port = try client.port()
        for _ in 0..<10 {
            #expect(try client.exchange([.bind(statement: "schemas"), .execute()]).value == "{pg_catalog}")
            #expect(try client.port() == port)
        }
    }

    /// While the catalog is read again, any name might be that of a new function.
    @Test func changesOfTheCatalogRefuseNothing() throws {
        // What its own router does not trust for a moment, the others do.
        let router = try Stage.startRouter()
        defer { router.stop() }
        let maker = try router.client()
        let client = try WireClient(port: router.readerPort, deadline: .seconds(20))
        let rooted = try router.client()
        try rooted.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        #expect(try Stage.replicaPorts().contains(rooted.port() ?? ""))
        for round in 0..<30 {
            try maker.succeed(
                "CREATE OR REPLACE FUNCTION reader_changes() RETURNS int LANGUAGE sql AS 'SELECT \(round)'")
            let sql = "SELECT count(*), abs(\(round)) FROM pg_class"
            for client in [client, rooted] {
                #expect(try (round % 2 == 0 ? client.query(sql) : client.extended(sql)).errors == [])
            }
        }
        try maker.succeed("DROP FUNCTION reader_changes()")
    }

    /// What is set is not named in the text, or with something else.
    @Test(arguments: [
        "SET work_mem = '11MB'; SET statement_timeout = 0",
        "SELECT set_config(name, '11MB', false) FROM pg_settings WHERE name = 'work_mem'",
    ])
    func settingsThatKeepTheirReplica(_ sql: String) throws {
        let client = try client()
        try client.succeed(sql)
        let port = try client.port()
        for _ in 0..<10 {
            #expect(try client.value("SELECT pg_catalog.current_setting('work_mem')") == "11MB")
            #expect(try client.port() == port)
        }
        try client.succeed("PREPARE answer AS SELECT 42")
        #expect(try client.value("EXECUTE answer") == "42")
        try client.succeed("PREPARE writes AS DELETE FROM pg_description")
        #expect(try client.query("EXECUTE writes").errors == ["25006"])
        try client.succeed("DISCARD ALL")
        #expect(try client.query("EXECUTE answer").errors == ["26000"])
        try expectEverywhere(client, "pg_catalog.current_setting('work_mem')", "4MB")
        try expectEverywhere(client, "pg_catalog.current_setting('default_transaction_read_only')", "on")
    }

    @Test func severalStatementsInOneText() throws {
        let client = try client()
        for sql in ["BEGIN; SELECT 1; COMMIT", "BEGIN READ ONLY; SELECT 1; COMMIT", "SELECT 1; COMMIT"] {
            #expect(try client.query(sql).errors == [], "\(sql)")
        }
        #expect(try client.query("BEGIN; SELECT inet_server_port()").errors == [])
        #expect(client.transactionState == "T")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        try client.succeed("COMMIT")
        #expect(try client.query("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1").errors == ["0A000"])
        _ = try client.query("ROLLBACK")
        #expect(try client.query("SET default_transaction_isolation = 'serializable'").errors == ["25006"])
        #expect(try client.value("SELECT 1") == "1")
    }

    /// A DISCARD ALL or RESET ALL that ends the role does not end it for what comes in the same batch.
    @Test(arguments: ["DISCARD ALL", "RESET ALL"]) func endsTheRoleInABatch(_ end: String) throws {
        let router = try Stage.startRouter(poolSize: 2)
        defer { router.stop() }
        for set in [
            "SET work_mem = '21MB'", "SET a.z = 'secret'",
            "SELECT set_config(n, 'x', false) FROM (VALUES ('a.z')) v (n)",
        ] {
            let client = try router.client()
            try client.succeed("SET pointsman.role = 'replica'")
            #expect(try client.exchange(execution(end) + execution(set)).errors == [])
            let question = set.contains("work_mem") ? "work_mem" : "a.z"
            let own = try client.value("SELECT pg_catalog.current_setting('\(question)')")
            #expect(own != "4MB" && own != "", "\(set)")
            for _ in 0..<10 {
                #expect(try client.value("SELECT pg_catalog.current_setting('\(question)')") == own, "\(set)")
            }
            client.close()
            let other = try router.client()
            for _ in 0..<10 {
                let value = try other.value("SELECT pg_catalog.current_setting('\(question)', true)")
                #expect(value == nil || value == "" || value == "4MB", "\(set)")
            }
            other.close()
        }
    }

    /// The same where a setting has made the split port a reader port, until that is reset.
    @Test func aRoleThatIsReset() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("SET pointsman.role = 'replica'")
        try client.succeed("SET work_mem = '11MB'; SET statement_timeout = 0")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        try client.succeed("RESET pointsman.role")
        for _ in 0..<2 {
            #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25006"])
            #expect(try client.extended("SELECT 1 FOR UPDATE").errors == ["25006"])
            #expect(try client.value("SELECT pg_catalog.current_setting('work_mem')") == "11MB")
        }
        for sql in ["SET work_mem = '12MB'", "BEGIN"] { #expect(try client.query(sql).errors == ["25006"]) }
        try client.succeed("SET pointsman.role = 'replica'")
        try client.succeed("SET work_mem = '13MB'")
        #expect(try client.value("SHOW work_mem") == "13MB")
        try client.succeed("RESET pointsman.role")
        try client.succeed("DISCARD ALL")
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        #expect(try client.value("SHOW work_mem") == "4MB")
    }

    @Test func preparedInSQL() throws {
        let client = try client()
        try client.succeed("PREPARE answer AS SELECT pg_catalog.inet_server_port(), 42")
        var seen: Set<String> = []
        try eventually("both replicas to execute it") {
            let row = try client.query("EXECUTE answer").rows.first ?? []
            #expect(row.last == "42")
            if let port = row.first.flatMap({ $0 }) { seen.insert(port) }
            return try seen == Stage.replicaPorts()
        }
        try client.succeed("DEALLOCATE answer")
        #expect(try client.query("EXECUTE answer").errors == ["26000"])
        try client.succeed("PREPARE writes AS DELETE FROM pg_description")
        #expect(try client.query("EXECUTE writes").errors == ["25006"])
    }

    @Test func cursors() throws {
        let client = try client()
        #expect(try client.query("DECLARE c CURSOR FOR SELECT 1").errors == ["25P01"])
        #expect(try client.exchange(execution("BEGIN") + execution("DECLARE c CURSOR FOR SELECT 1")).errors == [])
        #expect(try client.value("FETCH c") == "1")
        try client.succeed("COMMIT")
    }

    @Test func dump() throws {
        let table = try Stage.makeTable("x int, y text")
        try Stage.run(
            "CREATE FUNCTION \(table)_f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE DOMAIN \(table)_d AS int CHECK (VALUE > 0)", "ALTER TABLE \(table) ADD d \(table)_d")
        try Stage.run("INSERT INTO \(table) SELECT n, 'row ' || n FROM generate_series(1, 100) n")
        let target = ["-h", "127.0.0.1", "-p", "\(try Stage.router().readerPort)", "-U", "app", "-d", "app"]
        let dump = try Stage.cluster().programs.client("pg_dump", target + ["-t", table]).succeed()
        #expect(dump.contains("COPY public.\(table)"))
        #expect(dump.contains("100\trow 100"))
        let schema = try Stage.cluster().programs.client("pg_dump", target + ["-s"]).succeed()
        #expect(schema.contains("FUNCTION public.\(table)_f()") && schema.contains("DOMAIN public.\(table)_d"))
    }

    /// Where it has to stay it is not told what is older than it has asked for.
    @Test func theReplicaFallsBehind() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let router = try Stage.startRouter(cluster)
        let client = try WireClient(port: router.readerPort, options: [], deadline: .seconds(20))
        try client.succeed("SET pointsman.max_lag = '300ms'")
        try client.succeed("SET work_mem = '11MB'; SET a.b = 'c'")
        #expect(try client.value("SELECT pg_catalog.current_setting('work_mem')") == "11MB")
        try cluster.replicas[0].psql("SELECT pg_wal_replay_pause()")
        try cluster.primary.psql("CREATE TABLE later (x int)")
        try eventually("the replica to be too old") { try client.query("SELECT 1").errors == ["55000"] }
        for sql in ["BEGIN", "SHOW work_mem"] { #expect(try client.query(sql).errors == ["55000"]) }
        let explained = try client.query("EXPLAIN ROUTE SELECT 1").rows.first
        #expect(explained?.last??.hasPrefix("nowhere: ERROR 55000") == true)
        try cluster.replicas[0].psql("SELECT pg_wal_replay_resume()")
        try eventually("the replica to be young enough") { try client.query("SELECT 1").errors == [] }
        #expect(try client.value("SELECT pg_catalog.current_setting('work_mem')") == "11MB")
    }
}
