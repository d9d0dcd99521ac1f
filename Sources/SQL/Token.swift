// What are the smallest pieces of SQL that the grammar looks at?

/// One token: its kind, its bytes by position, and what word it is; small enough to travel in two registers.
struct Token {
    enum Kind: UInt8 {
        /// Before the first token.
        case start
        /// The text is over.
        case end
        /// An unquoted word: keyword or name.
        case word
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
    }

    /// Where the token begins and, in the upper half, ends.
    private var place: UInt64
    let kind: Kind
    /// Of an unquoted word; `.none` for words that mean nothing special.
    private(set) var keyword: Keyword
    /// Of an unquoted word.
    private(set) var category: KeywordCategory
    /// Whether an unquoted word begins with `pg_`, in any case.
    let isCatalogWord: Bool

    init(
        kind: Kind, start: Int, end: Int, keyword: Keyword = .none, category: KeywordCategory = .name,
        isCatalogWord: Bool = false
    ) {
        place = UInt64(UInt32(truncatingIfNeeded: start)) | UInt64(UInt32(truncatingIfNeeded: end)) << 32
        self.kind = kind
        self.keyword = keyword
        self.category = category
        self.isCatalogWord = isCatalogWord
    }

    /// The longest text that positions reach; the protocol allows a quarter of it.
    static let longestText = Int(UInt32.max)

    static let none = Token(kind: .start, start: 0, end: 0)

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
        token.keyword = .none
        token.category = .name
        return token
    }
}
