// On which line does a key of a TOML document stand?

/// The lines of all keys and array elements of a text.
///
/// The parser tells no places of values, so the text is read a second time here, for its keys alone. Whatever is not
/// recognised is passed over: a line that is not found costs a message its number, nothing else.
struct KeyLines: Sendable {
    private let lines: [SettingPath: Int]
    /// The first place that the parser takes for impossible.
    let trap: Trap?

    /// A place of a text that would end the process if the parser got there, although it is no more than a mistake.
    struct Trap: Equatable {
        var line: Int
        /// The bytes before it.
        var offset: Int
        var sentence: String
    }

    init(_ text: String) {
        var scan = KeyScan(bytes: Array(text.utf8))
        scan.document()
        lines = scan.lines
        trap = scan.trap
    }

    /// The line of the setting, else of the nearest table around it that has one.
    func line(of path: SettingPath) -> Int? {
        var candidate = path
        while true {
            if let line = lines[candidate] { return line }
            guard let outer = candidate.enclosing else { return nil }
            candidate = outer
        }
    }
}

private struct KeyScan {
    let bytes: [UInt8]
    var position = 0
    var line = 1
    var lines: [SettingPath: Int] = [:]
    var trap: KeyLines.Trap?
    /// How many elements an array of tables (`[[x]]`) has so far.
    var tableCounts: [SettingPath: Int] = [:]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() {
        var table = SettingPath()
        while skipBlanks(acrossLines: true), let byte = peek() {
            if byte == UInt8(ascii: "[") {
                table = header()
            } else {
                pair(in: table)
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    private mutating func header() -> SettingPath {
        let (start, offset) = (line, position)
        advance()
        let isArray = peek() == UInt8(ascii: "[")
        if isArray { advance() }
        let keys = dottedKey()
        if keys.isEmpty { note("a table header needs a key, as in [listen]", line: start, offset: offset) }
        var path = SettingPath()
        for (number, key) in keys.enumerated() {
            path = path.appending(key)
            record(path, at: start)
            if isArray && number == keys.count - 1 {
                tableCounts[path, default: 0] += 1
            }
            if let count = tableCounts[path] {
                path = path.appending(count - 1)
                record(path, at: start)
            }
        }
        while peek() == UInt8(ascii: "]") { advance() }
        return path
    }

    /// `a.b = value`.
    private mutating func pair(in table: SettingPath) {
        let start = position
        let first = line
        var path = table
        for key in dottedKey() {
            path = path.appending(key)
            record(path, at: first)
        }
        _ = skipBlanks(acrossLines: false)
        if peek() == UInt8(ascii: "=") {
            advance()
            value(at: path)
        }
        if position == start { advance() }
    }

    private mutating func value(at path: SettingPath) {
        _ = skipBlanks(acrossLines: false)
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            _ = string()
        case UInt8(ascii: "["):
            advance()
            var index = 0
            while skipBlanks(acrossLines: true), peek() != UInt8(ascii: "]") {
                if peek() == UInt8(ascii: "}") {
                    note("expected a value or ']', found '}'", line: line, offset: position)
                }
                let element = path.appending(index)
                record(element, at: line)
                value(at: element)
                guard skipBlanks(acrossLines: true), peek() == UInt8(ascii: ",") else { break }
                advance()
                index += 1
            }
            if peek() == UInt8(ascii: "]") { advance() }
        case UInt8(ascii: "{"):
            advance()
            while skipBlanks(acrossLines: true), peek() != UInt8(ascii: "}") {
                pair(in: path)
                guard skipBlanks(acrossLines: true), peek() == UInt8(ascii: ",") else { break }
                advance()
            }
            if peek() == UInt8(ascii: "}") { advance() }
        default:
            while let byte = peek(), !Self.endsScalar.contains(byte) { advance() }
        }
    }

    private static let endsScalar = Array(",]}#\n".utf8)

    private mutating func dottedKey() -> [String] {
        var keys: [String] = []
        while skipBlanks(acrossLines: false), let byte = peek() {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                keys.append(string())
            } else {
                let start = position
                while let byte = peek(), isBareKeyByte(byte) { advance() }
                guard position > start else { break }
                keys.append(String(decoding: bytes[start..<position], as: UTF8.self))
            }
            guard skipBlanks(acrossLines: false), peek() == UInt8(ascii: ".") else { break }
            advance()
        }
        return keys
    }

    /// A text in any of the four forms; of the escapes only those a key is likely to have are resolved.
    private mutating func string() -> String {
        let quote = bytes[position]
        var length = 0
        while length < 3, peek() == quote {
            advance()
            length += 1
        }
        if length == 2 { return "" }
        var content: [UInt8] = []
        while let byte = peek() {
            if byte == quote && closes(quote, length) {
                for _ in 0..<length { advance() }
                // Up to two quotes may stand directly before the closing three and belong to the text.
                while length == 3, peek() == quote { advance() }
                break
            }
            if byte == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") {
                advance()
                guard let escaped = peek() else { break }
                content.append(escaped)
            } else {
                content.append(byte)
            }
            advance()
        }
        return String(decoding: content, as: UTF8.self)
    }

    private func closes(_ quote: UInt8, _ length: Int) -> Bool {
        guard position + length <= bytes.count else { return false }
        return bytes[position..<position + length].allSatisfy { $0 == quote }
    }

    private mutating func note(_ sentence: String, line: Int, offset: Int) {
        if trap == nil { trap = KeyLines.Trap(line: line, offset: offset, sentence: sentence) }
    }

    private mutating func record(_ path: SettingPath, at line: Int) {
        if lines[path] == nil { lines[path] = line }
    }

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func advance() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    /// Passes blanks, and with `acrossLines` comments and line ends; says whether anything is left.
    private mutating func skipBlanks(acrossLines: Bool) -> Bool {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                advance()
            case UInt8(ascii: "\n") where acrossLines, UInt8(ascii: "\r") where acrossLines:
                advance()
            case UInt8(ascii: "#") where acrossLines:
                while let next = peek(), next != UInt8(ascii: "\n") { advance() }
            default:
                return true
            }
        }
        return false
    }
}
