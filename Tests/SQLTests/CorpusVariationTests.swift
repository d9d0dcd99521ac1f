// Does a statement of the corpus keep its class when it is spelled or wrapped in another way?

import SQL
import SQLCorpus
import Testing

@Suite struct CorpusVariationTests {
    private static func routeClass(_ text: String, like statement: CorpusCase) -> RouteClass {
        Classifier.classify(Array(text.utf8).span, settings: statement.lexerSettings).routeClass
    }

    private static func cases(where isWanted: (String) -> Bool) throws -> [CorpusCase] {
        try SQLCorpus.load().filter { !$0.options.contains(.catalog) && isWanted($0.text) }
    }

    /// Texts in which every blank is one between tokens and every letter may change its case.
    private static func isPlain(_ text: String) -> Bool {
        !text.contains { "'\"$\\".contains($0) } && !text.contains("--") && !text.contains("/*")
    }

    @Test(arguments: ["\n", "\t ", " /**/ ", "/* FROM '*/", " -- ;\n", "/* /* */ */"])
    func anyBlankWillDo(blank: String) throws {
        for statement in try Self.cases(where: Self.isPlain) {
            let variant = statement.text.replacing(" ", with: blank)
            #expect(Self.routeClass(variant, like: statement) == statement.expected, "\(variant)")
        }
    }

    @Test func caseDoesNotMatter() throws {
        for statement in try Self.cases(where: Self.isPlain) {
            for variant in [statement.text.uppercased(), statement.text.lowercased()] {
                #expect(Self.routeClass(variant, like: statement) == statement.expected, "\(variant)")
            }
        }
    }

    @Test(arguments: [("", " "), ("\n;", "\n;\n"), ("/* x */ ", ""), ("-- x\n", "\n-- y"), ("SELECT 1;", "\n")])
    func whatStandsAroundDoesNotWeaken(before: String, after: String) throws {
        for statement in try Self.cases(where: { _ in true }) {
            let variant = before + statement.text + after
            #expect(Self.routeClass(variant, like: statement) >= statement.expected, "\(variant)")
        }
    }

    /// A query that is part of another statement still does what it does.
    @Test(arguments: [
        ("(", "\n)"), ("SELECT * FROM (", "\n) AS wrapped"), ("SELECT EXISTS (", "\n)"), ("SELECT ARRAY(", "\n)"),
        ("WITH wrapped AS (", "\n) SELECT 1"), ("WITH wrapped (x) AS MATERIALIZED (", "\n) TABLE wrapped"),
        ("SELECT 1 UNION ALL (", "\n)"), ("SELECT 1 WHERE 1 IN (", "\n)"), ("COPY (", "\n) TO STDOUT"),
        ("EXPLAIN ANALYZE ", ""), ("EXPLAIN (ANALYZE, COSTS off) ", ""), ("DECLARE c CURSOR FOR ", ""),
        ("SELECT CASE WHEN (", "\n) IS NULL THEN 1 END"), ("SELECT coalesce((", "\n), 1)"),
        ("SELECT a FROM t ORDER BY (", "\n)"), ("SELECT a FROM t LIMIT (", "\n)"), ("VALUES (1, (", "\n))"),
        ("SELECT * FROM t, LATERAL (", "\n) AS wrapped"), ("SELECT 1 + (", "\n)"), ("SELECT (ARRAY[(", "\n)])[1]"),
    ])
    func aQueryKeepsItsClassInside(before: String, after: String) throws {
        let heads = ["SELECT ", "VALUES ", "TABLE ", "WITH ", "("]
        let queries = try Self.cases { text in
            heads.contains { text.hasPrefix($0) } && !text.contains(";")
        }
        #expect(queries.count > 500)
        for statement in queries {
            let variant = before + statement.text + after
            #expect(Self.routeClass(variant, like: statement) >= statement.expected, "\(variant)")
        }
    }

    /// A text that is cut off anywhere is answered, with a cause that lies inside of it.
    @Test func everyPrefixIsAnswered() throws {
        for statement in try Self.cases(where: { $0.utf8.count < 200 }) {
            let bytes = Array(statement.text.utf8)
            for count in 0..<bytes.count {
                let found = Classifier.classify(Array(bytes[..<count]).span, settings: statement.lexerSettings)
                #expect(found.statementCount >= 0 && found.cause.tokenRange.upperBound <= count)
            }
        }
    }
}
