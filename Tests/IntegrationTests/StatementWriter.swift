// Which statements could an application send to a database with tables, views and functions of all kinds?

/// A statement that was made up, and what its maker knows of it.
struct WrittenStatement {
    var text: String
    /// Nothing in it writes, locks, describes the node or changes the session.
    var onlyReads: Bool
    /// It is planned, not run.
    var isOnlyPlanned: Bool
    /// Its answer may differ from call to call.
    var varies: Bool
}

/// Writes valid statements from a seed: the grammar of queries over the objects of ``schema``, with types that fit. In
/// a part of them one expression, table or clause is replaced by something that a standby refuses, or should not run.
struct StatementWriter {
    private var state: UInt64
    private var onlyReads = true
    private var isOnlyPlanned = false
    private var varies = false
    private var names = 0

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    static let schema = """
        CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
        CREATE TABLE item (
            id int PRIMARY KEY, name text, price numeric(10, 2), made date, at timestamptz, tags text[], data jsonb,
            mood mood, sold boolean DEFAULT false);
        CREATE TABLE part (id int PRIMARY KEY, item_id int REFERENCES item, amount int, note text);
        INSERT INTO item SELECT n, 'item ' || n, n * 1.5, date '2024-01-01' + n, timestamptz '2024-01-01 12:00Z' + n
            * interval '1 hour', ARRAY['a', 'tag ' || n], jsonb_build_object('n', n, 'list', ARRAY[n, n + 1]),
            (ARRAY['sad', 'ok', 'happy'])[1 + n % 3]::mood, n % 4 = 0 FROM generate_series(1, 20) n;
        INSERT INTO part SELECT n, 1 + n % 20, n % 7, 'part ' || n FROM generate_series(1, 40) n;
        CREATE UNLOGGED TABLE quick (id int, note text);
        CREATE TABLE history (id serial, what text);
        CREATE SEQUENCE numbers;
        CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
        CREATE FUNCTION item_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM item';
        CREATE FUNCTION parts_of(int) RETURNS SETOF part LANGUAGE sql STABLE AS
            'SELECT * FROM part WHERE item_id = $1';
        CREATE FUNCTION noted(int) RETURNS int LANGUAGE plpgsql AS
            'BEGIN INSERT INTO history (what) VALUES ($1); RETURN $1; END';
        CREATE FUNCTION next_number() RETURNS int LANGUAGE sql AS 'SELECT nextval(''numbers'')::int';
        CREATE FUNCTION harmless_but_volatile(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1 + 1';
        CREATE VIEW cheap AS SELECT id, name, price FROM item WHERE price < 15;
        CREATE VIEW counted AS SELECT id, next_number() AS number FROM item;
        CREATE VIEW cheaper AS SELECT c.id, twice(c.id) AS number FROM cheap c;
        CREATE MATERIALIZED VIEW summary AS SELECT mood, count(*) AS number FROM item GROUP BY mood;
        CREATE FUNCTION close_to(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 3';
        CREATE OPERATOR ~~~ (leftarg = int, rightarg = int, function = close_to);
        CREATE FUNCTION noted_sum(int, int) RETURNS int LANGUAGE sql AS 'SELECT noted($1 + $2)';
        CREATE OPERATOR @+@ (leftarg = int, rightarg = int, function = noted_sum);
        CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int, initcond = '0');
        CREATE AGGREGATE noted_total (int) (sfunc = noted_sum, stype = int, initcond = '0');
        """

    mutating func statement() -> WrittenStatement {
        onlyReads = true
        isOnlyPlanned = false
        varies = false
        names = 0
        let text = chance(5) ? order() : chance(12) ? surrounded() : query(3)
        return WrittenStatement(text: text, onlyReads: onlyReads, isOnlyPlanned: isOnlyPlanned, varies: varies)
    }

    // MARK: Choices

    private mutating func below(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }

    private mutating func chance(_ one: Int) -> Bool { below(one) == 0 }

    private mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }

    private mutating func name() -> String {
        names += 1
        return "x\(names)"
    }

    /// In a part of the statements, once: something that only the primary should do.
    private mutating func hazard(_ choices: [String]) -> String? {
        guard onlyReads, chance(60) else { return nil }
        onlyReads = false
        return pick(choices)
    }

    // MARK: Statements

    /// What is no query.
    private mutating func order() -> String {
        onlyReads = false
        switch below(14) {
        case 0: return "INSERT INTO history (what) VALUES ('\(below(9))') RETURNING id"
        case 1: return "UPDATE item SET sold = \(flag(1, "item")) WHERE id = \(below(20))"
        case 2: return "DELETE FROM history WHERE id = \(below(9)) RETURNING *"
        case 3: return "WITH gone AS (DELETE FROM history WHERE id < 0 RETURNING id) SELECT count(*) FROM gone"
        case 4: return "SELECT id INTO TEMP \(name()) FROM item"
        case 5: return "CREATE TABLE IF NOT EXISTS history (id int)"
        case 6: return "LOCK TABLE item IN SHARE MODE"
        case 7: return "VACUUM part"
        case 8: return "EXPLAIN ANALYZE UPDATE part SET amount = amount WHERE id = 1"
        case 9: return "DO $$ BEGIN PERFORM 1; END $$"
        case 10: return "COPY history (what) FROM PROGRAM 'echo 1'"
        case 11: return "REFRESH MATERIALIZED VIEW summary"
        case 12: return "MERGE INTO part USING item ON part.id = item.id WHEN MATCHED THEN UPDATE SET note = 'x'"
        default: return "ANALYZE part"
        }
    }

    private mutating func surrounded() -> String {
        switch below(5) {
        case 0:
            isOnlyPlanned = true
            return "EXPLAIN (COSTS off) \(query(2))"
        case 1: return "COPY (\(query(2))) TO STDOUT"
        case 2: return "(\(query(2)))"
        case 3: return "SHOW \(pick(["work_mem", "DateStyle", "server_version", "search_path"]))"
        default: return "EXPLAIN (ANALYZE, TIMING off, COSTS off, SUMMARY off) SELECT \(number(1, nil))"
        }
    }

    // MARK: Queries

    private mutating func query(_ depth: Int) -> String {
        switch below(depth > 0 ? 12 : 5) {
        case 5:
            let (left, right) = (query(0), query(0))
            return "SELECT 1 AS n WHERE EXISTS (\(left)) \(pick(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]))"
                + " SELECT 2 WHERE NOT EXISTS (\(right))"
        case 6:
            let name = name()
            return "WITH \(name) AS \(pick(["", "MATERIALIZED "]))(\(query(depth - 1))) SELECT count(*) FROM \(name)"
        case 7:
            let name = name()
            return "WITH RECURSIVE \(name)(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM \(name) WHERE n < 5)"
                + " SELECT sum(n) FROM \(name) WHERE \(flag(depth - 1, nil))"
        case 8:
            return "VALUES (\(number(depth, nil)), \(text(depth, nil))), (1, 'x')"
        default:
            return select(depth)
        }
    }

    private mutating func select(_ depth: Int) -> String {
        let table = name()
        let source = source(depth, as: table)
        if chance(4) { return grouped(source, table, depth) }
        var query = "SELECT \(chance(6) ? "DISTINCT " : "")\(number(depth, table)) AS a, \(text(depth, table)) AS b"
        if chance(2) { query += ", \(any(depth, table))" }
        if chance(8) { query += ", row_number() OVER (ORDER BY \(table).id, \(table).name)" }
        query += " FROM \(source)"
        if chance(2) { query += " WHERE \(flag(depth, table))" }
        query += " ORDER BY 1, 2"
        if chance(3) { query += " LIMIT \(1 + below(9))" }
        if let lock = hazard(["FOR UPDATE", "FOR SHARE", "FOR NO KEY UPDATE SKIP LOCKED", "FOR KEY SHARE NOWAIT"]) {
            return "SELECT id FROM item ORDER BY id \(lock)"
        }
        return query
    }

    private mutating func grouped(_ source: String, _ table: String, _ depth: Int) -> String {
        let sum = hazard(["noted_total(\(table).id)"]) ?? pick(["sum", "max", "total"]) + "(\(table).id)"
        return "SELECT \(table).mood, count(*), \(sum) FILTER (WHERE \(flag(0, table))), string_agg(\(table).name, ','"
            + " ORDER BY \(table).id) FROM \(source) GROUP BY \(chance(3) ? "ROLLUP (1)" : "1")"
            + " HAVING count(*) > \(below(3)) ORDER BY 1, 2"
    }

    /// Something that has the columns of `item`, under a name.
    private mutating func source(_ depth: Int, as table: String) -> String {
        let other = name()
        switch below(depth > 0 ? 9 : 2) {
        case 2: return "item \(table) JOIN part \(other) ON \(other).item_id = \(table).id AND \(other).amount > 2"
        case 3: return "item \(table) LEFT JOIN LATERAL parts_of(\(table).id) \(other) ON true"
        case 4: return "(SELECT * FROM item WHERE \(flag(depth - 1, nil))) \(table)"
        case 5: return "item \(table), generate_series(1, 1 + \(table).id % 2) \(other)"
        case 6: return "item \(table) JOIN \(pick(["cheap", "cheaper"])) \(other) USING (id)"
        case 7:
            let odd = hazard(["quick", "counted", "pg_stat_activity_of_nobody", "numbers"])
            switch odd {
            case "quick": return "item \(table) LEFT JOIN quick \(other) ON \(other).id = \(table).id"
            case "counted": return "item \(table) JOIN counted \(other) USING (id)"
            case "numbers": return "item \(table) CROSS JOIN (SELECT last_value FROM numbers) \(other)"
            case nil: return "item \(table) JOIN summary \(other) USING (mood)"
            default: return "item \(table) CROSS JOIN (SELECT count(*) FROM pg_stat_activity) \(other)"
            }
        case 8: return "item \(table) TABLESAMPLE system (100) REPEATABLE (1)"
        default: return "item \(table)"
        }
    }

    // MARK: Expressions

    private mutating func any(_ depth: Int, _ table: String?) -> String {
        switch below(8) {
        case 0: return number(depth, table)
        case 1: return text(depth, table)
        case 2: return flag(depth, table)
        case 3: return day(depth, table)
        case 4: return "ARRAY[\(number(depth, table)), \(number(0, table))]"
        case 5: return "ROW(\(number(depth, table)), \(text(0, table)))::text"
        case 6: return table.map { "\($0).data" } ?? "jsonb_build_object('a', \(number(0, nil)))"
        default: return table.map { "\($0).price / 3" } ?? "round(\(number(depth, nil)) / 7.0, 3)"
        }
    }

    private mutating func number(_ depth: Int, _ table: String?) -> String {
        let hazards = [
            "nextval('numbers')::int", "noted(1)", "next_number()", "harmless_but_volatile(2)", "(1 @+@ 2)",
            "setval('numbers', 3)::int", "pg_backend_pid()", "length(pg_current_wal_lsn()::text)",
            "length(txid_current()::text)", "length(set_config('work_mem', '5MB', false))",
            "length(pg_advisory_lock(4)::text)", "pg_advisory_xact_lock_shared(4, 5)::text::int",
            "length(setseed(0.5)::text)", "length(query_to_xml('SELECT 1', true, true, '')::text)",
            "length(pg_logical_emit_message(true, 'a', 'b')::text)", "(pg_is_in_recovery()::int)",
            "length(lo_create(0)::text)", "(SELECT count(*) FROM counted)::int", "length(pg_export_snapshot())",
        ]
        if let hazard = hazard(hazards) { return hazard }
        guard depth > 0 else { return table.map { "\($0).id" } ?? "\(below(100))" }
        let down = depth - 1
        switch below(15) {
        case 0: return "(\(number(down, table)) + \(number(down, table)))"
        case 1: return "twice(\(number(down, table)))"
        case 2: return "length(\(text(down, table)))"
        case 3: return "coalesce(\(number(down, table)), 0)"
        case 4: return "CASE WHEN \(flag(down, table)) THEN \(number(down, table)) ELSE \(below(9)) END"
        case 5: return "(SELECT max(id) FROM part WHERE \(flag(down, nil)))"
        case 6: return "extract(year FROM \(day(down, table)))::int"
        case 7: return "item_count()::int"
        case 8: return "greatest(\(number(down, table)), abs(\(number(down, table))))"
        case 9: return "cardinality(string_to_array(\(text(down, table)), ' '))"
        case 10: return "(\(number(down, table)) % 7)"
        case 11: return "CAST(\(number(down, table)) AS numeric(12, 2))::int"
        case 12: return "(ARRAY[1, 2, 3])[1 + abs(\(number(down, table))) % 3]"
        case 13: return "position('a' IN \(text(down, table)))"
        default: return table.map { "\($0).id" } ?? "\(below(100))"
        }
    }

    private mutating func text(_ depth: Int, _ table: String?) -> String {
        guard depth > 0 else { return table.map { "\($0).name" } ?? pick(["'a'", "'it''s'", "E'x\\ny'", "$$b$$"]) }
        let down = depth - 1
        switch below(13) {
        case 0: return "upper(\(text(down, table)))"
        case 1: return "(\(text(down, table)) || \(text(down, table)))"
        case 2: return "substring(\(text(down, table)) FROM 1 FOR \(1 + below(4)))"
        case 3: return "to_char(\(day(down, table)), 'YYYY-MM-DD')"
        case 4: return "(\(number(down, table)))::text"
        case 5: return "trim(BOTH ' ' FROM \(text(down, table)))"
        case 6: return "md5(\(text(down, table)))"
        case 7: return "concat_ws('-', \(text(down, table)), \(number(down, table)))"
        case 8: return "regexp_replace(\(text(down, table)), '[0-9]+', '#', 'g')"
        case 9: return "(SELECT string_agg(name, ',' ORDER BY id) FROM cheap WHERE \(flag(down, nil)))"
        case 10: return "format('%s/%s', \(text(down, table)), \(number(down, table)))"
        case 11: return table.map { "(\($0).data ->> 'n')" } ?? "current_setting('DateStyle')"
        default: return "coalesce(nullif(\(text(down, table)), 'a'), 'none')"
        }
    }

    private mutating func day(_ depth: Int, _ table: String?) -> String {
        guard depth > 0 else { return table.map { "\($0).made" } ?? "date '2024-02-29'" }
        let down = depth - 1
        switch below(6) {
        case 0: return "(\(day(down, table)) + \(number(0, table)) % 100)"
        case 1: return "date_trunc('month', \(day(down, table)))::date"
        case 2:
            varies = true
            return pick(["current_date", "now()::date", "clock_timestamp()::date", "(CURRENT_TIMESTAMP(2))::date"])
        case 3: return table.map { "\($0).at::date" } ?? "make_date(2024, 1, 31)"
        case 4: return "least(\(day(down, table)), date '2030-01-01')"
        default: return "(\(day(down, table)) - interval '1 day')::date"
        }
    }

    private mutating func flag(_ depth: Int, _ table: String?) -> String {
        guard depth > 0 else { return table.map { "\($0).id > \(below(20))" } ?? pick(["true", "1 < 2"]) }
        let down = depth - 1
        switch below(14) {
        case 0: return "\(number(down, table)) \(pick(["<", "<=", "=", "<>", ">"])) \(number(down, table))"
        case 1: return "(\(flag(down, table)) AND \(flag(down, table)))"
        case 2: return "(\(flag(down, table)) OR NOT \(flag(down, table)))"
        case 3: return "\(text(down, table)) LIKE \(pick(["'a%'", "'%1_'", "'item%'"]))"
        case 4: return "\(number(down, table)) IN (SELECT item_id FROM part WHERE \(flag(down, nil)))"
        case 5: return "EXISTS (\(query(min(down, 1))))"
        case 6: return "\(number(down, table)) BETWEEN 1 AND \(number(0, table))"
        case 7: return "\(text(down, table)) IS DISTINCT FROM \(text(0, table))"
        case 8: return "\(number(down, table)) ~~~ \(number(down, table))"
        case 9: return table.map { "\($0).tags @> ARRAY['a']" } ?? "'{1}'::int[] && ARRAY[1]"
        case 10: return table.map { "\($0).data @> '{\"n\": 3}'" } ?? "jsonb '{}' ? 'a'"
        case 11: return table.map { "\($0).mood >= 'ok'" } ?? "'sad'::mood < 'happy'"
        case 12: return "\(day(down, table)) > date '2024-01-05'"
        default: return "\(number(down, table)) = ANY (ARRAY[1, \(number(down, table))])"
        }
    }
}
