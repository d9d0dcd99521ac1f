// What stands in the corpus of statements below Fixtures/sql/corpus?

import Foundation
public import SQL

/// One statement of the corpus and what the classifier must make of it.
public struct CorpusCase: Sendable, CustomStringConvertible {
    /// What a test must know of a statement beside its class.
    public enum Option: String, Sendable {
        /// Right only with knowledge of the database's own objects.
        case catalog
        /// Under `standard_conforming_strings = off`.
        case backslashEscapes = "scs-off"
        /// `\r`, `\n`, `\t` and `\f` stand for characters.
        case escaped
        /// Two runs may answer differently even on one node.
        case varies
        /// Must not be run.
        case norun
    }

    public var file: String
    public var line: Int
    public var expected: RouteClass
    public var options: Set<Option>
    public var text: String

    /// The settings under which the statement is to be read.
    public var lexerSettings: LexerSettings {
        var settings = LexerSettings()
        settings.standardConformingStrings = !options.contains(.backslashEscapes)
        return settings
    }

    /// What the classifier makes of the statement.
    public var classification: Classification { classification(knowing: nil) }

    /// What the classifier makes of it in a database of which that is known.
    public func classification(knowing knowledge: Knowledge?) -> Classification {
        Classifier.classify(Array(text.utf8).span, settings: lexerSettings, knowledge: knowledge)
    }

    public var description: String { "\(file):\(line) \(text)" }
}

/// A line of the corpus that is no case.
public struct CorpusError: Error, CustomStringConvertible {
    public var description: String
}

/// The files of the corpus; their format is described in the README beside them.
public enum SQLCorpus {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../Fixtures/sql/corpus").standardized

    /// The script that makes the objects which the statements name.
    public static let setupPath = directory.appending(path: "setup.sql").path

    private static let catalogDirectory = directory.appending(path: "../catalog").standardized

    /// The script that, behind the other, makes user functions of every kind and what calls them.
    public static let catalogSchemaPath = catalogDirectory.appending(path: "schema.sql").path

    /// What each statement is where that script's catalog is known.
    public static func loadKnown() throws -> [CorpusCase] {
        let file = "known.cases"
        return try parse(String(contentsOf: catalogDirectory.appending(path: file), encoding: .utf8), file: file)
    }

    /// All cases of all files, in the order of their names.
    public static func load() throws -> [CorpusCase] {
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
            $0.hasSuffix(".cases")
        }
        return try files.sorted().flatMap { file in
            let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
            return try parse(text, file: file)
        }
    }

    /// Reads the cases of one file.
    public static func parse(_ text: String, file: String) throws -> [CorpusCase] {
        var cases: [CorpusCase] = []
        let continuation = "    "
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix(continuation), !cases.isEmpty {
                cases[cases.count - 1].text += "\n" + line.dropFirst(continuation.count)
            } else if let found = parseFirstLine(line, file: file, line: index + 1) {
                cases.append(found)
            } else {
                throw CorpusError(
                    description: "\(file):\(index + 1): expected <class> [<option> …] <statement>: \(line)")
            }
        }
        return cases.map(unescaped)
    }

    private static func unescaped(_ statement: CorpusCase) -> CorpusCase {
        guard statement.options.contains(.escaped) else { return statement }
        var result = statement
        for (escape, character) in [("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\u{0C}")] {
            result.text = result.text.replacing(escape, with: character)
        }
        return result
    }

    private static func parseFirstLine(_ line: Substring, file: String, line number: Int) -> CorpusCase? {
        guard let blank = line.firstIndex(of: " ") else { return nil }
        let name = line[..<blank]
        guard let expected = RouteClass.allCases.first(where: { "\($0)" == name }) else { return nil }
        var rest = line[line.index(after: blank)...]
        var options: Set<CorpusCase.Option> = []
        if rest.hasPrefix("["), let end = rest.firstRange(of: "] ") {
            for word in rest[..<end.lowerBound].dropFirst().split(separator: " ") {
                guard let option = CorpusCase.Option(rawValue: String(word)) else { return nil }
                options.insert(option)
            }
            rest = rest[end.upperBound...]
        }
        return CorpusCase(file: file, line: number, expected: expected, options: options, text: String(rest))
    }
}
