// What does the comment at the head of a text ask of the router?

/// `/* pointsman: name=value, name=value … */`, read pair by pair. Anything else is a comment like every other.
public struct RouterComment {
    private static let mark = Array("pointsman:".utf8)

    private var position: Int
    private let end: Int

    /// nil: the text does not begin with such a comment; blanks may stand before it.
    public init?(_ text: Span<UInt8>) {
        var start = 0
        while start < text.count, Self.isBlank(text[start]) { start += 1 }
        guard start + 1 < text.count, text[start] == UInt8(ascii: "/"), text[start + 1] == UInt8(ascii: "*") else {
            return nil
        }
        start += 2
        while start < text.count, Self.isBlank(text[start]) { start += 1 }
        let rest = text.extracting(start..<text.count)
        guard rest.begins(with: Self.mark, foldingCase: true) else { return nil }
        position = start + Self.mark.count
        var end = position
        while end + 1 < text.count, text[end] != UInt8(ascii: "*") || text[end + 1] != UInt8(ascii: "/") { end += 1 }
        guard end + 1 < text.count else { return nil }
        self.end = end
    }

    /// The next pair, without blanks around its parts and without the quotes of a value; a part without an equals sign
    /// is a name without a value.
    public mutating func next(_ text: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        while position < end {
            let start = position
            while position < end, text[position] != UInt8(ascii: ",") { position += 1 }
            let part = Self.trimmed(text, start..<position)
            position += 1
            guard !part.isEmpty else { continue }
            var equals = part.lowerBound
            while equals < part.upperBound, text[equals] != UInt8(ascii: "=") { equals += 1 }
            let name = Self.trimmed(text, part.lowerBound..<equals)
            return (name, Self.unquoted(text, Self.trimmed(text, min(equals + 1, part.upperBound)..<part.upperBound)))
        }
        return nil
    }

    /// Whether a text whose first byte this is may begin with a comment.
    public static func mayBegin(with byte: UInt8) -> Bool { byte == UInt8(ascii: "/") || isBlank(byte) }

    private static func trimmed(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var range = range
        while let first = range.first, isBlank(text[first]) { range = first + 1..<range.upperBound }
        while let last = range.last, isBlank(text[last]) { range = range.lowerBound..<last }
        return range
    }

    private static func unquoted(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        let quote = UInt8(ascii: "'")
        guard range.count >= 2, text[range.lowerBound] == quote, text[range.upperBound - 1] == quote else {
            return range
        }
        return range.lowerBound + 1..<range.upperBound - 1
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 9 < 5 }
}
