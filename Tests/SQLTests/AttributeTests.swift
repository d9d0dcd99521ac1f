// Which names behind a dot are calls?

import SQL
import Testing

@Suite struct AttributeTests {
    /// Built-in functions that are called with a value of any type, without parentheses.
    @Test(arguments: lines(calls))
    func isCall(_ sql: String) {
        #expect(classify(sql).routeClass > .replicaSafe, "\(classify(sql))")
    }

    static let calls = """
        SELECT (true).pg_promote
        SELECT (42::int8).pg_advisory_lock
        SELECT ($1).pg_advisory_xact_lock
        SELECT $1.pg_advisory_xact_lock
        SELECT (SELECT 5::int8).pg_advisory_lock
        SELECT (array[5::int8])[1].pg_advisory_lock
        SELECT (ARRAY[5::int8])[1]."pg_advisory_lock"
        SELECT a[1].pg_advisory_lock FROM t
        SELECT ('f'::text).pg_read_file
        SELECT ('f'::text).PG_READ_FILE
        SELECT ('f'::text).U&"pg_rea\\0064_file"
        SELECT ('f'::text).U&"pg_rea!0064_file" UESCAPE '!'
        SELECT ('f'::text).U&"pg_rea!0064_file" UESCAPE $$!$$
        SELECT (0.25::float8).setseed
        SELECT ('s'::regclass).currval
        SELECT ('s'::regclass).nextval AS n
        SELECT ('x'::text).current_setting
        SELECT ('q'::text).ts_stat
        SELECT (0).pg_blocking_pids[1]
        SELECT (7).int8.pg_advisory_lock
        SELECT (7).pg_advisory_lock.a
        SELECT * FROM t WHERE (a).pg_terminate_backend
        SELECT a FROM t ORDER BY (a).pg_stat_file
        EXPLAIN SELECT (42::int8).pg_advisory_xact_lock
        EXPLAIN ANALYZE SELECT (42::int8).pg_advisory_lock
        SELECT g.pg_advisory_lock FROM generate_series(1::int8, 2) g
        SELECT "g"."pg_advisory_lock" FROM generate_series(1::int8, 2) AS "g"
        SELECT 1 FROM t, s.f(1) g WHERE g.pg_terminate_backend
        SELECT 1 FROM t JOIN LATERAL unnest(a) AS g(x) ON g.pg_terminate_backend
        SELECT (SELECT g.pg_advisory_lock) FROM ROWS FROM (generate_series(1::int8, 2)) g
        SELECT u.pg_read_file FROM current_user u
        SELECT u.pg_read_file FROM coalesce('a', 'b') u
        SELECT u.pg_read_file FROM CAST('a' AS text) u
        WITH x AS (SELECT g.pg_advisory_lock FROM generate_series(1::int8, 2) g) SELECT * FROM x
        """

    @Test func whatTheyAre() {
        #expect(classify("SELECT (true).pg_promote").routeClass == .write)
        #expect(classify("SELECT (1::int8).pg_advisory_lock").pins == .advisoryLock)
        #expect(classify("SELECT g.pg_advisory_lock FROM generate_series(1::int8, 2) g").pins == .advisoryLock)
        #expect(classify("SELECT (0.5::float8).setseed").pins == .seed)
        #expect(classify("SELECT ('s'::regclass).currval").pins == .sequence)
        #expect(classify("SELECT ('x'::text).current_setting").cause.note == .dynamicSetting)
        #expect(classify("SELECT ('x'::text).current_setting").routeClass == .primaryOnlyRead)
    }

    /// Columns, schemas and safe functions.
    @Test(arguments: lines(columns))
    func isColumn(_ sql: String) {
        #expect(classify(sql).routeClass == .replicaSafe, "\(classify(sql))")
    }

    static let columns = """
        SELECT t.version, (t).version, (x).a.b, (x).system, (t).name FROM t
        SELECT t.nextval, "t"."currval" FROM t
        SELECT (a).pg_typeof, (t).row_to_json, ('x'::text).upper, (x).length FROM t
        SELECT g.a, g.version FROM generate_series(1, 2) g
        SELECT public.t.setseed FROM t
        SELECT t.nextval FROM t JOIN u ON lower(t.a) = u.a
        SELECT s.t.* FROM s.t
        SELECT (x).pg_read_files, (x).pg FROM t
        SELECT (x).U&"d\\0061ta" FROM t
        """

    private static let knowledge: Knowledge = {
        var catalog = Catalog()
        catalog.function("fint", volatile: true, argument: .scalar)
        catalog.function("calm", argument: .scalar)
        catalog.function("two", volatile: true, argument: .none)
        catalog.function("frow", volatile: true, argument: .composite)
        catalog.domain("checked", uses: [catalog.function("check_it", volatile: true)])
        catalog.function("in_sql", body: "SELECT (1).fint")
        catalog.function("of_parameter", body: "SELECT x.fint")
        catalog.function("builtin_of_parameter", body: "SELECT x.pg_advisory_lock")
        catalog.function("in_plpgsql", language: "plpgsql", body: "BEGIN RETURN (SELECT t.fint FROM t); END")
        catalog.function(
            "by_alias", language: "plpgsql", body: "BEGIN RETURN (SELECT g.fint FROM generate_series(1, 2) g); END")
        catalog.function("by_value", language: "plpgsql", body: "BEGIN RETURN (x).pg_advisory_lock; END")
        return catalog.knowledge()
    }()

    @Test(
        arguments: [
            ("SELECT (1).fint", .write), ("SELECT (1).\"fint\"", .write), ("SELECT ($1).U&\"f\\0069nt\"", .write),
            ("SELECT (1).calm, (1).two", .replicaSafe), ("SELECT t.fint FROM t", .replicaSafe),
            ("SELECT t.frow FROM t", .write), ("SELECT (t).frow FROM t", .write),
            ("SELECT t.U&\"frow\" FROM t", .write),
            ("SELECT g.fint FROM calm(1) g", .write), ("SELECT g.fint FROM t g, calm(1) h", .write),
            ("SELECT fint FROM calm(1) g", .replicaSafe),
            ("SELECT (5).checked", .write), ("SELECT g.checked FROM generate_series(1, 2) g", .write),
            ("SELECT in_sql()", .write), ("SELECT of_parameter(1)", .write), ("SELECT builtin_of_parameter(1)", .write),
            ("SELECT in_plpgsql()", .replicaSafe), ("SELECT by_alias()", .write), ("SELECT by_value(1)", .write),
            ("EXPLAIN SELECT (1).fint", .primaryOnlyRead),
        ] as [(String, RouteClass)])
    func users(sql: String, expected: RouteClass) {
        let verdict = classify(sql, knowing: Self.knowledge)
        #expect(verdict.routeClass == expected, "\(verdict.cause)")
    }

    /// In another encoding the same bytes may be another name.
    @Test func oddNames() {
        var catalog = Catalog()
        catalog.function("größe", volatile: true, argument: .scalar)
        let knowledge = catalog.knowledge()
        #expect(classify("SELECT (1).größe", knowing: knowledge).routeClass == .write)
        #expect(classify("SELECT (1).länge", knowing: knowledge).routeClass == .primaryOnlyRead)
        #expect(classify("SELECT t.länge, länge, 'ä' FROM t", knowing: knowledge).routeClass == .replicaSafe)
    }
}
