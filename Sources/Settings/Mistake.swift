// What does a person need to know to put one mistake in a settings file right?

/// One mistake and its place.
public struct Mistake: Equatable, Sendable {
    public enum Problem: Equatable, Sendable {
        /// A key nobody reads; the advice names the one probably meant.
        case unknownKey(advice: String)
        case wrongValue(expected: String, found: String)
        case missing(expected: String)
        /// A name that the design knows and this version does not act on.
        case notSupported(what: String)
        /// Two settings that cannot both hold, or a file that cannot be used.
        case conflict(String)
        /// Not TOML at all.
        case syntax(String)
    }

    public var file: String
    /// From 1; nil where the place is not in the file.
    public var line: Int?
    /// Empty when the file as a whole is meant.
    public var key: SettingPath
    public var problem: Problem

    public init(file: String, line: Int?, key: SettingPath, problem: Problem) {
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem
    }
}

extension Mistake: CustomStringConvertible {
    /// One line: `file:line: key: what is wrong`.
    public var description: String {
        var text = printable(file)
        if let line { text += ":\(line)" }
        text += ": "
        let name = key.description
        if !name.isEmpty { text += "\(name): " }
        return text + problem.description
    }
}

extension Mistake.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownKey(let advice): "unknown key; \(advice)"
        case .wrongValue(let expected, let found): "expected \(expected), found \(found)"
        case .missing(let expected): "missing; expected \(expected)"
        case .notSupported(let what): "\(what) not supported by this version"
        case .conflict(let sentence): sentence
        case .syntax(let sentence): "this is not valid TOML: \(sentence)"
        }
    }
}

/// All mistakes of one settings file, in the order of its lines.
public struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    public let mistakes: [Mistake]

    public init(mistakes: [Mistake]) {
        self.mistakes = mistakes
    }

    public var description: String {
        mistakes.map(\.description).joined(separator: "\n")
    }
}

/// Text from a file made fit for one line of a message: control characters escaped, the end cut off when long.
func printable(_ text: String, limit: Int = 80) -> String {
    var result = ""
    for (position, scalar) in text.unicodeScalars.enumerated() {
        if position == limit { return result + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}
