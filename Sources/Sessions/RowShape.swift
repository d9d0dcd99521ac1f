// What does a client rely on when it decodes rows?

import Wire

/// A fingerprint of a RowDescription: what a client relies on when it decodes rows.
public struct RowShape: Equatable, Sendable {
    /// The statement returns no rows.
    public static let noRows = RowShape(rawValue: 1)

    public var rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The shape that the body of a RowDescription tells: names and types of the columns.
    ///
    /// Which table a column comes from does not count: PostgreSQL goes on when a table was made anew with the same
    /// columns.
    public init(rowDescription body: Span<UInt8>) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        Self.add(body, 0..<min(2, body.count), to: &hash)
        var offset = 2
        // Behind each name: table (4 bytes), column (2), type (4), size (2), modifier (4), format (2).
        while offset < body.count, let end = body.terminator(in: offset..<body.count), body.count - end > 18 {
            Self.add(body, offset..<end + 1, to: &hash)
            Self.add(body, end + 7..<end + 17, to: &hash)
            offset = end + 19
        }
        rawValue = hash < 2 ? 2 : hash
    }

    private static func add(_ body: Span<UInt8>, _ range: Range<Int>, to hash: inout UInt64) {
        for index in range { hash = (hash ^ UInt64(body[index])) &* 0x0000_0100_0000_01b3 }
    }
}
