// Is the right node the primary, and is every other writable node kept from harm?

import Testing

@testable import Routing

@Suite struct ElectionTests {
    private func node(_ id: Int32) -> NodeID { NodeID(id) }

    @Test func ordinaryStart() {
        var cluster = ScriptedCluster(3)
        #expect(cluster.topology.primary == nil)
        #expect(cluster.topology.nodes.map(\.ineligibleReason) == [.notProbedYet, .notProbedYet, .notProbedYet])
        cluster.primary(1, 5000)
        #expect(cluster.topology.primary == nil, "the choice waits until every node was heard")
        cluster.replica(2, 5000)
        cluster.fail(3, .timedOut)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.topology.nodes.map(\.role) == [.primary, .replica, .unknown])
        #expect(cluster.topology.nodes.map(\.isUp) == [true, true, false])
        #expect(
            cluster.news() == [
                .nodeUp(node(1), isInRecovery: false), .nodeUp(node(2), isInRecovery: true),
                .primaryChanged(from: nil, to: node(1), timeline: 1),
            ])
        cluster.primary(1, 5000)
        cluster.replica(2, 5000)
        #expect(cluster.news() == [], "nothing changed, nothing is told")
    }

    @Test func onlyReplicas() {
        var cluster = ScriptedCluster(2)
        cluster.replica(1, 5000)
        cluster.replica(2, 5000)
        #expect(cluster.topology.primary == nil)
        #expect(cluster.topology.nodes.allSatisfy { $0.isEligibleReplica && $0.lagNanoseconds == nil })
    }

    private func started(_ count: Int32 = 3) -> ScriptedCluster {
        var cluster = ScriptedCluster(count)
        cluster.primary(1, 5000)
        for other in 2...count { cluster.replica(other, 5000) }
        cluster.primary(1, 5000)
        for other in 2...count { cluster.replica(other, 5000) }
        _ = cluster.news()
        return cluster
    }

    @Test(arguments: [
        (ProbeFailure.refused, 1), (.notAccepting, 1), (.lost, 2), (.timedOut, 2), (.unreachable, 2),
        (.loginRefused, 2),
        (.questionFailed, 2), (.nameNotResolved, 2),
    ])
    func primaryGoesDown(failure: ProbeFailure, count: Int) {
        var cluster = started()
        for round in 1...count {
            #expect(cluster.topology.primary == node(1))
            cluster.fail(1, failure)
            #expect(cluster.status(1).isUp == (round < count))
        }
        #expect(cluster.topology.primary == nil)
        #expect(cluster.status(1).role == .unknown)
        #expect(cluster.news() == [.nodeDown(node(1), failure), .primaryLost(node(1))])
        cluster.fail(1, failure)
        #expect(cluster.news() == [])
        cluster.primary(1, 5000)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.news() == [.nodeUp(node(1), isInRecovery: false), .primaryReturned(node(1))])
    }

    @Test func oneMissedAnswerIsNoLoss() {
        var cluster = started()
        cluster.fail(1, .timedOut)
        cluster.primary(1, 5000)
        cluster.fail(1, .timedOut)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.news() == [])
    }

    @Test func promotionAfterLoss() {
        var cluster = started()
        cluster.fail(1)
        cluster.primary(2, 5100, timeline: 2)
        #expect(cluster.topology.primary == node(2))
        #expect(cluster.status(2).timeline == 2)
        #expect(cluster.status(3).ineligibleReason == .otherTimeline)
        #expect(
            cluster.news() == [
                .nodeDown(node(1), .refused), .primaryLost(node(1)),
                .primaryChanged(from: node(1), to: node(2), timeline: 2),
            ])
        cluster.replica(3, 5100, timeline: 2)
        #expect(cluster.status(3).isEligibleReplica)
        // The old primary comes back as it was, even with a higher position: it gets nothing.
        cluster.primary(1, 9000)
        #expect(cluster.topology.primary == node(2))
        #expect(cluster.status(1).role == .fenced)
        #expect(cluster.status(1).ineligibleReason == .fenced)
        #expect(cluster.news() == [.nodeUp(node(1), isInRecovery: false), .fenced(node(1), timeline: 1)])
        cluster.primary(1, 9100)
        #expect(cluster.news() == [])
        // The new one fails: the fenced one is no substitute.
        cluster.fail(2)
        cluster.primary(1, 9200)
        #expect(cluster.topology.primary == nil)
        _ = cluster.news()
        // As a replica of the current lineage it is welcome.
        cluster.primary(2, 5200, timeline: 2)
        cluster.replica(1, 5200, timeline: 2)
        #expect(cluster.status(1).isEligibleReplica)
        #expect(
            cluster.news() == [
                .nodeUp(node(2), isInRecovery: false), .primaryReturned(node(2)), .becameReplica(node(1)),
            ])
    }

    @Test func promotionWhileTheOldOneAnswers() {
        var cluster = started()
        cluster.primary(3, 5100, timeline: 2)
        #expect(cluster.topology.primary == node(3))
        #expect(cluster.status(1).role == .fenced)
        #expect(
            cluster.news()
                == [
                    .fenced(node(1), timeline: 1), .primaryChanged(from: node(1), to: node(3), timeline: 2),
                ].reversed())
        cluster.primary(1, 99_000)
        #expect(cluster.topology.primary == node(3))
    }

    @Test func nobodyTakesOfficeWithoutAnswering() {
        var cluster = ScriptedCluster(2)
        cluster.primary(1, 5000)
        cluster.fail(1, .timedOut)
        cluster.replica(2, 5000)
        #expect(cluster.topology.primary == nil)
        cluster.primary(1, 5000)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.news().filter { if case .primaryChanged = $0 { true } else { false } }.count == 1)
    }

    @Test func switchover() {
        var cluster = started()
        cluster.fail(1, .notAccepting)
        cluster.primary(2, 5100, timeline: 2)
        cluster.replica(1, 5100, timeline: 2)
        cluster.fail(2, .notAccepting)
        cluster.primary(1, 5200, timeline: 3)
        cluster.replica(2, 5200, timeline: 3)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.topology.nodes.map(\.role) == [.primary, .replica, .replica])
        #expect(cluster.status(2).isEligibleReplica)
    }

    @Test func twoOfOneTimeline() {
        // The incumbent stays.
        var cluster = started()
        cluster.primary(2, 9999)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.news() == [.fenced(node(2), timeline: 1)])
        // Also when it is gone: the other one lost already.
        cluster.fail(1)
        #expect(cluster.topology.primary == nil)
        cluster.primary(2, 9999)
        #expect(cluster.topology.primary == nil)
    }

    @Test func oneServerUnderTwoAddresses() {
        var cluster = ScriptedCluster(2)
        cluster.primary(2, 5000)
        cluster.primary(1, 5000)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.status(2).role == .fenced)
    }

    @Test func twoPromotedAtOnce() {
        var cluster = ScriptedCluster(3)
        cluster.started = [2: 2, 3: 3]
        cluster.primary(2, 5000, timeline: 2)
        cluster.primary(3, 6000, timeline: 2)
        cluster.fail(1)
        #expect(cluster.topology.primary == nil)
        #expect(cluster.topology.nodes.map(\.role) == [.unknown, .fenced, .fenced])
        #expect(cluster.news().last == .contested([node(2), node(3)], timeline: 2, lost: nil))
        cluster.primary(2, 5000, timeline: 2)
        #expect(cluster.news() == [])
        // One is stopped: the other one is the primary.
        cluster.fail(3)
        #expect(cluster.topology.primary == node(2))
        #expect(
            cluster.news() == [.nodeDown(node(3), .refused), .primaryChanged(from: nil, to: node(2), timeline: 2)])
        cluster.primary(3, 7000, timeline: 2)
        #expect(cluster.status(3).role == .fenced)
    }

    /// A split brain that was ended in favour of the node that had lost here.
    @Test func theIncumbentFollowsItsTwin() {
        var cluster = started()
        cluster.fail(1)
        cluster.primary(2, 6000, timeline: 2)
        cluster.primary(3, 6000, timeline: 2)
        #expect(cluster.status(3).role == .fenced)
        cluster.started[2] = 1
        cluster.replica(2, 6000, timeline: nil, lowest: 2)
        #expect(cluster.topology.primary == nil, "that it was demoted does not tell in whose favour")
        cluster.replica(2, 6000, timeline: 2, sender: "n9:5432")
        #expect(cluster.topology.primary == nil)
        cluster.replica(2, 6000, timeline: 2, sender: "n3:5432")
        #expect(cluster.topology.primary == node(3))
        cluster.primary(3, 6000, timeline: 2)
        cluster.replica(2, 6000, timeline: 2, sender: "n3:5432")
        #expect(cluster.status(2).isEligibleReplica)
        #expect(cluster.status(2).coveredSample > 0)
    }

    @Test func twinOfALostIncumbent() {
        var cluster = started()
        cluster.fail(1, .timedOut)
        cluster.fail(1, .timedOut)
        _ = cluster.news()
        cluster.primary(2, 9999)
        #expect(cluster.topology.primary == nil, "the incumbent may still take writes somewhere")
        #expect(cluster.status(2).role == .fenced)
        #expect(cluster.news() == [.contested([node(2)], timeline: 1, lost: node(1))])
        // The incumbent turns out to be a replica: it has no claim.
        cluster.replica(1, 5000)
        #expect(cluster.topology.primary == node(2))
    }

    @Test func fencedNodeOnANewTimeline() {
        var cluster = started()
        cluster.primary(2, 9999)
        #expect(cluster.status(2).role == .fenced)
        cluster.primary(2, 9999, timeline: 2)
        #expect(cluster.topology.primary == node(2))
        #expect(cluster.status(1).role == .fenced)
    }

    @Test func foreignSystem() {
        var cluster = ScriptedCluster(3)
        cluster.system = [3: 8]
        cluster.replica(3, 5000, timeline: 9, lowest: 9)
        cluster.primary(1, 5000)
        cluster.replica(2, 5000)
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.status(3).ineligibleReason == .foreignSystem)
        #expect(cluster.status(3).role == .unknown)
        #expect(cluster.news().contains(.foreignSystem(node(3), found: 8, expected: 7)))
        cluster.primary(3, 5000, timeline: 9)
        #expect(cluster.topology.primary == node(1), "a foreign timeline says nothing")
        #expect(cluster.news() == [])
        // Rebuilt from the primary.
        cluster.system = [:]
        cluster.started = [3: 1]
        cluster.replica(3, 5000)
        #expect(cluster.status(3).isEligibleReplica)
    }

    @Test(arguments: [([1: 8], 2), ([3: 8], 1), ([1: 8, 2: 9], 1)] as [([Int32: UInt64], Int32)])
    func systemOfTheMost(systems: [Int32: UInt64], expected: Int32) {
        var cluster = ScriptedCluster(3)
        cluster.system = systems
        for id in 1...3 as ClosedRange<Int32> { cluster.primary(id, 5000, timeline: UInt32(10 - id)) }
        #expect(cluster.topology.primary == node(expected))
    }

    @Test func lateAnswers() {
        var cluster = started()
        // An answer from before the loss of the connection says nothing about now.
        let old = cluster.begin(1)
        cluster.fail(1)
        cluster.answer(old, cluster.writable(1, 5000))
        #expect(cluster.topology.primary == nil)
        // Overtaken answers.
        cluster.primary(1, 5000)
        let first = cluster.begin(2)
        let second = cluster.begin(2)
        cluster.answer(second, cluster.writable(2, 5100, timeline: 2))
        cluster.answer(first, cluster.standby(2, 5000))
        #expect(cluster.topology.primary == node(2))
        // The same answer twice.
        let before = cluster.machine
        cluster.answer(second, cluster.standby(2, 5000))
        #expect(cluster.machine == before)
        // Nodes that nobody configured.
        cluster.machine.probeSucceeded(
            Probe(node: node(9), sample: 999, sentAt: 1), cluster.writable(9, 1, timeline: 99), at: cluster.now)
        cluster.machine.probeFailed(node(9), .refused, at: cluster.now)
        cluster.machine.connectionLost(node(9))
        #expect(cluster.topology.primary == node(2))
    }

    @Test func nonsenseIsAFailure() {
        var cluster = started()
        var report = cluster.writable(1, 5000)
        report.insertLSN = nil
        for _ in 1...2 {
            let probe = cluster.begin(1)
            cluster.answer(probe, report)
        }
        #expect(cluster.topology.primary == nil)
        #expect(cluster.status(1).ineligibleReason == .failed(.questionFailed))
    }

    @Test func lostWritesAreTold() {
        var cluster = started()
        let kept = cluster.topology.newestSample
        cluster.primary(1, 8000)
        #expect(cluster.topology.newestSample > kept && cluster.topology.lostWrites == nil)
        cluster.fail(1)
        _ = cluster.news()
        cluster.primary(2, 5100, timeline: 2)
        #expect(cluster.news().contains(.writesLost(behind: LSN(5100), until: LSN(8000))))
        #expect(cluster.topology.lostWrites == LostWrites(timeline: 2, after: kept))
        // The next change loses nothing.
        cluster.fail(2)
        cluster.primary(1, 9000, timeline: 3)
        #expect(cluster.topology.primary == NodeID(1) && cluster.topology.lostWrites == nil)
    }

    @Test func eventsAreSentences() {
        let events: [ClusterEvent] = [
            .nodeUp(node(1), isInRecovery: true), .nodeDown(node(1), .lost), .nodeRestarted(node(1)),
            .becameReplica(node(1)), .primaryChanged(from: nil, to: node(1), timeline: 1),
            .primaryChanged(from: node(1), to: node(1), timeline: 2),
            .primaryChanged(from: node(1), to: node(2), timeline: 2), .primaryLost(node(1)), .primaryReturned(node(1)),
            .fenced(node(1), timeline: 1), .contested([node(1), node(2)], timeline: 1, lost: nil),
            .contested([node(1)], timeline: 1, lost: node(2)), .foreignSystem(node(1), found: 1, expected: 2),
            .missingPrivilege(node(1)), .logWentBack(node(1), from: LSN(2), to: LSN(1)),
            .writesLost(behind: LSN(1), until: LSN(2)),
        ]
        let texts = events.map { $0.text { "host\($0.rawValue)" } }
        #expect(Set(texts).count == events.count)
        #expect(texts.allSatisfy { $0.contains("host") || $0.contains("primary") })
    }
}
