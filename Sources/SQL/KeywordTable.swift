// Which keyword is a word, found without comparing it to all of them?

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

    /// `pg_`, folded.
    var beginsWithCatalogPrefix: Bool {
        low & 0xFF_FFFF == 0x7F_6770
    }
}

/// All words of interest in an open-addressing hash table, filled once.
struct KeywordTable {
    struct Entry {
        var word = PackedWord()
        var keyword = Keyword.none
        var category = KeywordCategory.name
    }

    static let shared = KeywordTable()

    /// Four times the number of words, so that most look-ups of ordinary names meet an empty slot.
    private static let slotBits = 10
    private var slots = [Entry](repeating: Entry(), count: 1 << Self.slotBits)

    private init() {
        for keyword in Keyword.allCases where keyword != .none {
            insert("\(keyword)", keyword, .name)
        }
        for (text, category) in [
            (KeywordList.reserved, KeywordCategory.reserved), (KeywordList.functionName, .functionName),
            (KeywordList.columnName, .columnName),
        ] {
            for word in text.split(whereSeparator: \.isWhitespace) {
                insert(String(word), .none, category)
            }
        }
    }

    /// The keyword that `word` is; `.none` and `.name` for an ordinary name.
    func lookup(_ word: PackedWord) -> (keyword: Keyword, category: KeywordCategory) {
        var slot = Self.slot(of: word)
        while slots[slot].word.low != 0 {
            if slots[slot].word == word {
                return (slots[slot].keyword, slots[slot].category)
            }
            slot = (slot &+ 1) & (1 << Self.slotBits - 1)
        }
        return (.none, .name)
    }

    /// Adds a word, or the category of a word that is there.
    private mutating func insert(_ text: String, _ keyword: Keyword, _ category: KeywordCategory) {
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
        var slot = Self.slot(of: word)
        while slots[slot].word.low != 0 && slots[slot].word != word {
            slot = (slot &+ 1) & (1 << Self.slotBits - 1)
        }
        slots[slot].word = word
        slots[slot].category = category
        if keyword != .none { slots[slot].keyword = keyword }
    }

    private static func slot(of word: PackedWord) -> Int {
        let hash = (word.low ^ word.high &* 0xff51_afd7_ed55_8ccd) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: hash >> UInt64(64 - slotBits))
    }
}
