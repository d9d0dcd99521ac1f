// What are the smallest pieces of SQL that the grammar looks at?

/// One token: its bytes by position, and what it is, in one byte: small fields side by side would be read together, and
/// the processor waits where a read spans what was written in parts just before.
struct Token {
    enum Kind: UInt8 {
        /// Before the first token.
        case start
        /// The text is over.
        case end
        /// "…"
        case quotedWord
        /// U&"…"
        case unicodeWord
        /// '…' whose bytes are its value, but for doubled quotes.
        case string
        /// Any other string: with escapes, bits, dollar quotes, Unicode.
        case otherString
        case number
        /// $1
        case parameter
        /// One or more operator characters, `:=` and a lone colon included.
        case symbol
        /// `::`
        case cast
        case dot, comma, semicolon
        case open, close, openBracket, closeBracket
        /// A quote or comment that does not end, or a byte that begins no token.
        case unreadable
        /// An unquoted word: keyword or name.
        case word
    }

    /// Where the token begins and, in the upper half, ends.
    private var place: UInt64
    private var what: Keyword

    /// - Parameter what: the kind of token that is no unquoted word, or which word it is.
    init(_ what: Keyword, start: Int, end: Int) {
        place = UInt64(UInt32(truncatingIfNeeded: start)) | UInt64(UInt32(truncatingIfNeeded: end)) << 32
        self.what = what
    }

    @inline(__always)
    var kind: Kind {
        switch what {
        case .startOfText: .start
        case .endOfText: .end
        case .quotedWord: .quotedWord
        case .unicodeWord: .unicodeWord
        case .plainString: .string
        case .specialString: .otherString
        case .digits: .number
        case .placeholder: .parameter
        case .operatorRun: .symbol
        case .doubleColon: .cast
        case .dot: .dot
        case .comma: .comma
        case .semicolon: .semicolon
        case .openParenthesis: .open
        case .closeParenthesis: .close
        case .openBracket: .openBracket
        case .closeBracket: .closeBracket
        case .unreadable: .unreadable
        default: .word
        }
    }

    /// Of an unquoted word that some rule tells apart; else `.none`.
    @inline(__always)
    var keyword: Keyword { what.isSpecial ? what : .none }

    /// Of an unquoted word.
    @inline(__always)
    var category: KeywordCategory { what.category }

    /// The longest text that positions reach; the protocol allows a quarter of it.
    static let longestText = Int(UInt32.max)

    static let none = Token(.startOfText, start: 0, end: 0)

    var start: Int {
        Int(truncatingIfNeeded: place & 0xFFFF_FFFF)
    }

    /// Behind the last byte.
    var end: Int {
        Int(truncatingIfNeeded: place >> 32)
    }

    var range: Range<Int> {
        start..<end
    }

    /// Whether the token can be (part of) a name where no grammar demands a keyword.
    var isWord: Bool {
        kind == .word || kind == .quotedWord || kind == .unicodeWord
    }

    /// Whether the token can be a name: any word but a reserved one.
    var isName: Bool {
        kind == .word ? category != .reserved : kind == .quotedWord || kind == .unicodeWord
    }

    /// The same bytes as a name that is certainly meant as a name: behind a dot or AS.
    var asPlainName: Token {
        var token = self
        if kind == .word { token.what = .none }
        return token
    }
}
