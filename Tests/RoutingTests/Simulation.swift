// Does anybody ever miss a write of their own? A whole cluster, its prober, its workers and their sessions, from one
// seed.

import SQL

@testable import Routing

/// A rule that is broken on purpose, to see that the checker notices.
enum Mutation: String, CaseIterable, Sendable {
    case none
    /// A floor is the last sample begun, not the first one to come.
    case floorOfTheLastSample
    /// A floor is read when the work is sent, not when its acknowledgement has come.
    case floorBeforeTheAcknowledgement
    /// A sample gets its number when the answer comes, not before the question is sent.
    case numberAfterTheAnswer
    /// Coverage is used on connections that are younger than it.
    case anyConnection
    /// A replica's timeline is not looked at.
    case anyTimeline
    /// What a replica covered once, it covers for ever.
    case coverageForEver
    /// Reads do not look at the floor.
    case noFloor
    /// Monotonic: what was read sets no floor for other replicas.
    case noReadFloor
    /// Monotonic: the replica that was read from stays good in whichever life.
    case anyLife
    /// Global: others' writes set no floor.
    case noGlobalFloor
}

/// What a simulation has seen.
struct SimulationResult {
    var violations: [String] = []
    /// Reads with a floor that a replica served.
    var coveredReads = 0
    /// Reads on replicas that had to show the newest commit of all, or all that was read before.
    var globalReads = 0
    var monotonicReads = 0
    var primaryChanges = 0
    var lostAcknowledged = 0
    /// The cluster was repaired in the end, and the machine saw it whole again.
    var recovered = false
    var finalState = ""
}

struct Simulation {
    /// One tick is a millisecond.
    private var tick: UInt64 = 1
    private var random: SplitMix
    private let mutation: Mutation
    private var model: ClusterModel
    private var machine: ClusterMachine
    private let counter = SampleCounter()
    private var links: [Link]
    private var messages: [Message] = []
    private var workers: [Worker]
    private var sessions: [Session]
    private var everCovered: [UInt64]
    private var result = SimulationResult()
    private var hasAccidents = true

    /// The prober's connection to a node.
    private struct Link {
        var life: Int?
        var nextProbe: UInt64 = 0
        var lossIsNoticed: UInt64?
        var outstanding: (sample: UInt64, deadline: UInt64)?
    }

    /// Something under way that arrives at `at`.
    private struct Message {
        enum Content {
            case question(Probe, life: Int)
            case answer(Probe, ProbeReport)
            case topology(Topology, lastPrimary: NodeID?, worker: Int)
            case work(session: Int, node: Int, life: Int, startedBefore: UInt64)
            case acknowledgement(session: Int, commit: Int, node: Int, life: Int, startedBefore: UInt64)
            case read(session: Int, node: Int, life: Int, keeper: NodeID?, source: LastRead?, expected: Commit?)
        }
        var at: UInt64
        var content: Content
    }

    private struct Worker {
        var topology: Topology
        /// The node whose samples the coverage in the topology is about.
        var lastPrimary: NodeID?
        /// By node: the life to which the connection leads, and since when.
        var connections: [Int: Connection] = [:]
    }

    private struct Connection {
        var life: Int
        var since: UInt64
        /// What the node said at its start.
        var isInRecovery: Bool
    }

    private struct Commit {
        var id: Int
        var node: Int
    }

    private struct Session {
        var consistency = Consistency.session
        var floor = Floor.none
        var readFloor = Floor.none
        var lastRead: LastRead?
        var lastCommit: Commit?
        /// The newest record that it was shown.
        var seen: Commit?
        var isBusy = false
    }

    /// The newest write that anybody was told of.
    private var lastAcknowledged: Commit?
    private var globalFloor = Floor.none

    init(seed: UInt64, mutation: Mutation) {
        random = SplitMix(seed: seed)
        self.mutation = mutation
        let count = Int.random(in: 2...4, using: &random)
        model = ClusterModel(count)
        var settings = ClusterSettings()
        settings.probeInterval = .milliseconds(20)
        settings.probeTimeout = .milliseconds(60)
        machine = ClusterMachine(
            nodes: (0..<count).map { NodeDefinition(id: NodeID(Int32($0)), address: "n\($0):1") }, settings: settings)
        links = Array(repeating: Link(), count: count)
        workers = Array(repeating: Worker(topology: Topology()), count: 2)
        sessions = Array(repeating: Session(), count: 12)
        for index in sessions.indices {
            sessions[index].consistency = [.session, .session, .monotonic, .global][index % 4]
        }
        everCovered = Array(repeating: 0, count: count)
    }

    private var now: UInt64 { tick * 1_000_000 }

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func later(_ limit: Int, _ content: Message.Content) {
        messages.append(Message(at: tick + UInt64(number(0...limit)), content: content))
    }

    /// Runs for some seconds of accidents, then repairs everything and looks whether it is seen.
    static func run(seed: UInt64, mutation: Mutation = .none, ticks: UInt64 = 4000) -> SimulationResult {
        var simulation = Simulation(seed: seed, mutation: mutation)
        for _ in 0..<ticks { simulation.step() }
        simulation.hasAccidents = false
        simulation.repair()
        for _ in 0..<1500 {
            simulation.step()
            simulation.conclude()
        }
        return simulation.result
    }

    private mutating func step() {
        tick += 1
        moveLogs()
        if hasAccidents { haveAccidents() }
        deliver()
        probe()
        for session in sessions.indices where !sessions[session].isBusy && chance(6) { act(session) }
    }

    // MARK: The servers

    private mutating func moveLogs() {
        for node in model.nodes.indices where model.nodes[node].isUp {
            if model.nodes[node].isInRecovery {
                if chance(4) { model.stream(node, &random) }
                if chance(4) { model.replay(node, &random) }
            } else {
                if chance(8) { _ = model.write(node, &random) }
                if chance(25) { model.flush(node) }
            }
        }
    }

    private mutating func haveAccidents() {
        for node in model.nodes.indices {
            let it = model.nodes[node]
            if it.isUp {
                if chance(900) { model.crash(node) } else if chance(900) { model.crashInside(node) }
                if it.isInRecovery, chance(400) { model.nodes[node].isPaused.toggle() }
            } else if chance(120) {
                model.start(node)
            }
        }
        guard let authority = model.authority else { return }
        // Promotion: soon when the primary is down, sometimes although it is not; sometimes of two nodes.
        if chance(model.nodes[authority].isUp ? 2500 : 150) {
            let candidates = model.nodes.indices.filter { model.nodes[$0].isUp && model.nodes[$0].isInRecovery }
            if let chosen = candidates.randomElement(using: &random) { model.promote(chosen, &random) }
        }
        // Others follow whoever is primary now; who cannot, or is writable and superseded, is built anew.
        for node in model.nodes.indices where node != authority && model.nodes[authority].isUp && chance(200) {
            if model.nodes[node].isInRecovery {
                model.nodes[node].upstream = authority
                if model.nodes[node].isUp, model.streamedTimeline(node) == nil {
                    model.rebuild(node, from: authority, &random)
                }
            } else {
                model.rebuild(node, from: authority, &random)
            }
        }
    }

    private mutating func repair() {
        guard let authority = model.authority else { return }
        if !model.nodes[authority].isUp { model.start(authority) }
        model.flush(authority)
        for node in model.nodes.indices where node != authority { model.rebuild(node, from: authority, &random) }
    }

    // MARK: The prober

    private mutating func probe() {
        for node in links.indices {
            if let at = links[node].lossIsNoticed, tick >= at {
                links[node].lossIsNoticed = nil
                lose(node, .lost)
            }
            if let life = links[node].life, life != model.nodes[node].life || !model.nodes[node].isUp,
                links[node].lossIsNoticed == nil
            {
                links[node].lossIsNoticed = tick + UInt64(number(0...30))
            }
            if let outstanding = links[node].outstanding, tick >= outstanding.deadline { lose(node, .timedOut) }
            guard tick >= links[node].nextProbe, links[node].lossIsNoticed == nil else { continue }
            links[node].nextProbe = tick + UInt64(number(1...20))
            guard links[node].life != nil else {
                if model.nodes[node].isUp { links[node].life = model.nodes[node].life } else { lose(node, .refused) }
                continue
            }
            // Often a second question before the first is answered, so that answers overtake each other.
            guard links[node].outstanding == nil || chance(2) else { continue }
            let sample = mutation == .numberAfterTheAnswer ? 0 : counter.begin()
            let probe = Probe(node: NodeID(Int32(node)), sample: sample, sentAt: now)
            if mutation != .numberAfterTheAnswer { machine.probeStarted(probe) }
            links[node].outstanding = (sample, tick + 60)
            later(chance(20) ? 80 : 8, .question(probe, life: links[node].life ?? 0))
        }
    }

    private mutating func lose(_ node: Int, _ reason: ProbeFailure) {
        links[node].life = nil
        links[node].outstanding = nil
        links[node].lossIsNoticed = nil
        machine.probeFailed(NodeID(Int32(node)), reason, at: now)
        publish()
    }

    private mutating func publish() {
        for event in machine.takeEvents() {
            if case .primaryChanged = event { result.primaryChanges += 1 }
        }
        let topology = machine.snapshot(at: now)
        for (index, node) in topology.nodes.enumerated() {
            everCovered[index] = max(everCovered[index], node.coveredSample)
        }
        for worker in workers.indices {
            later(10, .topology(topology, lastPrimary: machine.reign?.node, worker: worker))
        }
    }

    // MARK: Messages

    private mutating func deliver() {
        let due = messages.filter { $0.at <= tick }
        guard !due.isEmpty else { return }
        messages.removeAll { $0.at <= tick }
        for message in due.shuffled(using: &random) { take(message.content) }
    }

    private mutating func take(_ content: Message.Content) {
        switch content {
        case .question(let probe, let life):
            let node = Int(probe.node.rawValue)
            guard model.nodes[node].isUp, model.nodes[node].life == life else { return }
            var report = model.report(node)
            if mutation == .anyTimeline, report.isInRecovery, let reign = machine.reign {
                report.timeline = reign.timeline
                report.lowestTimeline = reign.timeline
                report.isStreaming = true
                report.sender = nil
            }
            later(chance(20) ? 100 : 8, .answer(probe, report))
        case .answer(var probe, let report):
            let node = Int(probe.node.rawValue)
            if mutation == .numberAfterTheAnswer {
                probe = Probe(node: probe.node, sample: counter.begin(), sentAt: probe.sentAt)
            }
            if links[node].outstanding?.sample == probe.sample { links[node].outstanding = nil }
            machine.probeSucceeded(probe, report, at: now)
            publish()
        case .topology(let topology, let lastPrimary, let worker):
            guard topology.generation > workers[worker].topology.generation else { return }
            workers[worker].topology = topology
            workers[worker].lastPrimary = lastPrimary
        case .work(let session, let node, let life, let startedBefore):
            commit(session, on: node, life: life, startedBefore: startedBefore)
        case .acknowledgement(let session, let commit, let node, let life, let startedBefore):
            sessions[session].isBusy = false
            // A connection that broke brings no acknowledgement: the outcome is unknown, nothing is promised.
            guard model.nodes[node].life == life else { return }
            sessions[session].lastCommit = Commit(id: commit, node: node)
            lastAcknowledged = Commit(id: commit, node: node)
            switch mutation {
            case .floorOfTheLastSample: sessions[session].floor.raise(to: Floor(sample: counter.started))
            case .floorBeforeTheAcknowledgement: sessions[session].floor.raise(startedSample: startedBefore)
            case .none, .numberAfterTheAnswer, .anyConnection, .anyTimeline, .coverageForEver, .noFloor, .noReadFloor,
                .anyLife, .noGlobalFloor:
                sessions[session].floor.raise(startedSample: counter.started)
            }
            globalFloor.raise(to: sessions[session].floor)
        case .read(let session, let node, let life, let keeper, let source, let expected):
            sessions[session].isBusy = false
            guard model.nodes[node].life == life, model.nodes[node].isUp else { return }
            check(session, on: node, keeper: keeper, expected: expected)
            sessions[session].readFloor.raise(startedSample: counter.started)
            sessions[session].lastRead = source
        }
    }

    // MARK: The sessions

    private mutating func act(_ session: Int) {
        // Now and then nobody writes, and replicas get far enough for everybody.
        if tick / 300 % 3 != 2, chance(3) { write(session) } else { read(session) }
    }

    private mutating func connect(_ worker: Int, to node: Int) -> Connection? {
        guard model.nodes[node].isUp else { return nil }
        let life = model.nodes[node].life
        if let open = workers[worker].connections[node], open.life == life, !chance(10) { return open }
        let made = Connection(life: life, since: now, isInRecovery: model.nodes[node].isInRecovery)
        workers[worker].connections[node] = made
        return made
    }

    private mutating func write(_ session: Int) {
        let worker = session % workers.count
        guard let primary = workers[worker].topology.primary else { return }
        let node = Int(primary.rawValue)
        guard let connection = connect(worker, to: node), !model.nodes[node].isInRecovery else { return }
        sessions[session].isBusy = true
        let work = Message.Content.work(
            session: session, node: node, life: connection.life, startedBefore: counter.started)
        later(chance(20) ? 60 : 6, work)
    }

    private mutating func commit(_ session: Int, on node: Int, life: Int, startedBefore: UInt64) {
        guard model.nodes[node].isUp, model.nodes[node].life == life else {
            sessions[session].isBusy = false
            return
        }
        let commit = model.write(node, &random)
        if !chance(4) { model.flush(node) }
        let acknowledgement = Message.Content.acknowledgement(
            session: session, commit: commit, node: node, life: life, startedBefore: startedBefore)
        later(chance(20) ? 60 : 6, acknowledgement)
    }

    private mutating func read(_ session: Int) {
        let worker = session % workers.count
        var topology = workers[worker].topology
        if mutation == .coverageForEver {
            for index in topology.nodes.indices { topology.nodes[index].coveredSample = everCovered[index] }
        }
        let request = request(session, topology)
        let outstanding = [Int32](repeating: 0, count: topology.nodes.count)
        let decision = Router.decide(
            request, topology: topology, settings: RoutingSettings(), outstanding: outstanding.span,
            random: random.next())
        let place: Int
        var source: LastRead?
        switch decision.target {
        case .hold, .refuse: return
        case .primary(let id):
            // Only to a session that must not go back is it of interest what it sees there.
            guard request.consistency == .monotonic, let index = topology.index(of: id) else { return }
            place = index
        case .replica(let id):
            guard let index = topology.index(of: id) else { return }
            place = index
            source = LastRead(place: index, incarnation: topology.nodes[index].incarnation)
        }
        guard let connection = connect(worker, to: place) else { return }
        let node = topology.nodes[place]
        guard
            source == nil
                ? node.isPrimary(onConnectionOf: connection.since, reportingStandby: connection.isInRecovery)
                : isAllowed(request, node, place, since: connection.since)
        else { return }
        sessions[session].isBusy = true
        let expected = request.consistency == .global ? lastAcknowledged : nil
        later(
            6,
            .read(
                session: session, node: place, life: connection.life, keeper: workers[worker].lastPrimary,
                source: source, expected: expected))
    }

    private func request(_ session: Int, _ topology: Topology) -> RouteRequest {
        let it = sessions[session]
        var lastRead = it.lastRead
        if mutation == .anyLife, let place = lastRead?.place {
            lastRead?.incarnation = topology.nodes[place].incarnation
        }
        return RouteRequest(
            routeClass: .replicaSafe, floor: mutation == .noFloor ? .none : it.floor,
            globalFloor: mutation == .noGlobalFloor ? .none : globalFloor, consistency: it.consistency, maxLag: .max,
            readFloor: mutation == .noReadFloor ? .none : it.readFloor, lastRead: lastRead)
    }

    /// As workers look at a connection before they use it.
    private func isAllowed(_ request: RouteRequest, _ node: NodeStatus, _ place: Int, since: UInt64) -> Bool {
        switch mutation {
        case .anyConnection, .coverageForEver: true
        case .anyLife where request.consistency == .monotonic: true
        case .none, .floorOfTheLastSample, .floorBeforeTheAcknowledgement, .numberAfterTheAnswer, .anyTimeline,
            .noFloor, .noReadFloor, .anyLife, .noGlobalFloor:
            request.mayUse(node.freshness, at: place, connectedAt: since)
        }
    }

    /// A read must show the session's last commit, unless a failover or crash has lost it.
    private mutating func check(_ session: Int, on node: Int, keeper: NodeID?, expected: Commit?) {
        let isReplica = model.nodes[node].isInRecovery
        if let commit = sessions[session].lastCommit {
            if isReplica { result.coveredReads += 1 }
            check(session, on: node, keeper: keeper, commit, "its commit")
        }
        if let expected {
            if isReplica { result.globalReads += 1 }
            check(session, on: node, keeper: keeper, expected, "another's commit")
        }
        guard sessions[session].consistency == .monotonic else { return }
        if let seen = sessions[session].seen {
            if isReplica { result.monotonicReads += 1 }
            check(session, on: node, keeper: keeper, seen, "what it has read")
        }
        sessions[session].seen = model.nodes[node].newestVisible.map { Commit(id: $0, node: node) }
    }

    private mutating func check(_ session: Int, on node: Int, keeper: NodeID?, _ commit: Commit, _ what: String) {
        let keeper = keeper.map { Int($0.rawValue) } ?? commit.node
        guard model.nodes[keeper].has(commit.id) else {
            result.lostAcknowledged += 1
            return
        }
        guard model.nodes[node].shows(commit.id) else {
            result.violations.append(
                "tick \(tick): session \(session) reads from n\(node) without \(what) \(commit.id), "
                    + "floor \(sessions[session].floor.sample), primary \(keeper)")
            return
        }
    }

    // MARK: The end

    /// Answers go on being late now and then, so it is enough to see the cluster whole once.
    private mutating func conclude() {
        guard !result.recovered, tick.isMultiple(of: 20), let authority = model.authority else { return }
        let topology = machine.snapshot(at: now)
        let replicas = topology.nodes.filter { $0.id != NodeID(Int32(authority)) }
        result.recovered =
            topology.primary == NodeID(Int32(authority))
            && replicas.allSatisfy { $0.isEligibleReplica && $0.coveredSample > 0 && $0.lagNanoseconds != nil }
        result.finalState = "\(topology)"
    }
}
