// What happens on a worker although no byte arrived?

import Logging
import Reactor
import Routing
import Sessions
import Synchronization
import Wire

extension Worker {
    func tick() {
        isTickDue = false
        resumeListeners()
        expireHeld()
        if !catalogWaiters.isEmpty { expireCatalogWaits() }
        if !consoleWaiters.isEmpty { answerConsoles() }
        expireLogins()
        expireClients()
        expireConnects()
        expireLinks()
        expireCancels()
        reportCatalogs()
        report()
        if !statements.learned.isEmpty { statements.learned.expire(now: now) }
        var somebodyWaits =
            !held.isEmpty || !catalogWaiters.isEmpty || !consoleWaiters.isEmpty || stopMode != nil
        if id.rawValue == 0 {
            shared.periods.withLock { $0.update(now: now) { shared.stats } }
            for group in shared.allGroups {
                for pool in pools(group) {
                    let nodes = clusters[group.cluster].topology.nodes
                    let isMember = pool.node < nodes.count && nodes[pool.node].isMember
                    withPool(pool) { machine, actions in
                        machine.expire(now: now, opensAhead: isMember, actions: &actions)
                        if !machine.isSettled { somebodyWaits = true }
                    }
                }
            }
        }
        if stopMode == .afterTransactions { sendIdleAway() }
        sendLeaversAway()
        if somebodyWaits { return tickFast() }
        quietTicks += 1
        if quietTicks == Self.ticksUntilSlow { ticker.setInterval(nanoseconds: Self.slowTickNanoseconds) }
    }

    /// Somebody waits, and perhaps not for long. That another worker's client does is noticed at a slow tick.
    func tickFast() {
        if quietTicks >= Self.ticksUntilSlow { ticker.setInterval(nanoseconds: Self.tickNanoseconds) }
        quietTicks = 0
    }

    /// The pools of a group; those of members are made, for they may have connections to keep ready.
    private func pools(_ group: PoolGroup) -> [Pool] {
        if group.pool.minSize > 0 {
            for (place, _) in clusters[group.cluster].topology.members { _ = group.pool(place) }
        }
        // A pool stands in the place of a node.
        return clusters[group.cluster].topology.nodes.indices.compactMap { group.existingPool($0) }
    }

    private func resumeListeners() {
        for token in pausedListeners {
            guard tokens.isCurrent(token), let listening = listeners[token.index] else { continue }
            if let failure = poller.add(listening.listener, token) {
                shared.logger.error("\(listening.listener.place) no longer accepts clients: \(failure)")
            }
        }
        pausedListeners.removeAll(keepingCapacity: true)
    }

    private func expireLogins() {
        let patience = shared.settings.value.server.loginTimeout.clampedNanoseconds
        // They stand in the order of arrival, so that those that have been through are passed once.
        var passed = 0
        for token in newcomers {
            if let client = newcomer(token) {
                guard now > client.acceptedAt &+ patience else { break }
                close(client, ErrorFields(.fatal, "08P01", "login took longer than login_timeout"))
            }
            passed += 1
        }
        newcomers.removeFirst(passed)
        // One that takes long does not keep all those behind it in the list.
        if newcomers.count > 2 * pulse.clients + 64 { newcomers.removeAll { newcomer($0) == nil } }
    }

    /// The client of a token if it is still logging in.
    private func newcomer(_ token: Token) -> ClientConnection? {
        guard tokens.isCurrent(token), let client = clients[token.index], case .login = client.phase else { return nil }
        return client
    }

    func stop(_ mode: StopMode) {
        let isFirst = stopMode == nil
        stopMode = max(stopMode ?? mode, mode)
        for (slot, listening) in listeners {
            _ = poller.remove(listening.listener.descriptor)
            listening.listener.close()
            listeners[slot] = nil
        }
        // No client is accepted here any more; those that were are counted.
        if isFirst { shared.acceptorCount.subtract(1, ordering: .sequentiallyConsistent) }
        switch mode {
        case .drain: break
        case .afterTransactions: sendIdleAway()
        case .immediately:
            for client in clients { if let client { close(client, .shuttingDown) } }
        }
    }

    /// Ends the connections of clients that are in no transaction.
    private func sendIdleAway() {
        for case let client? in clients where isAtRest(client) { close(client, .shuttingDown) }
    }
}
