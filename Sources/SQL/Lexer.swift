// Where does each token of a text begin and end?

/// PostgreSQL's lexical rules over bytes. Text that never ends a quote or comment gives one `.unreadable` token up to
/// the end, so every byte is visited a bounded number of times.
struct Lexer {
    private(set) var position = 0
    private let backslashEscapes: Bool
    /// It is not known whether a backslash is an escape.
    private let isInDoubt: Bool
    /// At hand, because each look at a global value asks whether it was made.
    let keywords = KeywordTable.shared
    /// Of the unquoted word that was read last.
    private(set) var wordHash = WordHash()

    init(settings: LexerSettings) {
        backslashEscapes = !settings.standardConformingStrings
        isInDoubt = settings.isInDoubt
    }

    /// The next token, `.end` for ever once the text is over.
    mutating func next(_ text: Span<UInt8>) -> Token {
        var start = position
        while start < text.count {
            let byte = text[start]
            switch byte {
            case 0x20, 0x09...0x0D:
                start &+= 1
            case 0x41...0x5A, 0x61...0x7A, 0x5F, 0x80...0xFF:
                return word(text, from: start)
            case 0x30...0x39:
                return number(text, from: start)
            case 0x2C: return single(.comma, at: start)
            case 0x2E: return dot(text, from: start)
            case 0x28: return single(.openParenthesis, at: start)
            case 0x29: return single(.closeParenthesis, at: start)
            case 0x3B: return single(.semicolon, at: start)
            case 0x5B: return single(.openBracket, at: start)
            case 0x5D: return single(.closeBracket, at: start)
            case 0x27: return string(text, from: start, quoteAt: start)
            case 0x22: return quotedWord(text, from: start, quoteAt: start, as: .quotedWord)
            case 0x24: return dollar(text, from: start)
            case 0x3A: return colon(text, from: start)
            case 0x2D where start &+ 1 < text.count && text[start &+ 1] == 0x2D:
                start = Self.endOfLine(text, from: start)
            case 0x2F where start &+ 1 < text.count && text[start &+ 1] == 0x2A:
                guard let end = Self.endOfComment(text, from: start) else { return unreadable(text, from: start) }
                start = end
            default:
                if Self.isSymbol(byte) { return symbol(text, from: start) }
                return single(.unreadable, at: start)
            }
        }
        position = start
        return Token(.endOfText, start: start, end: start)
    }

    private mutating func single(_ what: Keyword, at start: Int) -> Token {
        position = start &+ 1
        return Token(what, start: start, end: position)
    }

    /// Gives up: the rest of the text is one token.
    private mutating func unreadable(_ text: Span<UInt8>, from start: Int) -> Token {
        position = text.count
        return Token(.unreadable, start: start, end: position)
    }

    // MARK: Words

    private static func continuesWord(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5F || byte >= 0x80 || byte == 0x24
    }

    private mutating func word(_ text: Span<UInt8>, from start: Int) -> Token {
        let next = start &+ 1
        if next >= text.count || !Self.continuesWord(text[next]) { return letter(text, at: start) }
        var packed = PackedWord()
        var part = WordBytes(text, at: start)
        packed.low = part.folded
        var end = start &+ part.count
        if part.count == 8 {
            part = WordBytes(text, at: end)
            packed.high = part.folded
            end &+= part.count
            if part.count == 8, end < text.count, Self.continuesWord(text[end]) {
                packed.last = UInt8(truncatingIfNeeded: PackedWord.folded(text[end]))
                while end < text.count, Self.continuesWord(text[end]) { end &+= 1 }
            }
        }
        position = end
        let length = end &- start
        wordHash = WordHash(beginning: packed.low, length: length)
        let keyword = length > PackedWord.longest ? .none : keywords.lookup(packed, wordHash)
        return Token(keyword, start: start, end: end)
    }

    /// A word of one letter, which is no keyword, unless it begins a string.
    private mutating func letter(_ text: Span<UInt8>, at start: Int) -> Token {
        let end = start &+ 1
        if end < text.count, text[end] == 0x27 || text[end] == 0x26,
            let prefixed = prefixedString(text, from: start)
        {
            return prefixed
        }
        position = end
        wordHash = WordHash(beginning: PackedWord.folded(text[start]), length: 1)
        return Token(.none, start: start, end: end)
    }

    /// Strings and names that begin with a letter: E'', B'', X'', N'', U&'' and U&"".
    private mutating func prefixedString(_ text: Span<UInt8>, from start: Int) -> Token? {
        let quote = start &+ 1
        switch text[start] | 0x20 {
        case 0x65 where text[quote] == 0x27:
            return escapedString(text, from: start, quoteAt: quote)
        case 0x6E where text[quote] == 0x27:
            return string(text, from: start, quoteAt: quote)
        case 0x62 where text[quote] == 0x27, 0x78 where text[quote] == 0x27:
            return plainString(text, from: start, quoteAt: quote, as: .specialString)
        case 0x75 where text[quote] == 0x26 && quote &+ 1 < text.count:
            if text[quote &+ 1] == 0x27 {
                return plainString(text, from: start, quoteAt: quote &+ 1, as: .specialString)
            }
            return text[quote &+ 1] == 0x22 ? unicodeWord(text, from: start) : nil
        default:
            return nil
        }
    }

    private mutating func quotedWord(
        _ text: Span<UInt8>, from start: Int, quoteAt quote: Int, as what: Keyword
    ) -> Token {
        guard let end = Self.end(of: 0x22, text, from: quote &+ 1) else { return unreadable(text, from: start) }
        position = end
        return Token(what, start: start, end: end)
    }

    /// `U&"…"`, with the clause that names another escape character than the backslash: `UESCAPE '!'`. Nobody writes
    /// the character as any other string constant; such a name hides what it stands for, and nothing behind it is read.
    private mutating func unicodeWord(_ text: Span<UInt8>, from start: Int) -> Token {
        let token = quotedWord(text, from: start, quoteAt: start &+ 2, as: .unicodeWord)
        var ahead = self
        guard token.kind == .unicodeWord, ahead.skipBlanks(text), ahead.skipEscapeWord(text) else { return token }
        guard ahead.skipBlanks(text), ahead.position &+ 2 < text.count, text[ahead.position] == 0x27,
            text[ahead.position &+ 1] != 0x27, text[ahead.position &+ 2] == 0x27,
            Self.continuation(text, from: ahead.position &+ 3) == nil
        else { return unreadable(text, from: start) }
        position = ahead.position &+ 3
        return Token(.unicodeWord, start: start, end: position)
    }

    /// Skips blanks and comments; false when a comment does not end.
    private mutating func skipBlanks(_ text: Span<UInt8>) -> Bool {
        while position < text.count {
            switch text[position] {
            case 0x09...0x0D, 0x20:
                position &+= 1
            case 0x2D where position &+ 1 < text.count && text[position &+ 1] == 0x2D:
                position = Self.endOfLine(text, from: position)
            case 0x2F where position &+ 1 < text.count && text[position &+ 1] == 0x2A:
                guard let end = Self.endOfComment(text, from: position) else { return false }
                position = end
            default:
                return true
            }
        }
        return true
    }

    private static let escapeWord = Array("uescape".utf8)

    /// Skips the word UESCAPE if it stands here.
    private mutating func skipEscapeWord(_ text: Span<UInt8>) -> Bool {
        guard text.extracting(position..<text.count).begins(with: Self.escapeWord, foldingCase: true) else {
            return false
        }
        let end = position &+ Self.escapeWord.count
        if end < text.count, Self.continuesWord(text[end]) { return false }
        position = end
        return true
    }

    // MARK: Strings

    private mutating func string(_ text: Span<UInt8>, from start: Int, quoteAt quote: Int) -> Token {
        if isInDoubt { return doubtfulString(text, from: start, quoteAt: quote) }
        return backslashEscapes
            ? escapedString(text, from: start, quoteAt: quote)
            : plainString(text, from: start, quoteAt: quote, as: start == quote ? .plainString : .specialString)
    }

    /// A string that ends at the same quote whether a backslash is an escape or not; its value may differ.
    private mutating func doubtfulString(_ text: Span<UInt8>, from start: Int, quoteAt quote: Int) -> Token {
        var what = start == quote ? Keyword.plainString : .specialString
        let token = plainString(text, from: start, quoteAt: quote, as: what)
        guard token.kind != .unreadable else { return token }
        for index in quote &+ 1..<token.end where text[index] == 0x5C {
            if text[index &+ 1] == 0x27 { return unreadable(text, from: start) }
            what = .specialString
        }
        return Token(what, start: start, end: token.end)
    }

    private mutating func plainString(
        _ text: Span<UInt8>, from start: Int, quoteAt quote: Int, as what: Keyword
    ) -> Token {
        guard let end = Self.end(of: 0x27, text, from: quote &+ 1) else { return unreadable(text, from: start) }
        position = end
        return Token(what, start: start, end: end)
    }

    /// Behind the closing quote; doubled quotes are content.
    private static func end(of quote: UInt8, _ text: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < text.count {
            if text[index] == quote {
                if index &+ 1 < text.count && text[index &+ 1] == quote {
                    index &+= 1
                } else {
                    return index &+ 1
                }
            }
            index &+= 1
        }
        return nil
    }

    /// A string in which a backslash takes the next byte with it. The same holds in its continuation behind a line
    /// break, so that belongs to the token.
    private mutating func escapedString(_ text: Span<UInt8>, from start: Int, quoteAt quote: Int) -> Token {
        var index = quote &+ 1
        var hasBackslash = false
        while index < text.count {
            switch text[index] {
            case 0x5C:
                hasBackslash = true
                index &+= 2
            case 0x27:
                index &+= 1
                if index < text.count && text[index] == 0x27 {
                    index &+= 1
                } else if let continued = Self.continuation(text, from: index) {
                    hasBackslash = true
                    index = continued
                } else {
                    position = index
                    let isPlain = start == quote && !hasBackslash
                    return Token(isPlain ? .plainString : .specialString, start: start, end: index)
                }
            default:
                index &+= 1
            }
        }
        return unreadable(text, from: start)
    }

    /// Behind the quote that continues a string: blanks with at least one line break and, behind it, comments.
    private static func continuation(_ text: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        var hasLineBreak = false
        while index < text.count {
            switch text[index] {
            case 0x0A, 0x0D:
                hasLineBreak = true
                index &+= 1
            case 0x09, 0x0B, 0x0C, 0x20:
                index &+= 1
            case 0x2D where index &+ 1 < text.count && text[index &+ 1] == 0x2D:
                index = endOfLine(text, from: index)
            case 0x27 where hasLineBreak:
                return index &+ 1
            default:
                return nil
            }
        }
        return nil
    }

    // MARK: Dollars

    private mutating func dollar(_ text: Span<UInt8>, from start: Int) -> Token {
        var index = start &+ 1
        if index < text.count, text[index] &- 0x30 < 10 {
            while index < text.count, text[index] &- 0x30 < 10 { index &+= 1 }
            position = index
            return Token(.placeholder, start: start, end: index)
        }
        while index < text.count, text[index] != 0x24, Self.continuesWord(text[index]) { index &+= 1 }
        guard index < text.count, text[index] == 0x24 else { return single(.unreadable, at: start) }
        return dollarString(text, from: start, tagEnd: index)
    }

    /// A tag contains no dollar, so a failed comparison never covers the dollar where the next one begins.
    private mutating func dollarString(_ text: Span<UInt8>, from start: Int, tagEnd: Int) -> Token {
        let length = tagEnd &- start
        var index = tagEnd &+ 1
        while index < text.count {
            guard text[index] == 0x24 else {
                index &+= 1
                continue
            }
            var matched = 1
            while matched <= length, index &+ matched < text.count, text[index &+ matched] == text[start &+ matched] {
                matched &+= 1
            }
            if matched > length {
                position = index &+ matched
                return Token(.specialString, start: start, end: position)
            }
            index &+= matched
        }
        return unreadable(text, from: start)
    }

    // MARK: Numbers and symbols

    private mutating func number(_ text: Span<UInt8>, from start: Int) -> Token {
        var index = Self.endOfDigits(text, from: start)
        if index < text.count, text[index] == 0x2E, !(index &+ 1 < text.count && text[index &+ 1] == 0x2E) {
            index = Self.endOfDigits(text, from: index &+ 1)
        }
        if index < text.count, text[index] | 0x20 == 0x65 {
            var exponent = index &+ 1
            if exponent < text.count, text[exponent] == 0x2B || text[exponent] == 0x2D { exponent &+= 1 }
            if exponent < text.count, text[exponent] &- 0x30 < 10 {
                index = Self.endOfDigits(text, from: exponent)
            }
        }
        position = index
        return Token(.digits, start: start, end: index)
    }

    private static func endOfDigits(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count, text[index] &- 0x30 < 10 { index &+= 1 }
        return index
    }

    private mutating func dot(_ text: Span<UInt8>, from start: Int) -> Token {
        if start &+ 1 < text.count, text[start &+ 1] &- 0x30 < 10 { return number(text, from: start) }
        return single(.dot, at: start)
    }

    private mutating func colon(_ text: Span<UInt8>, from start: Int) -> Token {
        if start &+ 1 < text.count {
            switch text[start &+ 1] {
            case 0x3A:
                position = start &+ 2
                return Token(.doubleColon, start: start, end: position)
            case 0x3D:
                position = start &+ 2
                return Token(.operatorRun, start: start, end: position)
            default:
                break
            }
        }
        return single(.operatorRun, at: start)
    }

    /// `~ ! @ # ^ & | ` ? + - * / % < > =`
    private static func isSymbol(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x23, 0x25, 0x26, 0x2A, 0x2B, 0x2D, 0x2F, 0x3C...0x40, 0x5E, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// A run of operator characters, up to where a comment begins.
    private mutating func symbol(_ text: Span<UInt8>, from start: Int) -> Token {
        var index = start
        while index < text.count, Self.isSymbol(text[index]) {
            if index &+ 1 < text.count {
                if text[index] == 0x2D && text[index &+ 1] == 0x2D { break }
                if text[index] == 0x2F && text[index &+ 1] == 0x2A { break }
            }
            index &+= 1
        }
        position = index
        return Token(.operatorRun, start: start, end: index)
    }

    // MARK: Comments

    private static func endOfLine(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count, text[index] != 0x0A, text[index] != 0x0D { index &+= 1 }
        return index
    }

    /// Behind a comment with the comments inside it; nil when it does not end.
    private static func endOfComment(_ text: Span<UInt8>, from start: Int) -> Int? {
        var index = start &+ 2
        var depth = 1
        while index &+ 1 < text.count {
            if text[index] == 0x2A && text[index &+ 1] == 0x2F {
                index &+= 2
                depth &-= 1
                if depth == 0 { return index }
            } else if text[index] == 0x2F && text[index &+ 1] == 0x2A {
                index &+= 2
                depth &+= 1
            } else {
                index &+= 1
            }
        }
        return nil
    }
}
