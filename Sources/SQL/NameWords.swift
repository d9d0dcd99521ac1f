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
