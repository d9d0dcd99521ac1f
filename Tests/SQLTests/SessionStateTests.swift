// What leaves something in the session, and does the session have to keep its server for it?

import SQL
import Testing

@Suite struct SessionStateTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sql: String
        let pins: PinReasons

        init(_ sql: String, _ pins: PinReasons) {
            self.sql = sql
            self.pins = pins
        }

        var testDescription: String { sql }
    }

    @Test(arguments: pinning)
    func pins(_ example: Case) {
        let verdict = classify(example.sql)
        #expect(verdict.pins == example.pins, "\(verdict)")
        #expect(verdict.routeClass == .sessionState, "\(verdict)")
        #expect(verdict.effects.contains(.sessionState))
    }

    static let pinning: [Case] = [
        Case("CREATE TEMP TABLE t (a int)", .temporaryTable),
        Case("CREATE TEMPORARY TABLE t AS SELECT 1", .temporaryTable),
        Case("CREATE LOCAL TEMP TABLE t (a int)", .temporaryTable),
        Case("CREATE GLOBAL TEMPORARY TABLE t (a int)", .temporaryTable),
        Case("CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS", .temporaryTable),
        Case("CREATE TEMP TABLE t (a int) ON COMMIT PRESERVE ROWS", .temporaryTable),
        Case("CREATE TEMP VIEW v AS SELECT 1", .temporaryTable),
        Case("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", .temporaryTable),
        Case("CREATE TEMP RECURSIVE VIEW v (a) AS SELECT 1", .temporaryTable),
        Case("CREATE TEMP SEQUENCE s", .temporaryTable),
        Case("CREATE TABLE pg_temp.t (a int)", .temporaryTable),
        Case("CREATE TABLE \"pg_temp\".t (a int)", .temporaryTable),
        Case("CREATE TABLE PG_TEMP_3.t (a int)", .temporaryTable),
        Case("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", .temporaryTable),
        Case("CREATE TYPE pg_temp.e AS ENUM ('a')", .temporaryTable),
        Case("CREATE TEMP TABLE t AS SELECT my_function()", [.temporaryTable, .hiddenCode]),
        Case("CREATE TEMP TABLE t AS EXECUTE p", [.temporaryTable, .hiddenCode]),
        Case("SELECT 1 INTO TEMP t", .temporaryTable),
        Case("SELECT a INTO TEMPORARY TABLE t FROM u", .temporaryTable),
        Case("SELECT a INTO LOCAL TEMP t FROM u", .temporaryTable),
        Case("SELECT a INTO pg_temp.t FROM u", .temporaryTable),
        Case("WITH a AS (SELECT 1) SELECT * INTO TEMP t FROM a", .temporaryTable),
        Case("EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", .temporaryTable),
        Case("LISTEN c", .listen),
        Case("LISTEN \"C\"", .listen),
        Case("DECLARE c CURSOR WITH HOLD FOR SELECT 1", .heldCursor),
        Case("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM t FOR UPDATE", .heldCursor),
        Case("SELECT pg_advisory_lock(1)", .advisoryLock),
        Case("SELECT pg_try_advisory_lock(1, 2)", .advisoryLock),
        Case("SELECT pg_advisory_lock_shared(1)", .advisoryLock),
        Case("SELECT 1 FROM t WHERE pg_try_advisory_lock(t.a)", .advisoryLock),
        Case("COPY (SELECT pg_advisory_lock(1)) TO STDOUT", .advisoryLock),
        Case("EXPLAIN ANALYZE SELECT pg_advisory_lock(1)", .advisoryLock),
        Case("PREPARE p AS SELECT 1", .sqlPrepare),
        Case("PREPARE p (int, varchar(10)) AS INSERT INTO t VALUES ($1, my_function($2))", .sqlPrepare),
        Case("PREPARE transaction AS SELECT 1", .sqlPrepare),
        Case("LOAD 'x'", .load),
        Case("SELECT setseed(0.5)", .seed),
        Case("SET seed = 0.5", .seed),
        Case("SET SESSION \"seed\" TO 0.5", .seed),
        Case("SET LOCAL SEED TO 0.5", .seed),
        Case("SELECT set_config('a.b', 'x', false)", .setting),
        Case("SELECT set_config('a.b', 'x', $1)", .setting),
        Case("SELECT set_config($1, $2, $3)", .setting),
        Case("SELECT set_config('a.b', 'x', not true)", .setting),
        Case("SELECT set_config('a.b', 'x', true and false)", .setting),
        Case("SELECT set_config(is_local => true, setting_name => 'a', new_value => 'b')", .setting),
        Case("SELECT set_config('a', set_config('b', 'c', true), false)", .setting),
        Case("SELECT set_config('a', set_config('b', 'c', false), true)", .setting),
        Case("SELECT pg_catalog.set_config('search_path', '', false)", .setting),
        Case("UPDATE pg_settings SET setting = 'x' WHERE name = 'y'", .setting),
        Case("UPDATE pg_catalog.\"pg_settings\" s SET setting = 'x'", .setting),
        Case("UPDATE U&\"pg\\005fsettings\" SET setting = 'x'", .setting),
        Case("WITH u AS (UPDATE pg_settings SET setting = '1' RETURNING *) SELECT * FROM u", .setting),
        Case("SET x = 1; SELECT 1", .setting),
        Case("SELECT 1; SET x = 1", .setting),
        Case("RESET x; SELECT 1", .setting),
        Case("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SELECT 1", .setting),
        Case("SET ROLE x; INSERT INTO t VALUES (1)", .setting),
        Case("BEGIN; SET x = 1; COMMIT", .setting),
        Case("SET x = 1; CREATE TEMP TABLE t (a int)", [.setting, .temporaryTable]),
        Case("LISTEN c; SELECT my_function()", [.listen, .hiddenCode]),
        Case("CALL p(setseed(0.5))", [.seed, .hiddenCode]),
        Case("EXECUTE p(pg_advisory_lock(1))", [.advisoryLock, .hiddenCode]),
    ]

    /// Session state that a session can record, or that only clears.
    @Test(arguments: lines(recordable))
    func needsNoPin(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .sessionState, "\(verdict)")
        #expect(verdict.pins.isEmpty, "\(verdict)")
    }

    static let recordable = """
        SET x = 1
        SET SESSION x TO 'a', 'b'
        SET search_path TO a, "b"
        SET TIME ZONE 'UTC'
        SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE
        SET NAMES 'utf8'
        SET SCHEMA 'x'
        SET ROLE r
        SET ROLE TO r
        SET role = 'r'
        SET SESSION AUTHORIZATION r
        SET SESSION SESSION AUTHORIZATION DEFAULT
        SET XML OPTION DOCUMENT
        SET my.setting = 'x'
        SET default_transaction_read_only = on
        SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY
        RESET x
        RESET TIME ZONE
        RESET SESSION AUTHORIZATION
        RESET TRANSACTION ISOLATION LEVEL
        RESET my.setting
        RESET ALL
        RESET ALL; SELECT 1
        DISCARD ALL
        DISCARD ALL; SELECT 1
        DISCARD PLANS
        DISCARD SEQUENCES
        DISCARD TEMP
        DISCARD TEMPORARY
        DEALLOCATE p
        DEALLOCATE PREPARE p
        DEALLOCATE ALL
        DEALLOCATE PREPARE ALL
        UNLISTEN c
        UNLISTEN *
        CLOSE ALL
        SELECT pg_advisory_unlock(1)
        SELECT pg_advisory_unlock_all()
        """

    @Test(arguments: ["SELECT currval('s')", "SELECT lastval()", "SELECT pg_catalog.currval('s')"])
    func remembersSequences(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.effects.isSuperset(of: [.sequenceState, .primaryOnly]))
        #expect(verdict.pins == .sequence)
        #expect(verdict.routeClass == .primaryOnlyRead)
    }

    @Test(arguments: [
        "SET LOCAL x = 1", "SET LOCAL TIME ZONE 'UTC'", "SET LOCAL ROLE r", "SET CONSTRAINTS ALL DEFERRED",
        "SET CONSTRAINTS a, b IMMEDIATE",
        "SET LOCAL SESSION AUTHORIZATION r", "SET LOCAL x = 1; SELECT 1",
    ])
    func endsWithTheTransaction(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.effects.contains(.setLocal), "\(verdict)")
        #expect(verdict.effects.isDisjoint(with: [.sessionState, .notUnderstood]))
        #expect(verdict.pins.isEmpty)
        #expect(verdict.routeClass == .primaryOnlyRead)
    }

    @Test(arguments: ["SET transaction_read_only = off", "SET LOCAL transaction_isolation TO 'serializable'"])
    func shapesTheTransaction(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .transactionControl, "\(verdict)")
        #expect(verdict.pins.isEmpty)
    }

    @Test func namesOfPins() {
        let reasons: PinReasons = [.listen, .temporaryTable, .hiddenCode]
        #expect(reasons.names == ["temporary table", "listen", "hidden code"])
        #expect("\(reasons)" == "temporary table, listen, hidden code")
        #expect(PinReasons().names.isEmpty)
    }
}
