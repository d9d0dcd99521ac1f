// How are the bytes of a name folded, hashed and compared, eight at a time?

/// A name of eight bytes or more is its full words and, unless they end with the name, one more word that overlaps the
/// last of them; a shorter name is one padded word.
enum NameWords {
    /// PostgreSQL cuts identifiers to 63 bytes.
    static let longestName = 63

    static func count(of name: Span<UInt8>) -> Int { (name.count &+ 7) / 8 }

    static func hash(_ name: Span<UInt8>, foldingCase: Bool) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: name.count)
        for number in 0..<count(of: name) {
            hash = (hash ^ word(number, of: name, foldingCase: foldingCase)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        return hash &* 0x9E37_79B9_7F4A_7C15
    }

    @inline(__always)
    static func word(_ number: Int, of name: Span<UInt8>, foldingCase: Bool) -> UInt64 {
        var word: UInt64 = 0
        if name.count >= 8 {
            let start = min(number &* 8, name.count &- 8)
            // Of a span of eight bytes each index needs no check of its own.
            let part = name.extracting(start..<start &+ 8)
            for offset in 0..<8 { word |= UInt64(part[offset]) &<< UInt64(offset &* 8) }
        } else {
            for offset in 0..<name.count { word |= UInt64(name[offset]) &<< UInt64(offset &* 8) }
        }
        return foldingCase ? folded(word) : word
    }

    /// PostgreSQL folds unquoted identifiers so, as far as ASCII goes.
    @inline(__always)
    private static func folded(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let low = word & (0x7F &* ones)
        // The high bit of each byte of these sums says: not before `A`, beyond `Z`.
        let notBeforeA = low &+ (0x80 - 0x41) &* ones
        let beyondZ = low &+ (0x7F - 0x5A) &* ones
        let isCapital = ~word & (notBeforeA ^ beyondZ) & (0x80 &* ones)
        return word | isCapital >> 2
    }
}

/// What tells most words apart without looking at their bytes again: a hash of the length and of the first eight bytes,
/// whatever their case.
struct WordHash {
    /// The lowest bit says whether the word begins with `pg_`.
    private var bits: UInt32 = 0

    init() {}

    /// - Parameter beginning: the first bytes, lowest first, each with bit 5 set; zero behind the word.
    @inline(__always)
    init(beginning: UInt64, length: Int) {
        let mixed = (beginning ^ UInt64(truncatingIfNeeded: length) &* 0xD6E8_FEB8_6659_FD93) &* 0x9E37_79B9_7F4A_7C15
        let isCatalogWord = beginning & 0xFF_FFFF == 0x7F_6770
        bits = UInt32(truncatingIfNeeded: mixed >> 32) & ~1 | (isCatalogWord ? 1 : 0)
    }

    /// - Parameter beginning: the first bytes as `NameWords.word(0, …)` gives them.
    @inline(__always)
    init(unfolded beginning: UInt64, length: Int) {
        let mask = length >= 8 ? ~0 : 1 &<< UInt64(truncatingIfNeeded: length &* 8) &- 1
        self.init(beginning: (beginning | 0x2020_2020_2020_2020) & mask, length: length)
    }

    /// Whether the word begins with `pg_`, in any case.
    var isCatalogWord: Bool { bits & 1 != 0 }

    /// The upper bits as a number.
    @inline(__always)
    func upper(_ count: UInt32) -> Int { Int(bits &>> (32 &- count)) }
}
