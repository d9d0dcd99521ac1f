// When does a pool close server connections and turn waiting clients away?

extension PoolMachine {
    /// Every present connection is to be replaced: idle ones are closed, the others when their use ends.
    ///
    /// Waiting clients stay and get new connections; attempts in flight are closed when they succeed.
    public mutating func drain(_ reason: CloseReason, now: UInt64, actions: inout [PoolAction]) {
        beginEpoch()
        closeEvery(reason, actions: &actions)
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// The end of the pool: as ``drain(_:now:actions:)``, but all clients are refused from now on.
    public mutating func closeAll(now: UInt64, actions: inout [PoolAction]) {
        isClosed = true
        beginEpoch()
        closeEvery(.poolClosed, actions: &actions)
        refuseAllWaiters(.poolClosed, actions: &actions)
        assertInvariants()
    }

    /// Turns all waiting clients away, for instance because their node is gone; the number is the caller's reason.
    public mutating func turnAwayWaiters(_ failure: Int32, actions: inout [PoolAction]) {
        refuseAllWaiters(.turnedAway(failure), actions: &actions)
        assertInvariants()
    }

    /// New limits; servers and clients beyond them leave in their own time.
    public mutating func update(_ settings: PoolSettings, now: UInt64, actions: inout [PoolAction]) {
        self.settings = settings
        limits = PoolLimits(settings)
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// Since when the server has rested that `evict` would close; nil: it would close none.
    public var evictableSince: UInt64? { evictable.map { servers[Int($0)].idleSince } }

    /// Closes the server that has rested longest, for a limit that spans pools.
    public mutating func evict(actions: inout [PoolAction]) {
        guard let slot = evictable else { return }
        takeFromIdle(slot)
        close(slot, .evicted, actions: &actions)
        assertInvariants()
    }

    private var evictable: Int32? {
        guard liveCount > limits.minSize else { return nil }
        return idle.lazy.map(\.last).filter { $0 != SlotLinks.none }.min {
            servers[Int($0)].idleSince < servers[Int($1)].idleSince
        }
    }

    // MARK: Servers

    /// Why a server that has just left `busy`, and is not counted anywhere, must not be used again.
    @inline(__always)
    func reasonToClose(_ slot: Int32, now: UInt64) -> CloseReason? {
        if let reason = servers[Int(slot)].closeReason { return reason }
        if now >= servers[Int(slot)].expiresAt { return .lifetime }
        return totalCount >= limits.size + limits.reserveSize ? .surplus : nil
    }

    /// Orders the end of a server that stands in no list.
    mutating func close(_ slot: Int32, _ reason: CloseReason, actions: inout [PoolAction]) {
        servers[Int(slot)].state = .closing
        closingCount += 1
        switch reason {
        case .idle: counters.closedIdle += 1
        case .lifetime: counters.closedByLifetime += 1
        case .surplus: counters.closedSurplus += 1
        case .evicted: counters.evicted += 1
        case .nodeLost, .recycled, .poolClosed: counters.closedByOrder += 1
        }
        let owner = WorkerID(rawValue: Int(servers[Int(slot)].owner))
        actions.append(.close(servers[Int(slot)].id, owner: owner, reason))
    }

    mutating func expireIdle(now: UInt64, actions: inout [PoolAction]) {
        for worker in 0..<workerCount {
            var slot = idle[worker].last
            while slot != SlotLinks.none {
                let previous = idleLinks.slot(before: slot)
                if let reason = reasonToCloseIdle(slot, now: now) {
                    takeFromIdle(slot)
                    close(slot, reason, actions: &actions)
                }
                slot = previous
            }
        }
    }

    private func reasonToCloseIdle(_ slot: Int32, now: UInt64) -> CloseReason? {
        if now >= servers[Int(slot)].expiresAt { return .lifetime }
        let rest = elapsed(since: servers[Int(slot)].idleSince, now: now)
        if liveCount > limits.size, limits.reserveTimeout == .max || rest >= limits.reserveTimeout { return .surplus }
        return liveCount > limits.minSize && rest >= limits.idleTimeout ? .idle : nil
    }

    private mutating func beginEpoch() {
        epoch.rawValue &+= 1
        connectingStale += connecting
        connecting = 0
        failuresInARow = 0
        retryAt = 0
        lastFailure = nil
        lastFailureIsFinal = false
    }

    private mutating func closeEvery(_ reason: CloseReason, actions: inout [PoolAction]) {
        for slot in Int32(0)..<Int32(servers.count) {
            switch servers[Int(slot)].state {
            case .idle:
                takeFromIdle(slot)
                close(slot, reason, actions: &actions)
            case .busy:
                servers[Int(slot)].closeReason = reason
            case .inTransit:
                servers[Int(slot)].closeReason = reason
                if servers[Int(slot)].promisedTo != SlotLinks.none { requeue(servers[Int(slot)].promisedTo) }
            case .closing, .absent:
                break
            }
        }
    }

    // MARK: Clients

    mutating func expireWaits(now: UInt64, actions: inout [PoolAction]) {
        guard limits.waitTimeout != .max else { return }
        while queue.first != SlotLinks.none, hasWaitedTooLong(queue.first, now: now) {
            endWait(of: queue.first, actions: &actions)
        }
        var slot = promised.first
        while slot != SlotLinks.none {
            let next = waiterLinks.slot(after: slot)
            if hasWaitedTooLong(slot, now: now) { endWait(of: slot, actions: &actions) }
            slot = next
        }
    }

    private func hasWaitedTooLong(_ slot: Int32, now: UInt64) -> Bool {
        elapsed(since: waiters[Int(slot)].since, now: now) >= limits.waitTimeout
    }

    private mutating func endWait(of slot: Int32, actions: inout [PoolAction]) {
        let entry = waiters[Int(slot)]
        counters.waitTimeouts += 1
        forget(waiter: slot)
        let worker = WorkerID(rawValue: Int(entry.worker))
        actions.append(.waitTimedOut(entry.id, worker: worker, lastFailure: lastFailure))
    }

    /// Clients with a server in transit are among them; their servers stay.
    mutating func refuseAllWaiters(_ reason: RefuseReason, actions: inout [PoolAction]) {
        while true {
            let slot = promised.isEmpty ? queue.first : promised.first
            guard slot != SlotLinks.none else { return }
            let entry = waiters[Int(slot)]
            switch reason {
            case .connectFailed: counters.refusedByFailure += 1
            case .turnedAway, .poolClosed: counters.turnedAway += 1
            case .tooManyWaiters, .tooManyPinned: preconditionFailure("a limit refused clients that waited already")
            }
            forget(waiter: slot)
            actions.append(.refuse(entry.id, worker: WorkerID(rawValue: Int(entry.worker)), reason))
        }
    }
}
