// What does the catalog change about the verdict on a statement?

import SQL
import Testing

@Suite struct KnowledgeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sql: String
        let routeClass: RouteClass
        let token: String
        let note: StaticReason?

        init(_ sql: String, _ routeClass: RouteClass, _ token: String = "", _ note: StaticReason? = nil) {
            self.sql = sql
            self.routeClass = routeClass
            self.token = token
            self.note = note
        }

        var testDescription: String { sql }
    }

    private func check(_ example: Case, _ knowledge: Knowledge) {
        let verdict = classify(example.sql, knowing: knowledge)
        #expect(verdict.routeClass == example.routeClass, "\(verdict.cause)")
        #expect(verdict.generation == knowledge.generation)
        guard let note = example.note else { return }
        #expect(verdict.cause.note == note)
        #expect(slice(example.sql, verdict.cause.tokenRange) == example.token)
    }

    private static let functions: Knowledge = {
        var catalog = Catalog()
        catalog.function("calm")
        catalog.function("wild", volatile: true)
        catalog.function("mixed")
        catalog.function("mixed", volatile: true)
        catalog.function("two", schema: "good")
        catalog.function("two", schema: "bad", volatile: true)
        catalog.function("lower", schema: "app", volatile: true)
        catalog.function("upper", schema: "app")
        catalog.function("nextval", schema: "app")
        catalog.function("Calm Name")
        catalog.function("wild\"quote", volatile: true)
        catalog.function("größe")
        catalog.function("python", language: "plpython3u")
        catalog.function("code", language: "c")
        catalog.function("crosstab", language: "c")
        catalog.function("pivot", language: "c", library: "$libdir/tablefunc", symbol: "crosstab")
        catalog.function("gen_salt", volatile: true, language: "c", library: "$libdir/pgcrypto", symbol: "pg_gen_salt")
        catalog.function("normal_rand", volatile: true, language: "c", library: "$libdir/other", symbol: "normal_rand")
        catalog.function("substring", schema: "app", volatile: true)
        catalog.function("join", volatile: true)
        catalog.function("columns", volatile: true)
        catalog.function("json_value", volatile: true)
        catalog.function("coalesced", volatile: true)
        catalog.function("inside", language: "internal", body: "nextval_oid")
        catalog.function("plain", language: "internal", body: "int4pl")
        catalog.function("promotes", body: "SELECT pg_promote()")
        catalog.function("notes", volatile: true, body: "INSERT INTO log VALUES (1)")
        catalog.function(String(repeating: "n", count: 63))
        return catalog.knowledge()
    }()

    @Test(arguments: [
        Case("SELECT calm(1)", .replicaSafe), Case("SELECT CALM(1)", .replicaSafe),
        Case("SELECT public.calm(1), \"public\".\"calm\"(2)", .replicaSafe),
        Case("SELECT U&\"c\\0061lm\"(1)", .replicaSafe),
        Case("SELECT \"Calm\"(1)", .write, "\"Calm\"", .unknownFunction),
        Case("SELECT other.calm(1)", .write, "calm", .unknownFunction),
        Case("SELECT db.public.calm(1)", .write, "calm", .unknownFunction),
        Case("SELECT nosuch(1)", .write, "nosuch", .unknownFunction),
        Case("SELECT wild()", .write, "wild", .volatileFunction),
        Case("SELECT U&\"w\\0069ld\"()", .write, "U&\"w\\0069ld\"", .volatileFunction),
        Case("SELECT calm(wild())", .write, "wild", .volatileFunction),
        Case("SELECT 1 FROM t WHERE calm(a) = 1 ORDER BY public.wild()", .write, "wild", .volatileFunction),
        Case("SELECT mixed(1)", .write, "mixed", .volatileFunction),
        Case("SELECT two(1)", .write, "two", .volatileFunction), Case("SELECT good.two(1)", .replicaSafe),
        Case("SELECT bad.two(1)", .write, "two", .volatileFunction),
        // A built-in that another schema overloads with something worse, or with something better.
        Case("SELECT lower(a) FROM t", .write, "lower", .volatileFunction),
        Case("SELECT pg_catalog.lower(a) FROM t", .replicaSafe), Case("SELECT upper(a) FROM t", .replicaSafe),
        Case("SELECT nextval('s')", .write, "nextval", .writingFunction),
        Case("SELECT app.nextval('s')", .replicaSafe),
        Case("SELECT \"Calm Name\"(1)", .replicaSafe),
        Case("SELECT \"wild\"\"quote\"(1)", .write, "\"wild\"\"quote\"", .unknownFunction),
        // In another encoding the same bytes may be another name.
        Case("SELECT größe(1)", .write, "größe", .unknownFunction),
        Case("SELECT python(1)", .write, "python", .opaqueFunction), Case("SELECT code(1)", .replicaSafe),
        Case("SELECT crosstab('…')", .write, "crosstab", .sqlFromText),
        Case("SELECT pivot('…')", .write, "pivot", .sqlFromText),
        // Words before parentheses that the grammar takes for something else.
        Case("SELECT substring(a, 1) FROM t", .write, "substring", .volatileFunction),
        Case("SELECT 1 WHERE NOT join(1)", .write, "join", .volatileFunction),
        Case("SELECT a FROM t columns(1)", .write, "columns", .volatileFunction),
        Case("SELECT json_value(a, 'x') FROM t", .write, "json_value", .volatileFunction),
        Case("SELECT overlay(a, b, 1), coalesce(a, b), NOT like(a, b) FROM t", .replicaSafe),
        Case("SELECT treat(a AS lower.f) FROM t", .write), Case("SELECT treat(a AS upper.nextval)", .write, "nextval"),
        Case("SELECT inside('s')", .write, "inside", .reachingFunction), Case("SELECT plain(1, 2)", .replicaSafe),
        Case("SELECT \(String(repeating: "n", count: 63))()", .write),
        Case("EXPLAIN SELECT calm(1)", .replicaSafe),
        Case("EXPLAIN SELECT wild()", .primaryOnlyRead, "wild", .volatileFunction),
        Case("EXPLAIN SELECT promotes()", .primaryOnlyRead, "promotes", .reachingFunction),
        Case("EXPLAIN SELECT notes()", .primaryOnlyRead, "notes", .volatileFunction),
        Case("EXPLAIN (ANALYZE) SELECT promotes()", .write, "promotes", .reachingFunction),
        Case("INSERT INTO t SELECT calm(1)", .write, "INSERT", .dataModification),
    ])
    func functions(_ example: Case) { check(example, Self.functions) }

    /// Planning calls what is said to be STABLE; a replica obeys it in vain.
    @Test func planningOnAReplica() {
        let stable = classify("EXPLAIN SELECT promotes()", knowing: Self.functions)
        #expect(stable.effects == [.primaryOnly, .notOnReplica])
        let volatile = classify("EXPLAIN SELECT notes()", knowing: Self.functions)
        #expect(volatile.effects == .primaryOnly)
    }

    @Test func hiddenCodePins() {
        #expect(classify("SELECT wild()", knowing: Self.functions).pins == .hiddenCode)
        #expect(classify("INSERT INTO t SELECT calm(1)", knowing: Self.functions).pins == [])
        #expect(classify("INSERT INTO t SELECT calm(1)", knowing: nil).pins == .hiddenCode)
    }

    @Test func whatALibraryKeeps() {
        #expect(classify("SELECT gen_salt('md5')", knowing: Self.functions).pins == [])
        #expect(classify("SELECT normal_rand(1, 2, 3)", knowing: Self.functions).pins == .hiddenCode)
    }

    private static let relations: Knowledge = {
        var catalog = Catalog()
        let wild = catalog.function("wild", volatile: true)
        let inner = catalog.relation("counting", .view)
        catalog.connect(inner, builtin: "nextval")
        let outer = catalog.relation("over", .view, uses: [inner])
        catalog.relation("top", schema: "s", .view, uses: [outer])
        catalog.relation("calm", .view)
        catalog.relation("odd", schema: "a\"b", .view, uses: [wild])
        catalog.relation("t")
        catalog.relation("guarded", uses: [wild])
        catalog.relation("Mixed Case", .view, uses: [wild])
        catalog.relation("fast", .unlogged)
        let far = catalog.relation("far", .foreign)
        catalog.relation("parts", uses: [far])
        catalog.relation("ids", .sequence)
        catalog.relation("same", schema: "a")
        catalog.relation("same", schema: "b", .unlogged)
        let activity = catalog.relation("activity", .view)
        catalog.connect(activity, builtinRelation: "pg_stat_activity")
        catalog.connect(catalog.relation("tenants", .view), setting: "app.tenant")
        catalog.connect(catalog.relation("standby", .view), setting: "In_Hot_Standby")
        catalog.connect(catalog.relation("anything", .view), setting: nil)
        let tables = catalog.relation("tables", .view)
        catalog.connect(tables, builtinRelation: "pg_class")
        return catalog.knowledge()
    }()

    @Test(arguments: [
        Case("SELECT * FROM counting", .write, "counting", .reachingRelation),
        Case("SELECT * FROM public.Counting c", .write, "Counting", .reachingRelation),
        Case("SELECT * FROM other.counting", .replicaSafe),
        Case("SELECT * FROM over", .write, "over", .reachingRelation),
        Case("SELECT * FROM s.top", .write, "top", .reachingRelation),
        Case("SELECT * FROM t JOIN s.top USING (a)", .write, "top", .reachingRelation),
        Case("TABLE top", .write, "top", .reachingRelation),
        Case("WITH x AS (SELECT * FROM calm) SELECT * FROM x, LATERAL (TABLE over) y", .write, "over"),
        Case("SELECT * FROM calm, t", .replicaSafe), Case("TABLE t", .replicaSafe),
        Case("SELECT * FROM guarded", .write, "guarded", .reachingRelation),
        Case("SELECT * FROM \"Mixed Case\"", .write, "\"Mixed Case\"", .reachingRelation),
        Case("SELECT * FROM \"mixed case\"", .replicaSafe),
        Case("SELECT * FROM fast", .primaryOnlyRead, "fast", .unloggedTable),
        Case("COPY fast TO STDOUT", .primaryOnlyRead, "fast", .unloggedTable),
        Case("COPY b.same (a) TO STDOUT", .primaryOnlyRead, "same", .unloggedTable),
        Case("COPY a.same TO STDOUT", .replicaSafe), Case("COPY t TO STDOUT", .replicaSafe),
        Case("SELECT * FROM far", .primaryOnlyRead, "far", .foreignTable),
        Case("SELECT * FROM parts", .primaryOnlyRead, "parts", .reachingRelation),
        Case("SELECT last_value FROM ids", .primaryOnlyRead, "ids", .sequenceRelation),
        Case("SELECT * FROM same", .primaryOnlyRead, "same", .unloggedTable),
        Case("SELECT * FROM a.same", .replicaSafe), Case("SELECT * FROM b.same", .primaryOnlyRead, "same"),
        Case("SELECT * FROM U&\"f\\0061r\"", .primaryOnlyRead, "U&\"f\\0061r\"", .foreignTable),
        Case("SELECT * FROM activity", .primaryOnlyRead, "activity", .reachingRelation),
        Case("SELECT * FROM tables", .replicaSafe), Case("SELECT * FROM tenants", .replicaSafe),
        Case("SELECT * FROM standby", .primaryOnlyRead, "standby", .reachingRelation),
        Case("SELECT * FROM anything", .primaryOnlyRead, "anything", .reachingRelation),
        // Names are not told from each other by their place, except that a column's has its table before it.
        Case("SELECT t.fast FROM t", .replicaSafe), Case("SELECT fast FROM t", .primaryOnlyRead, "fast"),
        // A schema whose name cannot be compared narrows nothing.
        Case("SELECT * FROM \"a\"\"b\".odd", .write, "odd", .reachingRelation),
        Case("SELECT * FROM sch\u{E4}ma.odd", .write, "odd"), Case("SELECT * FROM a.odd", .replicaSafe),
        // No name here needs a second look because of its characters.
        Case("SELECT größe FROM t", .replicaSafe),
    ])
    func relations(_ example: Case) { check(example, Self.relations) }

    private static let others: Knowledge = {
        var catalog = Catalog()
        let wild = catalog.function("wild", volatile: true)
        let calm = catalog.function("calm")
        catalog.function("total", volatile: true, argument: .composite)
        catalog.function("sum_up", argument: .composite)
        catalog.function("gather", language: "internal")
        catalog.connect(catalog.function("worst", language: "internal"), wild)
        catalog.operation("<+>", uses: [wild])
        catalog.operation("-", uses: [wild])
        catalog.operation("<->", uses: [calm])
        catalog.domain("checked", uses: [wild])
        catalog.domain("free", uses: [calm])
        catalog.cast(to: catalog.castTarget("int4"), uses: [wild])
        catalog.cast(to: catalog.castTarget("text"), uses: [calm])
        catalog.relation("größe", .view, uses: [wild])
        return catalog.knowledge()
    }()

    @Test(arguments: [
        Case("SELECT gather(a) FROM t", .replicaSafe), Case("SELECT worst(a) FROM t", .write, "worst"),
        Case("SELECT t.total FROM t", .write, "total", .attributeCall), Case("SELECT t.sum_up FROM t", .replicaSafe),
        Case("SELECT (t).\"total\" FROM t", .write, "\"total\"", .attributeCall),
        Case("SELECT total FROM t", .replicaSafe),
        Case("SELECT a <+> b FROM t", .write, "<+>", .reachingOperator),
        Case("SELECT a OPERATOR(s.<+>) b FROM t", .write, "<+>", .reachingOperator),
        Case("SELECT a <-> b FROM t", .replicaSafe), Case("SELECT a - b FROM t", .write, "-", .reachingOperator),
        // `*-` is no operator: the minus belongs to what follows.
        Case("SELECT a *-1 FROM t", .write, "-", .reachingOperator), Case("SELECT a * 1 FROM t", .replicaSafe),
        Case("SELECT a::checked FROM t", .write, "checked", .reachingType),
        Case("SELECT CAST(a AS public.checked) FROM t", .write, "checked", .reachingType),
        Case("SELECT checked '1'", .write, "checked", .reachingType),
        Case("SELECT '{}'::_checked", .write, "_checked", .reachingType),
        Case("SELECT a::free FROM t", .replicaSafe),
        Case("SELECT a::integer FROM t", .write, "integer", .reachingType),
        Case("SELECT a::pg_catalog.int4 FROM t", .write, "int4", .reachingType),
        Case("SELECT a::text, int4 FROM t", .replicaSafe),
        // An odd name is found as it is, and whatever else may be one in another encoding is feared to be it.
        Case("SELECT * FROM größe", .write, "größe", .reachingRelation),
        Case("SELECT * FROM größer", .primaryOnlyRead, "größer", .obscuredName),
        Case("SELECT * FROM gr\u{E4}sse", .primaryOnlyRead),
        Case("SELECT * FROM \"a\"\"b\"", .primaryOnlyRead),
        Case("SELECT * FROM \(String(repeating: "n", count: 70))", .primaryOnlyRead),
    ])
    func others(_ example: Case) { check(example, Self.others) }

    @Test func whatNeedsNoWords() {
        var catalog = Catalog()
        let wild = catalog.function("wild", volatile: true)
        catalog.operation("=", uses: [wild])
        check(Case("SELECT a FROM t ORDER BY b", .write, "SELECT", .implicitCall), catalog.knowledge())
        var casts = Catalog()
        casts.cast(
            to: casts.castTarget("money"), implicit: true, uses: [casts.function("wild", volatile: true)])
        check(Case("SELECT a FROM t", .write, "SELECT", .implicitCall), casts.knowledge())
        check(Case("SHOW work_mem", .replicaSafe), casts.knowledge())
        var classes = Catalog()
        classes.connect(CatalogObject(.implicit, 0), classes.function("compare", volatile: true))
        check(Case("SELECT a FROM t", .write, "SELECT", .implicitCall), classes.knowledge())
    }

    private static let outdated: Knowledge = {
        var catalog = Catalog()
        catalog.function("calm")
        catalog.function("wild", volatile: true)
        catalog.relation("t")
        catalog.relation("v", .view)
        catalog.relation("two", schema: "a")
        catalog.relation("two", schema: "b", .view)
        return catalog.knowledge().outdated(generation: 3)
    }()

    @Test(arguments: [
        Case("SELECT 1", .replicaSafe), Case("SELECT a, b FROM t WHERE c = 1 AND d <> 'x' ORDER BY a", .replicaSafe),
        Case("SELECT *, t.* FROM t", .replicaSafe), Case("SELECT pg_catalog.lower(a) FROM t", .replicaSafe),
        // A function, operator, cast or domain of that name may have been made.
        Case("SELECT lower(a) FROM t", .write, "lower", .outdatedKnowledge),
        Case("SELECT a FROM t WHERE substring(a, 1) = 'x'", .write, "substring", .outdatedKnowledge),
        Case("SELECT a FROM t WHERE a || b = 'x'", .write, "||", .outdatedKnowledge),
        Case("SELECT a * b FROM t", .write, "*", .outdatedKnowledge),
        Case("SELECT a::text FROM t", .write, "::", .outdatedKnowledge),
        Case("SELECT CAST(a AS text) FROM t", .write, "CAST", .outdatedKnowledge),
        Case("SELECT made 'x'", .write, "made", .outdatedKnowledge),
        Case("SELECT t.a FROM t", .write, "a", .outdatedKnowledge),
        Case("SELECT (t).a FROM t", .write, "a", .outdatedKnowledge),
        Case("SELECT * FROM t JOIN public.t AS u USING (a), LATERAL (SELECT 1 FROM t) x", .replicaSafe),
        Case("SELECT calm(1)", .write, "calm", .outdatedKnowledge),
        Case("SELECT wild()", .write, "wild", .volatileFunction),
        Case("SELECT * FROM v", .write, "v", .outdatedKnowledge),
        Case("SELECT * FROM t, public.v", .write, "v", .outdatedKnowledge),
        Case("SELECT * FROM nosuch", .write, "nosuch", .outdatedKnowledge),
        Case("SELECT * FROM two", .write, "two", .outdatedKnowledge), Case("SELECT * FROM a.two", .replicaSafe),
        Case("TABLE v", .write, "TABLE", .outdatedKnowledge), Case("COPY t TO STDOUT", .replicaSafe),
        Case("COPY x.y TO STDOUT", .write, "y", .outdatedKnowledge),
        Case("SELECT * FROM information_schema.tables, pg_catalog.pg_proc", .replicaSafe),
        Case("SELECT * FROM pg_mine", .write, "pg_mine", .outdatedKnowledge),
        Case("SELECT * FROM generate_series(1, 3) g, t", .write, "generate_series", .outdatedKnowledge),
        Case("SELECT extract(year FROM a) FROM t", .replicaSafe),
    ])
    func outdated(_ example: Case) { check(example, Self.outdated) }

    /// What was harmless a moment ago need not keep its server for ever.
    @Test func outdatedKnowledgePinsNobody() {
        #expect(classify("SELECT calm(1) FROM v", knowing: Self.outdated).pins == [])
        #expect(classify("SELECT calm(1) FROM v", knowing: Self.outdated).effects.contains(.hiddenCode))
        #expect(classify("SELECT nosuch(1)", knowing: Self.outdated).pins == .hiddenCode)
    }

    @Test(arguments: [
        ("SELECT 1 FROM t", true), ("SELECT calm(1), lower(a) FROM v", true), ("SELECT nosuch(1), calm(1)", false),
        ("SELECT wild()", false), ("SELECT calm(1) FROM t FOR UPDATE", false), ("INSERT INTO t SELECT calm(1)", false),
        ("SELECT calm(1); SELECT wild()", false), ("EXPLAIN SELECT calm(1)", true), ("EXPLAIN SELECT nosuch()", false),
    ])
    func fearIsToldFromCertainty(_ text: String, _ mayBeSafe: Bool) {
        #expect(classify(text, knowing: Self.outdated).mayBeReplicaSafe == mayBeSafe)
    }

    @Test func aTableMayHaveChanged() {
        var catalog = Catalog()
        catalog.relation("t")
        let knowledge = catalog.knowledge()
        #expect(classify("SELECT 1 FROM t", knowing: knowledge.outdated(generation: 1)).routeClass == .replicaSafe)
        let untrusting = knowledge.outdated(generation: 3, trustsTables: false)
        #expect(classify("SELECT 1 FROM t", knowing: untrusting).routeClass == .write)
        #expect(classify("SELECT 1 FROM pg_catalog.pg_proc", knowing: untrusting).routeClass == .replicaSafe)
    }
}
