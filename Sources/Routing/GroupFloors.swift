// How new must the data be for sessions that share what they have written under a name?

/// The floors of the groups of one database. Bounded: of groups that have written nothing for longest only the highest
/// floor is kept, and holds for every name that is not known.
public struct GroupFloors: Equatable, Sendable {
    private struct Entry: Equatable, Sendable {
        var floor: Floor
        var turn: UInt64
    }

    /// At most so many names.
    public static let limit = 65_536
    /// A longer name is refused.
    public static let longestName = 256

    private var entries: [String: Entry] = [:]
    /// What names start from that are not known.
    public private(set) var minimum = Floor.none
    private var turn: UInt64 = 0

    public init() {}

    public var count: Int { entries.count }

    public func floor(of name: String) -> Floor { entries[name]?.floor ?? minimum }

    /// A session of the group has written.
    public mutating func raise(_ name: String, to floor: Floor) {
        turn += 1
        if entries[name] == nil, entries.count >= Self.limit { evict() }
        var entry = entries[name] ?? Entry(floor: minimum, turn: turn)
        entry.floor.raise(to: floor)
        entry.turn = turn
        entries[name] = entry
    }

    /// Folds the older half into the minimum, so that this is seldom done.
    private mutating func evict() {
        let turns = entries.values.map(\.turn).sorted()
        let newest = turns[turns.count / 2]
        for entry in entries.values where entry.turn < newest { minimum.raise(to: entry.floor) }
        entries = entries.filter { $0.value.turn >= newest }
    }
}
