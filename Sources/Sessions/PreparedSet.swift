// Which statements has a server parsed, and which of them was used longest ago?

/// The statements of one server connection with the row shape that the server told for each.
public struct PreparedSet: Sendable {
    private struct Entry: Sendable {
        var lastUse: UInt64
        var shape: RowShape?
        /// The server refuses to run it, because its rows would have another shape than when it was parsed.
        var isOutdated = false
    }

    private var entries: [StatementID: Entry] = [:]
    private var clock: UInt64 = 0

    public init() {}

    public var count: Int { entries.count }

    /// Whether the server has the statement and can run it; counts as a use.
    public mutating func touch(_ id: StatementID) -> Bool {
        guard let index = entries.index(forKey: id), !entries.values[index].isOutdated else { return false }
        clock += 1
        entries.values[index].lastUse = clock
        return true
    }

    public mutating func insert(_ id: StatementID) {
        clock += 1
        entries[id] = Entry(lastUse: clock, shape: nil)
    }

    public mutating func remove(_ id: StatementID) {
        entries.removeValue(forKey: id)
    }

    /// The statement must be closed and parsed again before its next use.
    public mutating func outdate(_ id: StatementID) {
        entries[id]?.isOutdated = true
    }

    public func isOutdated(_ id: StatementID) -> Bool { entries[id]?.isOutdated ?? false }

    public mutating func removeAll() {
        entries.removeAll()
    }

    public func shape(of id: StatementID) -> RowShape? { entries[id]?.shape }

    public mutating func learned(_ shape: RowShape, of id: StatementID) {
        entries[id]?.shape = shape
    }

    /// The statement that was used longest ago, when more than `limit` are held.
    public func surplus(limit: Int) -> StatementID? {
        guard entries.count > limit else { return nil }
        return entries.min { $0.value.lastUse < $1.value.lastUse }?.key
    }
}

/// A fingerprint of a RowDescription: what a client relies on when it decodes rows.
public struct RowShape: Equatable, Sendable {
    /// The statement returns no rows.
    public static let noRows = RowShape(rawValue: 1)

    public var rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The shape that the body of a RowDescription tells.
    public init(rowDescription body: Span<UInt8>) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in body.indices {
            hash = (hash ^ UInt64(body[index])) &* 0x0000_0100_0000_01b3
        }
        rawValue = hash < 2 ? 2 : hash
    }
}
