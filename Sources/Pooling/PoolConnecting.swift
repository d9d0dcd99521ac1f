// When does a pool open server connections, and what follows from success and failure?

/// Why no connection is opened for a waiting client.
enum ConnectObstacle: Equatable, Sendable {
    case sizeLimit
    case connectLimit
    case retryDelay
    case closed
}

extension PoolMachine {
    /// A connection ordered by `connect` is ready for use.
    public mutating func connected(
        _ server: ServerID, worker: WorkerID, epoch: PoolEpoch, now: UInt64, actions: inout [PoolAction]
    ) {
        precondition(worker.rawValue >= 0 && worker.rawValue < workerCount, "an unknown worker opened a server")
        endAttempt(epoch)
        let slot = add(server, worker: worker, now: now)
        if isClosed {
            close(slot, .poolClosed, actions: &actions)
        } else if epoch != self.epoch {
            close(slot, .recycled, actions: &actions)
        } else {
            failuresInARow = 0
            lastFailure = nil
            lastFailureIsFinal = false
            retryAt = 0
            give(slot, now: now, actions: &actions)
        }
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// A connection ordered by `connect` could not be made.
    ///
    /// A final failure (the server refused the login) turns all waiting clients away if the pool has no server at all;
    /// after any other they wait on while attempts are repeated after growing pauses.
    ///
    /// - Parameter failure: the caller's number for the reason, given back in `refuse` and `waitTimedOut`.
    public mutating func connectFailed(
        worker: WorkerID, epoch: PoolEpoch, now: UInt64, isFinal: Bool, failure: Int32, actions: inout [PoolAction]
    ) {
        endAttempt(epoch)
        counters.connectFailures += 1
        if epoch == self.epoch, !isClosed {
            lastFailure = failure
            lastFailureIsFinal = isFinal
            if now >= retryAt {
                retryAt = now + delay(afterFailures: failuresInARow)
                failuresInARow += 1
            }
            if isFinal, liveCount == 0 {
                refuseAllWaiters(.connectFailed(failure), actions: &actions)
            }
        }
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// A connection ordered by `connect` may not be opened now, because a limit that spans pools is reached. Clients
    /// wait on; that is no failure.
    ///
    /// - Parameter retryAt: no attempt is made before this instant.
    public mutating func connectDenied(
        epoch: PoolEpoch, now: UInt64, retryAt: UInt64, actions: inout [PoolAction]
    ) {
        endAttempt(epoch)
        counters.denied += 1
        if epoch == self.epoch { self.retryAt = max(self.retryAt, retryAt) }
        // An attempt from before a drain leaves its place to others.
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// Something (a probe of the node) says that an attempt would succeed now: ends the pause after a failure.
    public mutating func retryNow(now: UInt64, actions: inout [PoolAction]) {
        retryAt = 0
        failuresInARow = 0
        lastFailureIsFinal = false
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// Opens as many connections as clients in the queue have no attempt of their own, at these clients' workers.
    ///
    /// - Returns: what kept it from opening enough.
    mutating func openConnections(now: UInt64, actions: inout [PoolAction]) -> ConnectObstacle? {
        guard queue.count > connecting else { return nil }
        var slot = queue.first
        for _ in 0..<connecting { slot = waiterLinks.slot(after: slot) }
        while slot != SlotLinks.none {
            let waiter = waiters[Int(slot)]
            let mayUseReserve = elapsed(since: waiter.since, now: now) >= limits.reserveTimeout
            if let obstacle = obstacle(now: now, mayUseReserve: mayUseReserve) { return obstacle }
            if totalCount >= limits.size { counters.reserveUses += 1 }
            openConnection(at: WorkerID(rawValue: Int(waiter.worker)), actions: &actions)
            slot = waiterLinks.slot(after: slot)
        }
        return nil
    }

    /// Restores `minSize`, at one worker after the other.
    mutating func openForMinSize(now: UInt64, actions: inout [PoolAction]) {
        while liveCount + connecting < limits.minSize, obstacle(now: now, mayUseReserve: false) == nil {
            openConnection(at: WorkerID(rawValue: nextMinSizeWorker), actions: &actions)
            nextMinSizeWorker = (nextMinSizeWorker + 1) % workerCount
        }
    }

    /// All connections that exist, may exist, or may still exist.
    var totalCount: Int { liveCount + closingCount + connecting + connectingStale }

    mutating func count(_ obstacle: ConnectObstacle) {
        switch obstacle {
        case .sizeLimit: counters.sizeLimitHits += 1
        case .connectLimit: counters.connectLimitHits += 1
        case .retryDelay: counters.retryDelayHits += 1
        case .closed: break
        }
    }

    private func obstacle(now: UInt64, mayUseReserve: Bool) -> ConnectObstacle? {
        if isClosed { return .closed }
        if totalCount >= limits.size + (mayUseReserve ? limits.reserveSize : 0) { return .sizeLimit }
        if now < retryAt { return .retryDelay }
        if connecting >= (failuresInARow > 0 ? 1 : limits.connecting) { return .connectLimit }
        return nil
    }

    private mutating func openConnection(at worker: WorkerID, actions: inout [PoolAction]) {
        connecting += 1
        counters.connectAttempts += 1
        actions.append(.connect(worker, epoch: epoch))
    }

    private mutating func endAttempt(_ epoch: PoolEpoch) {
        if epoch == self.epoch {
            precondition(connecting > 0, "a connection attempt ended that the pool had not ordered")
            connecting -= 1
        } else {
            precondition(connectingStale > 0, "a connection attempt of an earlier epoch ended that was not in flight")
            connectingStale -= 1
        }
    }

    private mutating func add(_ server: ServerID, worker: WorkerID, now: UInt64) -> Int32 {
        let slot: Int32
        if let free = freeServerSlots.popLast() {
            slot = free
        } else {
            slot = Int32(servers.count)
            servers.append(PoolServer())
            idleLinks.grow()
        }
        let isNew = serverIndex.insert(server.rawValue, slot: slot)
        precondition(isNew, "two servers of a pool have the number \(server.rawValue)")
        servers[Int(slot)].id = server
        servers[Int(slot)].owner = Int32(worker.rawValue)
        servers[Int(slot)].expiresAt = endOfLife(from: now)
        return slot
    }

    /// Lives differ by up to a fifth, evenly spread whatever the number of connections, so that not all end at once.
    private mutating func endOfLife(from now: UInt64) -> UInt64 {
        guard limits.lifetime != .max else { return .max }
        connections += 1
        // Multiples of the golden ratio, modulo one, keep their distance from each other; here with 16 binary digits.
        let fraction = (connections &* 0x9E37_79B9_7F4A_7C15) >> 48
        let spread = limits.lifetime / 5
        return now + limits.lifetime - (spread / 65_536 * fraction + spread % 65_536 * fraction / 65_536)
    }

    private func delay(afterFailures failures: Int) -> UInt64 {
        var delay = limits.retryDelay
        for _ in 0..<min(failures, 63) where delay < limits.maxRetryDelay { delay *= 2 }
        return min(delay, limits.maxRetryDelay)
    }
}
