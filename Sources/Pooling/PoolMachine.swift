// Who may use which server connection of one pool, and when are connections opened and closed?

/// The pure machine of one pool: facts in, orders out.
///
/// It stands behind a lock, is told facts by all workers and appends orders that are carried out after the lock is
/// released. A server connection is idle, busy, in transit to another worker, or closing; it is known from `connected`
/// to `lost`. A client waits from `acquire` until an order names it or `cancelWait` succeeds. No client waits while a
/// server is idle. All instants are monotonic nanoseconds; they may be out of order by the little that workers' clocks
/// differ.
public struct PoolMachine: ~Copyable, Sendable {
    /// The limits in force.
    public internal(set) var settings: PoolSettings
    /// What has happened so far.
    public internal(set) var counters = PoolCounters()
    /// The epoch of connections that are opened now.
    public internal(set) var epoch = PoolEpoch(rawValue: 0)
    /// The caller's number of the last failed connection attempt, if none has succeeded since.
    public internal(set) var lastFailure: Int32?
    /// True after ``closeAll(now:actions:)``.
    public internal(set) var isClosed = false

    var limits: PoolLimits
    let workerCount: Int

    var servers: [PoolServer] = []
    var freeServerSlots: [Int32] = []
    var serverIndex: SlotIndex
    var idleLinks = SlotLinks()
    /// Idle servers of each worker, the one used last first.
    var idle: [SlotList]
    var idleCount = 0
    var busyCount = 0
    var transitCount = 0
    var closingCount = 0
    var pinnedCount = 0

    var waiters: [PoolWaiter] = []
    var freeWaiterSlots: [Int32] = []
    var waiterIndex: SlotIndex
    /// Links of `queue` and `promised`.
    var waiterLinks = SlotLinks()
    /// Links of `localQueues`.
    var localLinks = SlotLinks()
    /// Clients that wait for any server, in order of arrival.
    var queue = SlotList()
    /// The same clients, by worker.
    var localQueues: [SlotList]
    /// Clients whose server is in transit.
    var promised = SlotList()
    /// Waiting clients that will pin the server they get.
    var pinReservations = 0
    var arrivals: UInt64 = 0

    /// Attempts in flight of the current epoch.
    var connecting = 0
    /// Attempts in flight of earlier epochs; their connections are closed at once.
    var connectingStale = 0
    var failuresInARow = 0
    var lastFailureIsFinal = false
    /// No attempt is made before this instant.
    var retryAt: UInt64 = 0
    var connections: UInt64 = 0
    var nextMinSizeWorker = 0

    /// An empty pool for workers `0..<workerCount`.
    public init(settings: PoolSettings, workerCount: Int) {
        precondition(workerCount > 0, "a pool needs at least one worker")
        self.settings = settings
        self.limits = PoolLimits(settings)
        self.workerCount = workerCount
        serverIndex = SlotIndex(minimumCapacity: limits.size + limits.reserveSize)
        waiterIndex = SlotIndex(minimumCapacity: 16)
        idle = Array(repeating: SlotList(), count: workerCount)
        localQueues = Array(repeating: SlotList(), count: workerCount)
    }

    /// No client works on a server, or waits for one that is on its way to it; pinned ones keep theirs.
    public var isAtRest: Bool { busyCount == pinnedCount && promised.isEmpty }

    /// Nobody waits, and no connection is being opened or has failed to.
    public var isSettled: Bool {
        waiters.count == freeWaiterSlots.count && connecting == 0 && failuresInARow == 0
    }

    /// Servers are present that must not be used again.
    public var hasCondemned: Bool {
        closingCount > 0 || servers.contains { $0.state != .absent && $0.closeReason != nil }
    }

    /// A client wants a server. The answer is `assign`, `handOver` or `refuse`, or the client waits.
    ///
    /// - Parameter pinned: the client will keep the server beyond its transaction; it counts against `maxPinned` from
    ///   now on.
    public mutating func acquire(
        _ waiter: WaiterID, worker: WorkerID, pinned: Bool = false, now: UInt64, actions: inout [PoolAction]
    ) {
        precondition(worker.rawValue >= 0 && worker.rawValue < workerCount, "an unknown worker asks for a server")
        counters.acquisitions += 1
        if let reason = reasonToRefuse(pinned: pinned, worker: worker, now: now) {
            actions.append(.refuse(waiter, worker: worker, reason))
        } else if idle[worker.rawValue].first != SlotLinks.none {
            let slot = idle[worker.rawValue].first
            takeFromIdle(slot)
            occupy(slot, pinned: pinned)
            actions.append(.assign(servers[Int(slot)].id, waiter, owner: worker))
        } else {
            counters.waits += 1
            enqueue(waiter, worker: worker, pinned: pinned, now: now)
            if let obstacle = openConnections(now: now, actions: &actions) { count(obstacle) }
            serveQueueFromIdle(actions: &actions)
        }
        assertInvariants()
    }

    /// A client no longer wants a server, for instance because it is gone.
    public mutating func cancelWait(_ waiter: WaiterID) -> CancelOutcome {
        guard let slot = waiterIndex.slot(of: waiter.rawValue) else {
            counters.lateCancels += 1
            return .tooLate
        }
        counters.cancelledWaits += 1
        forget(waiter: slot)
        assertInvariants()
        return .cancelled
    }

    /// A client gives its server back, ready for anyone.
    public mutating func release(_ server: ServerID, now: UInt64, actions: inout [PoolAction]) {
        let slot = knownSlot(of: server)
        precondition(servers[Int(slot)].state == .busy, "a server that is not in use was released")
        counters.releases += 1
        leaveBusy(slot)
        if let reason = reasonToClose(slot, now: now) {
            close(slot, reason, actions: &actions)
        } else {
            give(slot, now: now, actions: &actions)
        }
        assertInvariants()
    }

    /// The server's client becomes pinned. False if pinned sessions hold as many servers as they may.
    public mutating func pin(_ server: ServerID) -> Bool {
        let slot = knownSlot(of: server)
        precondition(servers[Int(slot)].state == .busy, "a server that is not in use was pinned")
        if servers[Int(slot)].isPinned { return true }
        guard pinnedCount + pinReservations < limits.pinned else {
            counters.refusedByPinLimit += 1
            return false
        }
        servers[Int(slot)].isPinned = true
        pinnedCount += 1
        assertInvariants()
        return true
    }

    /// The client keeps its server but is no longer pinned.
    public mutating func unpin(_ server: ServerID) {
        let slot = knownSlot(of: server)
        precondition(servers[Int(slot)].state == .busy, "a server that is not in use was unpinned")
        guard servers[Int(slot)].isPinned else { return }
        servers[Int(slot)].isPinned = false
        pinnedCount -= 1
        assertInvariants()
    }

    /// A server posted by a `handOver` is registered with its new worker.
    public mutating func arrived(_ server: ServerID, now: UInt64, actions: inout [PoolAction]) {
        let slot = knownSlot(of: server)
        precondition(servers[Int(slot)].state == .inTransit, "a server arrived that was not in transit")
        transitCount -= 1
        let waiter = servers[Int(slot)].promisedTo
        servers[Int(slot)].promisedTo = SlotLinks.none
        if let reason = servers[Int(slot)].closeReason {
            close(slot, reason, actions: &actions)
        } else if waiter != SlotLinks.none {
            assign(slot, to: waiter, now: now, actions: &actions)
        } else {
            give(slot, now: now, actions: &actions)
        }
        assertInvariants()
    }

    /// A server connection no longer exists: it broke, or an order to close it was carried out.
    public mutating func lost(_ server: ServerID, now: UInt64, actions: inout [PoolAction]) {
        let slot = knownSlot(of: server)
        switch servers[Int(slot)].state {
        case .idle:
            takeFromIdle(slot)
            counters.lost += 1
        case .busy:
            leaveBusy(slot)
            counters.lost += 1
        case .inTransit:
            transitCount -= 1
            counters.lost += 1
            if servers[Int(slot)].promisedTo != SlotLinks.none { requeue(servers[Int(slot)].promisedTo) }
        case .closing:
            closingCount -= 1
        case .absent:
            preconditionFailure("the pool's index names an empty slot")
        }
        serverIndex.remove(server.rawValue)
        servers[Int(slot)] = PoolServer()
        freeServerSlots.append(slot)
        serveQueueFromIdle(actions: &actions)
        _ = openConnections(now: now, actions: &actions)
        assertInvariants()
    }

    /// Time passes: waits, rests and lives end, pauses after failures end, `minSize` is restored.
    ///
    /// To be called several times per second; the cost grows with the servers and with the clients whose wait ends.
    ///
    /// - Parameter opensAhead: false where the node does not belong to the cluster any more.
    public mutating func expire(now: UInt64, opensAhead: Bool = true, actions: inout [PoolAction]) {
        expireWaits(now: now, actions: &actions)
        expireIdle(now: now, actions: &actions)
        _ = openConnections(now: now, actions: &actions)
        if opensAhead { openForMinSize(now: now, actions: &actions) }
        assertInvariants()
    }
}

/// The numbers of ``PoolSettings`` as the machine needs them; `UInt64.max` stands for a limit that is off.
struct PoolLimits: Sendable {
    let size, minSize, reserveSize, waiters, connecting, pinned: Int
    let reserveTimeout, waitTimeout, idleTimeout, lifetime, overtaking, retryDelay, maxRetryDelay: UInt64

    init(_ settings: PoolSettings) {
        precondition(settings.size > 0, "a pool's size must be at least one")
        precondition(settings.maxConnecting > 0, "a pool must be allowed at least one connection attempt")
        size = settings.size
        minSize = min(max(0, settings.minSize), settings.size)
        reserveSize = max(0, settings.reserveSize)
        waiters = max(0, settings.maxWaiters)
        connecting = settings.maxConnecting
        pinned = settings.pinLimit
        func orNever(_ duration: Duration) -> UInt64 { duration.nanoseconds == 0 ? .max : duration.nanoseconds }
        reserveTimeout = orNever(settings.reserveTimeout)
        waitTimeout = orNever(settings.waitTimeout)
        idleTimeout = orNever(settings.idleTimeout)
        lifetime = orNever(settings.lifetime)
        overtaking = settings.maxOvertaking.nanoseconds
        retryDelay = settings.retryDelay.nanoseconds
        maxRetryDelay = max(settings.retryDelay.nanoseconds, settings.maxRetryDelay.nanoseconds)
    }
}
