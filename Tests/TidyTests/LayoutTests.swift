// Is every file small, narrow, named after what it is, and does it begin with the question that it answers?

import Testing

@Suite struct LayoutTests {
    private static let longestFile = 500
    private static let longestLine = 120

    /// Why a file may be longer than others.
    private static let recordedReasons: [String: String] = [:]

    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func size(_ file: SourceFile) {
        if Self.recordedReasons[file.path] == nil {
            #expect(file.lines.count < Self.longestFile, "\(file.path) has \(file.lines.count) lines")
        }
        for (number, line) in zip(1..., file.lines) where line.count > Self.longestLine {
            Issue.record("\(file.path):\(number) has \(line.count) columns")
        }
    }

    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func blanks(_ file: SourceFile) {
        for (number, line) in zip(1..., file.lines) {
            #expect(!line.contains("\t"), "\(file.path):\(number) has a tab")
            #expect(line.last != " " && line.last != "\r", "\(file.path):\(number) ends in a blank")
        }
        #expect(file.lines.last != "", "\(file.path) ends in empty lines")
    }

    /// The comment before any code is a sentence: a capital letter at its head, a full stop or a question mark in it.
    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func firstSentence(_ file: SourceFile) {
        let comment = file.lines.prefix { $0.hasPrefix("//") }.map { $0.dropFirst(2).drop { $0 == "/" || $0 == " " } }
        let text = comment.joined(separator: " ")
        #expect(!text.hasPrefix("swift-tools-version") && !comment.isEmpty, "\(file.path) does not say what it answers")
        // A name in code quotes keeps its own case.
        #expect(text.first.map { $0.isUppercase || $0 == "`" } == true, "\(file.path) begins with no sentence")
        #expect(text.contains { ".?!".contains($0) }, "\(file.path): its first comment is no sentence")
    }

    private static let forbiddenWords: Set<String> = [
        "Manager", "Managers", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Common", "Base", "Misc",
        "New", "Legacy", "Old",
    ]

    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func names(_ file: SourceFile) {
        let parts = file.path.replacing(".swift", with: "").split { "/+".contains($0) }.map(String.init)
        for name in parts + Self.declaredTypes(file) {
            let words = Self.words(of: name)
            #expect(words.isDisjoint(with: Self.forbiddenWords), "\(file.path): \(name)")
        }
    }

    private static let declarations: Set<Substring> = ["class", "struct", "enum", "protocol", "actor", "typealias"]

    /// The names behind `struct`, `enum` and so on.
    static func declaredTypes(_ file: SourceFile) -> [String] {
        file.code.flatMap { line -> [String] in
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            return zip(words, words.dropFirst()).filter { declarations.contains($0.0) }.map { String($0.1) }
        }
    }

    /// `SCRAMKeyStore2` → SCRAM, Key, Store2.
    static func words(of name: String) -> Set<String> {
        Set(name.matches(of: /[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*/).map { String($0.0) })
    }

    @Test(
        arguments: [
            ("SCRAMKeyStore2", ["SCRAM", "Key", "Store2"]), ("Base64", ["Base64"]),
            ("PoolManager", ["Pool", "Manager"]),
            ("Database", ["Database"]), ("lowerCamel", ["lower", "Camel"]),
        ] as [(String, Set<String>)])
    func cutsNames(_ name: String, _ words: Set<String>) {
        #expect(Self.words(of: name) == words)
    }
}
