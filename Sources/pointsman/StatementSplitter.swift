// Where does one statement of the input end and the next begin?

/// Cuts a stream of bytes at a separator, piece by piece as it arrives.
struct StatementSplitter {
    /// A statement may be as long as a message of PostgreSQL's protocol.
    static let longestStatement = 0x3fff_ffff

    let separator: UInt8
    private var unfinished: [UInt8] = []

    init(separator: UInt8) {
        self.separator = separator
    }

    /// A statement longer than the limit; nothing after it can be read.
    struct TooLong: Error {}

    /// Takes the next bytes and hands out each statement that ends in them, without its separator.
    mutating func feed(_ bytes: [UInt8], each: (Span<UInt8>) throws -> Void) throws {
        var start = 0
        while let end = bytes[start...].firstIndex(of: separator) {
            if unfinished.isEmpty {
                try each(bytes.span.extracting(start..<end))
            } else {
                try keep(bytes[start..<end])
                try each(unfinished.span)
                unfinished.removeAll(keepingCapacity: unfinished.count < 1 << 20)
            }
            start = end + 1
        }
        try keep(bytes[start...])
    }

    /// Hands out what stands after the last separator, if anything does.
    mutating func finish(each: (Span<UInt8>) throws -> Void) throws {
        guard !unfinished.isEmpty else { return }
        try each(unfinished.span)
        unfinished = []
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) throws {
        guard unfinished.count + bytes.count <= Self.longestStatement else { throw TooLong() }
        unfinished.append(contentsOf: bytes)
    }
}
