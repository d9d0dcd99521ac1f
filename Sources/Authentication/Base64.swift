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
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= 8 * UInt32(3 - group.count)
            for letter in 0..<4 {
                let isPadding = letter > group.count
                let value = Int(bits >> (18 - 6 * UInt32(letter))) & 63
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[value])
            }
        }
        return text
    }

    /// Nil unless the text is what ``encode(_:)`` makes of some bytes.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var letters = 0
        var padding = 0
        for letter in text {
            if letter == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                let value = values[Int(letter)]
                guard value != 255, padding == 0 else { return nil }
                bits = bits << 6 | UInt32(value)
            }
            letters += 1
            guard letters % 4 == 0 else { continue }
            guard padding <= 2, padding == 0 || letters == text.count else { return nil }
            guard bits & (1 << (8 * UInt32(padding)) - 1) == 0 || padding == 0 else { return nil }
            for place in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: bits >> (16 - 8 * UInt32(place)))) }
            bits = 0
        }
        return bytes
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
