// Where in the write-ahead log is a node, and which positions mean the same?

/// A position in PostgreSQL's write-ahead log.
public struct LSN: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads PostgreSQL's form, two hexadecimal numbers of at most 32 bits: `16/B374D848`.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let high = Self.half(parts[0]), let low = Self.half(parts[1]) else { return nil }
        self.init(UInt64(high) << 32 | UInt64(low))
    }

    private static func half(_ digits: some StringProtocol) -> UInt32? {
        guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else {
            return nil
        }
        return UInt32(digits, radix: 16)
    }

    public static func < (left: LSN, right: LSN) -> Bool { left.rawValue < right.rawValue }

    public var description: String {
        let high = String(rawValue >> 32, radix: 16, uppercase: true)
        let low = String(rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
        return "\(high)/\(low)"
    }

    /// The end of the last record before an insert position.
    ///
    /// The next record goes behind the header of a page or segment, so an insert position may stand 24 or 40 bytes past
    /// the end of the last record; a replica's replay stops at that end until something more is written.
    func endOfLastRecord(layout: WALLayout) -> LSN {
        if rawValue % layout.segmentSize == WALLayout.segmentHeaderSize {
            return LSN(rawValue - WALLayout.segmentHeaderSize)
        }
        if rawValue % layout.pageSize == WALLayout.pageHeaderSize { return LSN(rawValue - WALLayout.pageHeaderSize) }
        return self
    }
}

/// How a server divides its write-ahead log; chosen when it was built and initialised.
public struct WALLayout: Equatable, Sendable {
    /// Bytes of a page (`wal_block_size`).
    public let pageSize: UInt64
    /// Bytes of a segment file (`wal_segment_size`).
    public let segmentSize: UInt64

    /// Header of an ordinary page: `SizeOfXLogShortPHD`.
    static let pageHeaderSize: UInt64 = 24
    /// Header of a segment's first page: `SizeOfXLogLongPHD`.
    static let segmentHeaderSize: UInt64 = 40

    /// PostgreSQL's defaults unless told otherwise; nonsense is replaced by them.
    public init(pageSize: UInt64 = 8192, segmentSize: UInt64 = 16 << 20) {
        self.pageSize = pageSize >= 1024 ? pageSize : 8192
        self.segmentSize = segmentSize >= 1 << 20 ? segmentSize : 16 << 20
    }
}
