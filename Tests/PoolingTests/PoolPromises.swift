// What has a pool promised, in terms of a naive account of its servers and clients?

import Pooling

extension PoolSimulation {
    /// The oldest client is served first, unless it may be overtaken by one of the server's own worker.
    func checkFairness(_ id: Int, worker: Int) throws {
        guard let oldest = waiting.min(), oldest != id, let first = clients[oldest] else { return }
        let limit = UInt64(machine.settings.maxOvertaking / .nanoseconds(1))
        let isLocal = clients[id]?.worker == worker
        let isOldestThere = waiting.filter { clients[$0]?.worker == worker }.min() == id
        try require(
            isLocal && isOldestThere && now - first.since < limit, "client \(id) was served before \(oldest)")
    }

    func checkSize() throws {
        let settings = machine.settings
        let reserveAge = UInt64(settings.reserveTimeout / .nanoseconds(1))
        let isReserveOpen = waiting.contains { now - (clients[$0]?.since ?? now) >= reserveAge }
        let limit = settings.size + (isReserveOpen ? settings.reserveSize : 0)
        try require(
            servers.count + attempts.count <= limit,
            "\(servers.count) servers and \(attempts.count) attempts of \(limit)")
        let current = attempts.count { $0.epoch == machine.epoch }
        try require(current <= settings.maxConnecting, "\(current) attempts at once")
    }

    /// The machine's account against ours; its own rules it checks itself in debug builds.
    func compare() throws {
        let gauges = machine.gauges(now: now)
        let busy = servers.values.count { $0.user != nil }
        let travelling = servers.values.count { $0.isTravelling }
        let closing = servers.values.count { $0.isToClose && !$0.isTravelling }
        try require(gauges.busy == busy, "\(gauges.busy) servers are busy, not \(busy)")
        try require(gauges.inTransit == travelling, "\(gauges.inTransit) servers travel, not \(travelling)")
        try require(gauges.closing == closing, "\(gauges.closing) servers close, not \(closing)")
        try require(gauges.connecting == attempts.count, "\(gauges.connecting) attempts, not \(attempts.count)")
        let known = gauges.idle + gauges.busy + gauges.inTransit + gauges.closing
        try require(known == servers.count, "\(known) servers are known, not \(servers.count)")
        try require(gauges.waiting == clients.values.count { !isServed($0) }, "\(gauges.waiting) clients wait")
        try require(gauges.pinned == servers.values.count { $0.isPinned }, "\(gauges.pinned) servers are pinned")
    }

    /// A client's own worker comes first, and there the server used last; elsewhere the worker with most servers at
    /// rest gives the one that has rested longest.
    func checkChoice(of server: Server, for client: Client, _ action: PoolAction) throws {
        guard server.restingSince != nil else { return }
        let resting = servers.values.filter { $0.restingSince != nil }
        let own = resting.filter { $0.worker == client.worker }
        guard own.isEmpty else {
            let last = own.map(\.restNumber).max()
            return try require(server.restNumber == last, "\(action) is not of its worker's server used last")
        }
        let counts = (0..<workers).map { worker in resting.count { $0.worker == worker } }
        try require(counts[server.worker] == counts.max(), "\(action) takes from a worker that has fewer to spare")
        let first = resting.filter { $0.worker == server.worker }.map(\.restNumber).min()
        try require(server.restNumber == first, "\(action) is not of the server that rested longest")
    }

    /// What must not be used again is closed when its client gives it back.
    func checkRelease(_ id: Int, _ before: Server, others: Int) throws {
        guard let server = servers[id] else { return }
        let settings = machine.settings
        let isTooOld = now - before.openedAt >= UInt64(settings.lifetime / .nanoseconds(1))
        let isSurplus = others >= settings.size + settings.reserveSize
        let isStale = before.epoch != machine.epoch
        try require(server.isToClose || !(isTooOld || isSurplus || isStale), "server \(id) is used beyond its end")
    }

    /// After a while nobody waits, and nothing rests, for longer than allowed.
    func checkTime() throws {
        let settings = machine.settings
        let patience = UInt64(settings.waitTimeout / .nanoseconds(1))
        for (id, client) in clients where !isServed(client) {
            try require(now - client.since < patience, "client \(id) waits longer than it may")
        }
        let rest = UInt64(settings.idleTimeout / .nanoseconds(1))
        let live = servers.values.count { !$0.isToClose }
        for (id, server) in servers {
            guard let since = server.restingSince, live > settings.minSize else { continue }
            try require(now - since < rest, "server \(id) rests longer than it may")
        }
    }

    func checkClose(_ server: Server, _ reason: CloseReason, _ action: PoolAction) throws {
        let settings = machine.settings
        switch reason {
        case .idle:
            let live = servers.values.count { !$0.isToClose }
            try require(live > settings.minSize, "\(action) although the pool has no more than it shall keep")
            let rest = now - (server.restingSince ?? now)
            try require(rest >= UInt64(settings.idleTimeout / .nanoseconds(1)), "\(action) came too early")
        case .lifetime:
            let age = now - server.openedAt
            try require(age >= UInt64(settings.lifetime / .nanoseconds(1)) / 5 * 4, "\(action) came too early")
        case .surplus:
            let all = servers.count + attempts.count
            try require(all > settings.size, "\(action) of a pool that has no more than its size")
        case .evicted:
            let live = servers.values.count { !$0.isToClose }
            try require(live > settings.minSize, "\(action) although the pool has no more than it shall keep")
            let oldest = servers.values.compactMap(\.restingSince).min()
            try require(server.restingSince == oldest, "\(action) although another server has rested longer")
        case .recycled:
            try require(server.epoch != machine.epoch, "\(action) of a server from after the drain")
        case .nodeLost:
            throw BrokenPromise(description: "\(action): no such drain was ordered")
        case .poolClosed:
            try require(machine.isClosed, "\(action) of an open pool")
        }
    }

    func checkRefusal(_ reason: RefuseReason, _ action: PoolAction) throws {
        switch reason {
        case .tooManyPinned:
            try require(pinned > machine.settings.pinLimit, "\(action) with \(pinned) pins, the new one included")
        case .tooManyWaiters(let limit):
            let others = clients.values.count { !isServed($0) } - 1
            try require(others >= limit, "\(action) while \(others) wait")
        case .connectFailed:
            let live = servers.values.count { !$0.isToClose }
            try require(live == 0, "\(action) although there are \(live) servers")
        case .turnedAway:
            break
        case .poolClosed:
            try require(machine.isClosed, "\(action) of an open pool")
        }
    }

    /// No wake-up is lost: nobody waits beside a server at rest, and whoever waits has an attempt of its own unless a
    /// limit forbids one.
    func checkWakeUps() throws {
        let waiting = waiting.count
        guard waiting > 0 else { return }
        let resting = servers.values.count { $0.restingSince != nil }
        try require(resting == 0, "\(waiting) clients wait beside \(resting) servers at rest")
        let settings = machine.settings
        let current = attempts.count { $0.epoch == machine.epoch }
        let mayOpen =
            servers.count + attempts.count < settings.size && now >= retryAt
            && current < (failuresInARow > 0 ? 1 : settings.maxConnecting)
        try require(current >= waiting || !mayOpen, "\(waiting) clients wait for \(current) attempts")
    }
}
