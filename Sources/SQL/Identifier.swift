// What name does a token stand for?

/// Names as PostgreSQL understands them.
public enum Identifier {
    /// The name that `token` stands for: folded to lower case (ASCII only) unless quoted, quotes removed, Unicode
    /// escapes decoded. Dotted names keep their dots; several words are joined by one space; of a string, its content.
    public static func value(of token: Span<UInt8>) -> [UInt8] {
        var name: [UInt8] = []
        name.reserveCapacity(token.count)
        var lexer = Lexer(settings: LexerSettings())
        var previous = Token.Kind.start
        while true {
            let part = lexer.next(token)
            switch part.kind {
            case .end:
                return name
            case .dot:
                name.append(0x2E)
            default:
                if previous != .start && previous != .dot { name.append(0x20) }
                append(part, token, to: &name)
            }
            previous = part.kind
        }
    }

    private static func append(_ part: Token, _ text: Span<UInt8>, to name: inout [UInt8]) {
        switch part.kind {
        case .unicodeWord:
            appendUnicode(part, text, to: &name)
        case .quotedWord, .string:
            appendQuoted(part.start + 1..<part.end - 1, text, quote: text[part.start], to: &name)
        case .unreadable where text[part.start] == 0x22:
            appendQuoted(part.start + 1..<part.end, text, quote: 0x22, to: &name)
        case .unreadable:
            break
        default:
            for index in part.range { name.append(lowercased(text[index])) }
        }
    }

    /// The content of a quoted token, where each doubled quote is one.
    private static func appendQuoted(
        _ content: Range<Int>, _ text: Span<UInt8>, quote: UInt8, to name: inout [UInt8]
    ) {
        var index = content.lowerBound
        while index < content.upperBound {
            name.append(text[index])
            index += text[index] == quote ? 2 : 1
        }
    }

    private static func appendUnicode(_ part: Token, _ text: Span<UInt8>, to name: inout [UInt8]) {
        guard var reader = UnicodeEscapes(text, part) else { return }
        while let scalar = reader.next(text) {
            switch scalar {
            case .byte(let byte): name.append(byte)
            case .codePoint(let value): name.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
            case .malformed(let bytes): for index in bytes { name.append(text[index]) }
            }
        }
    }

    /// The parameter that the name of a SET, RESET or SHOW stands for: `TIME ZONE` is `timezone`, and so on. Names of
    /// parameters are compared without regard to case, so the result is in lower case even if `token` is quoted.
    public static func settingName(of token: Span<UInt8>) -> [UInt8] {
        let name = value(of: token).map(lowercased)
        for (phrase, parameter) in phrases where name == phrase { return parameter }
        return name
    }

    private static let phrases: [([UInt8], [UInt8])] = [
        ("time zone", "timezone"), ("names", "client_encoding"), ("schema", "search_path"),
        ("session authorization", "session_authorization"), ("xml option", "xmloption"),
        ("transaction isolation level", "transaction_isolation"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}
