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
        catalog.function("fills", body: "SELECT a FROM json_populate_record($1, '{}')")
        let over = catalog.relation("over", .view)
        catalog.connect(over, builtin: "jsonb_populate_recordset")
        catalog.connect(catalog.function("any_type"), CatalogObject(.implicit, 2))
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
            // The type may be that of a row whose alias says nothing.
            ("SELECT json_populate_record(x, '{}') FROM td x", .write), ("SELECT fills(x) FROM td x", .write),
            ("SELECT * FROM jsonb_populate_recordset(null::other, '[]')", .write), ("SELECT * FROM over", .write),
            ("SELECT any_type(x.d, '5') FROM td x", .write),
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

    /// Without a domain that objects nothing is feared.
    @Test func calmTypes() {
        var catalog = Catalog()
        catalog.compound("calm", uses: [catalog.domain("free", uses: [])])
        catalog.connect(catalog.function("any_type"), CatalogObject(.implicit, 2))
        let knowledge = catalog.knowledge()
        for sql in ["SELECT any_type(1)", "SELECT json_populate_record(x, '{}') FROM calm x"] {
            #expect(classify(sql, knowing: knowledge).routeClass == .replicaSafe)
        }
        let given = Classifier.classify(
            Array("SELECT $1".utf8).span, settings: LexerSettings(), knowledge: knowledge, hasUserTypes: true)
        #expect(given.routeClass == .replicaSafe)
    }
}
