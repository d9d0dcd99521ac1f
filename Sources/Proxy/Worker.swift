// What does one worker thread do all day?

import Authentication
import Locks
import Logging
import OpenSSL
import Pooling
import Reactor
import Routing
import Sessions
import Synchronization
import Wire

/// One thread with its own poller, clients, servers and timers. Everything in it belongs to its thread; others speak to
/// it through the mailbox.
final class Worker {
    enum Kind {
        static let listener: UInt8 = 1
        static let client: UInt8 = 2
        static let server: UInt8 = 3
        static let cancel: UInt8 = 4
        static let mailbox: UInt8 = 5
        static let ticker: UInt8 = 6
        static let replication: UInt8 = 7
    }

    struct Listening {
        var listener: Listener
        var kind: ListenerKind
        /// Connections are handed to all workers in turn.
        var deals: Bool
    }

    /// Upkeep (deadlines, pools) happens this often while somebody waits for something that may be short.
    static let tickNanoseconds: UInt64 = 50_000_000
    /// And this often once nobody has for so many ticks: each wakes the worker.
    static let slowTickNanoseconds: UInt64 = 200_000_000
    static let ticksUntilSlow = 20
    /// Buffers of input that one connection may use up before others get their turn.
    static let buffersPerTurn = 1
    /// A peer with more unsent bytes than this stops the reading of its other side.
    static let outputLimit = 256 << 10

    let id: WorkerID
    let shared: SharedState
    let pulse: WorkerPulse
    let mailbox: Mailbox<WorkerMessage>
    let mailboxes: [Mailbox<WorkerMessage>]
    let poller: Poller
    let ticker: Ticker
    let input = ReadBuffer()
    /// What encrypted connections receive. With one record more it fits behind the longest prefix in `input`.
    let encrypted = ReadBuffer(capacity: 16 << 10)
    /// The socket may hold more than the last receive took.
    var socketMayHoldMore = false
    /// Handshakes cost about as much as a hundred queries: each turn of the loop has time for one step.
    var handshakeSteps = 0
    let blocks = BlockPool()
    let resolve: @Sendable (String, @escaping @Sendable ([String], String?) -> Void) -> Void

    var tokens = TokenTable()
    /// By the slot of the token.
    var listeners: [Int: Listening] = [:]
    /// Listeners that wait for descriptors or memory.
    var pausedListeners: [Token] = []
    var clients: [ClientConnection?] = []
    var servers: [ServerConnection?] = []
    var cancels: [CancelConnection?] = []
    var links: [ReplicationLink?] = []
    /// Clients that have not logged in, or had not a while ago, in the order of arrival.
    var newcomers: [Token] = []
    var startups = StartupMemory()
    /// Slots of the servers that other workers opened.
    var adoptedSlots: [ServerID: Int] = [:]
    /// By the number of the cluster.
    let clusters: [ClusterView]
    var statements: StatementTable
    /// What is known of the catalogs, by their numbers.
    var catalogs: [CatalogState] = []
    var nextCatalogReport: UInt64 = 0
    /// Where batches went.
    var routes = RouteCounters()
    /// The outstanding work that was told of last, by cluster and node.
    var reported: [[Int32]] = []
    var random: RandomSource
    /// Numbers the choices in turn.
    var turn: UInt64 = 0
    var now: UInt64
    var isTickDue = false
    /// Ticks since somebody has waited.
    var quietTicks = 0
    var stopMode: StopMode?
    /// When clients are looked at next that may have taken too long.
    var nextExpiry: UInt64 = 0
    /// Clients have to leave whose database or user is gone.
    var hasLeavers = false
    var nextDeal = 0

    /// Numbers the waits of this worker's clients.
    var waitSerial: UInt32 = 0
    /// The client whose bytes are being handled while a pool is asked: it goes on by itself.
    var acquiring: Token?
    /// Connections that have more to do than their last event allowed.
    var resumable: [Token] = []
    /// The slots of clients that wait for the cluster to change, with the bytes that are kept of each.
    var held: [Int: Int] = [:]
    var catalogWaiters: Set<Int> = []
    /// Clients that wait for RESUME.
    var paused: Set<Int> = []
    /// Users of the console whose commands are answered later.
    var consoleWaiters: Set<Int> = []
    /// By the number of the group.
    var traffic: [Traffic] = []
    /// By the number of the group, as many for each as a cluster has places, as far as they were asked for.
    var knownPools: [Pool?] = []

    /// Reused by every call into the machines.
    var toClient = Outbox()
    var toServer = Outbox()
    var facts: [ReplyFact] = []
    var assembly: [UInt8] = []
    var poolActions: [PoolAction] = []

    init(
        id: WorkerID, shared: SharedState, mailboxes: [Mailbox<WorkerMessage>],
        resolve: @escaping @Sendable (String, @escaping @Sendable ([String], String?) -> Void) -> Void
    ) throws(ReactorError) {
        self.id = id
        self.shared = shared
        self.mailboxes = mailboxes
        self.resolve = resolve
        pulse = shared.pulses[id.rawValue]
        mailbox = mailboxes[id.rawValue]
        poller = try Poller()
        ticker = try Ticker(nanoseconds: Self.tickNanoseconds)
        clusters = shared.clusters.map { _ in ClusterView() }
        statements = StatementTable(worker: id.rawValue)
        random = RandomSource(seed: SecureRandom.bytes(8))
        now = MonotonicClock.now()
        let token = tokens.open(kind: Kind.mailbox)
        if let failure = poller.addReadable(mailbox.descriptor, token) {
            throw .failed(operation: "epoll_ctl", subject: "mailbox", failure)
        }
        if let failure = poller.addReadable(ticker.descriptor, tokens.open(kind: Kind.ticker)) {
            throw .failed(operation: "epoll_ctl", subject: "ticker", failure)
        }
    }

    /// Starts to accept; `deals`: connections are handed to all workers in turn.
    func listen(on listener: Listener, kind: ListenerKind, deals: Bool) throws(ReactorError) {
        let token = tokens.open(kind: Kind.listener)
        if let failure = poller.add(listener, token) {
            throw .failed(operation: "epoll_ctl", subject: listener.place.description, failure)
        }
        listeners[token.index] = Listening(listener: listener, kind: kind, deals: deals)
    }

    /// Runs until the process stops.
    func run() {
        var messages: [WorkerMessage] = []
        defer { pulse.end() }
        while !isFinished {
            let count = poller.wait(milliseconds: resumable.isEmpty ? -1 : 0)
            now = MonotonicClock.now()
            pulse.beat(now: now)
            handshakeSteps = 0
            for index in 0..<count {
                let event = poller.event(index)
                guard tokens.isCurrent(event.token) else { continue }
                switch event.token.kind {
                case Kind.client: clientEvent(event)
                case Kind.server: serverEvent(event)
                case Kind.listener:
                    during(.accepting) { accept(event.token) }
                case Kind.cancel: cancelEvent(event)
                case Kind.replication: linkEvent(event)
                case Kind.ticker:
                    ticker.acknowledge()
                    isTickDue = true
                default:
                    during(.messages) {
                        mailbox.drain(into: &messages)
                        for message in messages { handle(message) }
                        messages.removeAll(keepingCapacity: true)
                    }
                }
            }
            // Once for all events: a stream that never ends gets one turn among them, whatever else there is to do.
            if !resumable.isEmpty { resumeSome() }
            if isTickDue { during(.upkeep) { tick() } }
        }
    }

    /// Rare work, named in case it stalls.
    func during(_ work: WorkerWork, _ body: () -> Void) {
        pulse.turn(to: work, now: now)
        body()
        pulse.turn(to: .connections, now: now)
    }

    /// A worker stays until no worker has a client, for it may own a server that another's client needs, and a client
    /// that another has accepted may be on its way to it.
    private var isFinished: Bool {
        guard let stopMode else { return false }
        return stopMode == .immediately
            || (shared.acceptorCount.load(ordering: .sequentiallyConsistent) == 0
                && shared.clientCount.load(ordering: .sequentiallyConsistent) == 0)
    }

    private func handle(_ message: WorkerMessage) {
        switch message {
        case .topology(let cluster, let topology): update(cluster, topology)
        case .pool(let action, let pool): perform(action, pool)
        case .adopt(let handOver): adopt(handOver)
        case .resolved(let token, let addresses, let failure): resolved(token, addresses, failure: failure)
        case .derived(let token, let keys): derived(token, keys)
        case .userFound(let token, let answer): userFound(token, answer)
        case .verified(let token, let verdict, let secret): verified(token, verdict, secret)
        case .cancel(let slot, let secret): cancelClient(slot: slot, secret: secret)
        case .forwardCancel(let endpoint, let processID, let secret):
            sendCancel(to: endpoint, processID: processID, secret: secret)
        case .accepted(let descriptor, let peer, let kind, let number):
            welcomeConnection(descriptor, peer, kind, number: number)
        case .catalog(let id, let knowledge, let demand): learn(knowledge, of: id, demand: demand)
        case .catalogChanged(let id, let demand, let changesTables):
            catalogChanged(id, demand: demand, changesTables: changesTables)
        case .defaultsChanged(let cluster, let change): defaultsChanged(in: cluster, at: change)
        case .loginNamesChanged(let cluster, let change): loginNamesChanged(in: cluster, at: change)
        case .learned(let lesson, let fingerprint, let catalog, let until):
            statements.learned.learn(lesson, of: fingerprint, in: catalog, until: until)
        case .resumed: resumed()
        case .console(let gather): answer(gather)
        case .consoleAnswer(let token, let result): consoleAnswer(token, result)
        case .poolsChanged(let groups): updatePools(groups)
        case .groupsChanged: groupsChanged()
        case .stop(let mode): stop(mode)
        }
    }

    /// Lets connections go on that were stopped although their sockets may not speak again.
    func resumeSome() {
        var batch: [Token] = []
        swap(&batch, &resumable)
        defer {
            batch.removeAll(keepingCapacity: true)
            if resumable.isEmpty { swap(&batch, &resumable) }
        }
        for token in batch where tokens.isCurrent(token) {
            if token.kind == Kind.client, let client = clients[token.index] {
                client.isQueuedForResume = false
                pump(client)
            } else if token.kind == Kind.server, let server = servers[token.index] {
                server.isQueuedForResume = false
                pump(server)
            } else if token.kind == Kind.replication, let link = links[token.index] {
                link.isQueuedForResume = false
                pump(link)
            }
        }
    }

    func resumeLater(_ client: ClientConnection) {
        guard !client.isQueuedForResume, !client.isClosed else { return }
        client.isQueuedForResume = true
        resumable.append(client.token)
    }

    func resumeLater(_ server: ServerConnection) {
        guard !server.isQueuedForResume, !server.isClosed else { return }
        server.isQueuedForResume = true
        resumable.append(server.token)
    }

    // MARK: Sending

    /// Sends pieces of `source` and of the outbox's own bytes as few system calls as possible; false: the peer is gone.
    func send(
        _ outbox: inout Outbox, _ source: Span<UInt8>, through output: inout Output, to descriptor: Descriptor
    ) -> Bool {
        defer { outbox.removeAll() }
        if outbox.pieces.isEmpty || outbox.passage.count > 16_384 {
            let isThrough = output.send(source.extracting(outbox.passage), to: descriptor)
            guard isThrough, !outbox.pieces.isEmpty else { return isThrough }
            assembly.removeAll(keepingCapacity: true)
        } else {
            assembly.removeAll(keepingCapacity: true)
            assembly.append(copying: source.extracting(outbox.passage))
        }
        for piece in outbox.pieces {
            switch piece {
            case .input(let range) where range.count > 16_384:
                if !assembly.isEmpty {
                    guard output.send(assembly, to: descriptor) else { return false }
                    assembly.removeAll(keepingCapacity: true)
                }
                guard output.send(source.extracting(range), to: descriptor) else { return false }
            case .input(let range):
                assembly.append(copying: source.extracting(range))
            case .literal(let range):
                assembly.append(contentsOf: outbox.literals[range])
            }
        }
        return assembly.isEmpty || output.send(assembly, to: descriptor)
    }
}

/// A small random number generator for choices that need not be secret.
struct RandomSource: RandomNumberGenerator {
    private var state: UInt64

    init(seed: [UInt8]) {
        state = seed.reduce(0x9e37_79b9_7f4a_7c15) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
