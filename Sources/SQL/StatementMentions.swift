// Which prepared statements does a text speak of by name?

/// The names behind PREPARE, EXECUTE and DEALLOCATE in a text of any number of statements.
///
/// Whatever looks like one counts, wherever it stands: a name too many costs a look-up, a missing one an answer.
public struct StatementMentions: Sendable {
    /// More names than these are not looked for.
    public static let limit = 1_024

    private var lexer: Lexer
    private var found = 0

    public init(settings: LexerSettings) {
        lexer = Lexer(settings: settings)
    }

    /// The next name as written; nil behind the last one.
    public mutating func next(_ text: Span<UInt8>) -> Range<Int>? {
        guard found < Self.limit else { return nil }
        var isBehindKeyword = false
        while true {
            let token = lexer.next(text)
            if token.kind == .end || token.kind == .unreadable { return nil }
            let isKeyword = Self.precedesName(token.keyword)
            if isBehindKeyword, token.isName {
                // DEALLOCATE PREPARE name: the keyword may be a name itself.
                if isKeyword, !Self.isLast(lexer, text) { continue }
                found += 1
                return token.range
            }
            isBehindKeyword = isKeyword
        }
    }

    private static func precedesName(_ keyword: Keyword) -> Bool {
        keyword == .prepare || keyword == .execute || keyword == .deallocate
    }

    /// Whether no name stands behind the lexer's position.
    private static func isLast(_ lexer: Lexer, _ text: Span<UInt8>) -> Bool {
        var ahead = lexer
        return !ahead.next(text).isName
    }
}
