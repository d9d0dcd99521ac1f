// Does an application keep its connections and its data when servers fail under it?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct FailoverTests {
    /// How the primary ends before a replica is promoted.
    enum End: CaseIterable, Sendable {
        case shutdown, immediate, killed, frozen
    }

    private func stage(
        _ body: (PostgresCluster, RouterProcess, FailoverLoad) throws -> Void
    ) throws -> WriteLedger {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        try FailoverLoad.prepare(cluster)
        // Whoever is promoted has all that was acknowledged.
        try cluster.primary.set("synchronous_standby_names", "2 (replica1, replica2)")
        // As by default.
        let router = try Stage.startRouter(cluster, ["probe": ["timeout": "\"1s\"", "interval": "\"200ms\""]])
        let load = FailoverLoad(router)
        try load.waitForWrites()
        do {
            try body(cluster, router, load)
        } catch {
            _ = try? load.finish()
            print(router.log.suffix(4_000))
            throw error
        }
        let ledger = try load.finish()
        #expect(router.isRunning)
        #expect(ledger.violations == [])
        #expect(ledger.stale == 0)
        print(ledger)
        return ledger
    }

    /// What replicates from the old primary follows the new one. Returns when the new one took writes, and what the
    /// clients waited from then on is told.
    private func promote(_ new: PostgresNode, _ other: PostgresNode) throws -> ContinuousClock.Instant {
        try new.psql("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
        try new.promote()
        let moment = ContinuousClock.now
        try other.follow(new)
        return moment
    }

    @Test(arguments: End.allCases)
    func thePrimaryEnds(_ end: End) throws {
        let ledger = try stage { cluster, _, load in
            let (old, new) = (cluster.primary, cluster.replicas[0])
            switch end {
            case .shutdown: try old.stop(.fast)
            case .immediate: try old.stop(.immediate)
            case .killed:
                old.kill(SIGKILL)
                try old.waitUntilStopped()
            case .frozen: old.freeze()
            }
            let moment = try promote(new, cluster.replicas[1])
            try load.waitForWrites()
            let first = load.ledger.withLock { $0.firstWrite(after: moment) }
            print("\(end): the first write \(first.map { "\($0)" } ?? "?") after the promotion")
            if end == .frozen {
                // It comes back writable, and is not written to.
                old.thaw()
                try load.waitForWrites()
            }
            let (missing, faults) = try load.ledger.withLock { $0 }.compare(with: new, table: FailoverLoad.table)
            #expect(faults == [])
            #expect(missing == [], "acknowledged, and not there")
        }
        // A transaction is told at its next statement; what was being committed may be there or not.
        for (manner, errors) in ledger.errors {
            let allowed = manner == .transaction ? ["08006", "08007"] : ["08007"]
            #expect(Set(errors.keys).isSubset(of: allowed), "\(manner)")
        }
    }

    @Test func thePrimaryRestarts() throws {
        _ = try stage { cluster, _, load in
            for mode in [PostgresNode.StopMode.fast, .immediate, .fast] {
                try cluster.primary.restart(mode)
                try load.waitForWrites()
            }
            let (missing, faults) = try load.ledger.withLock { $0 }.compare(
                with: cluster.primary, table: FailoverLoad.table)
            #expect(faults == [] && missing == [])
        }
    }

    /// Whoever was connected comes back; what was acknowledged is there, and nothing is there twice.
    @Test func theRouterRestarts() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        try FailoverLoad.prepare(cluster)
        let settings = try RouterConfiguration(cluster: cluster)
        var router = try RouterProcess.start(settings)
        try router.waitUntilItServes()
        let load = FailoverLoad(router, survivesRouters: true)
        for signal in [SIGKILL, SIGQUIT, SIGINT] {
            try load.waitForWrites()
            router.signal(signal)
            _ = try router.waitUntilExit()
            router = try RouterProcess.start(settings)
        }
        try load.waitForWrites()
        let ledger = try load.finish()
        #expect(ledger.violations == [] && ledger.stale == 0)
        let (missing, faults) = try ledger.compare(with: cluster.primary, table: FailoverLoad.table)
        #expect(faults == [] && missing == [])
        router.stop()
    }

    /// Statements that wait for a primary are limited in number and in bytes.
    @Test(arguments: [("max_held", "3"), ("max_held_bytes", "\"192KiB\"")])
    func heldStatementsAreLimited(_ key: String, _ value: String) throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let router = try Stage.startRouter(cluster, ["server": [key: value], "admin": ["users": "[\"postgres\"]"]])
        let clients = try (1...8).map { _ in try router.client() }
        try cluster.primary.stop(.immediate)
        try eventually("the primary to be missed") { router.log.contains("writes wait for a new one") }
        // As large as a batch that is kept.
        let statement = "SELECT txid_current(), length('\(String(repeating: "x", count: 60_000))')"
        for client in clients { try client.send(.query(statement)) }
        // Those that are refused are refused at once.
        Thread.sleep(forTimeInterval: 0.5)
        try cluster.primary.start()
        let errors = try clients.map { try $0.readUntilReady().errors }
        #expect(Set(errors) == [[], ["53400"]])
        let routes = try router.client(user: "postgres", database: "pointsman").query("SHOW ROUTES").rows
        let held = routes.first { $0[0] == "held" }
        #expect(held?[5]?.hasPrefix("\(errors.count { !$0.isEmpty }) more were refused") ?? false, "\(held ?? [])")
        // None is counted for ever.
        for client in clients { #expect(try client.value("SELECT 1") == "1") }
    }

    /// What an asynchronous replica lacks when it is promoted is told, not hidden, and its session goes on.
    @Test func lostCommitsAreCounted() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        try FailoverLoad.prepare(cluster)
        let router = try Stage.startRouter(cluster, ["admin": ["users": "[\"postgres\"]"]])
        let (writer, reader) = try (router.client(), router.client())
        #expect(try reader.value("SELECT count(*) FROM written") == "0")
        let replica = cluster.replicas[0]
        try replica.set("primary_conninfo", "")
        try eventually("the stream to end") { try replica.psql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" }
        try writer.succeed("INSERT INTO written VALUES (1)")
        // The primary is asked where it stands every 50 ms.
        Thread.sleep(forTimeInterval: 0.5)
        try cluster.primary.stop(.immediate)
        try replica.promote()
        try writer.succeed("INSERT INTO written VALUES (2)")
        #expect(try writer.value("SELECT array_agg(x.id)::text FROM written x") == "{2}")
        #expect(try reader.value("SELECT count(*) FROM written") == "1")
        #expect(router.log.contains("the writes between are lost"))
        let routes = try router.client(user: "postgres", database: "pointsman").query("SHOW ROUTES").rows
        #expect(routes.first { $0[0] == "lost" }?[4] == "1")
    }
}
