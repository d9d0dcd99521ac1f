// Which client gets a server that is free, and which server a client that waits?

extension PoolMachine {
    /// Why a client may not even wait; nil if it may have a server or wait for one.
    mutating func reasonToRefuse(pinned: Bool, worker: WorkerID, now: UInt64) -> RefuseReason? {
        if isClosed {
            counters.turnedAway += 1
            return .poolClosed
        }
        if pinned, pinnedCount + pinReservations >= limits.pinned {
            counters.refusedByPinLimit += 1
            return .tooManyPinned(limit: limits.pinned)
        }
        if idle[worker.rawValue].count > 0 { return nil }
        if let failure = lastFailure, lastFailureIsFinal, liveCount == 0, now < retryAt {
            counters.refusedByFailure += 1
            return .connectFailed(failure)
        }
        if waiterIndex.count >= limits.waiters {
            counters.refusedByWaiterLimit += 1
            return .tooManyWaiters(limit: limits.waiters)
        }
        return nil
    }

    /// Servers that serve, or can: all but those that close.
    var liveCount: Int { idleCount + busyCount + transitCount }

    func knownSlot(of server: ServerID) -> Int32 {
        guard let slot = serverIndex.slot(of: server.rawValue) else {
            preconditionFailure("the pool does not know server \(server.rawValue)")
        }
        return slot
    }

    // MARK: Servers

    /// A server is free: to the next client, or to rest.
    mutating func give(_ slot: Int32, now: UInt64, actions: inout [PoolAction]) {
        let owner = servers[Int(slot)].owner
        guard !queue.isEmpty else {
            servers[Int(slot)].state = .idle
            servers[Int(slot)].idleSince = now
            idleLinks.prepend(slot, to: &idle[Int(owner)])
            idleCount += 1
            return
        }
        let waiter = nextWaiter(for: owner, now: now)
        if waiters[Int(waiter)].worker == owner {
            assign(slot, to: waiter, now: now, actions: &actions)
        } else {
            handOver(slot, to: waiter, actions: &actions)
        }
    }

    /// The first of the queue, or the first of the server's own worker if the former may be overtaken.
    private mutating func nextWaiter(for owner: Int32, now: UInt64) -> Int32 {
        let first = queue.first
        let local = localQueues[Int(owner)].first
        guard local != SlotLinks.none, local != first else { return first }
        guard elapsed(since: waiters[Int(first)].since, now: now) < limits.overtaking else { return first }
        counters.overtakings += 1
        return local
    }

    mutating func takeFromIdle(_ slot: Int32) {
        idleLinks.remove(slot, from: &idle[Int(servers[Int(slot)].owner)])
        idleCount -= 1
    }

    mutating func occupy(_ slot: Int32, pinned: Bool) {
        servers[Int(slot)].state = .busy
        servers[Int(slot)].isPinned = pinned
        busyCount += 1
        if pinned { pinnedCount += 1 }
        counters.assignments += 1
    }

    mutating func leaveBusy(_ slot: Int32) {
        busyCount -= 1
        if servers[Int(slot)].isPinned {
            servers[Int(slot)].isPinned = false
            pinnedCount -= 1
        }
    }

    mutating func assign(_ slot: Int32, to waiter: Int32, now: UInt64, actions: inout [PoolAction]) {
        let entry = waiters[Int(waiter)]
        precondition(entry.worker == servers[Int(slot)].owner, "a server was assigned to a client of another worker")
        counters.waitedNanoseconds += elapsed(since: entry.since, now: now)
        forget(waiter: waiter)
        occupy(slot, pinned: entry.isPinned)
        actions.append(.assign(servers[Int(slot)].id, entry.id, owner: WorkerID(rawValue: Int(entry.worker))))
    }

    /// Sends a server that stands in no list to the worker of a queued client.
    private mutating func handOver(_ slot: Int32, to waiter: Int32, actions: inout [PoolAction]) {
        let from = WorkerID(rawValue: Int(servers[Int(slot)].owner))
        let to = waiters[Int(waiter)].worker
        waiterLinks.remove(waiter, from: &queue)
        localLinks.remove(waiter, from: &localQueues[Int(to)])
        waiterLinks.append(waiter, to: &promised)
        waiters[Int(waiter)].server = slot
        servers[Int(slot)].state = .inTransit
        servers[Int(slot)].owner = to
        servers[Int(slot)].promisedTo = waiter
        transitCount += 1
        counters.handOvers += 1
        let id = servers[Int(slot)].id
        actions.append(.handOver(id, from: from, to: WorkerID(rawValue: Int(to)), waiters[Int(waiter)].id))
    }

    /// No client waits while a server rests, wherever it does.
    mutating func serveQueueFromIdle(actions: inout [PoolAction]) {
        while !queue.isEmpty, idleCount > 0 {
            let slot = idleServer(for: waiters[Int(queue.first)].worker)
            takeFromIdle(slot)
            handOver(slot, to: queue.first, actions: &actions)
        }
    }

    /// The worker's own server used last, or the one that has rested longest at the worker with most of them.
    private func idleServer(for worker: Int32) -> Int32 {
        if idle[Int(worker)].count > 0 { return idle[Int(worker)].first }
        var donor = 0
        for other in 1..<max(1, workerCount) where idle[other].count > idle[donor].count { donor = other }
        return idle[donor].last
    }

    // MARK: Clients

    mutating func enqueue(_ id: WaiterID, worker: WorkerID, pinned: Bool, now: UInt64) {
        arrivals += 1
        let entry = PoolWaiter(
            id: id, worker: Int32(worker.rawValue), isPinned: pinned, since: now, arrival: arrivals)
        let slot: Int32
        if let free = freeWaiterSlots.popLast() {
            slot = free
            waiters[Int(slot)] = entry
        } else {
            slot = Int32(waiters.count)
            waiters.append(entry)
            waiterLinks.grow()
            localLinks.grow()
        }
        let isNew = waiterIndex.insert(id.rawValue, slot: slot)
        precondition(isNew, "a client that waits asked for a second server of the same pool")
        waiterLinks.append(slot, to: &queue)
        localLinks.append(slot, to: &localQueues[worker.rawValue])
        if pinned { pinReservations += 1 }
    }

    /// Removes a client from whichever list it stands in; a server in transit to it goes to someone else on arrival.
    mutating func forget(waiter slot: Int32) {
        let entry = waiters[Int(slot)]
        if entry.server == SlotLinks.none {
            waiterLinks.remove(slot, from: &queue)
            localLinks.remove(slot, from: &localQueues[Int(entry.worker)])
        } else {
            waiterLinks.remove(slot, from: &promised)
            servers[Int(entry.server)].promisedTo = SlotLinks.none
            waiters[Int(slot)].server = SlotLinks.none
        }
        if entry.isPinned { pinReservations -= 1 }
        waiterIndex.remove(entry.id.rawValue)
        freeWaiterSlots.append(slot)
    }

    /// The server in transit to a client will not come: back to the place of its arrival.
    mutating func requeue(_ slot: Int32) {
        let entry = waiters[Int(slot)]
        servers[Int(entry.server)].promisedTo = SlotLinks.none
        waiters[Int(slot)].server = SlotLinks.none
        waiterLinks.remove(slot, from: &promised)
        waiterLinks.insert(slot, before: successor(of: entry.arrival, in: queue, waiterLinks), in: &queue)
        let local = localQueues[Int(entry.worker)]
        let place = successor(of: entry.arrival, in: local, localLinks)
        localLinks.insert(slot, before: place, in: &localQueues[Int(entry.worker)])
    }

    /// The first member that arrived later. Clients with a promise were at the head, so the search is short.
    private func successor(of arrival: UInt64, in list: SlotList, _ links: borrowing SlotLinks) -> Int32 {
        var slot = list.first
        while slot != SlotLinks.none, waiters[Int(slot)].arrival < arrival { slot = links.slot(after: slot) }
        return slot
    }
}
