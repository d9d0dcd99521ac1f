// How much time or memory does a text such as "250ms" or "64KiB" stand for?

enum Quantity {
    static let durationForm = #"a duration such as "250ms", "10s", "5m" or "1h""#
    static let sizeForm = #"a size such as "512B", "64KiB", "8MiB" or "1GiB""#

    /// A whole number and one of the units ms, s, m, h; nil for anything else.
    static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text) else { return nil }
        let milliseconds: Int64
        switch unit {
        case "ms": milliseconds = 1
        case "s": milliseconds = 1_000
        case "m": milliseconds = 60_000
        case "h": milliseconds = 3_600_000
        default: return nil
        }
        let (product, overflow) = Int64(number).multipliedReportingOverflow(by: milliseconds)
        return overflow ? nil : .milliseconds(product)
    }

    /// A whole number and one of the units B, KiB, MiB, GiB; nil for anything else.
    static func size(_ text: String) -> Int? {
        guard let (number, unit) = split(text) else { return nil }
        let bytes: Int
        switch unit {
        case "B": bytes = 1
        case "KiB": bytes = 1 << 10
        case "MiB": bytes = 1 << 20
        case "GiB": bytes = 1 << 30
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: bytes)
        return overflow ? nil : product
    }

    /// The shortest text that `duration` reads as this.
    static func text(_ duration: Duration) -> String {
        let parts = duration.components
        let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] as [(String, Int64)]
        where milliseconds != 0 && milliseconds % size == 0 {
            return "\"\(milliseconds / size)\(unit)\""
        }
        return milliseconds == 0 ? "\"0s\"" : "\"\(milliseconds)ms\""
    }

    /// The shortest text that `size` reads as this.
    static func text(bytes: Int) -> String {
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes != 0 && bytes % size == 0 {
            return "\"\(bytes / size)\(unit)\""
        }
        return "\"\(bytes)B\""
    }

    private static func split(_ text: String) -> (number: Int, unit: Substring)? {
        let digits = text.prefix { "0"..."9" ~= $0 }
        guard !digits.isEmpty, let number = Int(digits) else { return nil }
        return (number, text.dropFirst(digits.count))
    }
}
