// How many of the messages that cost a server most have passed?

/// Messages of the extended protocol.
public struct MessageCounts: Equatable, Sendable {
    /// Parse messages of clients.
    public var clientParses: UInt64 = 0
    /// Parse messages that servers got.
    public var serverParses: UInt64 = 0
    public var binds: UInt64 = 0

    public init() {}

    mutating func note(_ entry: LedgerEntry) {
        if entry.request == .parse || entry.request == .parseUnnamed { serverParses &+= 1 }
        if entry.request == .bind, entry.disposition == .forward { binds &+= 1 }
    }

    public mutating func add(_ other: MessageCounts) {
        clientParses &+= other.clientParses
        serverParses &+= other.serverParses
        binds &+= other.binds
    }
}
