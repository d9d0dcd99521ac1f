// Does every statement of the corpus get its class?

import SQL
import SQLCorpus
import Testing

@Suite struct CorpusTests {
    @Test func everyStatementHasItsClass() throws {
        let cases = try SQLCorpus.load()
        #expect(cases.count > 1000)
        for statement in cases where !statement.options.contains(.catalog) {
            let found = statement.classification
            #expect(found.routeClass == statement.expected, "\(statement): \(found.cause.note.sentence)")
        }
    }

    /// An empty database has nothing to add to what the text says.
    @Test func knowingNothingChangesNothing() throws {
        let nothing = CatalogFacts().knowledge(generation: 1)
        for example in try SQLCorpus.load() {
            var verdict = example.classification(knowing: nothing)
            verdict.generation = 0
            #expect(verdict == example.classification, "\(example)")
        }
    }

    @Test func noStatementStandsTwice() throws {
        var seen: [String: CorpusCase] = [:]
        for statement in try SQLCorpus.load() {
            let key = "\(statement.options.contains(.backslashEscapes)) \(statement.text)"
            #expect(seen[key] == nil, "\(statement) and \(seen[key]?.description ?? "")")
            seen[key] = statement
        }
    }

    @Test func aCaseIsReadAsWritten() throws {
        let cases = try SQLCorpus.parse("# note\nwrite [norun scs-off] a\n      b\n\nreplicaSafe c", file: "f")
        #expect(cases.map(\.text) == ["a\n  b", "c"])
        #expect(cases.map(\.expected) == [.write, .replicaSafe])
        #expect(cases[0].options == [.norun, .backslashEscapes])
        #expect(cases.map(\.line) == [2, 5])
        #expect(try SQLCorpus.parse(#"write [escaped] a\r\n\t\f"#, file: "f").map(\.text) == ["a\r\n\t\u{0C}"])
    }

    @Test(arguments: ["writes x", "write", "    x", "write [nonsense] x"])
    func otherLinesAreRefused(line: String) {
        #expect(throws: CorpusError.self) { try SQLCorpus.parse(line, file: "f") }
    }
}
