// What must hold of a pool after every event, and how full is it?

extension PoolMachine {
    /// How many servers and clients stand in which state.
    public func gauges(now: UInt64) -> PoolGauges {
        var gauges = PoolGauges()
        gauges.idle = idleCount
        gauges.busy = busyCount
        gauges.pinned = pinnedCount
        gauges.inTransit = transitCount
        gauges.connecting = connecting + connectingStale
        gauges.closing = closingCount
        gauges.waiting = waiterIndex.count
        for list in [queue, promised] where !list.isEmpty {
            let wait = elapsed(since: waiters[Int(list.first)].since, now: now)
            gauges.longestWaitNanoseconds = max(gauges.longestWaitNanoseconds, wait)
        }
        return gauges
    }

    /// Whether no connection exists and no attempt is in flight: a closed pool may be forgotten then.
    public var isEmpty: Bool { totalCount == 0 }

    /// The first rule that is broken, in words; nil if all hold. The cost grows with all servers and clients.
    public func brokenInvariant() -> String? {
        brokenServerInvariant() ?? brokenWaiterInvariant() ?? brokenPolicyInvariant()
    }

    /// In debug builds every event ends with this check.
    func assertInvariants() {
        #if DEBUG
            if let rule = brokenInvariant() { preconditionFailure(rule) }
        #endif
    }

    private func brokenServerInvariant() -> String? {
        var counts: [PoolServer.State: Int] = [:]
        var pinned = 0
        for (slot, server) in servers.enumerated() {
            counts[server.state, default: 0] += 1
            if server.state != .absent, serverIndex.slot(of: server.id.rawValue) != Int32(slot) {
                return "the index does not find a server"
            }
            if server.isPinned { pinned += 1 }
            if server.isPinned, server.state != .busy { return "a server that is not in use is pinned" }
            if server.closeReason != nil, server.state == .idle { return "a server that must close is idle" }
            if server.promisedTo != SlotLinks.none {
                if server.state != .inTransit { return "a server that is not in transit is promised" }
                if waiters[Int(server.promisedTo)].server != Int32(slot) { return "a promise has one side only" }
                if waiters[Int(server.promisedTo)].worker != server.owner {
                    return "a server travels to the wrong worker"
                }
            }
        }
        if counts[.idle, default: 0] != idleCount { return "the number of idle servers is wrong" }
        if counts[.busy, default: 0] != busyCount { return "the number of busy servers is wrong" }
        if counts[.inTransit, default: 0] != transitCount { return "the number of servers in transit is wrong" }
        if counts[.closing, default: 0] != closingCount { return "the number of closing servers is wrong" }
        if counts[.absent, default: 0] != freeServerSlots.count { return "the number of empty server slots is wrong" }
        if serverIndex.count != liveCount + closingCount { return "the index has a wrong number of servers" }
        if pinned != pinnedCount { return "the number of pinned servers is wrong" }
        var listed = 0
        for (worker, list) in idle.enumerated() {
            let members = idleLinks.members(of: list)
            listed += members.count
            if members.count != list.count { return "an idle list has a wrong count" }
            for slot in members where servers[Int(slot)].state != .idle || Int(servers[Int(slot)].owner) != worker {
                return "a server stands in the wrong idle list"
            }
        }
        return listed == idleCount ? nil : "an idle server stands in no list"
    }

    private func brokenWaiterInvariant() -> String? {
        let queued = waiterLinks.members(of: queue)
        let travelling = waiterLinks.members(of: promised)
        if queued.count != queue.count || travelling.count != promised.count {
            return "a waiting list has a wrong count"
        }
        if queued.count + travelling.count != waiterIndex.count { return "the index has a wrong number of clients" }
        if waiterIndex.count + freeWaiterSlots.count != waiters.count { return "a client slot is lost" }
        for slot in queued where waiters[Int(slot)].server != SlotLinks.none { return "a queued client has a promise" }
        for slot in travelling {
            let server = waiters[Int(slot)].server
            if server == SlotLinks.none || servers[Int(server)].promisedTo != slot { return "a promise is not kept" }
        }
        for slot in queued + travelling where waiterIndex.slot(of: waiters[Int(slot)].id.rawValue) != slot {
            return "the index does not find a client"
        }
        let arrivals = queued.map { waiters[Int($0)].arrival }
        if zip(arrivals, arrivals.dropFirst()).contains(where: { $0 >= $1 }) { return "the queue is out of order" }
        for (worker, list) in localQueues.enumerated() {
            if localLinks.members(of: list) != queued.filter({ Int(waiters[Int($0)].worker) == worker }) {
                return "a worker's queue differs from the common one"
            }
        }
        let reserved = (queued + travelling).count { waiters[Int($0)].isPinned }
        return reserved == pinReservations ? nil : "the number of reserved pins is wrong"
    }

    private func brokenPolicyInvariant() -> String? {
        if idleCount > 0, !queue.isEmpty { return "a client waits while a server is idle" }
        if isClosed, waiterIndex.count + idleCount > 0 { return "a closed pool keeps clients or servers" }
        if connecting < 0 || connectingStale < 0 { return "more attempts ended than were begun" }
        return nil
    }
}
