// Does the prober see what real servers do?

import Foundation
import PostgresCluster
import Routing
import Testing

@testable import Probing

@Suite(.serialized) struct ProberTests {
    private func started(_ replicas: Int = 2) throws -> (PostgresCluster, Watch) {
        let cluster = try PostgresCluster.start(replicas: replicas)
        let watch = try Watch(cluster.nodes.map(\.address))
        try watch.waitUntilSettled()
        return (cluster, watch)
    }

    @Test func rolesPositionsAndIdleness() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        let topology = watch.topology
        #expect(topology.nodes.map(\.role) == [.primary, .replica, .replica])
        #expect(topology.nodes.allSatisfy { $0.isUp && $0.timeline == 1 && $0.serverVersion >= 140_000 })
        #expect(topology.nodes.map(\.address) == cluster.nodes.map(\.address))
        let insert = try #require(LSN(try cluster.primary.psql("SELECT pg_current_wal_insert_lsn()")))
        try watch.wait("the primary's position") { $0.nodes[0].lsn >= insert }
        #expect(watch.events.contains(.primaryChanged(from: nil, to: NodeID(1), timeline: 1)))

        // An idle cluster is covered by each new sample, and its lag is 0.
        let first = watch.topology.newestSample
        try watch.wait("more samples") { topology in
            // Now and then a background process writes something, which is on its way for a moment.
            #expect(topology.nodes[1...].allSatisfy { ($0.lagNanoseconds ?? .max) < 1_000_000_000 })
            return topology.newestSample > first + 20
                && topology.nodes[1].coveredSample == topology.newestSample
                && topology.nodes[2].coveredSample == topology.newestSample
        }
    }

    @Test func coverageFollowsWrites() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        try cluster.primary.psql("CREATE TABLE t (x int)")
        for round in 1...10 {
            try cluster.primary.psql("INSERT INTO t VALUES (\(round))")
            let floor = Floor(startedSample: watch.samples.started)
            watch.prober.requestSample()
            try watch.wait("coverage") { $0.nodes[1].coveredSample >= floor.sample }
            #expect(try cluster.replicas[0].psql("SELECT count(*) FROM t") == "\(round)")
        }
    }

    /// What stays in the memory of an idle primary keeps nobody waiting.
    @Test func anIdleLogIsFlushed() throws {
        let (cluster, watch) = try started(1)
        defer { cluster.stop() }
        let numbers = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
        let before = try cluster.primary.psql(numbers)
        // A background process may be quicker, so it is tried again.
        for _ in 0..<10 where try cluster.primary.psql(numbers) == before {
            try cluster.primary.psql("BEGIN; SELECT pg_logical_emit_message(false, 'stays', 'in memory'); ROLLBACK")
            let floor = Floor(startedSample: watch.samples.started)
            watch.prober.requestSample()
            try watch.wait("coverage") { $0.nodes[1].coveredSample >= floor.sample }
        }
        #expect(try cluster.primary.psql(numbers) != before)
    }

    /// With an interval of ten seconds only the wish brings the sample, and replicas are asked until they cover it.
    @Test func aWishIsMetAtOnce() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        let watch = try Watch(cluster.nodes.map(\.address)) { $0.interval = .seconds(10) }
        try watch.wait("the cluster") { $0.primary != nil && $0.newestSample > 0 }
        try cluster.primary.psql("CREATE TABLE t (x int)")
        var times: [Duration] = []
        for round in 1...20 {
            try cluster.primary.psql("INSERT INTO t VALUES (\(round))")
            let floor = Floor(startedSample: watch.samples.started)
            watch.prober.requestSample()
            let time = try watch.wait("coverage", limit: .seconds(5)) {
                $0.nodes[1].coveredSample >= floor.sample && $0.nodes[2].coveredSample >= floor.sample
            }
            times.append(time)
        }
        times.sort()
        print("from the wish to coverage on both replicas: median \(times[10]), longest \(times[19])")
        #expect(times[10] < .milliseconds(500))
    }

    /// Nothing depends on how often a primary without replicas is asked, and each question costs.
    @Test func aLonePrimaryIsLeftInPeace() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let watch = try Watch([cluster.primary.address]) { $0.interval = .milliseconds(5) }
        try watch.wait("the primary") { $0.primary != nil }
        let (first, began) = (watch.samples.started, ContinuousClock.now)
        Thread.sleep(forTimeInterval: 1.5)
        let asked = watch.samples.started - first
        let seconds = UInt64((ContinuousClock.now - began).components.seconds)
        #expect(asked <= seconds + 2, "questions in a little more than \(seconds) s")
        // A wish is met at once, and once a replica is there, everybody is asked in turn.
        watch.prober.requestSample()
        try watch.wait("a sample") { $0.newestSample > first + asked }
        try watch.prober.setMembers(
            cluster.nodes.enumerated().map {
                NodePlace(NodeDefinition(id: NodeID(Int32($0.offset + 1)), address: $0.element.address))
            })
        try watch.wait("the replica") { $0.nodes.count == 2 && $0.nodes[1].coveredSample > first + asked + 10 }
    }

    @Test func wishesAreMerged() throws {
        let (cluster, watch) = try started(1)
        defer { cluster.stop() }
        let began = ContinuousClock.now
        let first = watch.samples.started
        while ContinuousClock.now - began < .milliseconds(600) { watch.prober.requestSample() }
        let taken = watch.samples.started - first
        let elapsed = ContinuousClock.now - began
        // Two nodes, at most one probe for each 20 ms.
        #expect(taken >= 10 && Double(taken) <= 2 * (elapsed / .milliseconds(20)) + 4, "\(taken) in \(elapsed)")
    }

    @Test func lagOfPausedReplay() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        try cluster.replicas[0].pauseReplay()
        try watch.wait("the pause") { $0.nodes[1].isReplayPaused }
        try cluster.primary.psql("CREATE TABLE t (x int)")
        let floor = Floor(startedSample: watch.samples.started)
        try watch.wait("lag") { ($0.nodes[1].lagNanoseconds ?? 0) > 1_500_000_000 }
        #expect((watch.node(2).lagNanoseconds ?? 0) < 10_000_000_000)
        #expect(watch.node(2).coveredSample < floor.sample)
        try watch.wait("the other replica") {
            $0.nodes[2].lagNanoseconds == 0 && $0.nodes[2].coveredSample >= floor.sample
        }
        try cluster.replicas[0].resumeReplay()
        try watch.wait("no lag") { $0.nodes[1].lagNanoseconds == 0 && $0.nodes[1].coveredSample >= floor.sample }
    }

    @Test func killedNode() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        cluster.replicas[0].kill(SIGKILL)
        let time = try watch.wait("the loss") { !$0.nodes[1].isUp }
        #expect(time < .seconds(2))
        #expect(watch.node(2).coveredSample == 0)
        #expect(watch.node(2).role == .unknown)
        #expect(watch.node(3).isEligibleReplica)
        let before = watch.node(2).incarnation
        try cluster.replicas[0].waitUntilStopped()
        try cluster.replicas[0].start()
        try watch.waitUntilSettled()
        #expect(watch.node(2).incarnation != before || before != 0)
        #expect(watch.events.filter { $0 == .nodeUp(NodeID(2), isInRecovery: true) }.count == 2)
    }

    @Test func restartIsANewIncarnation() throws {
        let (cluster, watch) = try started(1)
        defer { cluster.stop() }
        let before = watch.node(2)
        try cluster.replicas[0].restart(.immediate)
        try watch.wait("the new life") { $0.nodes[1].incarnation != before.incarnation && $0.nodes[1].isUp }
        try watch.waitUntilSettled()
        #expect(watch.node(2).coverageBegan > before.coverageBegan)
    }

    @Test func frozenNodes() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        cluster.replicas[0].freeze()
        let time = try watch.wait("the silence") { !$0.nodes[1].isEligibleReplica }
        #expect(time < .seconds(2))
        #expect(watch.node(2).ineligibleReason == .failed(.timedOut))
        try watch.wait("down") { !$0.nodes[1].isUp }
        // Nobody else is delayed.
        let sample = watch.topology.newestSample
        let publications = watch.publications
        try watch.wait("others go on", limit: .seconds(3)) { $0.nodes[2].coveredSample > sample + 10 }
        #expect(watch.publications > publications)
        cluster.replicas[0].thaw()
        try watch.waitUntilSettled()

        cluster.primary.freeze()
        try watch.wait("the primary's silence") { $0.primary == nil }
        // The lag stands still. It need not be 0: the primary may have frozen with a record under way.
        #expect(watch.node(3).isEligibleReplica)
        let lag = watch.node(3).lagNanoseconds
        #expect((lag ?? .max) < 1_000_000_000)
        #expect(watch.topology.newestSample > 0 && watch.node(3).coveredSample > 0)
        let seen = watch.publications
        try watch.wait("time to pass") { _ in watch.publications > seen + 10 }
        #expect(watch.node(3).lagNanoseconds == lag)
        cluster.primary.thaw()
        try watch.waitUntilSettled()
        #expect(watch.events.contains(.primaryReturned(NodeID(1))))
    }

    @Test func promotion() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        try cluster.primary.stop(.immediate)
        try watch.wait("the loss") { $0.primary == nil }
        #expect(watch.node(2).isEligibleReplica, "reads go on")
        try cluster.replicas[0].promote()
        let time = try watch.wait("the new primary") { $0.primary == NodeID(2) && $0.newestSample > 0 }
        #expect(time < .seconds(2))
        #expect(watch.node(2).timeline == 2)
        let conninfo = "host=\(cluster.directory) port=\(cluster.replicas[0].port) user=postgres"
        try cluster.replicas[1].set("primary_conninfo", conninfo)
        try watch.wait("the other replica") {
            $0.nodes[2].timeline == 2 && $0.nodes[2].coveredSample == $0.newestSample
        }
        #expect(watch.node(3).isEligibleReplica)

        // The old primary comes back as if nothing had happened.
        try cluster.primary.start()
        try watch.wait("the fence") { $0.nodes[0].role == .fenced }
        #expect(watch.topology.primary == NodeID(2))
        #expect(watch.events.filter { $0 == .fenced(NodeID(1), timeline: 1) }.count == 1)
        #expect(
            watch.events.filter { $0 == .primaryChanged(from: NodeID(1), to: NodeID(2), timeline: 2) }.count == 1)
    }

    @Test func nodesAppearOneAfterAnother() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        for node in cluster.nodes.reversed() { try node.stop() }
        let watch = try Watch(cluster.nodes.map(\.address))
        try watch.wait("refusals") { topology in
            topology.nodes.allSatisfy { $0.ineligibleReason == .failed(.refused) }
        }
        #expect(watch.topology.primary == nil)
        try cluster.replicas[1].start()
        try watch.wait("one replica") { $0.nodes[2].role == .replica && $0.nodes[2].isEligibleReplica }
        #expect(watch.node(3).lagNanoseconds == nil)
        try cluster.primary.start()
        try watch.wait("the primary") { $0.primary == NodeID(1) && $0.nodes[2].coveredSample > 0 }
        try cluster.replicas[0].start()
        try watch.waitUntilSettled()
    }

    @Test func lostConnectionOfTheProbe() throws {
        let (cluster, watch) = try started()
        defer { cluster.stop() }
        let before = watch.node(2).incarnation
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pointsman'"
        try cluster.replicas[0].psql(kill)
        try watch.wait("a new connection") { $0.nodes[1].incarnation != before && $0.nodes[1].isEligibleReplica }
        #expect(!watch.events.contains { if case .nodeDown = $0 { true } else { false } })
        #expect(watch.topology.primary == NodeID(1))
    }

    @Test func trafficAsksForAProbe() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let watch = try Watch(cluster.nodes.map(\.address)) { $0.interval = .seconds(10) }
        try watch.wait("the cluster") { $0.newestSample > 0 && $0.nodes[1].coveredSample > 0 }
        let began = watch.node(2).coverageBegan
        watch.prober.requestProbe(NodeID(2), connectionLost: true)
        let time = try watch.wait("a new look") { $0.nodes[1].coverageBegan > began && $0.nodes[1].coveredSample > 0 }
        #expect(time < .seconds(2))
        watch.prober.setDrained(NodeID(2), true)
        try watch.wait("the drain") { $0.nodes[1].ineligibleReason == .drained }
    }

    @Test func missingPrivilege() throws {
        let (cluster, watch) = try started(1)
        defer { cluster.stop() }
        try cluster.primary.psql("REVOKE pg_monitor FROM pointsman")
        try watch.wait("the missing right") { $0.nodes[1].ineligibleReason == .missingPrivilege }
        #expect(watch.topology.primary == NodeID(1))
        let sample = watch.topology.newestSample
        try watch.wait("more samples") { $0.newestSample > sample + 10 }
        #expect(watch.events.filter { $0 == .missingPrivilege(NodeID(2)) }.count == 1)
        #expect(watch.texts.contains { $0.contains("GRANT pg_monitor") })
        try cluster.primary.psql("GRANT pg_monitor TO pointsman")
        try watch.waitUntilSettled()
    }

    @Test func refusedLogins() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let wrong = try Watch([cluster.primary.address]) { $0.password = "wrong" }
        try wrong.wait("the refusal") { $0.nodes[0].ineligibleReason == .failed(.loginRefused) }
        #expect(wrong.texts.contains { $0.contains("28P01") && $0.contains("password authentication failed") })
        let missing = try Watch([cluster.primary.address]) { $0.database = "it's \\ gone" }
        try missing.wait("the refusal") { $0.nodes[0].ineligibleReason == .failed(.loginRefused) }
        #expect(missing.texts.contains { $0.contains("it's \\ gone") })
        let none = try Watch([cluster.primary.address]) { $0.password = nil }
        try none.wait("the refusal") { $0.nodes[0].ineligibleReason == .failed(.loginRefused) }
        // Told once, not with every attempt.
        let publications = wrong.publications
        try wrong.wait("more attempts") { _ in wrong.publications > publications + 5 }
        #expect(wrong.texts.filter { $0.contains("28P01") }.count == 1)
    }

    @Test func startingServer() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        // A standby that is not consistent yet refuses with 57P03.
        try cluster.replicas[0].set("hot_standby", "off")
        let watch = try Watch(cluster.nodes.map(\.address))
        try watch.waitUntilSettled()
        try cluster.replicas[0].stop()
        try #require(throws: (any Error).self) { try cluster.replicas[0].start(limit: .seconds(3)) }
        try watch.wait("57P03") { $0.nodes[1].ineligibleReason == .failed(.notAccepting) }
        #expect(!watch.node(2).isUp)
    }
}
