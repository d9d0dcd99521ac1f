// Which statements has a server parsed, and which of them was used longest ago?

/// The statements of one server connection with the row shape that the server told for each.
///
/// A Parse or Close that was sent may be skipped by the server when something before it fails. Up to the next Sync that
/// does no harm, because what relies on it is skipped, too; behind that Sync nobody can tell until the reply is there.
public struct PreparedSet: Sendable {
    private struct Entry: Sendable {
        var lastUse: UInt64
        var shape: RowShape?
        /// The Close was sent.
        var isClosing = false
        /// How many Syncs had been sent when the Parse or Close was; nil: the server has answered.
        var unansweredSince: UInt64?
    }

    /// What a server has of a statement.
    public enum Presence: Equatable, Sendable {
        case absent
        case present
        /// An answer is owed that tells.
        case uncertain
    }

    private var entries: [StatementID: Entry] = [:]
    /// The server has them, and refuses to use them: to be closed before they are parsed again.
    private var outdated: Set<StatementID> = []
    private var clock: UInt64 = 0
    private var closingCount = 0

    public init() {}

    public var count: Int { entries.count - closingCount }

    /// Those that were not closed.
    var present: [StatementID] { entries.filter { !$0.value.isClosing }.map(\.key) + outdated }

    /// Whether a Parse was sent that has not failed, and no Close has been answered since.
    func contains(_ id: StatementID) -> Bool { entries[id] != nil }

    /// The same, and no Close was sent either.
    func isHeld(_ id: StatementID) -> Bool { entries[id].map { !$0.isClosing } ?? false }

    /// Whether the Close was sent ahead of a Sync, and may have been skipped.
    func mayKeep(_ id: StatementID, syncs: UInt64) -> Bool {
        entries[id].map { $0.isClosing && $0.unansweredSince != syncs } ?? false
    }

    /// Whether the server has the statement; counts as a use.
    ///
    /// - Parameter syncs: how many Syncs were sent so far.
    public mutating func touch(_ id: StatementID, syncs: UInt64) -> Presence {
        guard let index = entries.index(forKey: id) else { return .absent }
        if let since = entries.values[index].unansweredSince, since != syncs { return .uncertain }
        if entries.values[index].isClosing { return .absent }
        clock += 1
        entries.values[index].lastUse = clock
        return .present
    }

    /// A Parse was sent.
    public mutating func parsing(_ id: StatementID, syncs: UInt64) {
        remove(id)
        clock += 1
        entries[id] = Entry(lastUse: clock, shape: nil, unansweredSince: syncs)
    }

    /// A Close was sent.
    public mutating func closing(_ id: StatementID, syncs: UInt64) {
        guard let index = entries.index(forKey: id) else { return }
        if !entries.values[index].isClosing { closingCount += 1 }
        entries.values[index].isClosing = true
        entries.values[index].unansweredSince = syncs
    }

    /// The server has parsed the statement.
    public mutating func parsed(_ id: StatementID) {
        guard let index = entries.index(forKey: id), !entries.values[index].isClosing else { return }
        entries.values[index].unansweredSince = nil
    }

    /// The server has closed the statement.
    public mutating func closed(_ id: StatementID) {
        guard let entry = entries[id], entry.isClosing else { return }
        remove(id)
    }

    /// The server still has a statement whose Close it skipped.
    public mutating func keeps(_ id: StatementID) {
        remove(id)
        clock += 1
        entries[id] = Entry(lastUse: clock, shape: nil)
    }

    public mutating func remove(_ id: StatementID) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        if entry.isClosing { closingCount -= 1 }
    }

    /// The server refuses to use a statement because what it was made from has changed.
    public mutating func outdate(_ id: StatementID) {
        guard let entry = entries[id], !entry.isClosing else { return }
        remove(id)
        outdated.insert(id)
    }

    /// Whether a statement must be closed before it is parsed; it is told once.
    public mutating func takeOutdated(_ id: StatementID) -> Bool {
        outdated.remove(id) != nil
    }

    public mutating func removeAll() {
        outdated.removeAll()
        entries.removeAll()
        closingCount = 0
    }

    public func shape(of id: StatementID) -> RowShape? { entries[id]?.shape }

    public mutating func learned(_ shape: RowShape, of id: StatementID) {
        entries[id]?.shape = shape
    }

    /// The statement that was used longest ago, when more than `limit` are held; never the newest.
    public func surplus(limit: Int) -> StatementID? {
        guard count > max(limit, 1) else { return nil }
        return entries.lazy.filter { !$0.value.isClosing }.min { $0.value.lastUse < $1.value.lastUse }?.key
    }
}
