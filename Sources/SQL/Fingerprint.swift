// Which texts differ in nothing but their literals?

/// A number that is the same for texts which differ in literals, blanks, comments and the case of unquoted words only.
public struct Fingerprint: Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads the whole text.
    public init(of text: Span<UInt8>, settings: LexerSettings) {
        var lexer = Lexer(settings: settings)
        var state: UInt64 = 0xcbf2_9ce4_8422_2325
        while true {
            let token = lexer.next(text)
            state = Self.mixed(state, UInt64(token.kind.rawValue) &+ 0x100)
            switch token.kind {
            case .end:
                rawValue = state
                return
            case .string, .otherString, .number, .parameter:
                break
            case .word:
                for index in token.range {
                    let byte = text[index]
                    state = Self.mixed(state, UInt64(byte &- 0x41 < 26 ? byte | 0x20 : byte))
                }
            case .start, .quotedWord, .unicodeWord, .symbol, .cast, .dot, .comma, .semicolon, .open, .close,
                .openBracket, .closeBracket, .unreadable:
                for index in token.range { state = Self.mixed(state, UInt64(text[index])) }
            }
        }
    }

    private static func mixed(_ state: UInt64, _ value: UInt64) -> UInt64 {
        (state ^ value) &* 0x0000_0100_0000_01b3
    }
}
