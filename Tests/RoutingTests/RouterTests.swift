// Does every batch go where the rules send it?

import Routing
import SQL
import Testing

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

    // MARK: Advice

    @Test func adviceGoesToThePrimaryAndIsCounted() {
        let advise = settings { $0.mode = .advise }
        #expect(
            decide(RouteRequest(routeClass: .replicaSafe), cluster(), advise)
                == RouteDecision(target: primary, reason: .advised))
        #expect(
            decide(RouteRequest(routeClass: .write), cluster(), advise)
                == RouteDecision(target: primary, reason: .write))
        let behind = RouteRequest(routeClass: .replicaSafe, floor: Floor(sample: 11))
        let waiting = settings { ($0.mode, $0.afterWrite) = (.advise, .wait) }
        #expect(decide(behind, cluster(), waiting) == RouteDecision(target: primary, reason: .floorNotCovered))
        let strict = settings { ($0.mode, $0.readFallback) = (.advise, .error) }
        let none = cluster { $0.nodes[1].isEligibleReplica = false; $0.nodes[2].isEligibleReplica = false }
        #expect(
            decide(RouteRequest(routeClass: .replicaSafe), none, strict)
                == RouteDecision(target: primary, reason: .noReplicaUp))
        let lost = cluster { $0.primary = nil }
        #expect(decide(RouteRequest(routeClass: .replicaSafe), lost, advise).target == .hold(.noPrimary))
        #expect(decide(RouteRequest(routeClass: .replicaSafe, listener: .reader), cluster(), advise).target == second)
    }

    // MARK: Verdicts

    /// What is said of the nodes is what decides: a read goes to a node that is eligible, if there is one.
    @Test func verdictsAgreeWithDecisions() {
        for floor in [0, 8, 9, 10, 11] as [UInt64] {
            for maxLag in [0, 1_000_000_000, 10_000_000_000] as [UInt64] {
                for places in [[], [1], [1, 2]] {
                    var excluded = NodeSet()
                    for place in places { excluded.insert(place) }
                    let request = RouteRequest(
                        routeClass: .replicaSafe, floor: Floor(sample: floor), maxLag: maxLag, excluded: excluded)
                    let verdicts = Router.verdicts(request, topology: cluster())
                    #expect(verdicts[0] == .primary)
                    let eligible = verdicts.indices.filter { verdicts[$0] == .eligible }
                    for random in [0, UInt64.max] {
                        switch decide(request, random: random).target {
                        case .replica(let id): #expect(eligible.contains(Int(id.rawValue) - 1))
                        case .primary, .hold, .refuse: #expect(eligible == [])
                        }
                    }
                }
            }
        }
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
        #expect(cluster().nodes[1].freshness.covers(Floor(sample: floor), connectedAt: connectedAt) == expected)
    }
}
