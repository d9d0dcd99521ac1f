// Does the router tell where a statement would go, and is that where it goes?

import PostgresCluster
import TestSupport
import Testing

@Suite struct ExplainRouteTests {
    private func explain(_ sql: String, _ client: WireClient) throws -> [String: String] {
        let answer = try client.query("EXPLAIN ROUTE \(sql)")
        #expect(answer.errors == [])
        return Dictionary(answer.rows.map { ($0[0] ?? "", $0[1] ?? "") }) { first, _ in first }
    }

    @Test func reads() throws {
        let client = try Stage.client()
        let rows = try explain("SELECT 1", client)
        let replicas = try Stage.replicaPorts()
        #expect(replicas.contains { rows["goes to"] == "127.0.0.1:\($0) (replica)" })
        #expect(rows["because"] == "a read that any replica can answer")
        #expect(rows["class"] == "replica-safe")
        #expect(rows["decided by"] == "grammar")
        #expect(rows["token"] == nil)
        #expect(rows["session"] == "split port; no transaction; not pinned")
        #expect(rows["consistency"] == "session; no floor")
        let primary = try Stage.primaryPort()
        #expect(rows["node 127.0.0.1:\(primary)"]?.hasPrefix("primary, outstanding") == true)
        for port in replicas {
            #expect(rows["node 127.0.0.1:\(port)"]?.contains("replica, lag ") == true)
            #expect(rows["node 127.0.0.1:\(port)"]?.contains(": eligible") == true)
        }
    }

    @Test func whatDecides() throws {
        let client = try Stage.client()
        let primary = try "127.0.0.1:\(Stage.primaryPort()) (primary)"
        let function = SharedCluster.tableName("f")
        try client.succeed("CREATE FUNCTION \(function)() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'")
        try eventually("the catalog to be known") {
            try explain("SELECT \(function)()", client)["rule"] == "The function is declared VOLATILE in the database."
        }
        let cases = [
            ("SELECT nextval('s')", "write", "built-in table", "nextval"),
            ("INSERT INTO t VALUES (1)", "write", "grammar", "INSERT"),
            ("SELECT * FROM t FOR UPDATE", "locked read", "grammar", "UPDATE"),
            ("SELECT * FROM pg_stat_activity", "primary-only read", "built-in table", "pg_stat_activity"),
            ("SELECT \(function)()", "write", "catalog", function),
            ("SHOW transaction_read_only", "primary-only read", "name of a setting", "transaction_read_only"),
        ]
        for (sql, routeClass, source, token) in cases {
            let rows = try explain(sql, client)
            #expect(rows["goes to"] == primary, "\(sql)")
            #expect(rows["class"] == routeClass, "\(sql)")
            #expect(rows["decided by"] == source, "\(sql)")
            #expect(rows["token"] == token, "\(sql)")
        }
    }

    /// Nothing is run: not the statement, not a BEGIN that is held back, and the session is what it was.
    @Test func nothingIsRun() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        _ = try explain("INSERT INTO \(table) VALUES (1)", client)
        try client.succeed("BEGIN READ ONLY")
        #expect(try explain("SELECT 1", client)["session"]?.contains("no server has seen yet") == true)
        #expect(try explain("COMMIT", client)["goes to"] == "no server: the router answers it")
        let port = try client.port() ?? ""
        #expect(try Stage.replicaPorts().contains(port))
        #expect(try explain("SELECT 1", client)["goes to"] == "127.0.0.1:\(port) (replica)")
        #expect(try explain("INSERT INTO \(table) VALUES (1)", client)["because"]?.contains("begins again") == true)
        #expect(try client.port() == port)
        try client.succeed("COMMIT")
        #expect(client.transactionState == "I")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
    }

    /// A transaction that has to leave its replica is looked at as it would be behind that.
    @Test func behindAMove() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        // While the catalog is being read again any name may be that of something that writes.
        try eventually("the name to be known") {
            try explain("SELECT lastval()", client)["goes to"]?.hasPrefix("nowhere: ERROR 55000") == true
        }
        let hinted = try explain("/* pointsman: role=replica */ INSERT INTO t VALUES (1)", client)
        #expect(hinted["goes to"]?.hasPrefix("nowhere: ERROR 25006") == true)
        let primary = try "127.0.0.1:\(Stage.primaryPort()) (primary)"
        #expect(try explain("INSERT INTO t VALUES (1)", client)["goes to"] == primary)
        #expect(try explain("EXPLAIN ROUTE SELECT 1", client)["goes to"] == "no server: the router answers it")
        #expect(try client.query("SELECT lastval()").errors == ["55000"])
        try client.succeed("ROLLBACK")
    }

    /// What cannot be explained is refused in the router's words.
    @Test func whatCannotBeExplained() throws {
        let client = try Stage.client()
        #expect(try client.query("EXPLAIN ROUTE").errors == ["42601"])
        #expect(try client.query("SELECT 1; EXPLAIN ROUTE SELECT 1").errors == ["0A000"])
        try client.succeed("BEGIN")
        _ = try client.port()
        let answer = try client.query("EXPLAIN ROUTE")
        #expect(answer.errors == ["42601"])
        #expect(client.transactionState == "E")
        try client.succeed("ROLLBACK")
        #expect(try client.value("SELECT 1") == "1")
    }

    @Test func afterAWriteAndWhilePinned() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        #expect(try explain("SELECT 1", client)["consistency"]?.hasPrefix("session; floor ") == true)
        try eventually("a replica to cover the write") {
            try explain("SELECT 1", client)["because"]
                == "a read, on a replica that has replayed all that the session must see"
        }
        try client.succeed("CREATE TEMP TABLE p (x int)")
        let rows = try explain("SELECT 1", client)
        #expect(rows["because"] == "pinned: temporary table")
        #expect(rows["goes to"] == "127.0.0.1:\(try Stage.primaryPort()) (primary)")
    }

    @Test func everyPlaceOfAConversation() throws {
        let client = try Stage.client()
        let answer = try client.extended("EXPLAIN ROUTE SELECT 1")
        #expect(answer.errors == [])
        #expect(answer.rows.first?.first == "goes to")
        try client.succeed("BEGIN")
        try client.query("SELECT nosuch")
        let failed = try explain("SELECT 1", client)
        #expect(failed["goes to"]?.hasPrefix("nowhere: ERROR 25P02") == true)
        #expect(client.transactionState == "E")
        try client.succeed("ROLLBACK")
    }

    @Test func theOtherPorts() throws {
        let router = try Stage.router()
        let reader = try WireClient(port: router.readerPort, user: "app", database: "app")
        #expect(try explain("SELECT 1", reader)["because"] == "sessions on the reader port use replicas")
        #expect(try explain("INSERT INTO t VALUES (1)", reader)["goes to"]?.hasPrefix("nowhere: ERROR 25006") == true)
        let writer = try WireClient(port: router.writerPort, user: "app", database: "app")
        #expect(try explain("SELECT 1", writer)["because"] == "sessions on the writer port use the primary")
    }

    @Test func whatTheClientAsksFor() throws {
        let client = try Stage.client()
        let hint = try explain("/* pointsman: role=primary */ SELECT 1", client)
        #expect(hint["decided by"] == "hint")
        #expect(hint["session"] == "split port in the role primary; no transaction; not pinned")
        #expect(hint["goes to"] == "127.0.0.1:\(try Stage.primaryPort()) (primary)")
        try client.succeed("SET pointsman.role = replica")
        let set = try explain("SELECT pg_is_in_recovery()", client)
        #expect(set["decided by"] == "setting of the session")
        #expect(set["goes to"]?.hasSuffix("(replica)") == true, "\(set)")
        #expect(try explain("SET pointsman.role = auto", client)["goes to"] == "no server: the router answers it")
        #expect(try explain("SET pointsman.role = none", client)["goes to"]?.hasPrefix("nowhere: ERROR 22023") == true)
        #expect(try client.value("SHOW pointsman.role") == "replica")
    }

    @Test func advice() throws {
        let router = try RouterProcess.start(
            cluster: Stage.cluster(), overrides: ["routing": ["mode": "\"advise\""], "probe": ["timeout": "\"10s\""]])
        let client = try router.client()
        let primary = try Stage.primaryPort()
        try eventually("the replicas to be known") {
            try explain("SELECT 1", client)["because"]
                == "a read that would go to a replica, but routing.mode is 'advise'"
        }
        for _ in 0..<10 { #expect(try client.port() == primary) }
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.port() == primary)
        try client.succeed("COMMIT")
    }

    /// As people see it.
    @Test func psql() throws {
        let target = ["-h", "127.0.0.1", "-p", "\(try Stage.router().port)", "-U", "app", "-d", "app"]
        let result = try Stage.cluster().programs.client(
            "psql", ["-X"] + target + ["-c", "EXPLAIN ROUTE SELECT * FROM t"]).run()
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains(" goes to"))
    }
}
