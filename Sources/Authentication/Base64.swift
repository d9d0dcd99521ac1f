// How are bytes written as text in SCRAM: base64 with padding, and decimal numbers?

/// RFC 4648 with padding, nothing else tolerated.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        encode(bytes, to: &text)
        return text
    }

    /// Appends to a text.
    static func encode(_ bytes: [UInt8], to text: inout [UInt8]) {
        text.append(addingCapacity: (bytes.count + 2) / 3 * 4) { (output: inout OutputSpan<UInt8>) in
            let alphabet = alphabet.span
            var start = 0
            while start + 3 <= bytes.count {
                let bits = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
                output.append(alphabet[bits >> 18])
                output.append(alphabet[bits >> 12 & 63])
                output.append(alphabet[bits >> 6 & 63])
                output.append(alphabet[bits & 63])
                start += 3
            }
            guard start < bytes.count else { return }
            let hasSecond = start + 1 < bytes.count
            let bits = Int(bytes[start]) << 16 | (hasSecond ? Int(bytes[start + 1]) << 8 : 0)
            output.append(alphabet[bits >> 18])
            output.append(alphabet[bits >> 12 & 63])
            output.append(hasSecond ? alphabet[bits >> 6 & 63] : padding)
            output.append(padding)
        }
    }

    private static let padding = UInt8(ascii: "=")

    /// Nil unless the text is what ``encode(_:)`` makes of some bytes.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var isValid = true
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: text.count / 4 * 3) { (output: inout OutputSpan<UInt8>) in
            let text = text.span
            let values = values.span
            for start in stride(from: 0, to: text.count, by: 4) {
                let isPadded = start + 4 == text.count && text[start + 3] == padding
                let missing = isPadded ? text[start + 2] == padding ? 2 : 1 : 0
                var bits = 0
                var all: UInt8 = 0
                for place in 0..<4 - missing {
                    let value = values[Int(text[start + place])]
                    all |= value
                    bits = bits << 6 | Int(value & 63)
                }
                bits <<= 6 * missing
                // What stands for no byte must be zero.
                isValid = isValid && all < 64 && bits & (1 << (8 * missing) - 1) == 0
                output.append(UInt8(truncatingIfNeeded: bits >> 16))
                if missing < 2 { output.append(UInt8(truncatingIfNeeded: bits >> 8)) }
                if missing < 1 { output.append(UInt8(truncatingIfNeeded: bits)) }
            }
        }
        return isValid ? bytes : nil
    }
}

/// Decimal numbers without sign, blanks or leading zeros.
enum Decimal {
    static func parse(_ text: some Collection<UInt8>, upTo limit: Int) -> Int? {
        guard let first = text.first, first != UInt8(ascii: "0") || text.count == 1 else { return nil }
        var number = 0
        for digit in text {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
            guard number <= limit else { return nil }
        }
        return number
    }
}
