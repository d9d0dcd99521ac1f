// Does a replica that is chosen for a read with a floor always show the session's last commit?

import Foundation
import Testing

@testable import Routing

@Suite struct SimulationTests {
    /// More with `POINTSMAN_SIMULATIONS=1000`; one seed again with `POINTSMAN_SEED=7`.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["POINTSMAN_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        return Array(1...(environment["POINTSMAN_SIMULATIONS"].flatMap { UInt64($0) } ?? 20))
    }()

    @Test func everyoneReadsTheirOwnWrites() {
        var reads = 0
        var changes = 0
        var lost = 0
        var others = (global: 0, monotonic: 0)
        for seed in Self.seeds {
            let result = Simulation.run(seed: seed)
            if let violation = result.violations.first { Issue.record("seed \(seed), \(violation)") }
            if !result.recovered { Issue.record("seed \(seed) ends as \(result.finalState)") }
            reads += result.coveredReads
            changes += result.primaryChanges
            lost += result.lostAcknowledged
            others.global += result.globalReads
            others.monotonic += result.monotonicReads
        }
        print("\(Self.seeds.count) seeds: \(reads) reads after a write, \(changes) new primaries, \(lost) lost commits")
        #expect(reads > 100 * Self.seeds.count, "the simulation must read from replicas to prove anything")
        #expect(others.global > 20 * Self.seeds.count && others.monotonic > 8 * Self.seeds.count, "\(others)")
        #expect(changes > Self.seeds.count, "it must fail over")
    }

    /// A checker that notices nothing proves nothing.
    @Test(arguments: Mutation.allCases.filter { $0 != .none })
    func brokenRulesAreNoticed(_ mutation: Mutation) {
        let seed = (1...200 as ClosedRange<UInt64>).first {
            !Simulation.run(seed: $0, mutation: mutation).violations.isEmpty
        }
        #expect(seed != nil, "\(mutation) was not noticed")
        if let seed { print("\(mutation) is noticed with seed \(seed)") }
    }
}
