// Which of the nodes that could answer a read does so, and how does that change?

import Routing
import SQL
import Testing

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
        #expect(request.mayUse(even.nodes[2].freshness, at: 2, connectedAt: 1_000))
        #expect(!request.mayUse(even.nodes[2].freshness, at: 2, connectedAt: 1_001))
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
        let last = 2 + Latency.memory
        #expect(latency.expected(at: last) == latency.nanoseconds)
        #expect(latency.expected(at: last + Latency.memory) == latency.nanoseconds / 4)
        #expect(latency.expected(at: .max) < 10)
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
