// What has a prober told so far?

import Foundation
import Locks
import PostgresCluster
import Probing
import Routing

/// A prober with everything that it told.
final class Watch: Sendable {
    private struct Told {
        var topology = Topology()
        var publications = 0
        var events: [ProberEvent] = []
    }

    let prober: Prober
    let samples = SampleCounter()
    private let told: Shared

    private final class Shared: Sendable {
        let state = Lock(Told())
    }

    struct TimeLimit: Error, CustomStringConvertible {
        var description: String
    }

    /// Starts to watch addresses; the first is node 1.
    init(_ addresses: [String], _ change: (inout ProbeSettings) -> Void = { _ in }) throws {
        var settings = ProbeSettings()
        settings.user = DatabaseRole.probe.name
        settings.password = DatabaseRole.probe.password
        settings.interval = .milliseconds(100)
        settings.timeout = .milliseconds(500)
        change(&settings)
        let shared = Shared()
        told = shared
        let nodes = addresses.enumerated().map { NodeDefinition(id: NodeID(Int32($0.offset + 1)), address: $0.element) }
        prober = try Prober(
            nodes: nodes, settings: settings, samples: samples,
            onTopology: { topology in
                shared.state.withLock {
                    $0.topology = topology
                    $0.publications += 1
                }
            },
            onEvent: { event in shared.state.withLock { $0.events.append(event) } })
        try prober.start()
    }

    deinit { prober.stop() }

    var topology: Topology { told.state.withLock { $0.topology } }
    var publications: Int { told.state.withLock { $0.publications } }
    var texts: [String] { told.state.withLock { $0.events.map(\.text) } }
    var events: [ClusterEvent] { told.state.withLock { $0.events.compactMap(\.event) } }

    func node(_ number: Int) -> NodeStatus { topology.nodes[number - 1] }

    /// Waits until the topology is as wished; returns it and the time that took.
    @discardableResult
    func wait(
        _ what: String, limit: Duration = .seconds(20), until isAsWished: (Topology) -> Bool
    ) throws -> Duration {
        let began = ContinuousClock.now
        while true {
            let now = topology
            if !now.nodes.isEmpty, isAsWished(now) { return ContinuousClock.now - began }
            guard ContinuousClock.now - began < limit else {
                throw TimeLimit(description: "waited in vain for \(what): \(now)\n\(texts.joined(separator: "\n"))")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Waits for an ordinary cluster: the first node is the primary, the others cover its samples.
    func waitUntilSettled(primary: Int32 = 1) throws {
        try wait("a settled cluster") { topology in
            topology.primary == NodeID(primary)
                && topology.nodes.allSatisfy { $0.role == .primary || ($0.isEligibleReplica && $0.coveredSample > 0) }
        }
    }
}
