// When does the name of a type object because a cast leads to it, or to a part of it?

import SQL
import Testing

@Suite struct CastTargetTests {
    /// Casts to int4 and to arrays of text and of numeric.
    private static let knowledge: Knowledge = {
        var catalog = Catalog()
        let wild = catalog.function("wild", volatile: true)
        let int4 = catalog.castTarget("int4")
        catalog.cast(to: int4, uses: [wild])
        catalog.castTarget("_int4", parts: [int4])
        let domain = catalog.castTarget("dint", schema: "public", parts: [int4])
        let row = catalog.castTarget("rowint", schema: "public", parts: [domain])
        catalog.castTarget("deep", schema: "app", parts: [row])
        catalog.relation("rowint")
        let texts = catalog.castTarget("_text", element: "text")
        catalog.cast(to: texts, uses: [wild])
        catalog.castTarget("dtexts", schema: "public", parts: [texts])
        catalog.cast(to: catalog.castTarget("_float8", element: "float8"), uses: [wild])
        catalog.cast(to: catalog.castTarget("_timestamptz", element: "timestamptz"), uses: [wild])
        catalog.cast(to: catalog.castTarget("date"), uses: [catalog.function("calm")])
        catalog.castTarget("rowdate", schema: "public")
        catalog.function("casts", body: "SELECT v::dint FROM (SELECT ROW('a')::myt) q (v)")
        catalog.function("casts_texts", body: "SELECT CAST(v AS text ARRAY[3]) FROM x")
        catalog.function("casts_text", language: "plpgsql", body: "BEGIN RETURN v::text; END")
        return catalog.knowledge()
    }()

    @Test(
        arguments: [
            ("SELECT v::dint FROM x", .write), ("SELECT v::int FROM x", .write), ("SELECT v::_int4 FROM x", .write),
            ("SELECT CAST(v AS public.dint[]) FROM x", .write), ("SELECT v::rowint FROM x", .write),
            ("SELECT CAST(v AS app.deep) FROM x", .write), ("SELECT v::dtexts FROM x", .write),
            ("SELECT v::other.dint FROM x", .replicaSafe),
            ("SELECT v::text[] FROM x", .write), ("SELECT v::text /* a */ [ ] FROM x", .write),
            ("SELECT CAST(v AS text ARRAY) FROM x", .write), ("SELECT v::text array[3] FROM x", .write),
            ("SELECT v::pg_catalog.text[] FROM x", .write), ("SELECT v::\"text\"[] FROM x", .write),
            ("SELECT v::U&\"te\\0078t\"[] FROM x", .write), ("SELECT v::_text FROM x", .write),
            ("SELECT v::double precision[] FROM x", .write), ("SELECT v::float(30)[] FROM x", .write),
            ("SELECT v::timestamp(3) with time zone[] FROM x", .write),
            ("SELECT casts()", .write), ("SELECT casts_texts()", .write), ("SELECT casts_text()", .replicaSafe),
            ("SELECT v::text, ARRAY[1], x.text[1] FROM x", .replicaSafe),
            ("SELECT (v::text), (ARRAY[v])[1] FROM x", .replicaSafe),
            ("SELECT CAST(v AS text) = ANY (ARRAY['a', 'b']) FROM x", .replicaSafe),
            ("SELECT 1 FROM x WHERE v::text IN (SELECT a[1] FROM y)", .replicaSafe),
            ("SELECT v::timestamp with time zone AS t, a[1] FROM x", .replicaSafe),
            ("SELECT dint, rowint.int4, text[1] FROM rowint", .replicaSafe), ("TABLE rowint", .replicaSafe),
            // A literal is read by its type, unless it has one already.
            ("SELECT '5'::dint, '{a}'::text[], x || '(1)'::rowint FROM x WHERE '1'::int IN (a)", .replicaSafe),
            ("SELECT myt '(a)'::dint", .write), ("SELECT '(a)'::myt::dint", .write), ("SELECT $1::dint", .write),
            ("SELECT numeric(3) '1'::int", .write), ("SELECT int4 '5', dint '5'", .replicaSafe),
            ("SELECT interval '1' day::int", .write), ("SELECT B'1'::int", .write),
            ("WITH y (dint, int4) AS (SELECT 1, 2) SELECT dint FROM y z (dint, int4)", .replicaSafe),
            ("SELECT * FROM f() AS y(a dint)", .write),
            ("SELECT v::date, v::rowdate, v::int8, v::bytea[] FROM x", .replicaSafe),
        ] as [(String, RouteClass)])
    func classes(sql: String, expected: RouteClass) {
        let verdict = classify(sql, knowing: Self.knowledge)
        #expect(verdict.routeClass == expected, "\(verdict.cause)")
    }

    /// A new table gives the type of its rows, which the next statement may cast to.
    @Test func newTables() {
        #expect(classify("CREATE TABLE t (a int)", knowing: Self.knowledge).effects.contains(.catalog))
        var catalog = Catalog()
        catalog.cast(to: catalog.castTarget("int4"), uses: [catalog.function("calm")])
        #expect(!classify("CREATE TABLE t (a int)", knowing: catalog.knowledge()).effects.contains(.catalog))
    }

    @Test func whetherAnyCastObjects() {
        var facts = CatalogFacts()
        #expect(!facts.hasObjectingCast)
        facts.add(
            FunctionFact(
                oid: 20_000, schema: "public", name: "f", isVolatile: true, language: "sql", argument: .none))
        #expect(!facts.hasObjectingCast)
        facts.addCast(20_001, to: 23, isImplicit: false)
        #expect(!facts.hasObjectingCast)
        facts.connect(CatalogObject(.cast, 20_001), to: CatalogObject(.function, 20_000))
        #expect(facts.hasObjectingCast)
    }
}
