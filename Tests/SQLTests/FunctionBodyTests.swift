// Which functions that are not VOLATILE are not harmless all the same?

import SQL
import Testing

@Suite struct FunctionBodyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let language: String
        let body: String
        let routeClass: RouteClass

        init(_ language: String, _ body: String, _ routeClass: RouteClass) {
            self.language = language
            self.body = body
            self.routeClass = routeClass
        }

        var testDescription: String { body }
    }

    private static func knowledge(language: String, body: String) -> Knowledge {
        var catalog = Catalog()
        catalog.function("calm")
        catalog.function("wild", schema: "app", volatile: true)
        let counting = catalog.relation("counting", .view)
        catalog.connect(counting, builtin: "nextval")
        catalog.relation("fast", .unlogged)
        catalog.relation("t")
        catalog.operation("<+>", uses: [catalog.function("plus", volatile: true)])
        catalog.domain("checked", uses: [catalog.function("check_it", volatile: true)])
        catalog.function("total", volatile: true, argument: .composite)
        catalog.function("tested", language: language, body: body)
        return catalog.knowledge()
    }

    @Test(arguments: [
        Case("sql", "SELECT 1", .replicaSafe), Case("sql", "SELECT calm(a) FROM t;", .replicaSafe),
        Case("sql", "SELECT $1 + 1; SELECT lower($2)", .replicaSafe), Case("sql", "", .replicaSafe),
        Case("sql", "SELECT pg_advisory_lock(1)", .write),
        Case("sql", "SELECT pg_advisory_xact_lock(1)", .primaryOnlyRead),
        Case("sql", "SELECT app.wild()", .write), Case("sql", "SELECT wild()", .write),
        Case("sql", "SELECT nosuch()", .write), Case("sql", "SELECT * FROM counting", .write),
        Case("sql", "SELECT count(*) FROM public.fast", .primaryOnlyRead),
        Case("sql", "SELECT a <+> b FROM t", .write), Case("sql", "SELECT a::checked FROM t", .write),
        Case("sql", "SELECT t.total FROM t", .write), Case("sql", "SELECT tested()", .replicaSafe),
        Case("sql", "SELECT pg_is_in_recovery()", .primaryOnlyRead),
        Case("sql", "SELECT current_setting('app.tenant')", .replicaSafe),
        Case("sql", "SELECT current_setting('in_hot_standby')", .primaryOnlyRead),
        Case("sql", "SELECT 'unterminated", .write), Case("sql", "INSERT INTO t VALUES (1)", .write),
        Case("sql", "SELECT inet_server_port()", .replicaSafe),
        Case("plpgsql", "BEGIN RETURN 1; END", .replicaSafe),
        Case("plpgsql", "BEGIN RETURN (a + 1); END;", .replicaSafe),
        Case(
            "plpgsql",
            """
            <<outer>>
            DECLARE
                x numeric(10, 2) := calm(1);
                c CURSOR (n int) FOR SELECT a FROM t WHERE a > n;
                r record;
            BEGIN
                IF (x > 1) THEN
                    SELECT a INTO STRICT x FROM t WHERE b = 'EXECUTE me';
                ELSIF (SELECT true FROM t) THEN
                    RAISE NOTICE 'x % (%)', x, lower('A');
                END IF;
                FOR r IN SELECT * FROM t LOOP
                    x := x + r.a; -- EXECUTE 'nothing'
                END LOOP;
                WHILE (x > 0) LOOP x := calm(x); END LOOP;
                PERFORM calm(1);
                RETURN QUERY SELECT * FROM t;
            EXCEPTION WHEN others THEN
                RETURN NEXT (x);
            END
            """, .replicaSafe),
        Case("plpgsql", "BEGIN EXECUTE 'SELECT 1'; END", .write),
        Case("plpgsql", "BEGIN RETURN QUERY EXECUTE 'SELECT ' || x; END", .write),
        Case("plpgsql", "BEGIN FOR r IN EXECUTE x LOOP NULL; END LOOP; END", .write),
        Case("plpgsql", "BEGIN PERFORM pg_advisory_lock(1); RETURN 1; END", .write),
        Case("plpgsql", "DECLARE x int := app.wild(); BEGIN RETURN x; END", .write),
        Case("plpgsql", "BEGIN IF wild() THEN RETURN 1; END IF; END", .write),
        Case("plpgsql", "BEGIN RETURN QUERY SELECT * FROM counting; END", .write),
        Case("plpgsql", "BEGIN RETURN (SELECT count(*) FROM fast); END", .primaryOnlyRead),
        Case("plpgsql", "BEGIN RETURN r.total; END", .write), Case("plpgsql", "BEGIN RETURN a <+> b; END", .write),
        Case("plpgsql", "DECLARE x checked; BEGIN RETURN 1; END", .write),
        Case("plpgsql", "BEGIN RETURN (1; END", .write), Case("plpgsql", "BEGIN RETURN nosuch(1); END", .write),
        Case("plperl", "return 1;", .write), Case("plpython3u", "return 1", .write),
    ])
    func bodies(_ example: Case) {
        let knowledge = Self.knowledge(language: example.language, body: example.body)
        let verdict = classify("SELECT tested(1)", knowing: knowledge)
        #expect(verdict.routeClass == example.routeClass, "\(verdict.cause)")
    }

    /// Of a VOLATILE function it matters what it may leave in the session: nothing, what can be asked for, or anything.
    @Test(arguments: [
        ("sql", "INSERT INTO t VALUES (1) RETURNING a", "nothing"), ("sql", "SELECT nextval('s')", "nothing"),
        ("sql", "SELECT pg_advisory_lock(1)", "inspectable"), ("sql", "SELECT setseed(0.5)", "anything"),
        ("sql", "SET app.x = 'y'", "anything"), ("sql", "SELECT lastval()", "anything"),
        ("sql", "SELECT mild()", "inspectable"), ("sql", "SELECT app.wild()", "anything"),
        ("sql", "SELECT set_config('app.x', $1, true)", "nothing"),
        ("sql", "SELECT set_config('app.x', $1, false)", "anything"),
        ("sql", "CREATE TEMP TABLE x (a int)", "inspectable"), ("sql", "SELECT nosuch()", "anything"),
        ("plpgsql", "BEGIN UPDATE t SET a = 1; NEW.a := 2; RETURN NEW; END", "nothing"),
        ("plpgsql", "BEGIN INSERT INTO t SELECT a FROM t ON CONFLICT DO NOTHING; RETURN 1; END", "nothing"),
        ("plpgsql", "BEGIN FOR i IN 1..3 LOOP DELETE FROM t WHERE a = i; END LOOP; END", "nothing"),
        ("plpgsql", "BEGIN CREATE TEMP TABLE x AS SELECT 1; END", "inspectable"),
        ("plpgsql", "BEGIN CREATE TEMP TABLE IF NOT EXISTS x(a int, b numeric(3, 1)); END", "inspectable"),
        ("plpgsql", "BEGIN CREATE TABLE app.x (a int PRIMARY KEY, CHECK (a > 1)); END", "inspectable"),
        ("plpgsql", "BEGIN CREATE TEMP TABLE x AS SELECT nosuch(1); END", "anything"),
        ("plpgsql", "BEGIN IF NOT EXISTS (SELECT 1 WHERE nosuch(1)) THEN RETURN; END IF; END", "anything"),
        ("plpgsql", "BEGIN IF true THEN LISTEN x; ELSE UNLISTEN x; END IF; END", "inspectable"),
        ("plpgsql", "BEGIN PERFORM pg_advisory_lock(1); END", "inspectable"),
        ("plpgsql", "BEGIN PERFORM mild(); END", "inspectable"), ("plpgsql", "BEGIN PERFORM wild(); END", "anything"),
        ("plpgsql", "BEGIN SET work_mem = '1MB'; END", "inspectable"),
        ("plpgsql", "BEGIN SET LOCAL app.x = '1'; END", "nothing"),
        ("plpgsql", "BEGIN SET SESSION app.x = '1'; END", "anything"),
        ("plpgsql", "<<here>> BEGIN <<there>> SET app.x = '1'; END", "anything"),
        ("plpgsql", "BEGIN FOR i IN 1..3 LOOP SET app.x TO 1; END LOOP; END", "anything"),
        ("plpgsql", "BEGIN IF a THEN NULL; ELSE RESET app.x; END IF; END", "anything"),
        ("plpgsql", "BEGIN EXECUTE x; END", "anything"), ("plpgsql", "BEGIN LOAD 'x'; END", "anything"),
        ("plpgsql", "BEGIN CALL p(); END", "anything"), ("plpgsql", "BEGIN CALL mild(); END", "inspectable"),
        ("sql", "CALL mild()", "inspectable"), ("sql", "CALL p()", "anything"),
        ("plpgsql", "BEGIN x := 'unterminated; END", "anything"),
        ("plperl", "return 1;", "anything"), ("c", "my_function", "anything"),
    ])
    func volatileBodies(_ language: String, _ body: String, _ expected: String) {
        var catalog = Catalog()
        catalog.function("wild", schema: "app", volatile: true)
        catalog.function("mild", volatile: true, body: "SELECT pg_advisory_lock(1)")
        catalog.relation("t")
        catalog.function("tested", volatile: true, language: language, body: body)
        let verdict = classify("SELECT tested()", knowing: catalog.knowledge())
        let found =
            verdict.pins == .hiddenCode
            ? "anything" : verdict.effects.contains(.hiddenCode) ? "inspectable" : "nothing"
        #expect(found == expected, "\(verdict.pins)")
        #expect(verdict.routeClass == .write)
        let called = classify("CALL tested(1, DEFAULT)", knowing: catalog.knowledge())
        #expect(called.pins == verdict.pins && called.routeClass == .write)
        #expect(called.effects == verdict.effects.union(.refusesTransactionBlock))
    }

    /// What a trigger or a default calls is looked for behind every write, and behind nothing else.
    @Test func whatWritesSetOff() {
        for (body, isStateful) in [("INSERT INTO t VALUES (1)", false), ("SELECT pg_advisory_lock(1)", true)] {
            var catalog = Catalog()
            let fired = catalog.function("fired", volatile: true, body: body)
            catalog.connect(CatalogObject(.implicit, 1), fired)
            let knowledge = catalog.knowledge()
            for sql in ["INSERT INTO t VALUES (1)", "WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x"] {
                let verdict = classify(sql, knowing: knowledge)
                #expect(verdict.effects.contains(.hiddenCode) == isStateful)
                #expect(verdict.pins.isEmpty && verdict.cause == classify(sql, knowing: nil).cause)
            }
            #expect(classify("SELECT * FROM t", knowing: knowledge).routeClass == .replicaSafe)
            let outdated = classify("INSERT INTO t VALUES (1)", knowing: knowledge.outdated(generation: 3))
            #expect(outdated.effects.contains(.hiddenCode))
        }
    }

    @Test func throughManySteps() {
        var catalog = Catalog()
        for number in 0..<50 {
            catalog.function("f\(number)", body: "SELECT f\(number + 1)()")
            catalog.function("g\(number)", language: "plpgsql", body: "BEGIN RETURN g\(number + 1)(); END")
        }
        catalog.function("f50", volatile: true)
        catalog.function("g50", body: "SELECT g0()")
        let knowledge = catalog.knowledge()
        #expect(classify("SELECT f0()", knowing: knowledge).cause.note == .reachingFunction)
        // A circle of harmless functions is harmless.
        #expect(classify("SELECT g0(), g50()", knowing: knowledge).routeClass == .replicaSafe)
    }

    @Test func aBodyThatIsTooLongIsNotTrusted() {
        var facts = CatalogFacts()
        facts.add(
            FunctionFact(
                oid: 20_000, schema: "public", name: "long", isVolatile: false, language: "sql", argument: .none))
        facts.addBody(of: 20_000, language: "sql", text: nil)
        #expect(classify("SELECT long()", knowing: facts.knowledge(generation: 1)).cause.note == .opaqueFunction)
    }
}
