// When does a type object because a value of it has parts that are checked?

import SQL
import Testing

@Suite struct CompoundTypeTests {
    private static let knowledge: Knowledge = {
        var catalog = Catalog()
        let checked = catalog.domain("checked", uses: [catalog.function("check_it", volatile: true)])
        let pair = catalog.compound("pair", uses: [checked])
        catalog.compound("pairs", schema: "app", uses: [pair])
        catalog.relation("td")
        catalog.compound("td", uses: [checked])
        catalog.compound("calm", uses: [catalog.domain("free", uses: [])])
        let takes = catalog.function("takes")
        catalog.connect(takes, pair)
        catalog.function("declares", language: "plpgsql", body: "DECLARE v td; BEGIN v := x; RETURN 1; END")
        catalog.function("of_column", language: "plpgsql", body: "DECLARE v td.d%TYPE; BEGIN v := x; RETURN 1; END")
        catalog.function(
            "reads", language: "plpgsql", body: "BEGIN RETURN (SELECT count(*) FROM td WHERE td.a = 1); END")
        return catalog.knowledge()
    }()

    @Test(
        arguments: [
            ("SELECT '(5)'::pair", .write), ("SELECT CAST('(5)' AS public.pair)", .write),
            ("SELECT pair '(5)'", .write),
            ("SELECT app.pairs E'(5)'", .write), ("SELECT '{}'::_pair", .write), ("SELECT '{}'::pair[]", .write),
            ("SELECT ('(5)').pair", .write), ("SELECT '(5)'::app.pairs", .write),
            ("SELECT '(5)'::other.pairs", .replicaSafe),
            ("SELECT json_populate_record(null::td, '{}')", .write),
            ("SELECT * FROM json_to_record('{}') AS x(a pair)", .write),
            ("SELECT takes(null)", .write), ("SELECT declares(1)", .write), ("SELECT of_column(1)", .write),
            // The relation of that name.
            ("SELECT * FROM td", .replicaSafe), ("SELECT td.a, td FROM public.td WHERE td.a = 'x'", .replicaSafe),
            ("SELECT coalesce(td.a, 1), substring(td.b FROM 2) FROM td", .replicaSafe),
            ("SELECT a AS td FROM t td", .replicaSafe), ("SELECT pair FROM t", .replicaSafe),
            ("SELECT reads()", .replicaSafe), ("SELECT '(5)'::calm", .replicaSafe), ("TABLE td", .replicaSafe),
        ] as [(String, RouteClass)])
    func classes(sql: String, expected: RouteClass) {
        let verdict = classify(sql, knowing: Self.knowledge)
        #expect(verdict.routeClass == expected, "\(verdict.cause)")
    }
}
