// Does classification survive any bytes, and take time in proportion to them?

import SQL
import Testing

@Suite struct RobustnessTests {
    static let settings = [
        LexerSettings(), LexerSettings(standardConformingStrings: false),
        LexerSettings(clientEncodingIsASCIISafe: false),
    ]

    static var corpus: [String] {
        lines(ReplicaSafeTests.statements) + lines(ObjectionTests.writes) + lines(ObjectionTests.hidden)
            + lines(ObjectionTests.primaryOnly) + lines(ObjectionTests.locks) + lines(ObjectionTests.unknown)
            + lines(SessionStateTests.recordable) + SessionStateTests.pinning.map(\.sql)
            + CommandTests.transactions.map(\.sql)
    }

    /// What holds for every verdict on every text.
    static func check(_ bytes: [UInt8], _ settings: LexerSettings) {
        let verdict = Classifier.classify(bytes.span, settings: settings)
        #expect(verdict == Classifier.classify(bytes.span, settings: settings))
        #expect(verdict.cause.tokenRange.upperBound <= bytes.count)
        #expect(verdict.effects.contains(.notUnderstood) == false || verdict.routeClass >= .write)
        #expect(verdict.effects.contains(.hiddenCode) == false || verdict.pins.contains(.hiddenCode))
        #expect((verdict.command == .empty) == (verdict.statementCount == 0))
        switch verdict.command {
        case .set(let name, let value, _):
            #expect(!name.isEmpty && name.upperBound <= value.lowerBound && value.upperBound <= bytes.count)
        case .show(let name), .reset(let name), .deallocate(let name):
            #expect(!name.isEmpty && name.upperBound <= bytes.count)
        case .setConfig(let name, let value):
            #expect(bytes[name.lowerBound] == 0x27 && bytes[value.lowerBound] == 0x27)
        default:
            break
        }
    }

    @Test func everyPrefixOfEveryStatement() {
        for sql in Self.corpus {
            let bytes = Array(sql.utf8)
            for count in 0...bytes.count {
                Self.check(Array(bytes[..<count]), Self.settings[count % 2])
            }
        }
    }

    /// A space changes nothing where tokens end; the rest of a statement must not depend on what stands before it.
    @Test func commentsAndCaseChangeNothing() {
        for sql in lines(ReplicaSafeTests.statements) + lines(ObjectionTests.writes) {
            let verdict = classify(sql)
            #expect(classify(" /* x */ \(sql) -- y").routeClass == verdict.routeClass, "\(sql)")
            #expect(classify("\(sql)\n;\n").routeClass == verdict.routeClass, "\(sql)")
            #expect(classify("SELECT 1; \(sql)").routeClass == verdict.routeClass, "\(sql)")
            #expect(classify("\(sql)\n; DELETE FROM t").routeClass >= .write, "\(sql)")
            #expect(classify("DISCARD ALL; \(sql)").routeClass == .sessionState, "\(sql)")
        }
    }

    @Test(arguments: [0x5EED, 0xC0FFEE, 42] as [UInt64])
    func mutations(seed: UInt64) {
        var random = SeededRandom(state: seed)
        let corpus = Self.corpus.map { Array($0.utf8) }
        let pieces = [
            "'", "\"", "$$", "/*", "*/", "--", "(", ")", ";", "\\", "E'", "U&\"", "UESCAPE '!'", "\0", "::", ".",
            " AS ", " INTO ", " FOR UPDATE ", " WITH ", " SELECT ", "[", "]", ",", "\n", "\u{FF}", "$a$", " EXPLAIN ",
            " set_config(", " current_setting(", " treat(", " BEGIN ATOMIC ", " END ", " UPDATE pg_settings ",
        ].map { Array($0.utf8) }
        for _ in 0..<5_000 {
            var bytes = corpus[random.below(corpus.count)]
            for _ in 0...random.below(4) {
                let place = random.below(bytes.count + 1)
                switch random.below(5) {
                case 0: bytes.insert(contentsOf: pieces[random.below(pieces.count)], at: place)
                case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + random.below(6)))
                case 3: bytes.insert(contentsOf: corpus[random.below(corpus.count)], at: place)
                default: bytes.append(contentsOf: bytes[..<place])
                }
            }
            Self.check(bytes, Self.settings[random.below(3)])
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyBytes(seed: UInt64) {
        var random = SeededRandom(state: seed)
        for _ in 0..<5_000 {
            var bytes = [UInt8]()
            for _ in 0..<random.below(60) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
            Self.check(bytes, Self.settings[random.below(3)])
        }
    }

    /// Whatever is put before a write, it stays a write: no text hides what stands behind a semicolon.
    @Test func writesStayWritesBehindAnyStatement() {
        for sql in Self.corpus {
            #expect(classify(sql + "\n;\nINSERT INTO t VALUES (1)").routeClass >= .write, "\(sql)")
            #expect(classify("INSERT INTO t VALUES (1);" + sql).routeClass >= .write, "\(sql)")
        }
    }

    /// Long texts that invite quadratic scanning; each must be read in one pass.
    @Test(arguments: [
        "(", ")", "()", "[", "((SELECT 1", "/*", "/* x */", "/*/", "--\n", "'", "''", "\"", "\"\"", "$a$",
        "$aaaaaaaaaaaaaaaa",
        "E'a'\n", "E'\\", "U&\"a\" /* x */ ", "U&\"a\" uescape ", "U&\"\\0061\"", "a.", "a.b(", "f(", "SELECT ",
        "WITH a AS (",
        ";", "SELECT 1;", "set_config('a',", "current_setting(", "FOR ", "INTO ", "UPDATE ", "BEGIN ATOMIC ", "CASE ",
        "EXPLAIN ",
        "EXPLAIN (", "::", "+", "1", "1.", "1e", "$1", "x", "pg_", "\u{FF}", "\\", "CREATE TEMP TABLE ", "ON COMMIT ",
        "SET x TO ",
    ])
    func repetition(_ piece: String) {
        for head in ["", "SELECT ", "SELECT $b$ ", "CREATE FUNCTION f() BEGIN ATOMIC "] {
            let count = 60_000 / piece.utf8.count
            let bytes = Array((head + String(repeating: piece, count: count)).utf8)
            let clock = ContinuousClock()
            let elapsed = clock.measure {
                _ = Classifier.classify(bytes.span, settings: LexerSettings())
            }
            #expect(elapsed < .seconds(10), "\(piece) took \(elapsed)")
        }
    }
}

/// A small generator with a visible seed.
struct SeededRandom {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ limit: Int) -> Int {
        limit == 0 ? 0 : Int(next() % UInt64(limit))
    }
}
