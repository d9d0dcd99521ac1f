// Which statements are proven to be safe on a replica?

import SQL
import Testing

@Suite struct ReplicaSafeTests {
    @Test(arguments: lines(statements))
    func isReplicaSafe(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.routeClass == .replicaSafe, "\(verdict)")
        #expect(verdict.pins.isEmpty)
        #expect(verdict.effects.isDisjoint(with: [.mayWrite, .hiddenCode, .sessionState, .primaryOnly]))
        #expect(verdict.statementCount == 1)
    }

    @Test func commentsSpanLines() {
        #expect(classify("-- INSERT\nSELECT 1 /* a\n b */ -- c").routeClass == .replicaSafe)
        #expect(classify("-- SELECT 1\rINSERT INTO t VALUES (1)").routeClass == .write)
    }

    static let statements = """
        SELECT abalance FROM pgbench_accounts WHERE aid = 12345;
        SELECT abalance FROM pgbench_accounts WHERE aid = $1
        select 1
        SELECT
        SELECT;
        SELECT 'a;b', "c;d", $$e;f$$
        VALUES (1, 2), (3, 4)
        TABLE t
        TABLE ONLY t
        (SELECT 1)
        ((SELECT 1) UNION ALL (SELECT 2)) ORDER BY 1 LIMIT 1
        (TABLE t)
        (VALUES (1))
        SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4
        SELECT * FROM (VALUES (1, 'a')) AS v(id, name)
        SELECT DISTINCT a FROM t
        SELECT DISTINCT ON (a) a, lower(b) FROM t ORDER BY a, b
        SELECT ALL a FROM t
        # functions
        SELECT lower(name), upper(name), length(name) FROM t
        SELECT count(*), sum(x), avg(x), min(x), max(x) FROM t
        SELECT count(DISTINCT x) FILTER (WHERE x > 0) FROM t
        SELECT string_agg(a, ',' ORDER BY b) FROM t
        SELECT array_agg(x) FROM t
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FILTER (WHERE y) OVER (PARTITION BY z) FROM t
        SELECT row_number() OVER (PARTITION BY a ORDER BY b), rank() OVER w FROM t WINDOW w AS (ORDER BY c)
        SELECT sum(x) OVER (ORDER BY y ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
        SELECT lag(x, 1) OVER (ORDER BY y ROWS 3 PRECEDING) FROM t
        SELECT now(), current_timestamp, CURRENT_TIMESTAMP(3), localtime(0), current_date
        SELECT clock_timestamp(), random(), gen_random_uuid(), pg_sleep(0)
        SELECT left(a, 2), right(a, 2), replace(a, 'x', 'y') FROM t
        SELECT pg_catalog.lower('A'), "lower"('A'), pg_catalog."lower"('A'), "pg_catalog".lower('A')
        SELECT LOWER('A'), PG_CATALOG.LOWER('A')
        SELECT lower ( 'A' ), lower/* c */('A')
        SELECT version(), current_user, session_user, current_schema(), current_database()
        SELECT pg_get_viewdef('v'::regclass), format_type(1, 2), obj_description(1, 'pg_class')
        SELECT inet_server_addr(), inet_server_port()
        SELECT coalesce(a, b), nullif(a, b), greatest(a, b), least(a, b) FROM t
        SELECT extract(epoch FROM ts), extract(year from now()) FROM t
        SELECT substring(a FROM 1 FOR 3), substring(a, 1, 3), substring(a for 3), substring(a from 'x' for '#') FROM t
        SELECT overlay(a PLACING b FROM 1 FOR 2), position('a' IN b), trim(BOTH 'x' FROM a), trim(a) FROM t
        SELECT COLLATION FOR (a) FROM t
        SELECT CAST(a AS varchar(10)), CAST(a AS numeric(10, 2)), CAST(a AS my_type(3)) FROM t
        SELECT CAST(a AS double precision), CAST(a AS character varying(10)), CAST(a AS interval second(3)) FROM t
        SELECT a::varchar(10), a::numeric(10,2)::text, a::my_type(3), a::my_schema.my_type(3, 4) FROM t
        SELECT a::timestamp(3) with time zone, a::time(3) without time zone, a::bit varying(5), a::double \
            precision FROM t
        SELECT a::character varying(10), a::national character varying(10), a::nchar varying(3), a::interval(3) FROM t
        SELECT interval '1 day', interval(3) '1 second', interval '1' second(3), interval '1' day to second(2)
        SELECT timestamp(3) '2020-01-01', date '2020-01-01', numeric(10,2) '1.5', time (3) '10:00'
        SELECT 'pg_class'::regclass, 'a'::regtype, 'x'::regproc, '1'::regrole
        SELECT ARRAY[1, 2], ARRAY(SELECT 1), a[1], a[1:2], a[:] FROM t
        SELECT ROW(1, 2), (1, 2), ROW(a.*) FROM t a
        SELECT (a).b, (a).b.c, (f.x).* FROM f
        SELECT CASE WHEN (a) THEN (b) ELSE (c) END, CASE (x) WHEN (1) THEN 2 END FROM t
        SELECT a IN (1, 2), a NOT IN (SELECT 1), a = ANY (b), a = ALL (SELECT 1), a = SOME (b) FROM t
        SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1)
        SELECT a LIKE ('x'), a NOT LIKE ('x'), a ILIKE ('x'), a NOT ILIKE ('x'), a SIMILAR TO ('x') FROM t
        SELECT a LIKE 'x' ESCAPE ('!'), name LIKE ('a'), type ILIKE ('b') FROM t
        SELECT a BETWEEN (1) AND (2), a BETWEEN SYMMETRIC (1) AND (2) FROM t
        SELECT (a, b) OVERLAPS (c, d) FROM t
        SELECT a AT TIME ZONE ('utc'), a AT TIME ZONE 'utc' FROM t
        SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM (b) FROM t
        SELECT a OPERATOR(pg_catalog.+) b, OPERATOR(pg_catalog.-) a, a OPERATOR (+) b FROM t
        SELECT a #> b, a ->> 'x', a @> b, a ?| b, a <-> b, !! a, @ a, |/ a FROM t
        SELECT -1, +1, - 1, 1 - -1, 1.5, .5, 1e10, 1.e5, 1.5e-3, 0x1F, 1_000
        SELECT xmlelement(name foo, xmlattributes(a AS b)), xmlconcat(a, b), xmlforest(a AS b), \
            xmlparse(document a) FROM t
        SELECT xmlserialize(content a AS varchar(10)), xmlpi(name php), xmlroot(a, version '1.0'), \
            xmlexists('x' PASSING b) FROM t
        SELECT * FROM XMLTABLE('/r' PASSING d COLUMNS id int PATH '@id', n varchar(10) PATH 'n') AS x(a, b)
        SELECT json_object('a': 1), json_array(1, 2), json_value(j, '$.a'), json_exists(j, '$'), json_query(j, \
            '$') FROM t
        SELECT json_arrayagg(a ORDER BY b) FILTER (WHERE c) OVER (PARTITION BY d) FROM t
        SELECT * FROM JSON_TABLE(j, '$[*]' COLUMNS (id FOR ORDINALITY, a text PATH '$.a', NESTED PATH '$' \
            COLUMNS (b int))) AS jt
        SELECT GROUPING(a), a FROM t GROUP BY GROUPING SETS ((a), (b), ROLLUP (a, b), CUBE (a, b), ())
        SELECT a FROM t GROUP BY ROLLUP (a, b), CUBE (c, (d, e))
        SELECT a FROM t GROUP BY DISTINCT ROLLUP (a)
        SELECT a FROM t GROUP BY (a, b) HAVING (count(*) > 1) ORDER BY (a) LIMIT (1) OFFSET (2)
        SELECT a FROM t ORDER BY a USING < NULLS FIRST FETCH FIRST (3) ROWS ONLY
        SELECT a FROM t ORDER BY a FETCH NEXT ROW WITH TIES
        SELECT treat(a AS text), treat(a AS int) FROM t
        SELECT current_setting('search_path'), current_setting('work_mem', true), current_setting('x.y'::text)
        # FROM
        SELECT * FROM t, u v, w AS x
        SELECT * FROM t x(a, b), u AS y(c, d)
        SELECT * FROM s.t x(a, b) JOIN (SELECT 1) z(c) ON x.a = z.c
        SELECT * FROM t "x"(a, b)
        SELECT * FROM t JOIN u USING (a, b) LEFT JOIN v ON (t.a = v.a) CROSS JOIN w NATURAL JOIN z
        SELECT * FROM t JOIN u USING (a) AS j WHERE j.a = 1
        SELECT * FROM (t JOIN u ON true) x, (a CROSS JOIN (b JOIN c USING (d)))
        SELECT * FROM t FULL OUTER JOIN (u INNER JOIN v ON true) ON (true), LATERAL (SELECT 1) l(x)
        SELECT * FROM generate_series(1, 10) AS g(i), unnest(ARRAY[1]) WITH ORDINALITY AS u(a, b)
        SELECT * FROM generate_series(1, 10) g(i)
        SELECT * FROM unnest(a, b) WITH ORDINALITY u(x, y)
        SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY[1])) AS r(a, b)
        SELECT * FROM json_to_recordset('[]') AS x(a int, b varchar(10), c geometry(point, 4326))
        SELECT * FROM ROWS FROM (json_to_record('{}') AS (a int, b numeric(3, 1)))
        SELECT * FROM json_to_record('{}') AS (a int, b foo(3))
        SELECT * FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (3)
        SELECT * FROM t TABLESAMPLE system (10)
        SELECT * FROM ONLY t, ONLY (u)
        SELECT * FROM LATERAL (SELECT 1) AS x
        SELECT a.*, b.c FROM a, b WHERE a.x = b.y AND (a.z > 1 OR b.w IS NULL)
        SELECT * FROM information_schema.tables, pg_class c, pg_catalog.pg_namespace, pg_statistic, pg_stats
        SELECT x FROM information_schema._pg_expandarray(ARRAY[1]) AS x
        # WITH
        WITH a AS (SELECT 1) SELECT * FROM a
        WITH a(x, y) AS (SELECT 1, 2), b(z) AS (VALUES (1)) SELECT * FROM a, b
        WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT sum(n) FROM t
        WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) TABLE a
        WITH RECURSIVE s(a, b) AS (SELECT 1, 2) SEARCH DEPTH FIRST BY a, b SET o SELECT * FROM s
        WITH RECURSIVE s(a, b) AS (SELECT 1, 2) CYCLE a SET c USING p SELECT * FROM s
        WITH RECURSIVE s(a) AS (SELECT 1) CYCLE a SET c TO true DEFAULT false USING p, t(b) AS (SELECT 1) \
            SELECT * FROM s
        WITH a AS (WITH b(x) AS (SELECT 1) SELECT * FROM b) VALUES (1)
        (WITH a AS (SELECT 1) SELECT * FROM a)
        SELECT * FROM (WITH a(x) AS (SELECT 1) SELECT * FROM a) s
        WITH "A" ("x") AS (SELECT 1) SELECT * FROM "A"
        # words that look dangerous
        SELECT update, delete, insert, merge FROM t
        SELECT t.update, t.into, t.delete, t.for FROM t
        SELECT 1 AS into, 2 AS update, 3 AS "delete", 4 AS for, 5 AS as FROM t
        SELECT a update FROM t
        SELECT delete FROM t
        SELECT "INTO", "FOR UPDATE" FROM t
        SELECT 'INSERT INTO t' || 'FOR UPDATE'
        SELECT $$ INSERT INTO t $$, $x$ DELETE FROM t $x$
        SELECT 1 -- INTO t FOR UPDATE
        SELECT /* nextval('x') /* nested */ INTO */ 1
        SELECT set, role, begin, commit FROM t
        SELECT key, share, no, of FROM t
        SELECT lock, copy, call, notify FROM t
        SELECT a FROM t WHERE update = 1 AND (insert IS NULL)
        SELECT * FROM t FOR READ ONLY
        SELECT nextval FROM t
        SELECT t.nextval, setval FROM t
        SELECT "nextval" FROM "setval"
        # prefixes and spellings
        /* hint */ SELECT 1
        ; ; SELECT 1 ; ;
        SeLeCt 1
        select E'a\\'b', E'\\\\', B'01', X'ff', N'x', U&'d\\0061t', U&'x' UESCAPE '!'
        select 'it''s', 'a;''b'
        SELECT U&"lower"('A'), U&"lowe\\0072"('A'), U&"d\\0061t\\+000061" FROM U&"t""x" UESCAPE '?' WHERE U&"a" = 1
        SELECT "a""b", "x y", "ü" FROM "T"
        SELECT größe FROM straße WHERE größe > 1
        SELECT 1and 2, 1or 3
        SELECT a$b, a$b$c FROM t
        SELECT $1::int, $2, $10
        # SHOW, EXPLAIN, COPY, cursors
        SHOW search_path
        SHOW TIME ZONE
        SHOW TRANSACTION ISOLATION LEVEL
        SHOW session authorization
        SHOW "work_mem"
        SHOW myapp.tenant
        EXPLAIN SELECT 1
        EXPLAIN VERBOSE SELECT 1
        EXPLAIN DELETE FROM t
        EXPLAIN INSERT INTO t(a) VALUES (1)
        EXPLAIN UPDATE t SET a = 1
        EXPLAIN SELECT nextval('s')
        EXPLAIN SELECT * FROM t FOR UPDATE
        EXPLAIN (COSTS off) SELECT 1
        EXPLAIN (FORMAT json, VERBOSE true) DELETE FROM t
        EXPLAIN (ANALYZE false) DELETE FROM t
        EXPLAIN (ANALYZE off, COSTS) INSERT INTO t VALUES (1)
        EXPLAIN (ANALYZE 0) DELETE FROM t
        EXPLAIN (ANALYZE 'False') DELETE FROM t
        EXPLAIN (ANALYZE) SELECT 1
        EXPLAIN ANALYZE SELECT 1
        EXPLAIN ANALYSE VERBOSE SELECT 1
        EXPLAIN (ANALYZE, BUFFERS, FORMAT text) SELECT * FROM t
        EXPLAIN (SELECT 1)
        EXPLAIN (SELECT 1) UNION (SELECT 2)
        EXPLAIN ((SELECT 1) UNION (SELECT 2))
        EXPLAIN (VALUES (1))
        EXPLAIN (ANALYZE) (SELECT 1)
        EXPLAIN CREATE TABLE x AS SELECT 1
        EXPLAIN DECLARE c CURSOR WITH HOLD FOR SELECT 1
        COPY t TO STDOUT
        COPY s.t (a, b) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE (a, b))
        COPY t TO STDOUT (FORMAT binary)
        COPY t TO STDIN
        COPY "t" TO stdout CSV HEADER
        COPY BINARY t TO STDOUT
        COPY (SELECT a FROM t) TO STDOUT
        COPY (WITH a(x) AS (SELECT 1) SELECT lower(x) FROM a) TO STDOUT WITH (FORMAT csv)
        COPY ((SELECT 1) UNION (SELECT 2)) TO STDOUT
        COPY (VALUES (1)) TO STDOUT
        COPY (TABLE t) TO STDOUT
        DECLARE c CURSOR FOR SELECT 1
        DECLARE c BINARY INSENSITIVE NO SCROLL CURSOR WITHOUT HOLD FOR SELECT * FROM t
        DECLARE "c" SCROLL CURSOR FOR (SELECT 1)
        DECLARE c CURSOR FOR WITH a AS (SELECT 1) SELECT * FROM a
        FETCH NEXT FROM c
        FETCH ALL IN c
        MOVE FORWARD 3 FROM c
        CLOSE c
        """
}
