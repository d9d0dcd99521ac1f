// What becomes of work whose node changes its role, stops or is lost?

import Locks
import Pooling
import Routing
import Sessions
import Wire

/// A server of the primary has ended its connection under a statement, which was rolled back: because the node is shut
/// down, or because somebody has ended this very process.
final class PrimaryStop {
    /// The node's place in the cluster.
    let place: Int
    let at: UInt64
    let postmasterStartTime: Int64

    init(place: Int, at: UInt64, postmasterStartTime: Int64) {
        self.place = place
        self.at = at
        self.postmasterStartTime = postmasterStartTime
    }
}

extension Worker {
    // MARK: The cluster changes

    func update(_ cluster: Int, _ topology: Topology) {
        let view = clusters[cluster]
        let before = view.topology
        view.take(topology)
        renewServers(in: cluster)
        resumeHeld()
        if let primary = topology.primary, primary != view.lastPrimary {
            view.lastPrimary = primary
            if !links.isEmpty { endReplication(in: cluster) }
            cutOffFormerPrimaries(cluster)
        }
        if let lost = topology.lostWrites, lost != before.lostWrites { countLosers(cluster, lost) }
        for (place, node) in topology.nodes.enumerated() {
            let was = place < before.nodes.count ? before.nodes[place] : nil
            if node.role == .fenced, was?.role != .fenced { cutOff(cluster, place) }
            if !node.isUp, was?.isUp ?? false { takeBackReads(cluster, place) }
            if id.rawValue == 0 { tellPools(cluster, place, node, was: was) }
        }
    }

    /// Tells how many sessions are there that were told of a commit which may be lost.
    private func countLosers(_ cluster: Int, _ lost: LostWrites) {
        let losers = clients.count { client in
            guard let client, client.group?.cluster == cluster else { return false }
            return client.session.floor.sample > lost.after
        }
        guard losers > 0 else { return }
        shared.retries.withLock { $0.sessionsWithLostWrites += losers }
        shared.logger.error(
            "sessions of this worker that may have been told of commits which the new primary does not have: \(losers)",
            metadata: ["cluster": "\(shared.clusters[cluster].settings.name)", "worker": "\(id.rawValue)"])
    }

    private func tellPools(_ cluster: Int, _ place: Int, _ node: NodeStatus, was: NodeStatus?) {
        let isServing = node.isServing
        let wasServing = was?.isServing ?? false
        guard isServing != wasServing else { return }
        for group in shared.allGroups where group.cluster == cluster {
            guard let pool = group.existingPool(place) else { continue }
            withPool(pool) { machine, actions in
                if isServing { return machine.retryNow(now: now, actions: &actions) }
                machine.turnAwayWaiters(0, actions: &actions)
                machine.drain(.nodeLost, now: now, actions: &actions)
            }
        }
    }

    // MARK: Work under way

    /// Another node is the primary: nothing that still runs on the former one can count.
    private func cutOffFormerPrimaries(_ cluster: Int) {
        for server in servers {
            guard let server, server.pool.cluster == cluster, server.isPrimary, server.client != nil,
                !clusters[cluster].isPrimary(server.pool.node)
            else { continue }
            close(server, "its node is no longer the primary")
        }
    }

    private func cutOff(_ cluster: Int, _ place: Int) {
        for server in servers {
            guard let server, server.pool.cluster == cluster, server.pool.node == place, server.client != nil else {
                continue
            }
            close(server, "its node is fenced")
        }
    }

    /// A replica does not answer any more: reads of which the client has seen nothing are run elsewhere. Others may
    /// still come to their end, should it only be slow.
    private func takeBackReads(_ cluster: Int, _ place: Int) {
        for server in servers {
            guard let server, server.pool.cluster == cluster, server.pool.node == place, !server.isPrimary,
                let client = server.client, !client.isLeaving, server.session.isOnTrial(for: .interruptions)
            else { continue }
            server.client = nil
            takeBack(client, server, .interrupted(sqlState: "57P01"))
            close(server, "its node is down")
        }
    }

    // MARK: A primary that stops

    /// What a client waits for whose statement was rolled back.
    enum StopConsequence {
        /// The node is another one, or the same in another life.
        case goOn
        /// It is not known yet why the connection ended.
        case wait
        /// The node goes on: somebody wanted the statement to end.
        case tell(ErrorFields)
    }

    /// A node that still answers questions put to it this much later is not being shut down.
    private static let shutdownNanoseconds: UInt64 = 100_000_000

    func noteStop(_ client: ClientConnection, _ server: ServerConnection) {
        let nodes = clusters[server.pool.cluster].topology.nodes
        guard server.pool.node < nodes.count else { return }
        client.stop = PrimaryStop(
            place: server.pool.node, at: now, postmasterStartTime: nodes[server.pool.node].postmasterStartTime)
    }

    func consequence(of stop: PrimaryStop, _ group: PoolGroup) -> StopConsequence {
        let view = clusters[group.cluster]
        guard stop.place < view.topology.nodes.count, view.isPrimary(stop.place) else { return .goOn }
        let node = view.topology.nodes[stop.place]
        // The router's own connection may have been ended with the others: that alone is no other life.
        if node.postmasterStartTime != stop.postmasterStartTime { return .goOn }
        guard node.isUp, node.coverageBegan > stop.at &+ Self.shutdownNanoseconds else { return .wait }
        var error = ErrorFields.shuttingDown
        error.severity = .error
        error.detail = "The server process was ended while it ran the statement, which was rolled back."
        return .tell(error)
    }
}

extension NodeStatus {
    /// Whether connections to the node are of use.
    fileprivate var isServing: Bool { isUp && role != .fenced && role != .unknown }
}
