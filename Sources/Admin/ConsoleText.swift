// Which words does a console command consist of?

import Wire

/// What is left of a command's text.
struct ConsoleText {
    private var rest: Substring

    init(_ text: String) {
        var rest = text[...]
        while let last = rest.last, last.isWhitespace || last == ";" { rest.removeLast() }
        self.rest = rest
        skipBlanks()
    }

    var isAtEnd: Bool { rest.isEmpty }
    var remaining: String { String(rest) }

    /// Takes that word if it comes next, whatever its case.
    mutating func take(_ word: String) -> Bool {
        let next = rest.prefix { !$0.isWhitespace }
        guard next.uppercased() == word else { return false }
        rest = rest.dropFirst(next.count)
        skipBlanks()
        return true
    }

    /// The next name: a word, or anything in single or double quotes, which are doubled to stand for themselves.
    mutating func name() -> String? {
        guard let quote = rest.first, quote == "'" || quote == "\"" else {
            let word = rest.prefix { !$0.isWhitespace }
            rest = rest.dropFirst(word.count)
            skipBlanks()
            return word.isEmpty ? nil : String(word)
        }
        var name = ""
        var text = rest.dropFirst()
        while let next = text.popFirst() {
            guard next == quote else {
                name.append(next)
                continue
            }
            guard text.first == quote else {
                rest = text
                skipBlanks()
                return name.isEmpty ? nil : name
            }
            text = text.dropFirst()
            name.append(quote)
        }
        return nil
    }

    private mutating func skipBlanks() {
        while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    }
}

extension ConsoleCommand {
    /// Reads a command; nil: there is none in the text.
    ///
    /// - Parameter onlyLooks: who asks may change nothing.
    static func read(_ text: String, onlyLooks: Bool) -> Result<ConsoleCommand, ConsoleMistake>? {
        let whole = ConsoleText(text)
        if whole.isAtEnd { return nil }
        for entry in ConsoleEntry.all {
            var rest = whole
            guard entry.words.allSatisfy({ rest.take($0) }) else { continue }
            guard entry.isForLookers || !onlyLooks else {
                return .failure(.notAllowed(entry.words.joined(separator: " ")))
            }
            return entry.read(rest).map(Result.success) ?? .failure(.malformed(entry.syntax))
        }
        return .failure(.unknown(whole.remaining))
    }
}

/// Why a text is no command.
enum ConsoleMistake: Error, Equatable {
    case unknown(String)
    /// How it is written.
    case malformed(String)
    /// Which command it is.
    case notAllowed(String)

    var error: ErrorFields {
        switch self {
        case .unknown(let text):
            ErrorFields(
                .error, "0A000", "the console does not know this command: \(text.prefix(100))",
                hint: "SHOW HELP lists what it knows.")
        case .malformed(let syntax):
            ErrorFields(.error, "42601", "syntax error in a command of the console", hint: "Expected: \(syntax)")
        case .notAllowed(let command):
            ErrorFields(
                .error, "42501", "permission denied: \(command) is for the users in admin.users",
                hint: "Those in admin.stats_users may only look.")
        }
    }
}
