// Does everything hold together when servers fail again and again, in an order that a seed decides?

import Foundation
import PostgresCluster
import TestSupport
import Testing

/// A short run with one seed; `make chaos` runs for as long and with the seed that it is told.
@Suite(.serialized) struct ChaosTests {
    private enum Fault: CaseIterable {
        case switchover, crash, freezeAndPromote, promoteBeside, restart, crashRestart, loseReplica, freezeReplica
        case loseReplicas, loseAll, endBackends
    }

    private static func setting(_ name: String, _ otherwise: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? otherwise
    }

    @Test func run() throws {
        let seconds = Self.setting("POINTSMAN_CHAOS_SECONDS", 15)
        var random = SeededGenerator(seed: Self.setting("POINTSMAN_CHAOS_SEED", 1))
        let stage = try FailoverStage()
        defer { stage.cluster.stop() }
        let router = try Stage.startRouter(stage.cluster, ["probe": ["timeout": "\"1s\""]])
        let load = FailoverLoad(router)
        var story: [String] = []
        let start = ContinuousClock.now
        do {
            try load.waitForWrites()
            let end = ContinuousClock.now + .seconds(Double(seconds))
            // Every fault comes once before any comes again.
            var faults: [Fault] = []
            while ContinuousClock.now < end {
                if faults.isEmpty { faults = Fault.allCases.shuffled(using: &random) }
                let fault = faults.removeLast()
                story.append("\(ContinuousClock.now - start) \(fault)")
                try carryOut(fault, stage, &random)
                try load.waitForWrites()
                // Soon after it has happened, a loss tells its cause.
                let (missing, faults) = try load.ledger.withLock { $0 }.compare(
                    with: stage.primary, table: FailoverLoad.table)
                guard missing.isEmpty, faults.isEmpty else { break }
            }
        } catch {
            _ = try? load.finish()
            let logs = stage.cluster.nodes.map { "\($0.name) \($0.port):\n\($0.log.suffix(2_000))" }
            Issue.record("\(story): \(error)\n\(router.log.suffix(4_000))\n\(logs.joined(separator: "\n"))")
            return
        }
        let ledger = try load.finish()
        print("\(story.joined(separator: ", ")): \(ledger)")
        let (missing, faults) = try ledger.compare(with: stage.primary, table: FailoverLoad.table)
        #expect(ledger.violations == [] && faults == [], "\(story)")
        let times = missing.compactMap { ledger.acknowledged[$0] }.map { $0 - start }.sorted()
        let lost = "\(times.count) missing, of \(times.first ?? .zero) to \(times.last ?? .zero)"
        #expect(missing.isEmpty && ledger.stale == 0, "\(story); \(lost)\n\(router.log.suffix(6_000))")
        #expect(router.isRunning)
    }

    private func carryOut(_ fault: Fault, _ stage: FailoverStage, _ random: inout SeededGenerator) throws {
        let replica = stage.replicas.randomElement(using: &random) ?? stage.replicas[0]
        switch fault {
        case .switchover: try stage.failOver(to: replica) { try $0.stop(.fast) }
        case .crash:
            try stage.failOver(to: replica) {
                $0.kill(SIGKILL)
                try $0.waitUntilStopped()
            }
        case .freezeAndPromote: try stage.failOver(to: replica) { $0.freeze() }
        case .promoteBeside: try stage.failOver(to: replica) { _ in }
        case .restart: try stage.primary.restart(.fast)
        case .crashRestart: try stage.primary.restart(.immediate)
        case .loseReplica:
            try replica.stop(.immediate)
            try stage.revive([replica])
        case .freezeReplica:
            replica.freeze()
            Thread.sleep(forTimeInterval: 2.5)
            replica.thaw()
        case .loseReplicas:
            for replica in stage.replicas { try replica.stop(.fast) }
            Thread.sleep(forTimeInterval: 0.5)
            try stage.revive(stage.replicas)
        case .loseAll:
            for node in stage.cluster.nodes { try node.stop(.immediate) }
            Thread.sleep(forTimeInterval: 0.5)
            try stage.primary.start()
            try stage.revive(stage.replicas)
        case .endBackends:
            for node in stage.cluster.nodes {
                try node.psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'")
            }
        }
    }
}
