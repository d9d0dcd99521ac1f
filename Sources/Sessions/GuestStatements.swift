// Which statements that were prepared in SQL does a server have, under the names that clients gave them?

import Wire

/// To SQL a statement must have its client's own name. Clients that have prepared the same text under the same name
/// share one; before anything else that could see it, it is closed.
struct GuestStatements: Sendable {
    private struct Guest: Sendable {
        var id: StatementID
        var name: [UInt8]
    }

    private var guests: [Guest] = []
    private var presence = PreparedSet()

    var isEmpty: Bool { guests.isEmpty }

    /// Those that were not closed.
    var present: [(id: StatementID, name: [UInt8])] {
        guests.filter { presence.isHeld($0.id) }.map { ($0.id, $0.name) }
    }

    /// The one that has the name, unless its Close was sent.
    func id(named name: [UInt8]) -> StatementID? {
        guests.first { $0.name == name && presence.isHeld($0.id) }?.id
    }

    /// Whether an answer is owed without which nobody can tell if one is there that was to be closed.
    func isInDoubt(syncs: UInt64) -> Bool { guests.contains { presence.mayKeep($0.id, syncs: syncs) } }

    func name(of id: StatementID) -> [UInt8]? { guests.first { $0.id == id }?.name }

    /// Whether the server has the statement; counts as a use.
    ///
    /// - Parameter syncs: how many Syncs were sent so far.
    mutating func touch(_ id: StatementID, syncs: UInt64) -> PreparedSet.Presence {
        guests.isEmpty ? .absent : presence.touch(id, syncs: syncs)
    }

    /// A PREPARE was sent.
    mutating func preparing(_ id: StatementID, name: [UInt8], syncs: UInt64) {
        presence.parsing(id, syncs: syncs)
        if !guests.contains(where: { $0.id == id }) { guests.append(Guest(id: id, name: name)) }
    }

    /// The PREPARE has succeeded.
    mutating func prepared(_ id: StatementID) { presence.parsed(id) }

    /// The server was found to have it.
    mutating func found(_ id: StatementID, name: [UInt8]) {
        preparing(id, name: name, syncs: 0)
        prepared(id)
    }

    /// A Close was sent.
    mutating func closing(_ id: StatementID, syncs: UInt64) { presence.closing(id, syncs: syncs) }

    /// The Close was answered.
    mutating func closed(_ id: StatementID) {
        presence.closed(id)
        if !presence.contains(id) { forget(id) }
    }

    /// The Close was skipped.
    mutating func keeps(_ id: StatementID) { if presence.contains(id) { presence.keeps(id) } }

    /// It is not there, or it is somebody else's to know.
    mutating func remove(_ id: StatementID) {
        presence.remove(id)
        forget(id)
    }

    mutating func removeAll() {
        presence.removeAll()
        guests = []
    }

    /// The one that was used longest ago, when more than `limit` are held; never the newest.
    func surplus(limit: Int) -> StatementID? { presence.surplus(limit: limit) }

    private mutating func forget(_ id: StatementID) { guests.removeAll { $0.id == id } }
}
