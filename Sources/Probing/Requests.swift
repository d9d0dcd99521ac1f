// What have other threads asked of the control thread?

import Locks
import Routing
import Synchronization

/// Requests from any thread, merged until the control thread takes them.
final class Requests: Sendable {
    /// What was asked about single nodes since the last look.
    struct Nodes {
        var probes: Set<NodeID> = []
        var lostConnections: Set<NodeID> = []
        var drains: [NodeID: Bool] = [:]
        /// The nodes of the cluster by place, when they have changed.
        var members: [NodePlace]?
    }

    let wakeUp: WakeUp
    private let sampleWanted = Atomic(false)
    private let stopped = Atomic(false)
    private let nodes = Lock(Nodes())

    init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

    // MARK: Any thread

    /// Wants a sample begun after this call. Cheap when one is wanted already.
    func wantSample() {
        // Read first: while a request is open, its cache line stays shared between the workers.
        if sampleWanted.load(ordering: .acquiring) { return }
        if !sampleWanted.exchange(true, ordering: .acquiringAndReleasing) { wakeUp.signal() }
    }

    func wantProbe(_ node: NodeID, connectionLost: Bool) {
        nodes.withLock {
            $0.probes.insert(node)
            if connectionLost { $0.lostConnections.insert(node) }
        }
        wakeUp.signal()
    }

    func setDrained(_ node: NodeID, _ isDrained: Bool) {
        nodes.withLock { $0.drains[node] = isDrained }
        wakeUp.signal()
    }

    func setMembers(_ places: [NodePlace]) {
        nodes.withLock { $0.members = places }
        wakeUp.signal()
    }

    func stop() {
        stopped.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    // MARK: Control thread

    var isStopped: Bool { stopped.load(ordering: .acquiring) }
    var isSampleWanted: Bool { sampleWanted.load(ordering: .acquiring) }

    /// Meets the wish for a sample; to be called before its number is taken. Returns whether there was one.
    func takeSampleWish() -> Bool { sampleWanted.exchange(false, ordering: .sequentiallyConsistent) }

    func takeNodes() -> Nodes {
        nodes.withLock { nodes in
            defer { nodes = Nodes() }
            return nodes
        }
    }
}
