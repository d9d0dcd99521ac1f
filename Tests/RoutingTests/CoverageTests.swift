// Does the machine say what a replica has replayed, never more, and how old its data are?

import Testing

@testable import Routing

@Suite struct CoverageTests {
    private let second: UInt64 = 1_000_000_000

    /// Node 1 is the primary at 5000, nodes 2 and 3 have replayed that; the next sample is number 7.
    private func started() -> ScriptedCluster {
        var cluster = ScriptedCluster(3)
        for _ in 1...2 {
            cluster.primary(1, 5000)
            cluster.replica(2, 5000)
            cluster.replica(3, 5000)
        }
        _ = cluster.news()
        return cluster
    }

    @Test func samplesAndReplay() {
        var cluster = started()
        #expect(cluster.topology.newestSample == 4)
        #expect(cluster.status(2).coveredSample == 4)
        cluster.primary(1, 6000)  // 7
        cluster.replica(2, 5999)
        cluster.replica(3, 6000)
        #expect(cluster.status(2).coveredSample == 4)
        #expect(cluster.status(3).coveredSample == 7)
        cluster.primary(1, 7000)  // 10
        cluster.primary(1, 8000)  // 11
        #expect(cluster.status(3).coveredSample == 7)
        cluster.replica(2, 7999)  // 12
        #expect(cluster.status(2).coveredSample == 10)
        #expect(cluster.topology.newestSample == 11)
    }

    @Test func coverageBeganWhenTheProbeWasSent() {
        var cluster = started()
        let sent = cluster.now
        let probe = cluster.begin(2)
        cluster.wait(300)
        cluster.answer(probe, cluster.standby(2, 5000))
        #expect(cluster.status(2).coverageBegan == sent)
    }

    @Test func aSampleMayComeAfterTheReplay() {
        var cluster = started()
        cluster.replica(2, 6000)
        #expect(cluster.status(2).coveredSample == 4)
        cluster.primary(1, 6000)
        #expect(cluster.status(2).coveredSample == 8)
    }

    /// Idle primaries stand behind a page or segment header; the replay stands before it.
    @Test(arguments: [(0x400_2018, 0x400_2000), (0x400_0028, 0x400_0000)] as [(UInt64, UInt64)])
    func headers(insert: UInt64, replay: UInt64) {
        var cluster = started()
        cluster.primary(1, insert)
        cluster.replica(2, replay)
        cluster.replica(3, replay - 1)
        #expect(cluster.status(2).coveredSample == 7)
        #expect(cluster.status(3).coveredSample == 4)
    }

    @Test func aLogThatStaysInMemory() {
        var cluster = started()
        cluster.primary(1, 6000, flushed: 5500)  // 7
        cluster.replica(2, 5400)
        func needsFlush(_ sample: UInt64 = 7) -> Bool { cluster.machine.needsFlush(for: sample, at: cluster.now) }
        func waitAndAsk() -> Bool {
            cluster.wait(300)
            return needsFlush()
        }
        #expect(!needsFlush())
        #expect(!waitAndAsk(), "the replica has not even what is flushed")
        cluster.replica(2, 5500)
        #expect(!needsFlush())
        cluster.wait(299)
        #expect(!needsFlush(), "it may be flushed without a plea")
        cluster.wait(1)
        #expect(needsFlush())
        #expect(!waitAndAsk(), "each plea costs")
        cluster.wait(700)
        #expect(needsFlush(), "it was not heard")
        cluster.primary(1, 7000, flushed: 6000)
        cluster.replica(2, 6000)
        #expect(!waitAndAsk(), "nobody waits for a later sample")
        #expect(!needsFlush(cluster.topology.newestSample), "this is another position")
        cluster.wait(1000)
        #expect(!needsFlush(cluster.topology.newestSample + 1), "this one does not exist yet")
        cluster.primary(1, 7000)
        #expect(!waitAndAsk(), "all is flushed")
    }

    @Test func lossDropsCoverage() {
        var cluster = started()
        let before = cluster.status(2).incarnation
        cluster.machine.connectionLost(NodeID(2))
        #expect(cluster.status(2).coveredSample == 0)
        #expect(cluster.status(2).isEligibleReplica, "reads without a floor may go on until it is asked")
        #expect(cluster.status(2).incarnation != before)
        cluster.primary(1, 5000)
        #expect(cluster.status(2).coveredSample == 0, "what it said before counts no more")
        cluster.replica(2, 5000)
        #expect(cluster.status(2).coveredSample == 7)

        let late = cluster.begin(3)
        cluster.fail(3, .lost)
        #expect(cluster.status(3).ineligibleReason == .failed(.lost))
        #expect(cluster.status(3).coveredSample == 0)
        cluster.answer(late, cluster.standby(3, 5000))
        #expect(cluster.status(3).coveredSample == 0)
        cluster.replica(3, 5000)
        #expect(cluster.status(3).coveredSample == 7)
    }

    @Test func lossOfAPrimaryConnectionKeepsItsSamples() {
        var cluster = started()
        cluster.machine.connectionLost(NodeID(1))
        #expect(cluster.topology.newestSample == 4)
        cluster.primary(1, 5000)
        #expect(cluster.status(2).coveredSample == 7)
    }

    @Test func restartWithLessReplayed() {
        var cluster = started()
        cluster.primary(1, 9000)  // 7
        cluster.replica(2, 9000)
        cluster.started[2] = 1
        cluster.replica(2, 4000)
        #expect(cluster.status(2).coveredSample == 0)
        #expect(cluster.status(2).lagNanoseconds == nil)
        #expect(cluster.news() == [.nodeRestarted(NodeID(2))])
        // The same without a new postmaster: a crash inside it.
        cluster.replica(3, 9000)
        cluster.replica(3, 5000)
        #expect(cluster.status(3).coveredSample == 4)
    }

    @Test func newPrimaryNeedsNewSamples() {
        var cluster = started()
        cluster.primary(1, 6000)  // 7
        cluster.replica(3, 6000)
        let old = cluster.begin(1)
        cluster.primary(2, 6100, timeline: 2)  // 10
        #expect(cluster.topology.newestSample == 10)
        #expect(cluster.status(3).coveredSample == 0)
        // A late sample of the old one is none.
        cluster.answer(old, cluster.writable(1, 9000))
        #expect(cluster.topology.newestSample == 10)
        // Ahead on the old timeline: that is another history.
        cluster.replica(3, 9000)
        #expect(cluster.status(3).coveredSample == 0)
        #expect(cluster.status(3).ineligibleReason == .otherTimeline)
        cluster.replica(3, 6099, timeline: 2)
        #expect(cluster.status(3).coveredSample == 0)
        cluster.replica(3, 6100, timeline: 2)
        #expect(cluster.status(3).coveredSample == 10)
    }

    @Test func logThatWentBack() {
        var cluster = started()
        cluster.primary(1, 4000)  // 7
        #expect(cluster.news() == [.logWentBack(NodeID(1), from: LSN(5000), to: LSN(4000))])
        #expect(cluster.status(2).coveredSample == 7, "its position is beyond the only sample that counts")
        #expect(cluster.topology.newestSample == 7)
    }

    @Test func samplesOutliveTheirPrimary() {
        var cluster = started()
        for _ in 1...2 {
            cluster.fail(1, .timedOut)
            cluster.replica(2, 5000)
            #expect(cluster.topology.newestSample == 4)
            #expect(cluster.status(2).coveredSample == 4)
            #expect(cluster.status(2).lagNanoseconds == 0)
        }
        #expect(cluster.topology.primary == nil)
    }

    @Test func restartedPrimaryNeedsNewSamples() {
        var cluster = started()
        cluster.fail(1)
        #expect(cluster.status(2).coveredSample == 4, "reads go on while there is no primary")
        #expect(cluster.topology.newestSample == 4)
        cluster.started[1] = 1
        cluster.primary(1, 5500)  // 7
        #expect(cluster.topology.newestSample == 7)
        #expect(cluster.status(2).coveredSample == 0)
        cluster.replica(2, 5500)
        #expect(cluster.status(2).coveredSample == 7)
    }

    // MARK: Lineage

    @Test func withoutAStreamOnlyWhatWasReceivedCounts() {
        var cluster = started()
        cluster.replica(2, 5000, received: 6500)
        cluster.primary(1, 6000)  // 8
        cluster.primary(1, 6400)  // 9
        cluster.primary(1, 7000)  // 10
        // The stream is gone; replay goes on, perhaps from an archive of another timeline.
        cluster.replica(2, 6450, timeline: nil)
        #expect(cluster.status(2).isEligibleReplica)
        #expect(cluster.status(2).coveredSample == 9)
        cluster.replica(2, 9000, timeline: nil)
        #expect(cluster.status(2).coveredSample == 9)
        cluster.replica(2, 9000)
        #expect(cluster.status(2).coveredSample == 10)
    }

    @Test func unstreamedLineage() {
        var cluster = started()
        // Restarted without a stream: the control file is all there is.
        cluster.started = [2: 1, 3: 1]
        cluster.replica(2, 5000, timeline: nil, lowest: 1)
        #expect(cluster.status(2).isEligibleReplica)
        #expect(cluster.status(2).coveredSample == 0)
        cluster.replica(3, 5000, timeline: nil, lowest: 2)
        #expect(cluster.status(3).ineligibleReason == .otherTimeline)
    }

    @Test func replicasOfATwin() {
        var cluster = started()
        func sender(_ node: Int32) -> String { "n\(node):5432" }
        cluster.replica(3, 5000, sender: sender(1))
        #expect(cluster.status(3).isEligibleReplica)
        // Follows a replica of the primary.
        cluster.replica(2, 5000, sender: sender(1))
        cluster.replica(3, 5000, sender: sender(2))
        #expect(cluster.status(3).isEligibleReplica)
        #expect(cluster.status(3).coveredSample > 0)
        // A name that the settings do not have is believed …
        cluster.replica(3, 5000, sender: "elsewhere:5432")
        #expect(cluster.status(3).isEligibleReplica)
        // … until there is a second node with the number.
        cluster.primary(2, 9000)
        #expect(cluster.status(2).role == .fenced)
        #expect(cluster.status(3).ineligibleReason == .lineageUnproven)
        cluster.replica(3, 9000, sender: sender(2))
        #expect(cluster.status(3).ineligibleReason == .lineageUnproven)
        cluster.primary(1, 9000)
        #expect(cluster.status(3).coveredSample < cluster.topology.newestSample)
        cluster.replica(3, 9000, sender: sender(1))
        #expect(cluster.status(3).isEligibleReplica)
        #expect(cluster.status(3).coveredSample == cluster.topology.newestSample)
    }

    @Test func circleOfReplicas() {
        var cluster = started()
        cluster.replica(2, 5000, sender: "n3:5432")
        cluster.replica(3, 5000, sender: "n2:5432")
        #expect(cluster.status(2).ineligibleReason == .lineageUnproven)
        #expect(cluster.status(3).ineligibleReason == .lineageUnproven)
    }

    @Test func missingPrivilege() {
        var cluster = started()
        var report = cluster.standby(2, 5000, timeline: nil)
        report.hasMonitorPrivilege = false
        for _ in 1...3 {
            let probe = cluster.begin(2)
            cluster.answer(probe, report)
        }
        #expect(cluster.status(2).ineligibleReason == .missingPrivilege)
        #expect(cluster.news() == [.missingPrivilege(NodeID(2))])
        cluster.replica(2, 5000)
        #expect(cluster.status(2).isEligibleReplica)
    }

    @Test func drained() {
        var cluster = started()
        cluster.machine.setDrained(NodeID(2), true)
        #expect(cluster.status(2).ineligibleReason == .drained)
        #expect(cluster.status(2).role == .replica)
        cluster.machine.setDrained(NodeID(2), false)
        #expect(cluster.status(2).isEligibleReplica)
    }

    @Test func answersGrowOld() {
        var cluster = started()
        cluster.wait(1390)
        #expect(cluster.status(3).isEligibleReplica)
        cluster.wait(20)
        #expect(cluster.status(3).ineligibleReason == .probeOverdue)
    }

    // MARK: Lag

    @Test func lagOfAReplicaThatKeepsUp() {
        var cluster = started()
        #expect(cluster.status(2).lagNanoseconds == 0)
        // Idle for minutes: no lag.
        for _ in 1...300 {
            cluster.wait(200)
            cluster.primary(1, 5000)
            cluster.replica(2, 5000)
            #expect(cluster.status(2).lagNanoseconds == 0)
        }
    }

    /// Hint bits and the like may stay unflushed, and so unsent, for a while: that is no lag, yet it is not covered
    /// either.
    @Test func unflushedTail() {
        var cluster = started()
        for _ in 1...20 {
            cluster.wait(200)
            cluster.primary(1, 6000, flushed: 5000)
            cluster.replica(2, 5000)
            #expect(cluster.status(2).lagNanoseconds == 0)
            #expect(cluster.status(2).coveredSample == 4)
        }
        cluster.primary(1, 6000, flushed: 6000)
        #expect((cluster.status(2).lagNanoseconds ?? .max) < second, "it was complete a moment ago")
        cluster.replica(2, 6000)
        #expect(cluster.status(2).lagNanoseconds == 0)
        #expect(cluster.status(2).coveredSample == cluster.topology.newestSample)
    }

    @Test func lagOfAReplicaThatStands() {
        var cluster = started()
        let complete = cluster.begin(1)
        cluster.answer(complete, cluster.writable(1, 6000))
        cluster.replica(2, 6000)
        for step in 1...100 {
            cluster.wait(200)
            cluster.primary(1, 6000 + UInt64(step))
            cluster.replica(2, 6000, received: 9000)
            #expect(cluster.status(2).lagNanoseconds == cluster.now - complete.sentAt)
        }
        // It catches up half-way: the lag is the age of the newest sample that it covers.
        let halfWay = cluster.milliseconds
        cluster.wait(200)
        cluster.primary(1, 8000)
        cluster.replica(2, 6100)
        let lag = cluster.status(2).lagNanoseconds ?? 0
        #expect(lag >= (cluster.milliseconds - halfWay) * 1_000_000 && lag < second)
        cluster.replica(2, 8000)
        #expect(cluster.status(2).lagNanoseconds == 0)
    }

    /// Far behind for longer than the samples reach back densely: the lag stays about right.
    @Test func lagOfAReplicaFarBehind() {
        var cluster = ScriptedCluster(2)
        cluster.primary(1, 8192)
        cluster.replica(2, 8192)
        for step in 1...9000 as ClosedRange<UInt64> {
            cluster.wait(100)
            cluster.primary(1, 8192 * (step + 1))
            // Replays with a delay of 4000 steps of 101 ms.
            let probe = cluster.begin(2)
            let replayed = 8192 * (max(step, 4000) - 3999)
            cluster.machine.probeSucceeded(probe, cluster.standby(2, replayed), at: cluster.now)
        }
        let lag = Double(cluster.status(2).lagNanoseconds ?? 0) / Double(second)
        #expect(lag >= 404 && lag < 418, "\(lag)")
    }

    @Test func deadReceiver() {
        var cluster = started()
        let last = cluster.now
        // The primary writes nothing, yet a replica without a stream is not up to date for ever.
        for _ in 1...20 {
            cluster.wait(200)
            cluster.primary(1, 6000)
            cluster.replica(2, 5000, timeline: nil)
        }
        #expect((cluster.status(2).lagNanoseconds ?? 0) >= cluster.now - last)
    }

    @Test func staleSamplesAreLag() {
        var cluster = started()
        cluster.wait(390)
        #expect(cluster.status(2).lagNanoseconds == 0)
        cluster.wait(1000)
        #expect((cluster.status(2).lagNanoseconds ?? 0) > second)
    }

    @Test func lagStandsStillWithoutPrimary() {
        var cluster = started()
        cluster.primary(1, 6000)
        cluster.replica(2, 6000)
        cluster.fail(1)
        let behind = cluster.status(3).lagNanoseconds ?? 0
        for _ in 1...29 {
            cluster.wait(1000)
            cluster.replica(2, 6000, timeline: nil)
            cluster.replica(3, 5000, timeline: nil)
            #expect(cluster.status(2).lagNanoseconds == 0)
            #expect(cluster.status(3).lagNanoseconds == behind)
        }
        cluster.wait(2000)
        cluster.replica(2, 6000, timeline: nil)
        #expect((cluster.status(2).lagNanoseconds ?? 0) > 30 * second)
    }

    @Test func lagAfterPromotion() {
        var cluster = started()
        cluster.fail(1)
        cluster.primary(2, 6000, timeline: 2)
        cluster.replica(3, 5500, timeline: 2)
        #expect((cluster.status(3).lagNanoseconds ?? .max) < second, "what it had of the old primary, it has")
        cluster.replica(3, 6000, timeline: 2)
        #expect(cluster.status(3).lagNanoseconds == 0)
    }
}
