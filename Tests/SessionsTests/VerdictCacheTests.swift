// Is a verdict that was kept the one that reading the text again would give?

import SQL
import Testing

@testable import Sessions

struct VerdictCacheTests {
    /// Texts of each kind in which literals, rules and knowledge make a difference, more than there are places.
    private static let texts: [[UInt8]] = {
        let shapes = [
            "SELECT f(%)", "SELECT % FROM t", "INSERT INTO t VALUES (%)", "SELECT '\\'; DELETE FROM t; --%'", "BEGIN",
            "SELECT '\u{e9}%'", "SET work_mem = %", "SELECT 1; SELECT f(%)", "", "SELECT /* % */ 1",
            "PREPARE p% AS SELECT 1",
        ]
        return shapes.flatMap { shape in
            (0..<300).map { Array(shape.replacing("%", with: "\($0)").utf8) }
        }
    }()

    @Test func sameAsTheClassifiers() {
        let rules: [LexerSettings] = [
            LexerSettings(), LexerSettings(standardConformingStrings: false), .inDoubt,
        ]
        let known = [
            nil, Knowledge.ofOneFunction(generation: 1), Knowledge.ofOneFunction(generation: 2, isVolatile: true),
        ]
        var random = SeededRandom(seed: 11)
        var cache = VerdictCache()
        for _ in 0..<60_000 {
            // A few come often, the others now and then.
            let often = Bool.random(using: &random)
            let text = Self.texts[Int.random(in: 0..<(often ? 40 : Self.texts.count), using: &random)]
            let settings = rules[Int.random(in: 0..<10, using: &random) % 7 % rules.count]
            let catalog = CatalogID(rawValue: Int32.random(in: -1..<2, using: &random))
            let knowledge = catalog == .none ? nil : known.randomElement(using: &random)!
            let verdict = cache.verdict(on: text.span, settings: settings, catalog: catalog, knowledge: knowledge)
            let expected = Classifier.classify(text.span, settings: settings, knowledge: knowledge)
            #expect(verdict == expected, "\(String(decoding: text, as: UTF8.self))")
            if verdict != expected { return }
        }
        #expect(cache.count > 0 && cache.count <= VerdictCache.slotCount)
    }

    @Test func whatComesOnceIsNotKept() {
        var cache = VerdictCache()
        for number in 0..<200 {
            let text = Array("SELECT \(number)".utf8)
            _ = cache.verdict(on: text.span, settings: LexerSettings(), catalog: .none, knowledge: nil)
        }
        #expect(cache.count == 0)
        for _ in 0..<2 {
            let text = Array("SELECT 'again'".utf8)
            _ = cache.verdict(on: text.span, settings: LexerSettings(), catalog: .none, knowledge: nil)
        }
        #expect(cache.count == 1)
    }

    @Test func longTextsAreNotKept() {
        var cache = VerdictCache()
        let text = Array("SELECT '\(String(repeating: "x", count: VerdictCache.textLimit))'".utf8)
        for _ in 0..<3 {
            let verdict = cache.verdict(on: text.span, settings: LexerSettings(), catalog: .none, knowledge: nil)
            #expect(verdict.routeClass == .replicaSafe)
        }
        #expect(cache.count == 0)
    }
}
