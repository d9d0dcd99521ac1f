// Does the lexer split texts where PostgreSQL does?

import SQL
import Testing

@Suite struct LexingTests {
    /// How many statements a text holds shows where its quotes and comments end.
    @Test(arguments: [
        ("SELECT 1; SELECT 2", 2), ("SELECT 'a;b'", 1), ("SELECT 'a'';b'", 1), ("SELECT 'a\\'; SELECT 2 --'", 2),
        ("SELECT E'a\\'; SELECT 2 --'", 1), ("SELECT e'a\\\\'; SELECT 2", 2), ("SELECT E'a''\\''';b'", 1),
        ("SELECT E'a'\n'\\';b'", 1), ("SELECT E'a' -- c\n '\\';b'", 1), ("SELECT E'a'\n -- c\n '\\';b'", 1),
        ("SELECT E'a' '\\';b'", 2), ("SELECT 'a'\n'\\';b", 2), ("SELECT U&'a\\'; SELECT 2", 2),
        ("SELECT N'a\\'; SELECT 2", 2), ("SELECT B'01;'", 1), ("SELECT X'ab;'", 1), ("SELECT xE'a\\'; SELECT 2", 2),
        ("SELECT \"a;b\"", 1), ("SELECT \"a\"\";b\"", 1), ("SELECT \"a\\\"; SELECT 2", 2), ("SELECT U&\"a;b\"", 1),
        ("SELECT $$a;b$$", 1), ("SELECT $a$x;$$;$b$;$a$", 1), ("SELECT $a$x$aa$;$a$", 1), ("SELECT $ä$;$ä$", 1),
        ("SELECT a$a$; SELECT $a$", 2), ("SELECT $1; SELECT $2", 2), ("SELECT $1$$;$$", 1), ("SELECT 1$$;$$", 1),
        ("SELECT $a1$;$a1$; SELECT 1", 2), ("SELECT $a$;$A$;$a$", 1),
        ("SELECT 1 -- ;\n; SELECT 2", 2), ("SELECT 1 -- ;\r; SELECT 2", 2),
        ("SELECT 1 /* ; /* ; */ ; */ ; SELECT 2", 2),
        ("SELECT 1 +-- ;\n 2", 1), ("SELECT 1 */* ; */ 2", 1), ("SELECT 1 /*/ ; */ , 2", 1), ("SELECT 1 <--;\n2", 1),
        ("SELECT 1 /* ; **/ ; SELECT 2", 2), ("SELECT 4 / 2 * 3; SELECT 5 - - 6", 2),
        ("SELECT 1;;; SELECT 2;;", 2), (";", 0), ("", 0), ("/* ; */ -- ;", 0),
        ("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3", 2),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3", 2),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; END; SELECT 3", 2),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.case, t.end, 1 AS end; END; SELECT 3", 2),
        ("CREATE FUNCTION f(begin int) RETURNS int LANGUAGE sql AS 'x'; SELECT 3", 2),
        ("BEGIN; SELECT 1; END; SELECT 2", 4), ("SELECT\u{0C}1\t;\u{0B}SELECT 2\r\n", 2),
    ])
    func statementCount(_ sql: String, _ count: Int) {
        #expect(classify(sql).statementCount == count, "\(classify(sql))")
    }

    /// The same with standard_conforming_strings = off.
    @Test(arguments: [
        ("SELECT 'a\\'; SELECT 2 --'", 1), ("SELECT 'a\\\\'; SELECT 2", 2), ("SELECT 'a'\n'\\';b'", 1),
        ("SELECT N'a\\';b'", 1), ("SELECT 'a'';b'", 1), ("SELECT $$\\$$; SELECT 2", 2), ("SELECT \"a\\\"; SELECT 2", 2),
        ("SELECT B'1\\'; SELECT 2", 2),
    ])
    func backslashes(_ sql: String, _ count: Int) {
        let settings = LexerSettings(standardConformingStrings: false)
        #expect(classify(sql, settings).statementCount == count, "\(classify(sql, settings))")
    }

    /// What reads differently under other settings is not understood; the rest is.
    @Test(arguments: [
        ("SELECT 'a\\'; SELECT 2 --'", false), ("SELECT 'a\\\\'; SELECT 2", false), ("SELECT N'a\\';b'", false),
        ("SELECT 'a'\n'b\\'", false), ("SELECT 'C:\\dir'", true), ("SELECT E'a\\'b'", true), ("SELECT \"a\\\"", true),
        ("SELECT $$a\\'$$", true), ("SELECT 'a''b'", true), ("SELECT 'ü'", false), ("SELECT 'a' -- \\'", true),
        ("SELECT '\\", false),
    ])
    func inDoubt(_ sql: String, _ isUnderstood: Bool) {
        let verdict = classify(sql, .inDoubt)
        #expect(verdict.effects.contains(.notUnderstood) == !isUnderstood, "\(verdict)")
        #expect(isUnderstood == (verdict.routeClass == .replicaSafe))
    }

    @Test func literalsInDoubtAreNoNames() {
        #expect(classify("SELECT current_setting('work_mem')", .inDoubt).routeClass == .replicaSafe)
        #expect(classify("SELECT current_setting('in_hot\\x5fstandby')", .inDoubt).routeClass == .primaryOnlyRead)
    }

    @Test(arguments: [
        ("SELECT 1", true), ("SELECT '\\'", false), ("SELECT 'ü'", false), ("", true),
    ])
    func textsThatReadTheSameAlways(_ sql: String, _ expected: Bool) {
        #expect(LexerSettings.doNotMatter(for: Array(sql.utf8).span) == expected)
    }

    @Test(arguments: [
        ("DEALLOCATE a", ["a"]), ("DEALLOCATE PREPARE \"B c\"", ["\"B c\""]), ("DEALLOCATE PREPARE", ["PREPARE"]),
        ("SELECT 1; DEALLOCATE a; PREPARE b AS SELECT 1; EXECUTE c(1)", ["a", "b", "c"]),
        ("EXPLAIN ANALYZE EXECUTE x", ["x"]), ("CREATE TABLE t AS EXECUTE y", ["y"]), ("EXECUTE execute", ["execute"]),
        ("PREPARE TRANSACTION 'x'", ["TRANSACTION"]), ("SELECT 'EXECUTE a' -- EXECUTE b", []),
        ("DEALLOCATE PREPARE prepare; SELECT 1", ["prepare"]), ("SELECT execute FROM t", []),
    ])
    func mentions(_ sql: String, _ expected: [String]) {
        let bytes = Array(sql.utf8)
        var mentions = StatementMentions(settings: LexerSettings())
        var found: [String] = []
        while let name = mentions.next(bytes.span) { found.append(slice(sql, name)) }
        #expect(found == expected)
    }

    @Test func literalSettingNamesWithBackslashesOff() {
        let settings = LexerSettings(standardConformingStrings: false)
        #expect(classify("SELECT current_setting('work_mem')", settings).routeClass == .replicaSafe)
        #expect(classify("SELECT current_setting('in_hot\\x5fstandby')", settings).routeClass == .primaryOnlyRead)
        #expect(classify("SELECT current_setting('in_hot'\n'_standby')", settings).routeClass == .primaryOnlyRead)
    }

    @Test func otherEncodingsAreReadOnlyAsASCII() {
        let settings = LexerSettings(clientEncodingIsASCIISafe: false)
        #expect(classify("SELECT 'a'", settings).routeClass == .replicaSafe)
        let verdict = classify("SELECT 'ü'", settings)
        #expect(verdict.routeClass == .write)
        #expect(verdict.effects.contains(.notUnderstood))
        #expect(verdict.pins == .hiddenCode)
        #expect(verdict.cause.source == .unreadable)
        #expect(verdict.cause.note == .encoding)
        #expect(verdict.cause.tokenRange == 8..<9)
        #expect(classify("SELECT 'ü'").routeClass == .replicaSafe)
    }

    @Test func anyBytesAreWords() {
        let bytes: [UInt8] = Array("SELECT ".utf8) + [0xFF, 0xFE, 0x80] + Array(" FROM t".utf8)
        #expect(Classifier.classify(bytes.span, settings: LexerSettings()).routeClass == .replicaSafe)
        let zero: [UInt8] = Array("SELECT 1".utf8) + [0] + Array(" FROM t".utf8)
        #expect(Classifier.classify(zero.span, settings: LexerSettings()).effects.contains(.notUnderstood))
    }

    /// Every keyword of PostgreSQL's restricted lists as a call: only names of functions may be one.
    @Test(arguments: ["user", "asymmetric", "current_timestamp", "between", "values", "merge_action", "localtimestamp"])
    func restrictedWordsAreNoCalls(_ word: String) {
        #expect(!classify("SELECT 1 WHERE \(word) (1)").effects.contains(.hiddenCode))
        #expect(!classify("SELECT 1 WHERE \(word.uppercased())(1)").effects.contains(.hiddenCode))
        #expect(classify("SELECT 1 WHERE \"\(word)\"(1)").effects.contains(.hiddenCode))
        #expect(classify("SELECT 1 WHERE \(word)x(1)").effects.contains(.hiddenCode))
    }
}
