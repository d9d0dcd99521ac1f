// Which keyword is a word, and may it be a function behind a dot, found without comparing it to all of them?

/// The folded bytes of a word of up to 17 bytes, in registers.
struct PackedWord: Equatable {
    /// Bytes 0 to 7 and 8 to 15, lowest first.
    var low: UInt64 = 0
    var high: UInt64 = 0
    /// Byte 16.
    var last: UInt8 = 0

    static let longest = 17

    /// Folds one byte of a word. Setting one bit folds ASCII letters and keeps all bytes of words apart: `_` becomes a
    /// byte that no word contains, and bytes beyond ASCII never become ASCII.
    static func folded(_ byte: UInt8) -> UInt64 {
        UInt64(byte | 0x20)
    }
}

/// The first bytes of a word, up to eight, found in one step: all eight bytes are tested at once, each in its own byte
/// of a register.
struct WordBytes {
    /// The bytes, folded, lowest first; zero behind the word.
    let folded: UInt64
    let count: Int

    @inline(__always)
    init(_ text: Span<UInt8>, at start: Int) {
        let bytes = Self.load(text, at: start)
        let low = bytes & Self.each(0x7F)
        let lower = low | Self.each(0x20)
        // The high bit of each byte of these sums tells whether the byte is at least `a`, beyond `z`, and so on.
        let isLetter = (lower &+ Self.each(0x80 - 0x61)) & ~(lower &+ Self.each(0x7F - 0x7A))
        let isDigit = (low &+ Self.each(0x80 - 0x30)) & ~(low &+ Self.each(0x7F - 0x39))
        let isUnderscore = ~((low ^ Self.each(0x5F)) &+ Self.each(0x7F))
        let isDollar = ~((low ^ Self.each(0x24)) &+ Self.each(0x7F))
        let isOther = ~(isLetter | isDigit | isUnderscore | isDollar | bytes) & Self.each(0x80)
        count = isOther.trailingZeroBitCount >> 3
        let mask = count == 8 ? ~0 : 1 &<< UInt64(truncatingIfNeeded: count &* 8) &- 1
        folded = (bytes | Self.each(0x20)) & mask
    }

    /// Eight bytes, zeros behind the end of the text.
    @inline(__always)
    private static func load(_ text: Span<UInt8>, at start: Int) -> UInt64 {
        var bytes: UInt64 = 0
        if start &+ 8 <= text.count {
            // Of a span of eight bytes each index needs no check of its own.
            let part = text.extracting(start..<start &+ 8)
            for offset in 0..<8 { bytes |= UInt64(part[offset]) &<< UInt64(offset &* 8) }
        } else {
            for index in start..<text.count { bytes |= UInt64(text[index]) &<< UInt64((index &- start) &* 8) }
        }
        return bytes
    }

    private static func each(_ byte: UInt64) -> UInt64 {
        byte &* 0x0101_0101_0101_0101
    }
}

/// All words of interest in an open-addressing hash table, filled once.
struct KeywordTable {
    struct Entry {
        var word = PackedWord()
        var keyword = Keyword.none
        /// A bit for each of the built-in functions that object and can be called as `value.name`; in what would be
        /// padding. It has nothing to do with the word.
        var attributes: UInt8 = 0
    }

    static let shared = KeywordTable()

    /// Four times the number of words, so that most look-ups of ordinary names meet an empty slot.
    private static let slotBits: UInt32 = 10
    private var slots = [Entry](repeating: Entry(), count: 1 << Self.slotBits)

    private init() {
        for keyword in Keyword.allCases where keyword.isSpecial { insert("\(keyword)", keyword) }
        for (text, keyword) in [
            (KeywordList.reserved, Keyword.reserved), (KeywordList.functionName, .functionName),
            (KeywordList.columnName, .columnName),
        ] {
            for word in text.split(whereSeparator: \.isWhitespace) { insert(String(word), keyword) }
        }
        for hash in BuiltinFunctions.attributeHashes {
            let bit = hash.upper(Self.slotBits + 3)
            slots[bit >> 3].attributes |= 1 << UInt8(bit & 7)
        }
    }

    /// The keyword that `word` is; `.none` for an ordinary name.
    @inline(__always)
    func lookup(_ word: PackedWord, _ hash: WordHash) -> Keyword {
        var slot = hash.upper(Self.slotBits)
        while slots[slot].word.low != 0 {
            if slots[slot].word == word {
                return slots[slot].keyword
            }
            slot = (slot &+ 1) & (1 << Self.slotBits - 1)
        }
        return .none
    }

    /// Whether a built-in function that objects and can be called as `value.name` may have that name; few others do.
    @inline(__always)
    func mayBeAttribute(_ hash: WordHash) -> Bool {
        let bit = hash.upper(Self.slotBits + 3)
        return slots[bit &>> 3].attributes & 1 &<< UInt8(truncatingIfNeeded: bit & 7) != 0
    }

    private mutating func insert(_ text: String, _ keyword: Keyword) {
        let bytes = Array(text.utf8)
        precondition(!bytes.isEmpty && bytes.count <= PackedWord.longest, "A keyword has 1 to 17 bytes.")
        var word = PackedWord()
        for (index, byte) in bytes.enumerated() {
            switch index {
            case 0..<8: word.low |= PackedWord.folded(byte) << UInt64(8 * index)
            case 8..<16: word.high |= PackedWord.folded(byte) << UInt64(8 * (index - 8))
            default: word.last = UInt8(PackedWord.folded(byte))
            }
        }
        var slot = WordHash(beginning: word.low, length: bytes.count).upper(Self.slotBits)
        while slots[slot].word.low != 0 {
            precondition(slots[slot].word != word, "Each keyword is listed once.")
            slot = (slot &+ 1) & (1 << Self.slotBits - 1)
        }
        slots[slot] = Entry(word: word, keyword: keyword)
    }
}
