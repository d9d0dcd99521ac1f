// Do reads go to both replicas, and everything else to the primary?

import TestSupport
import Testing

@Suite struct SplittingTests {
    @Test func readsAreAnsweredByBothReplicas() throws {
        let client = try Stage.client()
        let simple = try (0..<100).map { _ in try client.port() ?? "" }
        let extended = try (0..<100).map { _ in
            try client.extended("SELECT pg_catalog.inet_server_port()").value ?? ""
        }
        #expect(try Set(simple) == Stage.replicaPorts())
        #expect(try Set(extended) == Stage.replicaPorts())
    }

    @Test func oneClientsReadsAreBalancedWithOthers() throws {
        let clients = try (0..<4).map { _ in try Stage.client() }
        var counts: [String: Int] = [:]
        for _ in 0..<50 {
            for client in clients { try client.send(.query("SELECT pg_catalog.inet_server_port()")) }
            for client in clients { counts[try client.readUntilReady().value ?? "", default: 0] += 1 }
        }
        #expect(try Set(counts.keys) == Stage.replicaPorts())
        #expect(counts.values.allSatisfy { $0 > 40 }, "\(counts)")
    }

    @Test(arguments: [
        "SELECT inet_server_port()", "select\n\tinet_server_port() -- INSERT", "/* UPDATE */ SELECT inet_server_port()",
        "WITH p AS (SELECT inet_server_port() AS port) SELECT port FROM p", "VALUES (inet_server_port())", "SHOW port",
        "(SELECT inet_server_port()) UNION (SELECT inet_server_port())", "SELECT inet_server_port();",
        "SELECT inet_server_port(), 'INSERT INTO x; FOR UPDATE', $$DELETE$$", "SELECT 0; SELECT inet_server_port()",
        "SELECT current_setting('port')", "SELECT inet_server_port(), substring('abc' FOR 2), now(), random()",
        "SELECT inet_server_port() FROM generate_series(1, 3) GROUP BY 1 HAVING count(*) = 3",
        "SELECT inet_server_port() WHERE EXISTS (TABLE pg_class)", "COPY (SELECT inet_server_port()) TO STDOUT",
    ])
    func onAReplica(_ statement: String) throws {
        let client = try Stage.client()
        for _ in 0..<3 {
            // While other tests change definitions through the same router, names are not known for a moment.
            try eventually("a replica to answer") {
                let answer = try client.succeed(statement)
                let copied = answer.filter { $0.kind == .copyData }.map {
                    String(decoding: $0.body.dropLast(), as: UTF8.self)
                }
                let port = try #require(answer.rows.last?.first ?? copied.first)
                return try Stage.replicaPorts().contains(port)
            }
        }
    }

    /// `{t}` is a table of one integer column that has rows, `{s}` a sequence, `{f}` a function.
    @Test(arguments: [
        "INSERT INTO {t} VALUES (2) RETURNING inet_server_port()", "UPDATE {t} SET x = x RETURNING inet_server_port()",
        "DELETE FROM {t} RETURNING inet_server_port()", "SELECT inet_server_port() FROM {t} FOR UPDATE",
        "SELECT inet_server_port() FROM {t} FOR KEY SHARE", "SELECT inet_server_port(), nextval('{s}')",
        "WITH w AS (INSERT INTO {t} VALUES (3) RETURNING inet_server_port() AS p) SELECT p FROM w",
        "SELECT inet_server_port(), pg_backend_pid()", "SELECT inet_server_port(), {f}()",
        "SELECT inet_server_port(), pg_is_in_recovery()", "SELECT inet_server_port() FROM pg_stat_activity",
        "SELECT inet_server_port(), txid_current()", "SELECT inet_server_port(), pg_advisory_xact_lock(1)",
        "SELECT 1; INSERT INTO {t} VALUES (4) RETURNING inet_server_port()", "BEGIN; SELECT inet_server_port(); COMMIT",
        "SELECT inet_server_port(), \"{f}\"()", "SELECT inet_server_port(), public . {f} ( )",
        "SELECT inet_server_port() FROM pg_settings",
    ])
    func onThePrimary(_ statement: String) throws {
        func text() throws -> String { try objects.reduce(statement) { $0.replacing($1.0, with: $1.1) } }
        let client = try Stage.client()
        #expect(try client.succeed(text()).rows.last?.first == Stage.primaryPort())
        guard !statement.contains(";") else { return }
        let extended = try Stage.client().extended(text())
        #expect(extended.errors == [])
        #expect(try extended.value == Stage.primaryPort())
    }

    /// A replica would refuse each of these.
    @Test(arguments: [
        "CREATE TABLE {t}2 AS SELECT 1 AS x; DROP TABLE {t}2", "SELECT 1 AS x INTO {t}3; DROP TABLE {t}3",
        "TRUNCATE {t}", "CREATE INDEX ON {t} (x)", "ANALYZE {t}", "VACUUM {t}", "REINDEX TABLE {t}",
        "COMMENT ON TABLE {t} IS 'x'", "EXPLAIN ANALYZE INSERT INTO {t} VALUES (5)", "NOTIFY c, 'x'",
        "DO 'BEGIN INSERT INTO {t} VALUES (6); END'", "CALL {p}()", "GRANT SELECT ON {t} TO public",
        "ALTER TABLE {t} ADD COLUMN y int", "BEGIN; LOCK TABLE {t}; COMMIT", "CLUSTER {t} USING {t}_key",
        "MERGE INTO {t} USING (SELECT 1 AS x) s ON {t}.x = s.x WHEN MATCHED THEN DELETE",
        "REFRESH MATERIALIZED VIEW {m}", "SELECT setval('{s}', 7)", "SELECT pg_notify('c', 'x')",
        "CREATE INDEX CONCURRENTLY ON {t} (x)", "PREPARE p AS SELECT 1",
    ])
    func acceptedByThePrimaryOnly(_ statement: String) throws {
        let text = try objects.reduce(statement) { $0.replacing($1.0, with: $1.1) }
        let client = try Stage.client()
        try client.succeed(text)
        #expect(client.transactionState == "I")
        client.close()
    }

    /// A standby obeys each of these without complaint, which would help or harm the wrong node, or nobody.
    @Test(arguments: [
        "pg_advisory_lock(77)", "pg_try_advisory_lock(78)", "pg_advisory_lock_shared(79)", "pg_advisory_xact_lock(80)",
        "pg_try_advisory_xact_lock_shared(81, 1)", "pg_advisory_unlock(77)", "pg_advisory_unlock_all()",
        "set_config('x.y', '1', false)", "set_config('x.y', '1', true)", "setseed(0.5)", "pg_cancel_backend(0)",
        "pg_terminate_backend(0)", "pg_export_snapshot()", "pg_current_snapshot()", "txid_current_snapshot()",
        "query_to_xml('SELECT 1', true, true, '')", "table_to_xml('pg_class', true, true, '')",
        "query_to_xmlschema('SELECT 1', true, true, '')", "ts_rewrite('a', 'SELECT ''a''::tsquery, ''b''::tsquery')",
        "(SELECT count(*) FROM ts_stat('SELECT ''a''::tsvector'))", "pg_stat_clear_snapshot()",
        "(SELECT count(*) FROM pg_locks)", "(SELECT count(*) FROM pg_stat_replication)",
        "(SELECT count(*) FROM pg_prepared_xacts)", "(SELECT count(*) FROM pg_cursors)",
        "(SELECT count(*) FROM pg_replication_slots)", "(SELECT count(*) FROM pg_stat_user_tables)",
    ])
    func obeyedByAStandby(_ call: String) throws {
        let client = try Stage.client()
        let answer = try client.query("SELECT inet_server_port(), \(call)")
        #expect(answer.errors == [])
        #expect(try answer.value == Stage.primaryPort())
        // Its lock ends with it.
        client.close()
        #expect(try Stage.client().extended("SELECT inet_server_port(), \(call)").value == Stage.primaryPort())
    }

    /// The same, of orders that take a superuser.
    @Test(arguments: [
        "pg_reload_conf()", "pg_rotate_logfile()", "pg_promote()", "pg_switch_wal()", "pg_create_restore_point('x')",
        "pg_create_physical_replication_slot('x')", "pg_drop_replication_slot('x')", "pg_stat_reset()",
        "pg_stat_reset_shared('bgwriter')", "pg_read_file('x')", "pg_ls_dir('.')", "lo_export(1, 'x')",
        "pg_wal_replay_pause()", "pg_log_backend_memory_contexts(1)", "pg_replication_slot_advance('x', '0/1')",
        "pg_logical_slot_get_changes('x', NULL, NULL)", "pg_backup_start('x')", "pg_file_write('x', 'y', true)",
        "dblink('x', 'SELECT 1')", "pg_prewarm('pg_class')",
    ])
    func orders(_ call: String) throws {
        let client = try Stage.client()
        for text in ["SELECT \(call)", "SELECT * FROM \(call) x", "SELECT 1 WHERE \(call) IS NULL"] {
            let rows = try client.query("EXPLAIN ROUTE \(text)").rows
            let goesTo = rows.first { $0.first == "goes to" }?.last ?? ""
            #expect(try goesTo == "127.0.0.1:\(Stage.primaryPort()) (primary)", "\(text)")
        }
    }

    private var objects: [(String, String)] {
        get throws {
            let name = SharedCluster.tableName("split")
            try Stage.run(
                "CREATE TABLE \(name) (x int CONSTRAINT \(name)_key PRIMARY KEY)",
                "INSERT INTO \(name) VALUES (1)", "CREATE SEQUENCE \(name)_s",
                "CREATE MATERIALIZED VIEW \(name)_m AS SELECT 1",
                "CREATE FUNCTION \(name)_f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "CREATE PROCEDURE \(name)_p() LANGUAGE sql AS 'INSERT INTO \(name) VALUES (100)'")
            return [
                ("{t}", name), ("{s}", name + "_s"), ("{m}", name + "_m"), ("{f}", name + "_f"), ("{p}", name + "_p"),
            ]
        }
    }

    @Test func theWriterPortIsThePrimary() throws {
        let client = try WireClient(port: Stage.router().writerPort)
        for _ in 0..<10 { #expect(try client.port() == Stage.primaryPort()) }
        let table = try Stage.makeTable("x int")
        #expect(try client.succeed("INSERT INTO \(table) VALUES (1) RETURNING x").value == "1")
    }

    @Test func theReaderPortIsTheReplicas() throws {
        let client = try WireClient(port: Stage.router().readerPort)
        let ports = try (0..<60).map { _ in try client.port() ?? "" }
        #expect(try Set(ports) == Stage.replicaPorts())
        let table = try Stage.makeTable("x int")
        #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25006"])
        #expect(try client.query("BEGIN READ WRITE").errors != [])
        try client.query("ROLLBACK")
        try client.succeed("BEGIN")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        #expect(try client.query("DELETE FROM \(table)").errors == ["25006"])
        try client.succeed("ROLLBACK")
    }

    @Test func aTransactionStaysOnThePrimary() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("BEGIN")
        for number in 1...5 {
            #expect(try client.port() == Stage.primaryPort())
            try client.succeed("INSERT INTO \(table) VALUES (\(number))")
            #expect(try client.value("SELECT count(*) FROM \(table)") == "\(number)")
        }
        try client.succeed("ROLLBACK")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
    }
}
