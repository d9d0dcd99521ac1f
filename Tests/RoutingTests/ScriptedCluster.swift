// How does a test feed facts to the machine by hand?

@testable import Routing

/// A machine with a manual clock, and answers written as short calls. Times are in milliseconds here.
struct ScriptedCluster {
    var machine: ClusterMachine
    var milliseconds: UInt64 = 1000
    let counter = SampleCounter()
    var events: [ClusterEvent] = []
    /// What the nodes answer about themselves, changed by tests.
    var system: [Int32: UInt64] = [:]
    var started: [Int32: Int64] = [:]

    init(_ count: Int32, settings: ClusterSettings = ClusterSettings()) {
        machine = ClusterMachine(
            nodes: (1...count).map { NodeDefinition(id: NodeID($0), address: "n\($0):5432", weight: 1) },
            settings: settings)
    }

    var now: UInt64 { milliseconds * 1_000_000 }
    var topology: Topology { machine.snapshot(at: now) }

    func status(_ node: Int32) -> NodeStatus {
        guard let index = topology.index(of: NodeID(node)) else { preconditionFailure("no node \(node)") }
        return topology.nodes[index]
    }

    mutating func wait(_ time: UInt64) { milliseconds += time }

    /// Takes the events since the last call.
    mutating func news() -> [ClusterEvent] {
        defer { events = [] }
        return events
    }

    mutating func begin(_ node: Int32) -> Probe {
        let probe = Probe(node: NodeID(node), sample: counter.begin(), sentAt: now)
        machine.probeStarted(probe)
        return probe
    }

    /// An answer after 1 ms.
    mutating func answer(_ probe: Probe, _ report: ProbeReport) {
        milliseconds += 1
        machine.probeSucceeded(probe, report, at: now)
        events += machine.takeEvents()
    }

    mutating func fail(_ node: Int32, _ reason: ProbeFailure = .refused) {
        milliseconds += 1
        machine.probeFailed(NodeID(node), reason, at: now)
        events += machine.takeEvents()
    }

    mutating func setMembers(_ places: [NodePlace]) {
        milliseconds += 1
        machine.setMembers(places, at: now)
        events += machine.takeEvents()
    }

    func writable(_ node: Int32, _ lsn: UInt64, flushed: UInt64? = nil, timeline: UInt32 = 1) -> ProbeReport {
        ProbeReport(
            isInRecovery: false, insertLSN: LSN(lsn), flushLSN: flushed.map { LSN($0) }, timeline: timeline,
            lowestTimeline: timeline,
            systemIdentifier: system[node] ?? 7, postmasterStartTime: started[node] ?? 0)
    }

    func standby(
        _ node: Int32, _ lsn: UInt64, timeline: UInt32? = 1, received: UInt64? = nil, lowest: UInt32 = 1,
        sender: String? = nil
    ) -> ProbeReport {
        ProbeReport(
            isInRecovery: true, replayLSN: LSN(lsn), receiveLSN: LSN(received ?? lsn), timeline: timeline,
            lowestTimeline: lowest, systemIdentifier: system[node] ?? 7, postmasterStartTime: started[node] ?? 0,
            isStreaming: timeline != nil, sender: sender)
    }

    /// Asks a node that answers that it is writable.
    mutating func primary(_ node: Int32, _ lsn: UInt64, flushed: UInt64? = nil, timeline: UInt32 = 1) {
        let probe = begin(node)
        answer(probe, writable(node, lsn, flushed: flushed, timeline: timeline))
    }

    /// Asks a node that answers that it is a standby; `timeline` nil = it does not stream.
    mutating func replica(
        _ node: Int32, _ lsn: UInt64, timeline: UInt32? = 1, received: UInt64? = nil, lowest: UInt32 = 1,
        sender: String? = nil
    ) {
        let probe = begin(node)
        answer(
            probe, standby(node, lsn, timeline: timeline, received: received, lowest: lowest, sender: sender))
    }
}
