// Is a call found wherever the grammar allows an expression, and is nothing taken for a call that is none?

import SQL
import Testing

/// Writes random queries that PostgreSQL's grammar accepts. `leaf` is asked for at each place where an expression may
/// stand; names with parentheses that are no calls stand all around.
struct QueryWriter {
    var random: SeededRandom
    /// What is put into one of the leaves.
    let planted: String?
    private var leaves = 0
    private var plantAt = -1

    init(seed: UInt64, planted: String?) {
        random = SeededRandom(state: seed)
        self.planted = planted
    }

    /// The query of a seed, with one of its leaves replaced. Some leaves belong to clauses that were not chosen; then
    /// another one is.
    static func query(seed: UInt64, planted: String?) -> String {
        var counting = QueryWriter(seed: seed, planted: nil)
        let plain = counting.query(3)
        guard let planted else { return plain }
        for attempt in 0..<counting.leaves {
            var writer = QueryWriter(seed: seed, planted: planted)
            writer.plantAt = (Int(seed) * 7919 + attempt) % counting.leaves
            let query = writer.query(3)
            if query.contains(planted) { return query }
        }
        return "SELECT \(planted)"
    }

    private mutating func pick(_ choices: [String]) -> String {
        choices[random.below(choices.count)]
    }

    private mutating func leaf() -> String {
        let plain = pick([
            "a", "x.b", "\"C d\"", "1", "'s'", "$1", "NULL", "1.5", "E'q\\''", "t.update", "count(*)", "now()",
            "CURRENT_TIMESTAMP(3)", "true", "key", "name", "U&\"\\0061\"", "$$ ( $$", "x.\"f\"", "date '2020-01-01'",
        ])
        leaves += 1
        return leaves - 1 == plantAt ? planted ?? plain : plain
    }

    private mutating func expressions(_ depth: Int) -> String {
        (0...random.below(3)).map { _ in expression(depth) }.joined(separator: ", ")
    }

    private mutating func expression(_ depth: Int) -> String {
        guard depth > 0 else { return leaf() }
        let down = depth - 1
        switch random.below(40) {
        case 0: return "\(leaf()) + \(expression(down))"
        case 1: return "lower(\(expression(down)))"
        case 2: return "pg_catalog.length(\(expression(down)))"
        case 3: return "coalesce(\(expressions(down)))"
        case 4: return "(\(expression(down)))::varchar(10)"
        case 5: return "CAST(\(expression(down)) AS my_type(3, 4))"
        case 6: return "CASE WHEN (\(expression(down))) THEN \(expression(down)) ELSE \(leaf()) END"
        case 7: return "(\(leaf())) IN (\(expressions(down)))"
        case 8: return "(\(leaf())) IN (\(query(down)))"
        case 9: return "EXISTS (\(query(down)))"
        case 10: return "ARRAY[\(expressions(down))]"
        case 11: return "ARRAY(\(query(down)))"
        case 12: return "(ARRAY[1, 2])[\(expression(down))]"
        case 13: return "substring((\(leaf())) FROM (\(expression(down))) FOR (\(leaf())))"
        case 14: return "extract(epoch FROM \(expression(down)))"
        case 15: return "overlay((\(leaf())) PLACING (\(leaf())) FROM (\(expression(down))))"
        case 16: return "trim(BOTH (\(leaf())) FROM \(expression(down)))"
        case 17: return "position((\(leaf())) IN (\(expression(down))))"
        case 18: return "sum(\(leaf())) FILTER (WHERE \(expression(down))) OVER (PARTITION BY \(expression(down)))"
        case 19: return "rank() OVER (w ORDER BY \(expression(down)) ROWS 1 PRECEDING)"
        case 20: return "percentile_cont(0.5) WITHIN GROUP (ORDER BY \(expression(down)))"
        case 21: return "(\(leaf())) LIKE (\(expression(down))) ESCAPE ('!')"
        case 22: return "(\(leaf())) NOT ILIKE (\(expression(down)))"
        case 23: return "(\(leaf())) BETWEEN (\(expression(down))) AND (\(expression(down)))"
        case 24: return "(\(leaf())) IS NOT DISTINCT FROM \(expression(down))"
        case 25: return "(\(leaf())) AT TIME ZONE (\(expression(down)))"
        case 26: return "(\(leaf())) OPERATOR(pg_catalog.+) \(expression(down))"
        case 27: return "(\(leaf()), \(leaf())) OVERLAPS (\(expression(down)), \(leaf()))"
        case 28: return "ROW(\(expressions(down)))"
        case 29: return "(\(query(down)))"
        case 30: return "(\(leaf())) = ANY (\(query(down)))"
        case 31: return "(\(leaf())) = ALL (ARRAY[\(expression(down))])"
        case 32: return "NOT (\(expression(down))) AND (\(leaf()) IS NULL)"
        case 33: return "nullif(\(leaf()), \(expression(down)))"
        case 34: return "xmlelement(name foo, xmlattributes(\(expression(down)) AS b), \(leaf()))"
        case 35: return "string_agg(\(leaf()), ',' ORDER BY \(expression(down)))"
        case 36: return "replace(\(expression(down)), 'a', \(leaf()))"
        case 37: return "left(\(expression(down)), 3) COLLATE \"C\""
        case 38: return "generate_series(1, VARIADIC ARRAY[\(expression(down))])"
        default: return "(\(leaf())).c"
        }
    }

    private mutating func table(_ depth: Int) -> String {
        let down = depth - 1
        switch random.below(depth > 0 ? 14 : 5) {
        case 0: return "t"
        case 1: return "s.t x(a, b)"
        case 2: return "ONLY t AS x (a, b)"
        case 3: return "\"T\" \"x\"(a)"
        case 4: return "t TABLESAMPLE bernoulli (10) REPEATABLE (3)"
        case 5: return "(\(query(down))) x(a, b)"
        case 6: return "LATERAL (\(query(down))) AS x"
        case 7: return "generate_series(1, \(expression(down))) g(i)"
        case 8: return "unnest(\(expression(down))) WITH ORDINALITY AS u(a, b)"
        case 9: return "json_to_record(\(expression(down))) AS (a int, b varchar(10), c my_type(3))"
        case 10: return "ROWS FROM (unnest(\(expression(down))), now() AS (a my_type(3))) AS r(a, b)"
        case 11: return "(\(tables(down))) x(a)"
        case 12: return "xmltable((\(leaf())) PASSING \(leaf()) COLUMNS a int PATH (\(expression(down))))"
        default: return "LATERAL lower(\(expression(down))) AS y(c)"
        }
    }

    /// One table joined to others.
    private mutating func tables(_ depth: Int) -> String {
        let down = depth - 1
        let second = table(down)
        switch random.below(5) {
        case 0: return "t CROSS JOIN \(second)"
        case 1: return "t q(a, b) JOIN \(second) ON \(expression(down))"
        case 2: return "\(table(down)) LEFT JOIN \(second) USING (a, b)"
        case 3: return "t NATURAL JOIN (u JOIN \(second) ON (\(expression(down))))"
        default: return "\(table(down)) FULL JOIN t ON true"
        }
    }

    private mutating func select(_ depth: Int) -> String {
        let down = depth - 1
        var text = "SELECT \(pick(["", "", "ALL ", "DISTINCT ", "DISTINCT ON (\(expression(down))) "]))"
        text += "\(expressions(down)) \(pick(["", "AS into", "AS \"for\"", "update", "key"]))"
        if random.below(4) > 0 {
            text += " FROM \(table(down))"
            if random.below(2) == 0 { text += ", \(table(down))" }
            if random.below(3) == 0 { text += ", \(tables(down)), \(table(down))" }
        }
        if random.below(2) == 0 { text += " WHERE \(expression(down))" }
        if random.below(3) == 0 {
            text += " GROUP BY ROLLUP (\(expression(down)), b), GROUPING SETS ((a), CUBE (c, \(expression(down))), ())"
        }
        if random.below(4) == 0 { text += " HAVING \(expression(down))" }
        if random.below(4) == 0 { text += " WINDOW w AS (PARTITION BY \(expression(down))), v AS (w ORDER BY a)" }
        return text
    }

    private mutating func query(_ depth: Int) -> String {
        let down = depth - 1
        guard depth > 0 else { return "SELECT \(leaf())" }
        var text = ""
        if random.below(4) == 0 {
            text = "WITH \(pick(["", "RECURSIVE "]))c(a, b) AS \(pick(["", "MATERIALIZED ", "NOT MATERIALIZED "]))"
            text += "(\(query(down))), \"d\" (x) AS (\(query(down))) "
        }
        switch random.below(8) {
        case 0: text += "VALUES (\(expressions(down))), (\(expression(down)))"
        case 1: text += "TABLE t"
        case 2: text += "(\(query(down))) UNION ALL (\(query(down)))"
        case 3: text += "\(select(down)) EXCEPT \(select(down))"
        default: text += select(down)
        }
        if random.below(3) == 0 { text += " ORDER BY \(expression(down)) DESC NULLS LAST, (a)" }
        switch random.below(8) {
        case 0, 1: text += " LIMIT (\(expression(down))) OFFSET \(leaf())"
        case 2: text += " OFFSET \(leaf()) FETCH FIRST (\(leaf())) ROWS ONLY"
        default: break
        }
        return text
    }
}

@Suite struct GeneratedQueryTests {
    static let seeds: Range<UInt64> = 0..<3_000

    @Test func queriesWithoutWritesAreReplicaSafe() {
        for seed in Self.seeds {
            let sql = QueryWriter.query(seed: seed, planted: nil)
            let verdict = classify(sql)
            #expect(verdict.routeClass == .replicaSafe, "seed \(seed): \(sql)\n\(verdict.cause)")
        }
    }

    @Test(arguments: ["nextval('s')", "pg_catalog.\"nextval\" ('s')", "my_function(1)", "s.my_function()"])
    func aPlantedCallIsFound(_ call: String) {
        for seed in Self.seeds {
            let sql = QueryWriter.query(seed: seed, planted: call)
            let verdict = classify(sql)
            #expect(verdict.routeClass == .write, "seed \(seed): \(sql)")
        }
    }

    @Test(arguments: [
        "(WITH d AS (DELETE FROM t RETURNING *) SELECT 1)", "(SELECT a FROM t FOR UPDATE)", "(TABLE pg_locks)",
        "current_setting('in_hot_standby')", "pg_advisory_lock(1)", "set_config('a', 'b', true)",
    ])
    func aPlantedObjectionIsFound(_ expression: String) {
        for seed in Self.seeds {
            let sql = QueryWriter.query(seed: seed, planted: expression)
            #expect(classify(sql).routeClass == classify("SELECT \(expression)").routeClass, "seed \(seed): \(sql)")
        }
    }
}
