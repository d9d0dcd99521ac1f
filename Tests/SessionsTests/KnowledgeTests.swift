// Does a statement's route follow what is known of its database?

import SQL
import Testing
import Wire

@testable import Sessions

extension Knowledge {
    /// A database with a domain `checked` that a VOLATILE function checks.
    static func ofOneDomain(generation: UInt64, isChecked: Bool = true) -> Knowledge {
        var facts = CatalogFacts()
        facts.add(
            FunctionFact(
                oid: 20_000, schema: "public", name: "f", isVolatile: true, language: "sql", argument: .none))
        facts.addDomain(20_001, schema: "public", name: "checked")
        if isChecked { facts.connect(CatalogObject(.type, 20_001), to: CatalogObject(.function, 20_000)) }
        return facts.knowledge(generation: generation)
    }

    /// A database with a function `f` and nothing else.
    static func ofOneFunction(generation: UInt64, isVolatile: Bool = false) -> Knowledge {
        var facts = CatalogFacts()
        facts.add(
            FunctionFact(
                oid: 20_000, schema: "public", name: "f", isVolatile: isVolatile, language: "sql",
                argument: .none))
        return facts.knowledge(generation: generation)
    }
}

struct KnowledgeTests {
    private static let database = CatalogID(rawValue: 1)

    @Test func simpleQueries() {
        let rig = Rig()
        rig.addClient(catalog: Self.database)
        rig.table.learn(Knowledge.ofOneFunction(generation: 1), of: Self.database)
        let rows = "T(c) D(SELECT f(1)) C(SELECT 1) Z(I)"
        rig.play(0, Turn(.query("SELECT f(1)"), gets: rows, "acquire replicaSafe", "r0 Q(SELECT f(1))"))
        // While the catalog is read again: on the primary, without a pin; the server is asked, and cleaned up.
        rig.table.learn(Knowledge.ofOneFunction(generation: 1).outdated(generation: 2), of: Self.database)
        rig.play(
            0,
            Turn(
                .query("SELECT f(1)"), gets: rows, "acquire write", "p0 Q(SELECT f(1))", "p0 Q(state)",
                "p0 Q(DISCARD ALL)"))
        rig.table.learn(Knowledge.ofOneFunction(generation: 3, isVolatile: true), of: Self.database)
        rig.play(
            0,
            Turn(
                .query("SELECT f(1)"), gets: rows, "acquire write", "pin hidden code",
                "p0 Q(SELECT f(1))"))
    }

    @Test func theOtherDatabaseIsNotMeant() {
        let rig = Rig()
        rig.addClient(catalog: CatalogID(rawValue: 0))
        rig.table.learn(Knowledge.ofOneFunction(generation: 1), of: Self.database)
        rig.play(
            0,
            Turn(
                .query("SELECT f(1)"), gets: "T(c) D(SELECT f(1)) C(SELECT 1) Z(I)", "acquire write",
                "pin hidden code", "p0 Q(SELECT f(1))"))
    }

    /// A shutdown does not undo what another server has committed: such a write is not run again.
    @Test(arguments: [("INSERT INTO near VALUES (1)", "C(INSERT 0 1) Z(I)"), ("INSERT INTO far VALUES (1)", nil)])
    func writesToForeignTables(_ text: String, _ answer: String?) {
        let rig = Rig()
        rig.addClient(catalog: Self.database)
        var facts = CatalogFacts()
        facts.addRelation(1, schema: "public", name: "near", .table)
        facts.addRelation(2, schema: "public", name: "far", .foreign)
        rig.table.learn(facts.knowledge(generation: 1), of: Self.database)
        rig.addServer(isReplica: false)
        rig.servers[0].model.failing = ("INSERT", ErrorFields(.fatal, "57P01", "terminating connection"))
        rig.say(.query(text))
        #expect(rig.taken() == answer ?? "\(LossTests.unknown) Z(I)")
    }

    /// A prepared statement lives longer than what was known when it was parsed.
    @Test func preparedStatements() {
        let rig = Rig()
        rig.addClient(catalog: Self.database)
        rig.table.learn(Knowledge.ofOneFunction(generation: 1), of: Self.database)
        rig.say(.parse("s", "SELECT f(1)"), .sync)
        rig.say(.bind("s"), .execute(), .sync)
        #expect(rig.lines.last?.hasPrefix("r0 ") == true, "\(rig.lines)")
        rig.table.learn(Knowledge.ofOneFunction(generation: 3, isVolatile: true), of: Self.database)
        rig.say(.bind("s"), .execute(), .sync)
        #expect(rig.lines.contains("pin hidden code"), "\(rig.lines)")
        #expect(rig.lines.last?.hasPrefix("p0 ") == true, "\(rig.lines)")
        #expect(rig.problems == [])
    }

    @Test func oneTextInTwoDatabases() {
        var table = StatementTable(worker: 0)
        table.learn(Knowledge.ofOneFunction(generation: 1), of: Self.database)
        let tail = Array("SELECT f(1)".utf8) + [0, 0, 0]
        let references = [Self.database, CatalogID(rawValue: 0), .none].map {
            table.retain(
                tail: tail.span, textLength: 11, key: ParsingKey(profile: .base, catalog: $0, lexer: LexerSettings()))
        }
        #expect(Set(references).count == 3)
        #expect(references.map { table.classification($0).routeClass } == [.replicaSafe, .write, .write])
        table.learn(nil, of: Self.database)
        #expect(table.classification(references[0]).routeClass == .replicaSafe, "what was decided stays decided")
        #expect(table.currentClassification(references[0]).routeClass == .write)
        #expect(table.classification(references[0]).routeClass == .write)
    }

    /// The number of a type tells nothing but that users have made it: one with a check that writes may be meant.
    @Test func parametersOfUsersTypes() {
        var table = StatementTable(worker: 0)
        let key = ParsingKey(profile: .base, catalog: Self.database, lexer: LexerSettings())
        let tails: [[UInt8]] = [
            [0, 0, 0], [0, 0, 1, 0, 0, 0, 23], [0, 0, 1, 0, 0, 0x3F, 0xFF],
            [0, 0, 2, 0, 0, 0, 0, 0, 0, 0x4E, 0x21], [0, 0, 1, 0, 0, 0x40, 0],
        ]
        let statements = tails.map { table.retain(tail: (Array("SELECT $1".utf8) + $0).span, textLength: 9, key: key) }
        let harmless = Knowledge.ofOneDomain(generation: 1, isChecked: false)
        var expected = [RouteClass](repeating: .replicaSafe, count: 5)
        for known in [nil, harmless] {
            table.learn(known, of: Self.database)
            #expect(statements.map { table.currentClassification($0).routeClass } == expected)
        }
        expected[3] = .write
        expected[4] = .write
        for known in [Knowledge.ofOneDomain(generation: 2), harmless.outdated(generation: 3)] {
            table.learn(known, of: Self.database)
            #expect(statements.map { table.currentClassification($0).routeClass } == expected)
        }
    }

    @Test func typesOfPREPARE() {
        let rig = Rig()
        rig.addClient(catalog: Self.database)
        rig.table.learn(.ofOneDomain(generation: 1), of: Self.database)
        for (types, place) in [("", "r0"), ("(checked)", "p0"), (" (int, checked[])", "p0")] {
            rig.say(.query("PREPARE q\(types) AS SELECT $1"))
            rig.say(.query("EXECUTE q('5')"))
            #expect(rig.lines.last { $0.contains("EXECUTE q('5')") }?.hasPrefix(place) == true, "\(rig.lines)")
            rig.say(.query("DEALLOCATE q"))
        }
        #expect(rig.problems == [])
    }

    @Test func changesOfTheCatalog() {
        let rig = Rig()
        rig.addServer(isReplica: false)
        rig.addClient()
        func mayHaveChanged(_ messages: Message...) -> Bool {
            rig.send(messages.bytes, by: 0)
            defer { rig.settle() }
            return rig.clients[0].session.committedEffects.contains(.catalog)
        }
        #expect(mayHaveChanged(.query("CREATE VIEW v AS SELECT 1")))
        #expect(rig.clients[0].session.committedEffects == [])
        #expect(!mayHaveChanged(.query("CREATE TABLE t (a int)")))
        #expect(!mayHaveChanged(.query("INSERT 1")))
        _ = mayHaveChanged(.query("BEGIN"))
        #expect(!mayHaveChanged(.query("ALTER VIEW v RENAME TO w")), "nothing is committed")
        #expect(!mayHaveChanged(.query("INSERT 1")))
        #expect(mayHaveChanged(.query("COMMIT")))
        #expect(!mayHaveChanged(.query("INSERT 1")))
        #expect(mayHaveChanged(.parse("", "ALTER FUNCTION f() VOLATILE"), .bind(""), .execute(), .sync))
    }
}
