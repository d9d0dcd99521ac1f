// What do EXECUTE and PREPARE do, once it is known which statement they speak of?

import Testing

@testable import SQL

struct PreparedCallTests {
    private func execute(_ text: String, running prepared: String) -> Classification? {
        let bytes = Array(text.utf8)
        let read = classify(text)
        guard case .execute(let name, let arguments) = read.command else { return nil }
        return Classifier.classify(
            bytes.span, executing: read, name: name, arguments: arguments, prepared: classify(prepared),
            settings: LexerSettings())
    }

    private func prepare(_ text: String) -> Classification? {
        let bytes = Array(text.utf8)
        let read = classify(text)
        guard case .prepare(_, let statement) = read.command else { return nil }
        return Classifier.classify(bytes.span, preparing: read, statement: statement, settings: LexerSettings())
    }

    @Test(arguments: [
        ("EXECUTE q", "SELECT 1", RouteClass.replicaSafe), ("EXECUTE q (1, 'a')", "SELECT $1", .replicaSafe),
        ("EXECUTE q ()", "SELECT 1", .replicaSafe), ("EXECUTE q", "INSERT INTO t VALUES (1)", .write),
        ("EXECUTE q", "SELECT 1 FOR UPDATE", .lockedRead), ("EXECUTE q", "SELECT pg_backend_pid()", .primaryOnlyRead),
        ("EXECUTE q (nextval('s'))", "SELECT $1", .write), ("EXECUTE q (nosuch(1))", "SELECT $1", .write),
        ("EXECUTE q (pg_backend_pid())", "SELECT $1", .primaryOnlyRead),
        ("EXECUTE q (now())", "SELECT pg_advisory_lock(1)", .sessionState),
    ])
    func doesWhatItRuns(_ text: String, _ prepared: String, _ routeClass: RouteClass) throws {
        let verdict = try #require(execute(text, running: prepared))
        #expect(verdict.routeClass == routeClass)
        #expect(verdict.effects.isSuperset(of: classify(prepared).effects.union(.statementName)))
        #expect(verdict.pins.isSuperset(of: classify(prepared).pins))
        #expect(verdict.command == classify(text).command)
    }

    @Test func theCauseStandsInTheText() throws {
        let text = Array("EXECUTE q (1, nextval('s'))".utf8)
        let ofArgument = try #require(execute(String(decoding: text, as: UTF8.self), running: "SELECT $1"))
        #expect(String(decoding: text[ofArgument.cause.tokenRange], as: UTF8.self) == "nextval")
        let ofStatement = try #require(execute("EXECUTE q", running: "DELETE FROM t"))
        #expect(ofStatement.cause.tokenRange == 8..<9)
        #expect(ofStatement.cause.note == .dataModification)
    }

    @Test(arguments: ["EXECUTE q, r", "EXECUTE q (1); SELECT 1", "EXECUTE q AS x", "EXECUTE"])
    func isNotTakenForACall(_ text: String) {
        #expect(execute(text, running: "SELECT 1") == nil)
    }

    @Test(arguments: [
        ("PREPARE q AS SELECT 1", RouteClass.replicaSafe), ("PREPARE q (int) AS SELECT $1", .replicaSafe),
        ("PREPARE q AS DELETE FROM t", .primaryOnlyRead), ("PREPARE q AS SELECT f()", .primaryOnlyRead),
        ("PREPARE q AS SELECT 'knowledge', 'nowhere'", .replicaSafe),
    ])
    func aPrepareLeavesNothing(_ text: String, _ routeClass: RouteClass) throws {
        let verdict = try #require(prepare(text))
        #expect(verdict.routeClass == routeClass)
        #expect(verdict.effects == .statementName)
        #expect(verdict.pins.isEmpty)
    }

    @Test(arguments: [
        "PREPARE q AS SELECT timestamp 'now'", "PREPARE q AS SELECT ' Today '::date",
        "PREPARE q AS SELECT date E'tomorrow'",
        "PREPARE q AS SELECT $$yesterday$$::date", "PREPARE q AS SELECT 'today 10:00'::timestamptz",
        "PREPARE q AS nonsense", "PREPARE q", "PREPARE q AS SELECT 1; SELECT 2", "PREPARE q AS SELECT 'open",
    ])
    func isNotRepeated(_ text: String) {
        #expect(prepare(text) == nil)
    }
}
