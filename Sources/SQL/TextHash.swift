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

    @inline(__always)
    private static func word(_ text: Span<UInt8>, at index: Int) -> UInt64 {
        UInt64(text[index]) | UInt64(text[index &+ 1]) << 8 | UInt64(text[index &+ 2]) << 16
            | UInt64(text[index &+ 3]) << 24 | UInt64(text[index &+ 4]) << 32 | UInt64(text[index &+ 5]) << 40
            | UInt64(text[index &+ 6]) << 48 | UInt64(text[index &+ 7]) << 56
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
