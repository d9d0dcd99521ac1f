// Is every key found on the line where it stands?

import Testing

@testable import Settings

@Suite struct KeyLinesTests {
    static let text = #"""
        # [commented.out]
        top = 1 # [no.header]

        [listen] # comment
        "port" = 6432
        addresses = [
            "a", # ] not the end
            'b]',
            """
        multi = line "" text""""",
            { x = 1, y = { z = "}" } },
        ]
          [ databases . "*" ]
        pool.size = 5
        routing = { max_lag = "1s", lazy_begin = true }
        [databases."a.b\"c"]
        cluster = '''
        [not.a.header]
        '''
        when = 1979-05-27 07:32:00
        [[clusters.main.nodes]]
        address = "one"
        [[clusters.main.nodes]]
        address = "two"
        weight = 2
        """#

    static let places: [(SettingPath, Int?)] = [
        (SettingPath("top"), 2), (SettingPath("listen"), 4), (SettingPath("listen", "port"), 5),
        (SettingPath("listen", "addresses"), 6), (SettingPath("listen", "addresses").appending(0), 7),
        (SettingPath("listen", "addresses").appending(1), 8), (SettingPath("listen", "addresses").appending(2), 9),
        (SettingPath("listen", "addresses").appending(3), 11),
        (SettingPath("listen", "addresses").appending(3).appending("y").appending("z"), 11),
        (SettingPath("databases", "*"), 13), (SettingPath("databases", "*", "pool", "size"), 14),
        (SettingPath("databases", "*", "routing", "lazy_begin"), 15), (SettingPath("databases", "a.b\"c"), 16),
        (SettingPath("databases", "a.b\"c", "cluster"), 17), (SettingPath("databases", "a.b\"c", "when"), 20),
        (SettingPath("clusters", "main", "nodes").appending(0).appending("address"), 22),
        (SettingPath("clusters", "main", "nodes").appending(1), 23),
        (SettingPath("clusters", "main", "nodes").appending(1).appending("weight"), 25),
        // Absent keys: the table they are missing from.
        (SettingPath("listen", "reader_port"), 4), (SettingPath("databases", "*", "cluster"), 13),
        (SettingPath("multi"), nil), (SettingPath("no", "header"), nil), (SettingPath("commented", "out"), nil),
    ]

    @Test(arguments: places) func line(_ path: SettingPath, _ expected: Int?) {
        #expect(KeyLines(Self.text).line(of: path) == expected)
    }

    @Test func theParserAgreesThatThisIsTOML() throws {
        #expect(
            try Document.parse(Self.text, KeyLines(Self.text)).keys.sorted() == [
                "clusters", "databases", "listen", "top",
            ])
    }

    /// Whatever the text, reading it comes to an end, and the parser and the key scan agree on the keys.
    @Test func anyText() {
        let pieces = [
            "[", "]", "{", "}", "=", ".", ",", "#", "\"", "'", "\\", "\n", " ", "a", "b", "\"\"\"", "'''", "é", "\u{1}",
            "[a]\n", "b = 1\n", "1", "\r\n", "a.b", "[[", "]]", "[a.b]\n", "b = [1, 2]\n", "a = { b = 1 }\n", "\r",
            "\u{a0}", "\u{2028}", "_", "+", "0x", "1e", "1979-05-27", "07:32", "inf",
        ]
        for seed in UInt64(0)..<3000 {
            var random = SeededGenerator(state: seed)
            let text = (0..<40).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let lines = KeyLines(text)
            guard let values = try? Document.parse(text, lines) else { continue }
            for key in values.keys where !key.contains("\\") {
                #expect(
                    lines.line(of: SettingPath(key)) != nil,
                    "seed \(seed): \(key.debugDescription) in \(text.debugDescription)")
            }
        }
    }

    @Test func namesPlaces() {
        let path = SettingPath("databases", "*", "a b", "").appending(3).appending("x-1")
        #expect(path.description == #"databases."*"."a b".""[3].x-1"#)
    }
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
