// When are server connections replaced because what sessions start with has changed?

import Pooling
import Routing
import SQL
import Sessions
import Synchronization

/// A connection has its role and database from its login, whatever is called so later, and their settings. A change
/// of those that passes through the router replaces the primary's connections at once, and a replica's when it has
/// replayed the change.
extension Worker {
    /// So many samples behind the present one a commit is taken for done whose end is not seen.
    static let unseenSamples: UInt64 = 20

    /// What may have changed names or defaults was acknowledged, or its end will not be seen.
    func noteDefinitions(_ client: ClientConnection, endIsSeen: Bool = true) {
        var effects = client.session.committedEffects
        guard !effects.isEmpty, let group = client.group else { return }
        if effects.contains(.preparedTransaction), let catalog = group.catalog {
            // What is committed later may be what was prepared here.
            if effects.contains(.loginNames) { catalog.hasPreparedNames.store(true, ordering: .relaxed) }
            if catalog.hasPreparedNames.load(ordering: .relaxed) { effects.insert(.loginNames) }
        }
        if let catalog = group.catalog { noteDefinitions(effects, in: catalog) }
        let cluster = group.cluster
        var change = client.session.floor
        if !endIsSeen { change.raise(startedSample: shared.clusters[cluster].samples.started &+ Self.unseenSamples) }
        if effects.contains(.loginNames) {
            for catalog in shared.catalogs.all(ofCluster: cluster) { noteChange(of: catalog, changesTables: true) }
            // Who logs in as somebody new must not be served as who had the name, not even by a replica that lags.
            awaitRenewal(of: cluster, at: change, servesMeanwhile: false)
            shared.clusters[cluster].requestSample()
            for mailbox in mailboxes { mailbox.post(.loginNamesChanged(cluster, change)) }
        } else if effects.contains(.sessionDefaults) {
            // Not in the middle of a server's replies.
            mailbox.post(.defaultsChanged(cluster, change))
        }
    }

    private func noteDefinitions(_ effects: Effects, in catalog: Catalog) {
        let mayBePrepared = effects.contains(.preparedTransaction)
        if effects.contains(.catalog) {
            if mayBePrepared { catalog.hasPreparedChanges.store(true, ordering: .relaxed) }
            noteChange(of: catalog, changesTables: effects.contains(.knownTables))
        } else if mayBePrepared, catalog.hasPreparedChanges.load(ordering: .relaxed) {
            noteChange(of: catalog, changesTables: true)
        }
    }

    func defaultsChanged(in cluster: Int, at change: Floor) {
        awaitRenewal(of: cluster, at: change, servesMeanwhile: true)
        if let primary = clusters[cluster].topology.primaryPlace { renewServers(of: primary, in: cluster) }
    }

    func loginNamesChanged(in cluster: Int, at change: Floor) {
        awaitRenewal(of: cluster, at: change, servesMeanwhile: false)
        for place in clusters[cluster].topology.nodes.indices { renewServers(of: place, in: cluster) }
        renewServers(in: cluster)
    }

    /// A replica that has not replayed a change of names by then is asked all the same, as one that lags.
    private static let misnamingPatience: UInt64 = 10_000_000_000

    private func awaitRenewal(of cluster: Int, at change: Floor, servesMeanwhile: Bool) {
        let view = clusters[cluster]
        if !servesMeanwhile { view.misnamingUntil = now &+ Self.misnamingPatience }
        for (place, node) in view.topology.nodes.enumerated() where node.role != .primary {
            view.renewals[place] = max(view.renewals[place] ?? change, change)
            if !servesMeanwhile { view.misnaming.insert(place) }
        }
    }

    /// The replicas may have replayed what was waited for.
    func renewServers(in cluster: Int) {
        let view = clusters[cluster]
        guard !view.renewals.isEmpty else { return }
        let nodes = view.topology.nodes
        for (place, change) in view.renewals {
            let isReplica = place < nodes.count && !view.isPrimary(place)
            if isReplica, nodes[place].freshness.coveredSample < change.sample { continue }
            view.renewals[place] = nil
            view.misnaming.remove(place)
            if place < nodes.count { renewServers(of: place, in: cluster) }
        }
        guard !view.misnaming.isEmpty, now >= view.misnamingUntil else { return }
        // Where storage is shared nobody can tell what was replayed.
        for place in nodes.indices where view.misnaming.contains(place) { renewServers(of: place, in: cluster) }
        view.misnaming = NodeSet()
    }

    private func renewServers(of place: Int, in cluster: Int) {
        for group in shared.allGroups where group.cluster == cluster {
            group.existingPools.filter { $0.node == place }.forEach(replaceServers)
        }
    }

    /// Servers at rest are closed, the others when they are free.
    func replaceServers(of pool: Pool) {
        withPool(pool) { machine, actions in machine.drain(.recycled, now: now, actions: &actions) }
    }
}
