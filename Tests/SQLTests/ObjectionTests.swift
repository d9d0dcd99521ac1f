// What in a text makes it a claim on the primary, and how strong a claim?

import SQL
import Testing

@Suite struct ObjectionTests {
    @Test(arguments: lines(writes))
    func isWrite(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .write, "\(verdict)")
        #expect(verdict.effects.contains(.mayWrite))
        #expect(!verdict.effects.contains(.hiddenCode), "\(verdict)")
        #expect(verdict.pins.isEmpty, "\(verdict)")
    }

    /// Writes whose text shows all they do: no hidden code, no pin.
    static let writes = """
        INSERT INTO t VALUES (1)
        INSERT INTO t(a, b) VALUES (1, lower('x'))
        INSERT INTO s.t (a, b) SELECT a, b FROM u
        INSERT INTO t AS x (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET (a, b) = (excluded.a, 2) WHERE x.a > 1 \
            RETURNING *
        INSERT INTO t (a) VALUES (1) ON CONFLICT (a, lower(b)) WHERE c DO NOTHING
        INSERT INTO t (a) VALUES (1) ON CONFLICT ON CONSTRAINT k DO NOTHING
        INSERT INTO t DEFAULT VALUES
        INSERT INTO t (SELECT 1)
        INSERT INTO t (WITH a(x) AS (SELECT 1) SELECT * FROM a)
        INSERT INTO t WITH a(x) AS (SELECT 1) SELECT * FROM a
        INSERT INTO t (a) WITH a(x) AS (SELECT 1) SELECT * FROM a
        INSERT INTO t (a[1], b.c) OVERRIDING SYSTEM VALUE VALUES (1, 2)
        INSERT INTO "t" ("a") VALUES ('x')
        INSERT INTO t VALUES (nextval('s'))
        UPDATE t SET a = 1
        UPDATE ONLY t AS x SET a = lower(b), (c, d) = (1, 2) FROM u y(e) WHERE x.a = y.e RETURNING x.*
        UPDATE t x SET (a, b) = ROW(1, 2) WHERE false
        DELETE FROM t
        DELETE FROM ONLY t x USING u AS y(a), v z(b) WHERE x.a = y.a
        MERGE INTO t USING u ON (t.a = u.a) WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a, \
            b) VALUES (1, 2)
        MERGE INTO t x USING (SELECT 1) s(a) ON x.a = s.a WHEN MATCHED AND s.a > 1 THEN DELETE WHEN NOT MATCHED \
            THEN DO NOTHING
        WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a
        WITH a AS (SELECT 1) UPDATE t SET a = 1
        WITH a AS (SELECT 1) DELETE FROM t
        WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE
        WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d
        WITH d AS MATERIALIZED (DELETE FROM t RETURNING *) SELECT * FROM d
        WITH i AS (INSERT INTO t(a) VALUES (1) RETURNING a) SELECT * FROM i
        WITH u AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM u
        WITH u AS (UPDATE "t" SET a = 1 RETURNING *) SELECT * FROM u
        WITH m AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM m
        WITH a AS (SELECT 1), d AS (DELETE FROM t) SELECT 1
        WITH a AS (WITH b AS (SELECT 1) DELETE FROM t RETURNING *) SELECT * FROM a
        WITH RECURSIVE s(a) AS (SELECT 1) SEARCH DEPTH FIRST BY a SET o DELETE FROM t
        WITH RECURSIVE s(a) AS (SELECT 1) SEARCH DEPTH FIRST BY a SET key UPDATE t SET a = 1
        WITH RECURSIVE s(a) AS (SELECT 1) CYCLE a SET c TO 1 DEFAULT 0 USING p DELETE FROM t
        SELECT * FROM (WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d) x
        (WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d)
        SELECT * INTO u FROM t
        SELECT 1 INTO TABLE u
        SELECT a INTO UNLOGGED u FROM t
        (SELECT 1 INTO u)
        WITH a AS (SELECT 1) SELECT * INTO u FROM a
        SELECT 1 AS a INTO u
        SELECT 1 AS as INTO u
        SELECT a AS b, c into d from e
        SELECT nextval('s')
        SELECT NEXTVAL('s'), pg_catalog.nextval('s')
        SELECT "nextval"('s')
        SELECT "pg_catalog"."nextval" ('s')
        SELECT nextval /* c */ ('s') -- d
        SELECT U&"next\\0076al"('s')
        SELECT 1 WHERE nextval('s') > 0
        SELECT lower(nextval('s')::text)
        SELECT (SELECT nextval('s'))
        SELECT ARRAY[nextval('s')], a[nextval('s')] FROM t
        SELECT * FROM t WHERE 1=1and nextval('s')>0
        VALUES (nextval('s'))
        SELECT * FROM nextval('s') AS x(a)
        SELECT * FROM LATERAL nextval('s')
        SELECT * FROM ROWS FROM (nextval('s'))
        SELECT * FROM t x, nextval('s')
        SELECT * FROM t x JOIN nextval('s') ON true
        SELECT * FROM t x CROSS JOIN LATERAL nextval('s') y
        SELECT * FROM t JOIN u ON t.a = nextval('s')
        SELECT * FROM t WINDOW w AS (PARTITION BY nextval('s'))
        SELECT * FROM t ORDER BY nextval('s')
        SELECT * FROM t LIMIT nextval('s')
        SELECT * FROM t OFFSET nextval('s')
        SELECT * FROM t GROUP BY nextval('s')
        SELECT a FROM t GROUP BY ROLLUP (nextval('s'))
        SELECT count(*) FILTER (WHERE nextval('s') > 1) FROM t
        SELECT sum(a) OVER (ORDER BY nextval('s')) FROM t
        SELECT DISTINCT ON (a) nextval('s') FROM t
        SELECT a IS DISTINCT FROM nextval('s')
        SELECT a IS DISTINCT FROM b AND nextval('s') > 1
        SELECT a IS DISTINCT FROM b BETWEEN (nextval('s')) AND 3
        SELECT a OPERATOR(pg_catalog.+) nextval('s') FROM t
        SELECT extract(epoch FROM nextval('s'))
        SELECT substring(a FROM 1 FOR nextval('s')) FROM t
        SELECT a AT TIME ZONE nextval('s') FROM t
        SELECT a BETWEEN nextval('s') AND 2 FROM t
        SELECT CASE WHEN nextval('s') > 1 THEN 1 END
        SELECT coalesce(1, nextval('s'))
        SELECT CAST(nextval('s') AS text)
        SELECT nextval('s')::text
        SELECT treat('s' AS nextval)
        SELECT 1 AS x, nextval('s')
        WITH a(x) AS (SELECT nextval('s')) SELECT * FROM a
        INSERT INTO t (SELECT nextval('s'))
        EXPLAIN ANALYZE DELETE FROM t
        EXPLAIN (ANALYZE) INSERT INTO t(a) VALUES (1)
        EXPLAIN (ANALYZE true, VERBOSE) UPDATE t SET a = 1
        EXPLAIN (ANALYZE on) DELETE FROM t
        EXPLAIN (ANALYZE 1) DELETE FROM t
        EXPLAIN ("analyze") DELETE FROM t
        EXPLAIN (analyse, costs off) DELETE FROM t
        EXPLAIN (COSTS off, ANALYZE) DELETE FROM t
        EXPLAIN (ANALYZE false, ANALYZE) DELETE FROM t
        EXPLAIN ANALYZE VERBOSE DELETE FROM t
        EXPLAIN ANALYZE SELECT nextval('s')
        EXPLAIN ANALYZE WITH d AS (DELETE FROM t) SELECT 1
        EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1
        COPY t FROM STDIN
        COPY t (a, b) FROM STDIN WITH (FORMAT csv) WHERE lower(a) = 'x'
        COPY t FROM '/tmp/x'
        COPY t FROM PROGRAM 'x'
        COPY t TO '/tmp/x'
        COPY t TO PROGRAM 'x'
        COPY (SELECT 1) TO '/tmp/x'
        COPY (SELECT nextval('s')) TO STDOUT
        COPY (WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d) TO STDOUT
        COPY (DELETE FROM t RETURNING *) TO STDOUT
        COPY (INSERT INTO t(a) VALUES (1) RETURNING a) TO STDOUT
        DECLARE c CURSOR FOR SELECT nextval('s')
        CREATE TABLE t (a int PRIMARY KEY, b varchar(10) DEFAULT my_f(), CHECK (my_f(b)), c geometry(point))
        CREATE TABLE IF NOT EXISTS t (a int) PARTITION BY RANGE (a)
        CREATE TABLE t AS SELECT lower(a) FROM u
        CREATE TABLE t (a, b) AS VALUES (1, 2)
        CREATE UNLOGGED TABLE t (a int)
        CREATE VIEW v (a) AS SELECT my_f(1)
        CREATE OR REPLACE VIEW v AS SELECT 1
        CREATE MATERIALIZED VIEW m AS SELECT my_f(1)
        CREATE UNIQUE INDEX i ON t USING gin (my_f(a) gin_trgm_ops(siglen=32)) WHERE g(b)
        CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'
        CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ BEGIN; SELECT 1; END $$
        CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; SELECT 2 AS end; END
        CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END
        CREATE FUNCTION f() RETURNS int RETURN g(1)
        CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)
        CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()
        CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1
        CREATE EXTENSION pg_trgm
        CREATE ROLE r
        CREATE TYPE e AS ENUM ('a', 'b')
        CREATE TEMP TABLE t (a int) ON COMMIT DROP
        CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT 1
        CREATE TABLE pg_temp.t (a int) ON COMMIT DROP
        ALTER TABLE t ADD COLUMN a varchar(10) DEFAULT lower('x'), ADD COLUMN b geometry(point), ADD CHECK (a > 'x')
        ALTER TABLE t ALTER a TYPE int USING length(a)
        ALTER TABLE t ADD CONSTRAINT c EXCLUDE USING gist (my_f(a) WITH &&)
        ALTER TABLE t ADD COLUMN d int DEFAULT 0, ADD FOREIGN KEY (a) REFERENCES u (b), ADD PRIMARY KEY (a)
        ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i
        ALTER DATABASE d SET work_mem = '1MB'
        ALTER ROLE r SET search_path = a
        ALTER FUNCTION f(int) STABLE
        ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r
        DROP TABLE t
        DROP FUNCTION f(int), g(text)
        GRANT EXECUTE ON FUNCTION f(int) TO r
        REVOKE ALL ON t FROM r
        COMMENT ON FUNCTION f(int) IS 'x'
        SECURITY LABEL ON TABLE t IS 'x'
        REASSIGN OWNED BY a TO b
        DROP OWNED BY a
        REFRESH MATERIALIZED VIEW CONCURRENTLY m
        TRUNCATE t, u
        IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y
        VACUUM t
        VACUUM (FULL, ANALYZE) t (a, b)
        ANALYZE
        ANALYZE t (a)
        REINDEX TABLE t
        CLUSTER
        CHECKPOINT
        NOTIFY c
        NOTIFY c, 'payload'
        SELECT pg_notify('c', 'x')
        SELECT txid_current()
        SELECT pg_current_xact_id()
        SELECT setval('s', 1)
        SELECT lo_create(0), lo_unlink(1)
        SELECT pg_terminate_backend(1)
        SELECT pg_promote()
        SELECT pg_reload_conf()
        SELECT pg_stat_reset()
        SELECT pg_switch_wal()
        SELECT pg_logical_emit_message(true, 'a', 'b')
        """

    @Test(arguments: lines(hidden))
    func runsHiddenCode(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .write, "\(verdict)")
        #expect(verdict.effects.isSuperset(of: [.mayWrite, .hiddenCode]))
        #expect(verdict.pins == .hiddenCode, "\(verdict)")
    }

    /// Code that the text does not show.
    static let hidden = """
        DO $$ BEGIN END $$
        DO LANGUAGE plpgsql 'BEGIN END'
        CALL p()
        CALL s.p(1, 'x')
        EXECUTE p
        EXECUTE p(1, 2)
        EXPLAIN ANALYZE EXECUTE p(1)
        CREATE TABLE t AS EXECUTE p(1)
        SELECT my_function()
        SELECT my_function(1, 'x')
        SELECT s.my_function()
        SELECT "My Function"()
        SELECT s."f" (1)
        SELECT "a""b"(1)
        SELECT U&"lowe\\0072x"(1)
        SELECT U&"lowe!00zz" UESCAPE '!' (1)
        SELECT U&"!006eextval" UESCAPE E'!' ('s')
        SELECT U&"!006eextval" UESCAPE $$!$$ ('s')
        SELECT U&"!006eextval" UESCAPE $a$!$a$('s')
        SELECT U&"!006eextval" UESCAPE '' ('s')
        SELECT U&"pg_catalog".lower(1)
        SELECT pg_catalog.U&"lower"(1)
        SELECT "LOWER"('x')
        SELECT "Pg_Catalog".lower('x')
        SELECT public.lower('x')
        SELECT db.pg_catalog.lower('x')
        SELECT (a).f(1) FROM t
        SELECT a.b.c.f(1)
        SELECT information_schema.f()
        SELECT * FROM my_function()
        SELECT * FROM my_function() AS x(a int)
        SELECT * FROM t, my_function(t.a)
        SELECT * FROM t x CROSS JOIN LATERAL my_function(x.a) y(b)
        SELECT * FROM t JOIN u ON my_function(t.a)
        SELECT * FROM t x WHERE my_function(x)
        SELECT * FROM t TABLESAMPLE my_method (10)
        SELECT a FROM t WHERE b OPERATOR(pg_catalog.=) my_function(1)
        SELECT DISTINCT ON (a) my_function(b) FROM t
        SELECT DISTINCT ON (a) over(b) FROM t
        SELECT lower(my_function(1))
        SELECT coalesce(a, my_function(1))
        SELECT CASE WHEN a THEN my_function(1) END
        SELECT a[my_function(1)] FROM t
        SELECT my_function(1)::text
        SELECT '1'::text || my_function(1)
        SELECT 1 AS a, my_function(1)
        SELECT count(*) FILTER (WHERE my_function(a)) FROM t
        SELECT sum(a) OVER (PARTITION BY my_function(b)) FROM t
        SELECT a FROM t WINDOW w AS (ORDER BY my_function(b))
        SELECT a FROM t GROUP BY my_function(b), ROLLUP (a)
        SELECT a FROM t WHERE cube(a)
        SELECT rollup(a) FROM t
        SELECT over(1), filter(1), set(1), conflict(1), materialized(1), by(1)
        SELECT join(1)
        SELECT * FROM t JOIN u ON join(1)
        SELECT ilike(1, 2)
        SELECT columns(1)
        SELECT second(1)
        SELECT varying(1)
        SELECT operator(1)
        SELECT insert(1, 2)
        SELECT a FROM t WHERE x = key(1)
        SELECT treat(1 AS my_function)
        WITH a AS (SELECT my_function(1)) SELECT * FROM a
        WITH a(x) AS MATERIALIZED (SELECT my_function(1)) SELECT * FROM a
        VALUES (my_function(1))
        INSERT INTO t VALUES (my_function(1))
        INSERT INTO t (a) VALUES (my_function(1))
        INSERT INTO t (SELECT my_function(1))
        INSERT INTO t ((SELECT my_function(1)))
        INSERT INTO t (VALUES (my_function(1)))
        INSERT INTO t (WITH a(x) AS (SELECT 1) SELECT my_function(1))
        INSERT INTO t (a[my_function(1)]) VALUES (1)
        INSERT INTO t SELECT my_function(1)
        INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = my_function(1)
        INSERT INTO t VALUES (1) RETURNING my_function(a)
        UPDATE t SET a = my_function(1)
        UPDATE t x SET a = 1 WHERE my_function(x.a)
        UPDATE t SET (a, b) = (my_function(1), 2)
        DELETE FROM t WHERE my_function(a)
        DELETE FROM t x USING my_function(1) y(a)
        MERGE INTO t USING my_function() s(a) ON true WHEN MATCHED THEN DELETE
        COPY (SELECT my_function(1)) TO STDOUT
        COPY t FROM STDIN WHERE my_function(a)
        DECLARE c CURSOR FOR SELECT my_function(1)
        EXPLAIN ANALYZE SELECT my_function(1)
        EXPLAIN (ANALYZE) (SELECT my_function(1))
        CREATE TABLE t AS SELECT my_function(1)
        CREATE TABLE t AS WITH a AS (SELECT my_function(1)) SELECT * FROM a
        ALTER TABLE t ADD COLUMN a int DEFAULT my_function()
        ALTER TABLE t ALTER a TYPE int USING my_function(a)
        ALTER TABLE t ADD CHECK (my_function(a))
        ALTER DOMAIN d ADD CHECK (my_function(value))
        SELECT query_to_xml('select 1', true, true, '')
        SELECT ts_stat('select 1')
        SELECT dblink('x', 'y')
        SELECT dblink_connect('x')
        """

    @Test(arguments: lines(primaryOnly))
    func isPrimaryOnly(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .primaryOnlyRead, "\(verdict)")
        #expect(verdict.effects.contains(.primaryOnly))
        #expect(verdict.effects.isDisjoint(with: [.mayWrite, .hiddenCode, .sessionState]))
        #expect(verdict.pins.isEmpty)
    }

    static let primaryOnly = """
        SELECT pg_is_in_recovery()
        SELECT pg_backend_pid()
        SELECT pg_postmaster_start_time()
        SELECT pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()
        SELECT pg_current_wal_lsn()
        SELECT pg_read_file('x'), pg_ls_dir('.')
        SELECT pg_export_snapshot()
        SELECT * FROM pg_stat_activity
        SELECT * FROM pg_catalog.pg_stat_replication
        SELECT * FROM PG_STAT_DATABASE
        SELECT * FROM "pg_stat_database"
        SELECT * FROM pg_statio_user_tables
        SELECT * FROM pg_locks l JOIN pg_class c ON l.relation = c.oid
        SELECT * FROM pg_prepared_xacts
        SELECT * FROM pg_replication_slots
        SELECT * FROM pg_settings
        SELECT * FROM (SELECT * FROM pg_locks) x
        SELECT * FROM U&"pg\\005fsettings"
        SELECT * FROM U&"pg!005fsettings" UESCAPE '!'
        SELECT * FROM U&"pg!005fsettings" /* c */ uescape /* d */ '!'
        SELECT * FROM U&"!+000070g_locks" UESCAPE'!'
        SELECT * FROM U&"\\zzzz"
        TABLE pg_settings
        WITH a AS (TABLE pg_locks) SELECT * FROM a
        COPY (SELECT * FROM pg_locks) TO STDOUT
        DECLARE c CURSOR FOR SELECT * FROM pg_locks
        EXPLAIN ANALYZE SELECT * FROM pg_locks
        EXPLAIN SELECT my_function(1)
        EXPLAIN EXECUTE p(1)
        SHOW in_hot_standby
        SHOW IN_HOT_STANDBY
        SHOW "transaction_read_only"
        SHOW transaction_read_only
        SHOW ALL
        SELECT current_setting('in_hot_standby')
        SELECT current_setting('Transaction_Read_Only', true)
        SELECT pg_catalog.current_setting('in_hot_standby')
        SELECT current_setting($1)
        SELECT current_setting(name) FROM t
        SELECT current_setting('in_hot' || '_standby')
        SELECT current_setting(E'in_hot_standby')
        SELECT current_setting($$in_hot_standby$$)
        SELECT current_setting(lower('X'))
        SELECT current_setting(setting_name => 'x')
        SELECT pg_advisory_xact_lock(1)
        SELECT pg_try_advisory_xact_lock(1, 2)
        SELECT pg_advisory_xact_lock_shared(1)
        SELECT set_config('a.b', 'x', true)
        SELECT set_config('a.b', $1, true), set_config($2, lower('X'), TRUE)
        """

    @Test(arguments: lines(locks))
    func takesLocks(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .lockedRead, "\(verdict)")
        #expect(verdict.effects.contains(.rowLocks))
        #expect(verdict.pins.isEmpty)
    }

    static let locks = """
        SELECT * FROM t FOR UPDATE
        SELECT * FROM t FOR NO KEY UPDATE
        SELECT * FROM t FOR SHARE
        SELECT * FROM t FOR KEY SHARE
        SELECT * FROM t x FOR UPDATE OF x SKIP LOCKED
        SELECT * FROM t for update nowait
        SELECT * FROM t FOR SHARE OF t FOR UPDATE OF u
        SELECT * FROM (SELECT * FROM t FOR UPDATE) x
        SELECT (SELECT a FROM t FOR UPDATE)
        SELECT coalesce((SELECT a FROM t FOR UPDATE), 1)
        SELECT EXISTS (SELECT 1 FROM t FOR SHARE)
        SELECT ARRAY(SELECT a FROM t FOR SHARE)
        WITH a AS (SELECT * FROM t FOR UPDATE) SELECT * FROM a
        (SELECT * FROM t) FOR UPDATE
        ((SELECT * FROM t) FOR UPDATE)
        TABLE t FOR UPDATE
        SELECT * FROM t FOR /* c */ UPDATE
        SELECT * FROM t WHERE a = substring(b FOR 3) FOR UPDATE
        DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE
        COPY (SELECT * FROM t FOR UPDATE) TO STDOUT
        EXPLAIN ANALYZE SELECT * FROM t FOR UPDATE
        LOCK t
        LOCK TABLE t IN SHARE MODE NOWAIT
        """

    @Test(arguments: lines(unknown))
    func isNotUnderstood(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.effects.isSuperset(of: [.mayWrite, .hiddenCode, .notUnderstood]), "\(verdict)")
        #expect(verdict.pins.contains(.hiddenCode))
        #expect(verdict.routeClass >= .write)
        #expect(verdict.command == .other || verdict.command == .explain || verdict.command == .select, "\(verdict)")
    }

    static let unknown = """
        SELEC 1
        foo
        1
        'x'
        "select" 1
        U&"select" 1
        , SELECT 1
        ) SELECT 1
        SELECT 'abc
        SELECT "abc
        SELECT $$abc
        SELECT $a$ x $b$
        SELECT E'abc\\'
        SELECT /* a
        SELECT /* a /* b */
        SELECT (1
        SELECT 1)
        SELECT (1;2)
        SELECT a[1
        SELECT \\x
        SELECT {x}
        SELECT $ 1
        BEGIN FOO
        BEGIN ISOLATION LEVEL
        BEGIN READ
        BEGIN READ ONLY,
        BEGIN NOT
        START
        START TRANSACTION x
        COMMIT AND
        COMMIT AND NO
        COMMIT foo
        COMMIT PREPARED
        ROLLBACK TO
        SAVEPOINT
        RELEASE
        SET
        SET x
        SET x 1
        SET x =
        SET LOCAL
        SET U&"x" = 1
        SET TRANSACTION
        SET TRANSACTION FOO
        SET SESSION CHARACTERISTICS
        SET SESSION CHARACTERISTICS AS TRANSACTION
        RESET
        RESET x y
        SHOW
        SHOW x y
        DISCARD
        DISCARD FOO
        DISCARD ALL x
        DEALLOCATE
        DEALLOCATE 1
        PREPARE 1
        DECLARE c FOR SELECT 1
        DECLARE c CURSOR FOR DELETE FROM t
        DECLARE c CURSOR WITH FOR SELECT 1
        COPY t
        COPY 1 TO STDOUT
        COPY (SELECT 1)
        EXPLAIN
        EXPLAIN foo
        EXPLAIN EXPLAIN SELECT 1
        EXPLAIN VACUUM
        EXPLAIN SELECT 'x
        CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;
        CREATE TABLE t (a int
        SELECT * FROM U&"pg!005fsettings" UESCAPE E'!'
        SELECT * FROM U&"pg!005fsettings" UESCAPE /* c */ $$!$$
        """

    @Test func deepNestingIsNotUnderstoodButRead() {
        let fits = String(repeating: "(", count: 63) + "SELECT 1" + String(repeating: ")", count: 63)
        #expect(classify(fits).routeClass == .replicaSafe)
        let tooDeep = String(repeating: "(", count: 65) + "SELECT 1" + String(repeating: ")", count: 65)
        #expect(classify(tooDeep).effects.contains(.notUnderstood))
        #expect(classify(tooDeep).cause.note == .nestedTooDeep)
    }
}
