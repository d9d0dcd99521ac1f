// Which name does `U&"…"` stand for?

/// The parts of a name with Unicode escapes, one after another.
struct UnicodeEscapes {
    enum Part {
        case byte(UInt8)
        case codePoint(UInt32)
        /// An escape that PostgreSQL refuses, by the place of its bytes.
        case malformed(Range<Int>)
    }

    private var index: Int
    private let end: Int
    private let escape: UInt8

    /// For a token of kind `.unicodeWord`, its UESCAPE clause included; nil when it has no content.
    init?(_ text: Span<UInt8>, _ token: Token) {
        index = token.start &+ 3
        guard token.kind == .unicodeWord, token.end > index else { return nil }
        if text[token.end &- 1] == 0x27 {
            escape = text[token.end &- 2]
            end = Self.closingQuote(text, from: index)
        } else {
            escape = 0x5C
            end = token.end &- 1
        }
    }

    private static func closingQuote(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count {
            if text[index] == 0x22 {
                guard index &+ 1 < text.count, text[index &+ 1] == 0x22 else { return index }
                index &+= 1
            }
            index &+= 1
        }
        return text.count
    }

    mutating func next(_ text: Span<UInt8>) -> Part? {
        guard index < end else { return nil }
        let byte = text[index]
        index &+= 1
        if byte == 0x22 {
            index &+= 1
        } else if byte == escape {
            guard index < end else { return .malformed(index &- 1..<index) }
            if text[index] != escape { return codePoint(text) }
            index &+= 1
        }
        return .byte(byte)
    }

    /// `XXXX` or `+XXXXXX` behind the escape character.
    private mutating func codePoint(_ text: Span<UInt8>) -> Part {
        let start = index &- 1
        var digits = 4
        if text[index] == 0x2B {
            index &+= 1
            digits = 6
        }
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard index < end, let digit = Self.hexadecimalDigit(text[index]) else { return .malformed(start..<index) }
            value = value << 4 | digit
            index &+= 1
        }
        return .codePoint(value)
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte &- 0x30)
        case 0x41...0x46: UInt32(byte &- 0x41 &+ 10)
        case 0x61...0x66: UInt32(byte &- 0x61 &+ 10)
        default: nil
        }
    }
}

/// The decoded bytes of a name with Unicode escapes, as far as names known here can match it: PostgreSQL cuts names to
/// 63 bytes, and none of the names known here contains anything but ASCII.
struct UnicodeName {
    private(set) var bytes = InlineArray<64, UInt8>(repeating: 0)
    private(set) var count = 0

    /// Decodes a token of kind `.unicodeWord`; nil when an escape is malformed or the name is too long.
    init?(_ text: Span<UInt8>, _ token: Token) {
        guard var reader = UnicodeEscapes(text, token) else { return nil }
        while let part = reader.next(text) {
            guard count < 63 else { return nil }
            switch part {
            case .byte(let byte): bytes[count] = byte
            case .codePoint(let value): bytes[count] = value < 0x80 ? UInt8(value) : 0xFF
            case .malformed: return nil
            }
            count &+= 1
        }
    }
}
