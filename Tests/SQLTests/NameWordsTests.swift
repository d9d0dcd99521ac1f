// Do the words of a name, with its length, tell it from every other?

import Testing

@testable import SQL

struct NameWordsTests {
    private static func words(_ name: [UInt8], foldingCase: Bool = false) -> [UInt64] {
        (0..<NameWords.count(of: name.span)).map { NameWords.word($0, of: name.span, foldingCase: foldingCase) }
    }

    /// Each byte of each name stands in a word, at a place of its own.
    @Test(arguments: 1...NameWords.longestName)
    func eachByteCounts(_ length: Int) {
        let name = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        var seen = [Self.words(name)]
        for place in name.indices {
            for byte in [UInt8(ascii: "_"), UInt8(ascii: "0"), 0xC3] {
                var other = name
                other[place] = byte
                let words = Self.words(other)
                #expect(!seen.contains(words), "\(other)")
                seen.append(words)
            }
        }
    }

    /// Catalogs are read by hashes alone: short names of all lengths have different ones.
    @Test func hashesDiffer() {
        let letters = Array("ab1_fg45".utf8)
        var (names, all) = ([[UInt8]]([[]]), [UInt64]())
        for _ in 1...5 {
            names = names.flatMap { name in letters.map { name + [$0] } }
            all += names.map { NameWords.hash($0.span, foldingCase: false) }
        }
        #expect(Set(all).count == all.count)
    }

    /// All names of up to three bytes over a few letters.
    @Test func shortNamesDiffer() {
        let letters = Array("abAB_1".utf8)
        var names = [[UInt8]]([[]])
        for length in 1...3 {
            names = names.flatMap { name in letters.map { name + [$0] } }
            #expect(Set(names.map { Self.words($0) }).count == names.count, "\(length)")
        }
    }

    @Test(arguments: ["Ab", "A", "aBc", "PRICE", "Order_ID", "ORDER_ID2", "Z[@`{z"])
    func caseIsFolded(_ name: String) {
        let lower = Array(name.lowercased().utf8)
        #expect(Self.words(Array(name.utf8), foldingCase: true) == Self.words(lower))
    }
}
