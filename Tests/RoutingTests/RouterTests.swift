// Does every batch go where the rules send it?

import Routing
import SQL
import Testing

/// Two replicas (nodes 2 and 3) and a primary (node 1) in the ordinary state; cases change what they need.
private func cluster(_ change: (inout Topology) -> Void = { _ in }) -> Topology {
    var topology = Topology(
        generation: 1,
        nodes: [
            NodeStatus(id: NodeID(1), address: "a:1", role: .primary, isUp: true),
            NodeStatus(
                id: NodeID(2), address: "b:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 10,
                coverageBegan: 1000, lagNanoseconds: 0),
            NodeStatus(
                id: NodeID(3), address: "c:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 8,
                coverageBegan: 1000, lagNanoseconds: 5_000_000_000),
        ],
        primary: NodeID(1), newestSample: 10)
    change(&topology)
    return topology
}

private func decide(
    _ request: RouteRequest, _ topology: Topology = cluster(), _ settings: RoutingSettings = RoutingSettings(),
    outstanding: [Int32] = [0, 0, 0], random: UInt64 = 0
) -> RouteDecision {
    Router.decide(request, topology: topology, settings: settings, outstanding: outstanding.span, random: random)
}

private func settings(_ change: (inout RoutingSettings) -> Void) -> RoutingSettings {
    var settings = RoutingSettings()
    change(&settings)
    return settings
}

private let primary = Target.primary(NodeID(1))
private let second = Target.replica(NodeID(2))
private let third = Target.replica(NodeID(3))

@Suite struct RouterTests {
    // MARK: Class and listener

    struct ClassCase: Sendable, CustomTestStringConvertible {
        var routeClass: RouteClass
        var listener: ListenerKind
        var wantsReplica = false
        var target: Target
        var reason: RouteReason
        var testDescription: String { "\(routeClass) on \(listener), wantsReplica \(wantsReplica)" }
    }

    static let classCases: [ClassCase] = [
        ClassCase(routeClass: .replicaSafe, listener: .split, target: second, reason: .replicaSafe),
        ClassCase(routeClass: .primaryOnlyRead, listener: .split, target: primary, reason: .primaryOnlyRead),
        ClassCase(routeClass: .lockedRead, listener: .split, target: primary, reason: .lockedRead),
        ClassCase(routeClass: .write, listener: .split, target: primary, reason: .write),
        ClassCase(routeClass: .transactionControl, listener: .split, target: primary, reason: .transactionControl),
        ClassCase(routeClass: .sessionState, listener: .split, target: primary, reason: .sessionState),
        ClassCase(
            routeClass: .replicaSafe, listener: .split, wantsReplica: true, target: second, reason: .replicaSafe),
        ClassCase(
            routeClass: .primaryOnlyRead, listener: .split, wantsReplica: true, target: second, reason: .replicaSafe),
        ClassCase(routeClass: .lockedRead, listener: .split, wantsReplica: true, target: primary, reason: .lockedRead),
        ClassCase(routeClass: .write, listener: .split, wantsReplica: true, target: primary, reason: .write),
        ClassCase(
            routeClass: .transactionControl, listener: .split, wantsReplica: true, target: primary,
            reason: .transactionControl),
        ClassCase(
            routeClass: .sessionState, listener: .split, wantsReplica: true, target: primary, reason: .sessionState),
        ClassCase(routeClass: .replicaSafe, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .primaryOnlyRead, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .lockedRead, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .write, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .transactionControl, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .sessionState, listener: .writer, target: primary, reason: .writerPort),
        ClassCase(routeClass: .replicaSafe, listener: .reader, target: second, reason: .readerPort),
        ClassCase(routeClass: .primaryOnlyRead, listener: .reader, target: second, reason: .readerPort),
        ClassCase(
            routeClass: .lockedRead, listener: .reader, target: .refuse(.readerIsReadOnly), reason: .notOnReaderPort),
        ClassCase(routeClass: .write, listener: .reader, target: .refuse(.readerIsReadOnly), reason: .notOnReaderPort),
        ClassCase(routeClass: .transactionControl, listener: .reader, target: second, reason: .readerPort),
        ClassCase(routeClass: .sessionState, listener: .reader, target: second, reason: .readerPort),
    ]

    @Test(arguments: classCases)
    func classAndListener(_ one: ClassCase) {
        let request = RouteRequest(
            routeClass: one.routeClass, maxLag: 1_000_000_000, listener: one.listener, wantsReplica: one.wantsReplica)
        #expect(decide(request) == RouteDecision(target: one.target, reason: one.reason))
    }

    /// What must be on the primary waits when there is none; nothing of it ever goes to a replica.
    @Test(arguments: classCases)
    func withoutPrimary(_ one: ClassCase) {
        let request = RouteRequest(
            routeClass: one.routeClass, maxLag: 1_000_000_000, listener: one.listener, wantsReplica: one.wantsReplica)
        let target = one.target == primary ? .hold(.noPrimary) : one.target
        #expect(decide(request, cluster { $0.primary = nil }) == RouteDecision(target: target, reason: one.reason))
    }

    // MARK: Which replica

    struct ReadCase: Sendable, CustomTestStringConvertible {
        var name: String
        var floor: UInt64 = 0
        var global: UInt64 = 0
        var consistency = Consistency.session
        var maxLag: UInt64 = 10_000_000_000
        var excluded: [Int] = []
        var change: @Sendable (inout Topology) -> Void = { _ in }
        /// Nodes that may be chosen; empty = the primary.
        var replicas: Set<Int32>
        var reason: RouteReason
        var testDescription: String { name }
    }

    static let readCases: [ReadCase] = [
        ReadCase(name: "any replica", replicas: [2, 3], reason: .replicaSafe),
        ReadCase(name: "floor 8", floor: 8, replicas: [2, 3], reason: .replicaCoversFloor),
        ReadCase(name: "floor 9", floor: 9, replicas: [2], reason: .replicaCoversFloor),
        ReadCase(name: "floor 10", floor: 10, replicas: [2], reason: .replicaCoversFloor),
        ReadCase(name: "floor 11", floor: 11, replicas: [], reason: .floorNotCovered),
        ReadCase(
            name: "eventual ignores floors", floor: 11, consistency: .eventual, replicas: [2, 3], reason: .replicaSafe),
        ReadCase(
            name: "monotonic keeps floors", floor: 11, consistency: .monotonic, replicas: [], reason: .floorNotCovered),
        ReadCase(name: "global", global: 9, consistency: .global, replicas: [2], reason: .replicaCoversFloor),
        ReadCase(
            name: "global, own floor higher", floor: 11, global: 1, consistency: .global, replicas: [],
            reason: .floorNotCovered),
        ReadCase(name: "session ignores the global floor", global: 99, replicas: [2, 3], reason: .replicaSafe),
        ReadCase(name: "consistency primary", consistency: .primary, replicas: [], reason: .consistencyPrimary),
        ReadCase(name: "lag at the limit", maxLag: 5_000_000_000, replicas: [2, 3], reason: .replicaSafe),
        ReadCase(name: "lag beyond the limit", maxLag: 4_999_999_999, replicas: [2], reason: .replicaSafe),
        ReadCase(name: "max_lag 0", maxLag: 0, replicas: [2], reason: .replicaSafe),
        ReadCase(
            name: "all too old", maxLag: 1, change: { $0.nodes[1].lagNanoseconds = 2 }, replicas: [],
            reason: .replicasTooOld),
        ReadCase(
            name: "unknown lag", change: { $0.nodes[1].lagNanoseconds = nil }, replicas: [3], reason: .replicaSafe),
        ReadCase(
            name: "unknown lag, any lag allowed", maxLag: .max, change: { $0.nodes[1].lagNanoseconds = nil },
            replicas: [2, 3], reason: .replicaSafe),
        ReadCase(
            name: "unknown lag, eventual", consistency: .eventual,
            change: {
                $0.nodes[1].lagNanoseconds = nil
                $0.nodes[2].lagNanoseconds = nil
            }, replicas: [], reason: .replicasTooOld),
        ReadCase(name: "one excluded", excluded: [1], replicas: [3], reason: .replicaSafe),
        ReadCase(name: "all excluded", excluded: [1, 2], replicas: [], reason: .replicasExcluded),
        ReadCase(
            name: "one ineligible", change: { $0.nodes[2].isEligibleReplica = false }, replicas: [2],
            reason: .replicaSafe),
        ReadCase(
            name: "none eligible",
            change: {
                $0.nodes[1].isEligibleReplica = false
                $0.nodes[2].isEligibleReplica = false
            }, replicas: [], reason: .noReplicaUp),
        ReadCase(
            name: "the covering one lags too much", floor: 10, maxLag: 5_000_000_000,
            change: { $0.nodes[1].lagNanoseconds = 6_000_000_000 }, replicas: [], reason: .floorNotCovered),
        ReadCase(
            name: "no samples yet",
            change: {
                $0.newestSample = 0
                $0.nodes[1].coveredSample = 0
                $0.nodes[2].coveredSample = 0
                $0.nodes[1].lagNanoseconds = nil
                $0.nodes[2].lagNanoseconds = nil
            }, replicas: [], reason: .replicasTooOld),
        ReadCase(name: "nodes unknown", change: { $0.nodes.removeSubrange(1...) }, replicas: [], reason: .noReplicaUp),
    ]

    @Test(arguments: readCases, LoadBalance.allCases)
    func reads(_ one: ReadCase, balance: LoadBalance) {
        var excluded = NodeSet()
        for index in one.excluded { excluded.insert(index) }
        let request = RouteRequest(
            routeClass: .replicaSafe, floor: Floor(sample: one.floor), globalFloor: Floor(sample: one.global),
            consistency: one.consistency, maxLag: one.maxLag, excluded: excluded)
        let topology = cluster(one.change)
        var chosen: Set<Int32> = []
        for turn in 0..<16 as Range<UInt64> {
            let random = balance == .roundRobin ? turn : turn << 60 | (turn ^ 5) << 28
            let decision = decide(request, topology, settings { $0.loadBalance = balance }, random: random)
            #expect(decision.reason == one.reason)
            switch decision.target {
            case .replica(let node): chosen.insert(node.rawValue)
            case .primary(let node): #expect(node == NodeID(1) && one.replicas.isEmpty)
            case .hold, .refuse: Issue.record("\(decision)")
            }
        }
        #expect(chosen == one.replicas)
    }

    // MARK: Fallbacks

    struct FallbackCase: Sendable, CustomTestStringConvertible {
        var listener = ListenerKind.split
        var fallback = ReadFallback.primary
        var afterWrite = AfterWrite.primary
        var floor: UInt64 = 0
        var maxLag: UInt64 = 0
        var waitedFor: HoldReason?
        var hasPrimary = true
        var target: Target
        var testDescription: String {
            "\(listener) \(fallback) \(afterWrite) floor \(floor) waited \(String(describing: waitedFor)) \(hasPrimary)"
        }
    }

    /// Replicas lag by 1 ns; a floor above 10 is covered by none.
    static let fallbackCases: [FallbackCase] = [
        FallbackCase(target: primary),
        FallbackCase(fallback: .wait, target: .hold(.noReplica)),
        FallbackCase(fallback: .wait, waitedFor: .noReplica, target: .refuse(.noReplica)),
        FallbackCase(fallback: .wait, waitedFor: .floorNotCovered, target: .hold(.noReplica)),
        FallbackCase(fallback: .error, target: .refuse(.noReplica)),
        FallbackCase(hasPrimary: false, target: .hold(.noPrimary)),
        FallbackCase(fallback: .error, hasPrimary: false, target: .refuse(.noReplica)),
        FallbackCase(listener: .reader, target: primary),
        FallbackCase(listener: .reader, fallback: .wait, target: .hold(.noReplica)),
        FallbackCase(listener: .reader, fallback: .error, target: .refuse(.noReplica)),
        FallbackCase(listener: .reader, hasPrimary: false, target: .hold(.noPrimary)),
        FallbackCase(floor: 11, maxLag: 9, target: primary),
        FallbackCase(fallback: .error, floor: 11, maxLag: 9, target: primary),
        FallbackCase(afterWrite: .wait, floor: 11, maxLag: 9, target: .hold(.floorNotCovered)),
        FallbackCase(afterWrite: .wait, floor: 11, maxLag: 9, waitedFor: .floorNotCovered, target: primary),
        FallbackCase(afterWrite: .wait, floor: 11, maxLag: 9, waitedFor: .noReplica, target: .hold(.floorNotCovered)),
        FallbackCase(floor: 11, maxLag: 9, hasPrimary: false, target: .hold(.noPrimary)),
        FallbackCase(
            afterWrite: .wait, floor: 11, maxLag: 9, waitedFor: .floorNotCovered, hasPrimary: false,
            target: .hold(.noPrimary)),
    ]

    @Test(arguments: fallbackCases)
    func fallbacks(_ one: FallbackCase) {
        let request = RouteRequest(
            routeClass: .replicaSafe, floor: Floor(sample: one.floor), maxLag: one.maxLag, listener: one.listener,
            waitedFor: one.waitedFor)
        let topology = cluster {
            $0.nodes[1].lagNanoseconds = 1
            $0.nodes[2].lagNanoseconds = 1
            if !one.hasPrimary { $0.primary = nil }
        }
        let settings = settings {
            // The other port's fallback must not matter.
            $0.readFallback = one.listener == .split ? one.fallback : .error
            $0.readerFallback = one.listener == .reader ? one.fallback : .error
            $0.afterWrite = one.afterWrite
        }
        #expect(decide(request, topology, settings).target == one.target)
    }

    // MARK: Balance

    private func shares(
        _ balance: LoadBalance, weights: [Int], outstanding: [Int32], rounds: Int = 6000
    ) -> [Double] {
        var topology = cluster()
        topology.nodes.append(topology.nodes[1])
        topology.nodes[3].id = NodeID(4)
        for index in 1...3 {
            topology.nodes[index].share = weights[index - 1] * NodeStatus.fullShare
            topology.nodes[index].lagNanoseconds = 0
        }
        var generator = SplitMix(seed: 1)
        var counts = [0.0, 0.0, 0.0]
        for round in 0..<rounds {
            let random = balance == .roundRobin ? UInt64(round) : generator.next()
            let decision = decide(
                RouteRequest(routeClass: .replicaSafe), topology, settings { $0.loadBalance = balance },
                outstanding: [0] + outstanding, random: random)
            guard case .replica(let node) = decision.target else { continue }
            counts[Int(node.rawValue) - 2] += 1 / Double(rounds)
        }
        return counts
    }

    private func expectShares(_ found: [Double], _ expected: [Double], within margin: Double = 0.03) {
        for (one, other) in zip(found, expected) { #expect(abs(one - other) <= margin, "\(found) is not \(expected)") }
    }

    @Test func sharesFollowWeights() {
        expectShares(
            shares(.roundRobin, weights: [1, 2, 3], outstanding: [9, 0, 0]), [1 / 6, 2 / 6, 3 / 6], within: 0.001)
        expectShares(shares(.random, weights: [1, 2, 3], outstanding: [9, 0, 0]), [1 / 6, 2 / 6, 3 / 6])
        expectShares(shares(.leastOutstanding, weights: [1, 1, 1], outstanding: [0, 0, 0]), [1 / 3, 1 / 3, 1 / 3])
        expectShares(shares(.leastOutstanding, weights: [1, 2, 3], outstanding: [0, 0, 0]), [1 / 6, 2 / 6, 3 / 6])
    }

    @Test func theBusierOfTwoIsSpared() {
        // The busiest is never taken, the idlest whenever it is one of the two drawn.
        expectShares(shares(.leastOutstanding, weights: [1, 1, 1], outstanding: [5, 3, 1]), [0, 1 / 3, 2 / 3])
        // 6 ÷ 3 is less than 3 ÷ 1.
        let weighted = shares(.leastOutstanding, weights: [1, 3, 1], outstanding: [3, 6, 100])
        #expect(weighted[2] == 0)
        #expect(weighted[1] > weighted[0])
    }

    @Test func oddInputs() {
        // Fewer counts than nodes, negative counts, absurd weights: no trap.
        let request = RouteRequest(routeClass: .replicaSafe)
        for random in [0, 1, UInt64.max, UInt64.max >> 32, UInt64.max << 32] {
            for weight in [Int.min, 0, 1, Int.max] {
                let topology = cluster { $0.nodes[1].weight = weight }
                for outstanding in [[], [Int32.min, .min, .min], [.max, .max, .max]] as [[Int32]] {
                    let decision = decide(request, topology, outstanding: outstanding, random: random)
                    #expect(decision.target == second || decision.target == third)
                }
            }
        }
    }

    @Test func sixtyFourNodes() {
        let nodes = (0..<64).map { number in
            NodeStatus(
                id: NodeID(Int32(number)), address: "n\(number):1", role: .replica, isUp: true, isEligibleReplica: true,
                coveredSample: UInt64(number), lagNanoseconds: 0)
        }
        let topology = Topology(nodes: nodes, newestSample: 63)
        let decision = decide(RouteRequest(routeClass: .replicaSafe, floor: Floor(sample: 63)), topology, random: .max)
        #expect(decision == RouteDecision(target: .replica(NodeID(63)), reason: .replicaCoversFloor))
    }

    @Test func everyReasonIsASentence() {
        let texts =
            RouteReason.allCases.map(\.description) + HoldReason.allCases.map(\.description)
            + RefuseReason.allCases.map(\.description) + ProbeFailure.allCases.map(\.description)
        #expect(texts.allSatisfy { $0.contains(" ") })
        #expect(Set(RouteReason.allCases.map(\.description)).count == RouteReason.allCases.count)
    }

    /// A server connection made after the probe was sent may lead to a life of the node that knows less.
    @Test(arguments: [(0, 2000, true), (10, 999, true), (10, 1000, true), (10, 1001, false), (11, 5, false)])
    func coverageNeedsAnOlderConnection(floor: UInt64, connectedAt: UInt64, expected: Bool) {
        #expect(cluster().nodes[1].covers(Floor(sample: floor), connectedAt: connectedAt) == expected)
    }
}

@Suite struct ReplicaChoiceTests {
    private func counts(
        _ topology: Topology, _ settings: RoutingSettings, outstanding: [Int32] = [0, 0, 0], latency: [UInt64] = [],
        request: RouteRequest = RouteRequest(routeClass: .replicaSafe)
    ) -> [Int] {
        var generator = SplitMix(seed: 3)
        var counts = [0, 0, 0]
        for _ in 0..<3_000 {
            let decision = Router.decide(
                request, topology: topology, settings: settings, outstanding: outstanding.span, latency: latency.span,
                random: generator.next())
            switch decision.target {
            case .replica(let id), .primary(let id): counts[Int(id.rawValue) - 1] += 1
            case .hold, .refuse: break
            }
        }
        return counts
    }

    private var even: Topology { cluster { $0.nodes[2].lagNanoseconds = 0 } }

    @Test func thePrimaryTakesItsShare() {
        let always = settings { $0.primaryReads = .always }
        let found = counts(even, always)
        #expect(found.allSatisfy { abs($0 - 1_000) < 120 }, "\(found)")
        // Not on the reader port, and not when there is no primary.
        #expect(counts(even, always, request: RouteRequest(routeClass: .replicaSafe, listener: .reader))[0] == 0)
        var headless = even
        headless.primary = nil
        #expect(counts(headless, always)[0] == 0)
    }

    @Test func thePrimaryTakesNone() {
        let never = settings { $0.primaryReads = .never }
        let request = RouteRequest(routeClass: .replicaSafe, floor: Floor(sample: 11))
        #expect(decide(request, even, never).target == .hold(.noReplica))
        var patient = request
        patient.waitedFor = .noReplica
        #expect(decide(patient, even, never).target == .refuse(.noReplica))
        #expect(decide(RouteRequest(routeClass: .write), even, never).target == primary)
        let down = cluster { for index in 1...2 { $0.nodes[index].isEligibleReplica = false } }
        #expect(decide(RouteRequest(routeClass: .replicaSafe), down, never).target == .hold(.noReplica))
    }

    @Test func nearNodesFirst() {
        let far = cluster {
            $0.nodes[2].lagNanoseconds = 0
            $0.nodes[2].isNear = false
        }
        let choice = RoutingSettings()
        #expect(counts(far, choice) == [0, 3_000, 0])
        #expect(counts(far, choice, outstanding: [0, 8, 0]) == [0, 3_000, 0])
        // Enough is enough.
        #expect(counts(far, choice, outstanding: [0, 20, 5]) == [0, 0, 3_000])
        #expect(counts(far, choice, outstanding: [0, 20, 11]) == [0, 3_000, 0])
        var gone = far
        gone.nodes[1].isEligibleReplica = false
        #expect(counts(gone, choice) == [0, 0, 3_000])
    }

    @Test func theFasterOfTwo() {
        let latency = settings { $0.loadBalance = .latency }
        #expect(counts(even, latency, latency: [0, 5_000_000, 1_000_000]) == [0, 0, 3_000])
        // Six at a time on the fast one take longer than one on the slow one.
        #expect(counts(even, latency, outstanding: [0, 0, 5], latency: [0, 5_000_000, 1_000_000]) == [0, 3_000, 0])
        // One that has answered nothing yet is tried.
        #expect(counts(even, latency, latency: [0, 0, 1_000_000]) == [0, 3_000, 0])
    }

    @Test func aShareThatIsLess() {
        let slow = cluster {
            $0.nodes[2].lagNanoseconds = 0
            $0.nodes[2].share = 4
        }
        let found = counts(slow, settings { $0.loadBalance = .random })
        #expect(abs(found[2] - 600) < 120, "\(found)")
    }

    @Test func equalNodesTakeTurns() {
        let inTurn = settings { $0.loadBalance = .roundRobin }
        let chosen = (0..<6).map { decide(RouteRequest(routeClass: .replicaSafe), even, inTurn, random: $0).target }
        #expect(chosen == [second, third, second, third, second, third])
    }

    // MARK: Monotonic

    @Test func theReplicaThatWasReadFromStaysGood() {
        let last = LastRead(place: 2, incarnation: 0)
        let request = RouteRequest(
            routeClass: .replicaSafe, consistency: .monotonic, readFloor: Floor(sample: 11), lastRead: last)
        #expect(decide(request, even) == RouteDecision(target: third, reason: .replicaReadBefore))
        // In another life it has forgotten what it showed.
        var reborn = even
        reborn.nodes[2].incarnation = 1
        #expect(decide(request, reborn) == RouteDecision(target: primary, reason: .floorNotCovered))
        // Another one that has all of it will do.
        reborn.nodes[1].coveredSample = 11
        #expect(decide(request, reborn) == RouteDecision(target: second, reason: .replicaCoversFloor))
        // What the session has written must be there in any case.
        var writer = request
        writer.floor = Floor(sample: 9)
        #expect(decide(writer, even).target == primary)
        #expect(request.mayUse(even.nodes[2], at: 2, connectedAt: 1_000))
        #expect(!request.mayUse(even.nodes[2], at: 2, connectedAt: 1_001))
    }

    // MARK: Latency, slow nodes and slow starts

    @Test func latencyIsThePeakOfLate() {
        var latency = Latency()
        latency.note(1_000, at: 0)
        #expect(latency.nanoseconds == 1_000)
        latency.note(9_000, at: 1)
        #expect(latency.nanoseconds == 9_000)
        latency.note(1_000, at: 2)
        #expect(latency.nanoseconds > 8_000 && latency.nanoseconds < 9_000)
        latency.note(1_000, at: 2 + Latency.memory)
        #expect(latency.nanoseconds < 3_500)
        for turn in 0..<2_000 as Range<UInt64> { latency.note(1_000, at: 3 + Latency.memory + turn) }
        #expect(latency.nanoseconds < 1_100)
    }

    @Test func aNodeComesUpSlowly() {
        var machine = ClusterMachine(nodes: [NodeDefinition(id: NodeID(1), address: "a:1", weight: 2)])
        func answer(_ sample: UInt64, sentAt: UInt64, at now: UInt64) {
            let probe = Probe(node: NodeID(1), sample: sample, sentAt: sentAt)
            machine.probeStarted(probe)
            machine.probeSucceeded(
                probe,
                ProbeReport(
                    isInRecovery: false, insertLSN: LSN(8_000), flushLSN: LSN(8_000), timeline: 1, lowestTimeline: 1,
                    systemIdentifier: 1, postmasterStartTime: 1), at: now)
        }
        let second: UInt64 = 1_000_000_000
        #expect(machine.snapshot(at: 0).nodes[0].health == .down)
        answer(1, sentAt: second, at: second)
        #expect(machine.snapshot(at: second).nodes[0].share == 1)
        answer(2, sentAt: 6 * second, at: 6 * second)
        #expect(machine.snapshot(at: 6 * second).nodes[0].share == NodeStatus.fullShare)
        answer(3, sentAt: 20 * second, at: 20 * second)
        #expect(machine.snapshot(at: 20 * second).nodes[0].share == 2 * NodeStatus.fullShare)
        #expect(machine.snapshot(at: 20 * second).nodes[0].health == .healthy)
        // A late answer.
        answer(4, sentAt: 21 * second, at: 21 * second + second / 2)
        #expect(machine.snapshot(at: 22 * second).nodes[0].health == .slow)
        #expect(machine.snapshot(at: 22 * second).nodes[0].share == NodeStatus.fullShare / 2)
        machine.probeFailed(NodeID(1), .refused, at: 23 * second)
        #expect(machine.snapshot(at: 23 * second).nodes[0].health == .down)
        answer(5, sentAt: 24 * second, at: 24 * second)
        #expect(machine.snapshot(at: 24 * second).nodes[0].share == 1)
    }
}
