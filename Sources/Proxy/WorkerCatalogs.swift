// How does a worker know what the names in its clients' databases mean, and what if that has just changed?

import Reactor
import Routing
import SQL
import Sessions
import Synchronization
import Wire

/// What a worker knows of one catalog.
struct CatalogState {
    var knowledge: Knowledge?
    /// The changes that the knowledge includes.
    var met: UInt64 = 0
    /// The changes that were seen passing.
    var awaited: UInt64 = 0
    /// Those of them that may make tables object that are known.
    var awaitedOfTables: UInt64 = 0
    /// When this worker last reported that the database is in use.
    var reportedAt: UInt64?
    /// The watcher has tried to read it.
    var isTried = false

    /// A reading is due that will tell more.
    var isAwaited: Bool { !isTried || awaited > met }

    /// What statements are judged by. While a change is not included, nothing that it may have changed is trusted.
    var current: Knowledge? {
        guard let knowledge, awaited > met, !knowledge.isOutdated else { return knowledge }
        let trustsTables = awaitedOfTables <= met
        return knowledge.outdated(
            generation: knowledge.generation | (trustsTables ? 1 : 3), trustsTables: trustsTables)
    }
}

extension Worker {
    /// That often the databases in use are reported, so that they stay known.
    static let catalogReportNanoseconds: UInt64 = 10_000_000_000

    /// The watcher has read a catalog.
    func learn(_ knowledge: Knowledge?, of id: CatalogID, demand: UInt64) {
        change(id) { state in
            state.isTried = true
            state.knowledge = knowledge
            state.met = max(state.met, demand)
        }
        if !catalogs[Int(id.rawValue)].isAwaited { wakeCatalogWaiters { $0.group?.catalog?.id == id } }
    }

    /// A worker has seen a change of a catalog.
    func catalogChanged(_ id: CatalogID, demand: UInt64, changesTables: Bool) {
        change(id) { state in
            state.awaited = max(state.awaited, demand)
            if changesTables { state.awaitedOfTables = max(state.awaitedOfTables, demand) }
        }
    }

    // MARK: Waiting

    /// A session that would have to keep its server because nothing is known of what it calls waits for the reading
    /// that may know better, at most this long.
    static let catalogPatience: UInt64 = 1_000_000_000

    /// Whether the client waits now.
    func waitForCatalog(_ client: ClientConnection, _ reasons: PinReasons) -> Bool {
        guard reasons.contains(.hiddenCode), !client.hasAwaitedCatalog, waitForCatalog(client) else {
            client.hasAwaitedCatalog = false
            return false
        }
        client.hasAwaitedCatalog = true
        return true
    }

    /// Likewise, for a client of the reader port, which would be refused.
    func waitForCatalog(_ client: ClientConnection) -> Bool {
        guard let catalog = client.group?.catalog, shared.clusters[catalog.cluster].requestCatalog != nil,
            catalogs[placeOfState(catalog.id)].isAwaited
        else { return false }
        client.wait = .catalog(until: now &+ Self.catalogPatience)
        catalogWaiters.insert(client.token.index)
        tickFast()
        return true
    }

    func expireCatalogWaits() {
        wakeCatalogWaiters { [now] client in
            if case .catalog(let until) = client.wait { now >= until } else { true }
        }
    }

    private func wakeCatalogWaiters(_ isDue: (ClientConnection) -> Bool) {
        for slot in catalogWaiters {
            guard let client = clients[slot], isDue(client) else { continue }
            endCatalogWait(client)
            client.session.reconsider(table: &statements)
        }
    }

    func endCatalogWait(_ client: ClientConnection) {
        guard case .catalog = client.wait else { return }
        catalogWaiters.remove(client.token.index)
        client.wait = .none
        resumeLater(client)
    }

    private func change(_ id: CatalogID, _ body: (inout CatalogState) -> Void) {
        let place = placeOfState(id)
        body(&catalogs[place])
        statements.learn(catalogs[place].current, of: id)
    }

    private func placeOfState(_ id: CatalogID) -> Int {
        let place = Int(id.rawValue)
        while catalogs.count <= place { catalogs.append(CatalogState()) }
        return place
    }

    /// What may have changed the catalog was acknowledged, or its end will not be seen. Before anybody is told, all
    /// workers stop to trust what they know, and the catalog is read again.
    func noteChange(of catalog: Catalog, changesTables: Bool) {
        let demand = catalog.changes.add(1, ordering: .relaxed).newValue
        for (number, mailbox) in mailboxes.enumerated() where number != id.rawValue {
            mailbox.post(.catalogChanged(catalog.id, demand: demand, changesTables: changesTables))
        }
        catalogChanged(catalog.id, demand: demand, changesTables: changesTables)
        shared.clusters[catalog.cluster].requestCatalog?(catalog.database, demand)
    }

    /// A client has logged in to a database, or still uses it. The watcher is woken by the first of many logins only.
    func useCatalog(of group: PoolGroup) {
        guard let catalog = group.catalog else { return }
        let place = placeOfState(catalog.id)
        if let last = catalogs[place].reportedAt, now < last + Self.catalogReportNanoseconds { return }
        catalogs[place].reportedAt = now
        shared.clusters[catalog.cluster].requestCatalog?(catalog.database, 0)
    }

    /// Tells which databases are in use.
    func reportCatalogs() {
        guard now >= nextCatalogReport else { return }
        nextCatalogReport = now + Self.catalogReportNanoseconds
        var reported: Set<CatalogID> = []
        for client in clients {
            guard let group = client?.group, let catalog = group.catalog, reported.insert(catalog.id).inserted else {
                continue
            }
            useCatalog(of: group)
        }
    }
}
