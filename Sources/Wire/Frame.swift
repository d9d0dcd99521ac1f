// Where does one protocol message end and the next begin?

/// The type byte and the length of a message, read from its first five bytes.
public struct FrameHeader: Equatable, Sendable {
    /// The number of bytes of a type byte and a length word.
    public static let byteCount = 5

    public var type: UInt8
    /// Bytes of the whole message: type byte, length word and body.
    public var totalLength: Int

    @inlinable
    public init(type: UInt8, totalLength: Int) {
        self.type = type
        self.totalLength = totalLength
    }

    public var bodyLength: Int { totalLength - Self.byteCount }
}

/// What stands at a place in a byte stream.
public enum FrameScan: Equatable, Sendable {
    /// Fewer than five bytes are there.
    case needMore
    case frame(FrameHeader)
    /// A length below four: the stream cannot be read any further.
    case malformed
}

public enum FrameScanner {
    /// Reads the header at `offset`. The body need not be there.
    @inlinable
    public static func scan(_ bytes: Span<UInt8>, at offset: Int) -> FrameScan {
        guard bytes.count - offset >= FrameHeader.byteCount else { return .needMore }
        let length = Int(bytes.bigEndianUInt32(at: offset + 1))
        guard length >= 4, length <= Int(Int32.max) else { return .malformed }
        return .frame(FrameHeader(type: bytes[offset], totalLength: length + 1))
    }
}

extension Span where Element == UInt8 {
    /// Four bytes in network order; traps when they are not there.
    @inlinable
    public func bigEndianUInt32(at offset: Int) -> UInt32 {
        UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16
            | UInt32(self[offset + 2]) << 8 | UInt32(self[offset + 3])
    }

    /// Two bytes in network order; traps when they are not there.
    @inlinable
    public func bigEndianUInt16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// The index of the next NUL in `range`, or nil.
    @inlinable
    public func terminator(in range: Range<Int>) -> Int? {
        let part = extracting(range)
        var index = 0
        while index &+ 8 <= part.count {
            // A zero byte, and no byte before it, leaves its high bit here.
            let word = part.word(at: index)
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return range.lowerBound + index + zeros.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < part.count {
            if part[index] == 0 { return range.lowerBound + index }
            index &+= 1
        }
        return nil
    }

    /// A copy of a part of the bytes.
    public func bytes(in range: Range<Int>) -> [UInt8] {
        [UInt8](copying: extracting(range))
    }

    /// A part of the bytes as text; what is no UTF-8 is replaced.
    public func text(in range: Range<Int>) -> String {
        let part = extracting(range)
        if let valid = try? UTF8Span(validating: part) { return String(copying: valid) }
        return String(decoding: [UInt8](copying: part), as: UTF8.self)
    }

    /// Whether a part of the bytes is the same as `other`.
    @inlinable
    public func matches(_ other: [UInt8], in range: Range<Int>) -> Bool {
        guard range.count == other.count else { return false }
        let part = extracting(range)
        let other = other.span
        var index = 0
        while index &+ 8 <= part.count {
            if part.word(at: index) != other.word(at: index) { return false }
            index &+= 8
        }
        while index < part.count {
            if part[index] != other[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Eight bytes as one number, the first of them lowest. Of a span of eight bytes no index needs a check of its own.
    @inlinable
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        let part = extracting(index..<index &+ 8)
        var word: UInt64 = 0
        for offset in 0..<8 { word |= UInt64(part[offset]) &<< UInt64(offset &* 8) }
        return word
    }
}

extension Array where Element == UInt8 {
    /// A copy of a span.
    public init(copying span: Span<UInt8>) {
        self = []
        append(copying: span)
    }

    /// Appends a copy of a span.
    public mutating func append(copying span: Span<UInt8>) {
        // Appending nothing to the empty array would write into the storage that all empty arrays of all threads share.
        guard !span.isEmpty else { return }
        append(addingCapacity: span.count) { (output: inout OutputSpan<UInt8>) in
            for index in span.indices { output.append(span[index]) }
        }
    }
}
