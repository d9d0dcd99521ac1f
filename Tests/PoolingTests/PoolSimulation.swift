// Does a pool keep its promises whatever happens in whatever order?

import Pooling

/// A generator with a seed, so that each schedule can be repeated.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a pool promised and did not keep.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String
}

/// Workers with mailboxes, servers and clients around one ``PoolMachine``, and a second, naive account of all of them.
final class PoolSimulation {
    enum Message {
        case order(PoolAction)
        case arrival(Int)
    }

    struct Letter {
        var sender: Int
        var message: Message
    }

    struct Server {
        var worker: Int
        var epoch: PoolEpoch
        var openedAt: UInt64
        /// When it came to rest, if it does.
        var restingSince: UInt64?
        /// Tells the servers apart that came to rest at the same instant.
        var restNumber = 0
        var user: Int?
        var promisedTo: Int?
        var isTravelling = false
        var isPinned = false
        var isToClose = false

        var isFree: Bool { user == nil && !isTravelling && !isToClose }
    }

    struct Client {
        enum State: Equatable {
            case waiting
            case promised(Int)
            case served(Int)
        }
        var worker: Int
        var since: UInt64
        var isPinned: Bool
        var state = State.waiting
    }

    var machine: PoolMachine
    var random: SplitMix64
    var now: UInt64 = 1_000_000_000
    let workers: Int
    /// The limits that the pool has but for a while.
    let settings: PoolSettings
    /// Letters of one sender keep their order; those of different senders need not.
    var mailboxes: [[Letter]]
    var attempts: [(worker: Int, epoch: PoolEpoch)] = []
    var servers: [Int: Server] = [:]
    var clients: [Int: Client] = [:]
    /// Clients that an order has sent away; their cancellation comes too late.
    var sentAway: [Int] = []
    var nextServer = 0
    var nextClient = 0
    /// Orders that the machine gave, all of them.
    var orderCount = 0
    var restCount = 0
    /// The naive account of the pauses after failures.
    var failuresInARow = 0
    var retryAt: UInt64 = 0

    init(seed: UInt64, settings: PoolSettings, workers: Int) {
        machine = PoolMachine(settings: settings, workerCount: workers)
        random = SplitMix64(state: seed)
        self.workers = workers
        self.settings = settings
        mailboxes = Array(repeating: [], count: workers)
    }

    // MARK: Facts

    func clientAsks(pinned: Bool) throws {
        let worker = Int.random(in: 0..<workers, using: &random)
        let id = nextClient
        nextClient += 1
        clients[id] = Client(worker: worker, since: now, isPinned: pinned)
        try report(from: worker) { machine, now, actions in
            machine.acquire(
                WaiterID(rawValue: id), worker: WorkerID(rawValue: worker), pinned: pinned, now: now, actions: &actions)
        }
    }

    func clientVanishes(_ id: Int) throws {
        guard let client = clients[id] else { return }
        switch client.state {
        case .served(let server):
            try Bool.random(using: &random) ? serverIsReleased(server) : serverBreaks(server)
        case .waiting, .promised:
            let outcome = machine.cancelWait(WaiterID(rawValue: id))
            try require(outcome == .cancelled, "client \(id) waited, but could not be cancelled")
            forget(client: id)
        }
    }

    func lateCancel() throws {
        guard let id = sentAway.popLast() else { return }
        let outcome = machine.cancelWait(WaiterID(rawValue: id))
        try require(outcome == .tooLate, "client \(id) had been sent away and could be cancelled")
    }

    func serverIsReleased(_ id: Int) throws {
        guard let server = servers[id], let user = server.user else { return }
        clients[user] = nil
        servers[id]?.user = nil
        servers[id]?.isPinned = false
        let others = servers.count - 1 + attempts.count
        try report(from: server.worker) { $0.release(ServerID(rawValue: id), now: $1, actions: &$2) }
        try checkRelease(id, server, others: others)
    }

    func serverBreaks(_ id: Int) throws {
        guard let server = servers[id] else { return }
        if let user = server.user { clients[user] = nil }
        if let waiter = server.promisedTo { clients[waiter]?.state = .waiting }
        servers[id] = nil
        let observer = server.isTravelling ? Int.random(in: 0..<workers, using: &random) : server.worker
        try report(from: observer) { $0.lost(ServerID(rawValue: id), now: $1, actions: &$2) }
    }

    func serverIsPinned(_ id: Int) throws {
        let isPinned = machine.pin(ServerID(rawValue: id))
        let hasRoom = pinned < machine.settings.pinLimit || servers[id]?.isPinned == true
        try require(isPinned == hasRoom, "a pin was \(isPinned ? "given" : "denied") with \(pinned) pins")
        if isPinned { servers[id]?.isPinned = true }
    }

    func serverIsUnpinned(_ id: Int) {
        machine.unpin(ServerID(rawValue: id))
        servers[id]?.isPinned = false
    }

    func attemptEnds(_ index: Int, failure: Int32?, isFinal: Bool) throws {
        let (worker, epoch) = attempts.remove(at: index)
        let place = WorkerID(rawValue: worker)
        book(failure: failure != nil, of: epoch)
        if let failure {
            try report(from: worker) {
                $0.connectFailed(
                    worker: place, epoch: epoch, now: $1, isFinal: isFinal, failure: failure, actions: &$2)
            }
        } else {
            let id = nextServer
            nextServer += 1
            servers[id] = Server(worker: worker, epoch: epoch, openedAt: now)
            try report(from: worker) {
                $0.connected(ServerID(rawValue: id), worker: place, epoch: epoch, now: $1, actions: &$2)
            }
        }
    }

    func attemptIsDenied(_ index: Int) throws {
        let (worker, epoch) = attempts.remove(at: index)
        if epoch == machine.epoch { retryAt = max(retryAt, now + 5_000_000) }
        try report(from: worker) {
            $0.connectDenied(epoch: epoch, now: $1, retryAt: $1 + 5_000_000, actions: &$2)
        }
    }

    func aServerIsEvicted() throws {
        try report(from: Int.random(in: 0..<workers, using: &random)) { $0.evict(actions: &$2) }
    }

    func timePasses(_ nanoseconds: UInt64) throws {
        now += nanoseconds
        try report(from: Int.random(in: 0..<workers, using: &random)) { $0.expire(now: $1, actions: &$2) }
        try checkTime()
    }

    func poolIsDrained() throws {
        for (id, server) in servers where server.promisedTo != nil {
            clients[server.promisedTo ?? -1]?.state = .waiting
            servers[id]?.promisedTo = nil
        }
        endPause()
        try report(from: 0) { $0.drain(.recycled, now: $1, actions: &$2) }
        try require(!servers.values.contains { $0.promisedTo != nil }, "a drained server is promised")
    }

    func waitersAreTurnedAway() throws {
        try report(from: 0) { $0.turnAwayWaiters(99, actions: &$2) }
        try require(waiting.isEmpty, "clients still wait after all were turned away")
    }

    func retry() throws {
        endPause()
        try report(from: 0) { $0.retryNow(now: $1, actions: &$2) }
    }

    func settingsChange(_ settings: PoolSettings) throws {
        try report(from: 0) { $0.update(settings, now: $1, actions: &$2) }
    }

    func poolIsClosed() throws {
        for id in servers.keys { servers[id]?.promisedTo = nil }
        try report(from: 0) { $0.closeAll(now: $1, actions: &$2) }
        try require(!clients.values.contains { !isServed($0) }, "clients wait for a closed pool")
    }

    func messageArrives(at worker: Int) throws {
        guard !mailboxes[worker].isEmpty else { return }
        let senders = Set(mailboxes[worker].map(\.sender)).sorted()
        let sender = senders.randomElement(using: &random)
        guard let place = mailboxes[worker].firstIndex(where: { $0.sender == sender }) else { return }
        switch mailboxes[worker].remove(at: place).message {
        case .order(let order):
            try carryOut(order, at: worker)
        case .arrival(let id):
            guard servers[id] != nil else { return }
            servers[id]?.isTravelling = false
            try report(from: worker) { $0.arrived(ServerID(rawValue: id), now: $1, actions: &$2) }
        }
    }

    // MARK: Orders

    private func report(
        from worker: Int, _ event: (inout PoolMachine, UInt64, inout [PoolAction]) -> Void
    ) throws {
        var actions: [PoolAction] = []
        event(&machine, now, &actions)
        orderCount += actions.count
        for action in actions {
            try account(for: action, caller: worker)
            if action.worker.rawValue == worker, !isClose(action) {
                try carryOut(action, at: worker)
            } else {
                mailboxes[action.worker.rawValue].append(Letter(sender: worker, message: .order(action)))
            }
        }
        comeToRest()
        try compare()
        try checkWakeUps()
    }

    private func isClose(_ action: PoolAction) -> Bool {
        if case .close = action { true } else { false }
    }

    /// Checks an order and books it, at the instant of the decision.
    private func account(for action: PoolAction, caller: Int) throws {
        switch action {
        case .assign(let server, let waiter, let owner):
            try require(owner.rawValue == caller, "\(action) was ordered by worker \(caller)")
            let (client, model) = try known(waiter, server)
            try require(model.worker == caller && client.worker == caller, "\(action) names the wrong worker")
            try require(model.user == nil && !model.isTravelling && !model.isToClose, "\(action) of a server not free")
            try require(model.epoch == machine.epoch, "\(action) of a server from before a drain")
            if client.state == .waiting {
                try checkFairness(waiter.rawValue, worker: model.worker)
                try checkChoice(of: model, for: client, action)
                try require(model.promisedTo == nil, "\(action) of a server promised to another client")
            } else {
                try require(client.state == .promised(server.rawValue), "\(action) of a client with another promise")
            }
            clients[waiter.rawValue]?.state = .served(server.rawValue)
            servers[server.rawValue]?.user = waiter.rawValue
            servers[server.rawValue]?.restingSince = nil
            servers[server.rawValue]?.promisedTo = nil
            servers[server.rawValue]?.isPinned = client.isPinned
        case .handOver(let server, let from, let to, let waiter):
            let (client, model) = try known(waiter, server)
            try require(model.worker == from.rawValue && client.worker == to.rawValue, "\(action): wrong worker")
            try require(model.user == nil && !model.isTravelling && !model.isToClose, "\(action) of a server not free")
            try require(client.state == .waiting, "\(action) for a client that does not wait")
            try require(model.epoch == machine.epoch, "\(action) of a server from before a drain")
            try checkFairness(waiter.rawValue, worker: model.worker)
            try checkChoice(of: model, for: client, action)
            servers[server.rawValue]?.restingSince = nil
            clients[waiter.rawValue]?.state = .promised(server.rawValue)
            servers[server.rawValue]?.promisedTo = waiter.rawValue
            servers[server.rawValue]?.isTravelling = true
            servers[server.rawValue]?.worker = to.rawValue
        case .connect(let worker, let epoch):
            attempts.append((worker.rawValue, epoch))
            try checkSize()
        case .close(let server, let owner, let reason):
            guard let model = servers[server.rawValue] else { throw BrokenPromise(description: "\(action): unknown") }
            try require(model.worker == owner.rawValue, "\(action) names the wrong worker")
            try require(model.user == nil && model.promisedTo == nil, "\(action) of a server in use")
            try checkClose(model, reason, action)
            servers[server.rawValue]?.isToClose = true
            servers[server.rawValue]?.restingSince = nil
        case .waitTimedOut(let waiter, _, _):
            guard let client = clients[waiter.rawValue] else { throw BrokenPromise(description: "\(action): unknown") }
            let limit = UInt64(machine.settings.waitTimeout / .nanoseconds(1))
            try require(now - client.since >= limit, "\(action) came too early")
            try sendAway(waiter.rawValue, action)
        case .refuse(let waiter, _, let reason):
            try checkRefusal(reason, action)
            try sendAway(waiter.rawValue, action)
        }
    }

    private func carryOut(_ order: PoolAction, at worker: Int) throws {
        switch order {
        case .assign, .connect, .waitTimedOut, .refuse:
            break
        case .handOver(let server, _, let to, _):
            // The server may have broken while the order was on its way.
            guard servers[server.rawValue] != nil else { return }
            mailboxes[to.rawValue].append(Letter(sender: worker, message: .arrival(server.rawValue)))
        case .close(let server, _, _):
            if servers[server.rawValue] != nil { try serverBreaks(server.rawValue) }
        }
    }

    private func sendAway(_ id: Int, _ action: PoolAction) throws {
        guard let client = clients[id], !isServed(client) else {
            throw BrokenPromise(description: "\(action) of a client that does not wait")
        }
        forget(client: id)
        sentAway.append(id)
    }

    private func forget(client id: Int) {
        if case .promised(let server) = clients[id]?.state { servers[server]?.promisedTo = nil }
        clients[id] = nil
    }

    /// Servers that nobody uses and that go nowhere rest from now on.
    private func comeToRest() {
        for (id, server) in servers.sorted(by: { $0.key < $1.key }) where server.isFree && server.restingSince == nil {
            restCount += 1
            servers[id]?.restingSince = now
            servers[id]?.restNumber = restCount
        }
    }

    private func book(failure: Bool, of epoch: PoolEpoch) {
        guard epoch == machine.epoch, !machine.isClosed else { return }
        guard failure else { return endPause() }
        guard now >= retryAt else { return }
        var delay = machine.settings.retryDelay
        for _ in 0..<min(failuresInARow, 40) { delay = min(delay * 2, machine.settings.maxRetryDelay) }
        retryAt = now + UInt64(delay / .nanoseconds(1))
        failuresInARow += 1
    }

    private func endPause() {
        failuresInARow = 0
        retryAt = 0
    }

    private func known(_ waiter: WaiterID, _ server: ServerID) throws -> (Client, Server) {
        guard let client = clients[waiter.rawValue], let model = servers[server.rawValue] else {
            throw BrokenPromise(description: "an order names client \(waiter.rawValue), server \(server.rawValue)")
        }
        return (client, model)
    }

    func isServed(_ client: Client) -> Bool {
        if case .served = client.state { true } else { false }
    }

    /// Clients without server or promise.
    var waiting: [Int] { clients.filter { $0.value.state == .waiting }.map(\.key) }

    /// Pins given and reserved.
    var pinned: Int {
        servers.values.count { $0.isPinned } + clients.values.count { !isServed($0) && $0.isPinned }
    }

    func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
        if !condition { throw BrokenPromise(description: sentence()) }
    }
}
