// Which effects does a statement have besides its class?

import SQL
import Testing

@Suite struct EffectTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sql: String
        let effects: Effects

        init(_ sql: String, _ effects: Effects) {
            self.sql = sql
            self.effects = effects
        }

        var testDescription: String { sql }
    }

    @Test(arguments: [
        Case("SELECT 1", []), Case("SELECT inet_server_port()", .nodeAddress),
        Case("SELECT inet_server_addr(), pg_backend_pid()", [.nodeAddress, .primaryOnly]),
        Case("BEGIN", .transactionControl), Case("SAVEPOINT s", [.transactionControl, .savepoint]),
        Case("ROLLBACK TO s", [.transactionControl, .savepoint]),
        Case("PREPARE TRANSACTION 'x'", [.transactionControl, .mayWrite, .preparedTransaction]),
        Case(
            "COMMIT PREPARED 'x'", [.transactionControl, .mayWrite, .refusesTransactionBlock, .preparedTransaction]),
        Case("SET TRANSACTION SNAPSHOT 'x'", [.transactionControl, .primaryOnly]),
        Case("SET x = 1", .sessionState), Case("SET LOCAL x = 1", .setLocal),
        Case("DISCARD ALL", [.sessionState, .refusesTransactionBlock, .lexing, .parsing]),
        Case("DISCARD PLANS", .sessionState),
        Case("DECLARE c CURSOR FOR SELECT 1", .cursor), Case("FETCH c", .cursor), Case("CLOSE c", .cursor),
        Case("DECLARE c CURSOR WITH HOLD FOR SELECT 1", .sessionState),
        Case("DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE", [.cursor, .rowLocks]),
        Case("COPY t FROM STDIN", [.mayWrite, .copyIn]), Case("COPY t FROM STDOUT", [.mayWrite, .copyIn]),
        Case("COPY t FROM '/x'", .mayWrite), Case("COPY t TO STDOUT", .copyOut),
        Case("COPY t TO '/x'", [.mayWrite, .notOnReplica]), Case("COPY t TO PROGRAM 'x'", [.mayWrite, .notOnReplica]),
        Case("SELECT pg_switch_wal()", [.mayWrite, .notOnReplica]),
        Case("COPY (SELECT nextval('s')) TO STDOUT", [.mayWrite, .copyOut]),
        Case("CREATE TABLE t (a int)", [.mayWrite, .ddl]), Case("DROP TABLE t", [.mayWrite, .ddl]),
        Case("ALTER TABLE t ADD b int", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE POLICY p ON t USING (f())", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("ALTER POLICY p ON t USING (true)", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("ALTER VIEW v RENAME TO w", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("SELECT 1 INTO t", [.mayWrite, .ddl]),
        Case("CREATE TEMP TABLE t (a int)", [.mayWrite, .ddl, .sessionState]),
        Case("SELECT 1 INTO UNLOGGED t", [.mayWrite, .ddl, .catalog]),
        Case("SELECT 1 INTO UNLOGGED TABLE s.t FROM u", [.mayWrite, .ddl, .catalog]),
        Case("CREATE UNLOGGED TABLE t (a int)", [.mayWrite, .ddl, .catalog]),
        // What makes a sequence, which is read from the primary once it is known.
        Case("CREATE TABLE t (a serial, b int)", [.mayWrite, .ddl, .catalog]),
        Case("CREATE TABLE t (a BigSerial PRIMARY KEY)", [.mayWrite, .ddl, .catalog]),
        Case("CREATE TABLE t (a \"serial8\")", [.mayWrite, .ddl, .catalog]),
        Case("CREATE TABLE t (a U&\"serial4\")", [.mayWrite, .ddl, .catalog, .sessionState, .knownTables]),
        Case("CREATE VIEW U&\"v\" AS SELECT 1", [.mayWrite, .ddl, .catalog, .sessionState, .knownTables]),
        Case("CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)", [.mayWrite, .ddl, .catalog]),
        Case("CREATE TABLE t (LIKE u INCLUDING ALL)", [.mayWrite, .ddl, .catalog]),
        Case("CREATE TABLE t (LIKE u)", [.mayWrite, .ddl]),
        Case("CREATE TABLE t (a int GENERATED ALWAYS AS (b * 2) STORED, serials text)", [.mayWrite, .ddl]),
        Case("CREATE TEMP TABLE t (a serial)", [.mayWrite, .ddl, .sessionState]),
        Case(
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'",
            [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE VIEW v AS SELECT 1", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE POLICY p ON t", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE TEMP VIEW v AS SELECT 1", [.mayWrite, .ddl, .sessionState]),
        Case("CREATE TABLE t AS SELECT 1", [.mayWrite, .ddl]),
        Case("IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("TRUNCATE t", .mayWrite), Case("GRANT ALL ON t TO r", .mayWrite),
        Case("CREATE DATABASE d", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case(
            "DROP DATABASE d",
            [.mayWrite, .ddl, .refusesTransactionBlock, .loginNames]),
        Case("ALTER DATABASE d RENAME TO e", [.mayWrite, .ddl, .loginNames]),
        Case("ALTER ROLE r RENAME TO s", [.mayWrite, .ddl, .catalog, .loginNames]),
        Case("ALTER GROUP r RENAME TO s", [.mayWrite, .ddl, .catalog, .loginNames]),
        Case("DROP ROLE IF EXISTS r, s", [.mayWrite, .ddl, .loginNames]),
        Case("DROP USER r", [.mayWrite, .ddl, .loginNames]),
        Case("CREATE SEQUENCE s", [.mayWrite, .ddl, .catalog]),
        Case("ALTER SEQUENCE s RESTART", [.mayWrite, .ddl, .catalog]),
        Case("ALTER SCHEMA s RENAME TO t", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case(
            "CREATE RULE \"_RETURN\" AS ON SELECT TO t DO INSTEAD SELECT 1", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE STATISTICS s ON (f(1) + a) FROM t", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE TABLESPACE x LOCATION '/x'", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("DROP TABLESPACE x", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("ALTER SUBSCRIPTION s REFRESH PUBLICATION", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("DROP SUBSCRIPTION s", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("ALTER SYSTEM SET x = 1", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("ALTER DATABASE d SET TABLESPACE x", [.mayWrite, .ddl, .refusesTransactionBlock, .sessionDefaults]),
        Case("ALTER DATABASE d OWNER TO r", [.mayWrite, .ddl]),
        Case("ALTER DATABASE d RESET ALL", [.mayWrite, .ddl, .sessionDefaults]),
        Case("ALTER ROLE r PASSWORD 'x'", [.mayWrite, .ddl, .catalog]),
        Case("alter user all in database d set a.b = 'c'", [.mayWrite, .ddl, .catalog, .sessionDefaults]),
        Case("CREATE INDEX CONCURRENTLY i ON t (a)", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case("CREATE INDEX i ON t (a)", [.mayWrite, .ddl]),
        Case("CREATE UNIQUE INDEX ON t USING btree (lower(a), b DESC) WHERE (b > 1)", [.mayWrite, .ddl]),
        Case("CREATE INDEX ON t ((f(1) + a))", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("CREATE INDEX ON t (a) WHERE s.f(1) = a", [.mayWrite, .ddl, .catalog, .knownTables]),
        Case("DROP INDEX CONCURRENTLY i", [.mayWrite, .ddl, .refusesTransactionBlock]),
        Case(
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            [.mayWrite, .ddl, .catalog, .refusesTransactionBlock, .knownTables]),
        Case("REINDEX INDEX CONCURRENTLY i", [.mayWrite, .refusesTransactionBlock]),
        Case("VACUUM", [.mayWrite, .refusesTransactionBlock]), Case("ANALYZE t", .mayWrite),
        Case("CLUSTER t", [.mayWrite, .refusesTransactionBlock]), Case("CHECKPOINT", .mayWrite),
        Case("REFRESH MATERIALIZED VIEW CONCURRENTLY m", .mayWrite),
        Case("CALL p()", [.mayWrite, .hiddenCode, .refusesTransactionBlock]),
        Case("DO 'x'", [.mayWrite, .hiddenCode, .catalog, .refusesTransactionBlock, .knownTables]),
        Case("EXECUTE p", [.mayWrite, .hiddenCode, .statementName]),
        Case("PREPARE p AS DELETE FROM t", [.sessionState, .statementName]),
        Case("LOCK t", .rowLocks), Case("LOCK TABLE t, u IN ACCESS SHARE MODE", [.rowLocks, .readerLock]),
        Case("lock only a.t in access share mode nowait;", [.rowLocks, .readerLock]),
        Case("LOCK t IN SHARE MODE", .rowLocks),
        Case("LOCK t IN ACCESS EXCLUSIVE MODE", .rowLocks), Case("LOCK t IN ACCESS SHARE MODE MODE", .rowLocks),
        Case("LOCK access, share, mode", .rowLocks), Case("SELECT a FROM t FOR SHARE", .rowLocks),
        Case("SELECT currval('s')", [.sequenceState, .primaryOnly]),
        Case("SELECT set_config('a', 'b', true)", [.setLocal, .primaryOnly]),
        Case("EXPLAIN DELETE FROM t", []), Case("EXPLAIN SELECT f(1)", [.primaryOnly, .notOnReplica]),
        Case("EXPLAIN SELECT 1 WHERE txid_current() = 1", [.primaryOnly, .notOnReplica]),
        Case("EXPLAIN DECLARE c CURSOR FOR SELECT pg_current_xact_id()", [.primaryOnly, .notOnReplica]),
        Case("EXPLAIN SELECT nextval('s')", []), Case("SELECT txid_current()", .mayWrite),
        Case("EXPLAIN ANALYZE SELECT txid_current()", .mayWrite),
        Case("EXPLAIN ANALYZE DELETE FROM t", .mayWrite), Case("EXPLAIN SELECT pg_backend_pid()", .primaryOnly),
        Case("SET x = 1; INSERT INTO t VALUES (1)", [.sessionState, .mayWrite]),
        Case("BEGIN; DELETE FROM t; COMMIT", [.transactionControl, .mayWrite]),
        Case("foo", [.mayWrite, .hiddenCode, .notUnderstood]),
        Case("SET standard_conforming_strings = off", [.sessionState, .lexing, .parsing]),
        Case("SET LOCAL \"Client_Encoding\" TO latin1", [.setLocal, .lexing, .parsing]),
        Case("SET NAMES 'utf8'", [.sessionState, .lexing, .parsing]),
        Case("RESET client_encoding", [.sessionState, .lexing, .parsing]),
        Case("SET LOCAL datestyle = iso", [.setLocal, .parsing]),
        Case("SET TIME  ZONE 'UTC'", [.sessionState, .parsing]),
        Case("RESET timezone", [.sessionState, .parsing]), Case("SET LOCAL search_path = a", .setLocal),
        Case("RESET ALL", [.sessionState, .lexing, .parsing]), Case("RESET work_mem", .sessionState),
        Case("SELECT set_config('client_encoding', $1, true)", [.setLocal, .primaryOnly, .lexing, .parsing]),
        Case("SELECT set_config('a.b', 'x' || $1, true)", [.setLocal, .primaryOnly]),
        Case("SELECT set_config($1, 'x', true)", [.setLocal, .primaryOnly, .lexing, .parsing]),
        Case("SELECT set_config('a' || $1, 'x', true)", [.setLocal, .primaryOnly, .lexing, .parsing]),
        Case(
            "SELECT set_config('a', 'b', true), set_config($1, 'x', true)",
            [.setLocal, .primaryOnly, .lexing, .parsing]),
        Case("SELECT set_config('standard_conforming_strings', 'off', false)", [.sessionState, .lexing, .parsing]),
        Case("UPDATE pg_settings SET setting = 'x'", [.sessionState, .mayWrite, .primaryOnly, .lexing, .parsing]),
        Case("DEALLOCATE p", [.sessionState, .statementName]), Case("DEALLOCATE ALL", [.sessionState, .statementName]),
        Case("EXPLAIN EXECUTE p", [.primaryOnly, .notOnReplica, .statementName]),
        Case("CREATE TABLE t AS EXECUTE p", [.mayWrite, .ddl, .hiddenCode, .statementName]),
        Case("foo; COPY t FROM STDIN", [.mayWrite, .hiddenCode, .notUnderstood, .copyIn]),
        Case("BEGIN foo", [.transactionControl, .mayWrite, .hiddenCode, .notUnderstood]),
    ])
    func effects(_ example: Case) {
        #expect(classify(example.sql).effects == example.effects, "\(classify(example.sql))")
    }

    @Test func classesAreOrdered() {
        #expect(RouteClass.allCases == RouteClass.allCases.sorted())
        #expect(RouteClass.replicaSafe < .primaryOnlyRead)
        #expect(RouteClass.transactionControl < .sessionState)
    }
}
