// Under which number is a statement's text looked up?

/// A fast 64-bit hash of statement texts; equal texts are told apart from colliding ones by comparison.
public enum TextHash {
    /// The hash of `text`; the same in every process.
    public static func hash(_ text: Span<UInt8>) -> UInt64 {
        let secret: (UInt64, UInt64) = (0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db)
        var state = UInt64(truncatingIfNeeded: text.count) &* secret.1
        var index = 0
        while index &+ 8 <= text.count {
            state = mix(state ^ secret.0, word(text, at: index) ^ secret.1)
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < text.count {
            rest = rest << 8 | UInt64(text[index])
            index &+= 1
        }
        return mix(state ^ secret.0, rest ^ secret.1)
    }

    /// Eight bytes as one number. Of a span of eight bytes each index needs no check of its own.
    @inline(__always)
    private static func word(_ text: Span<UInt8>, at index: Int) -> UInt64 {
        let part = text.extracting(index..<index &+ 8)
        var word: UInt64 = 0
        for offset in 0..<8 { word |= UInt64(part[offset]) &<< UInt64(offset &* 8) }
        return word
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
