// What have other threads asked of the catalog thread?

import Locks
import Routing
import Synchronization

/// Requests from any thread, merged until the catalog thread takes them.
final class CatalogRequests: Sendable {
    struct Wishes {
        /// By database, the last change of its catalog that somebody waits to see.
        var demands: [String: UInt64] = [:]
        /// Where the catalogs can be read.
        var nodes: CatalogNodes?
    }

    let wakeUp: WakeUp
    private let wishes = Lock(Wishes())
    private let known = Lock(CatalogNodes())
    private let stopped = Atomic(false)

    init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

    // MARK: Any thread

    func want(_ database: String, demand: UInt64) {
        wishes.withLock { $0.demands[database] = max($0.demands[database] ?? 0, demand) }
        wakeUp.signal()
    }

    /// The cluster has changed; most changes have no consequence here.
    func update(_ nodes: CatalogNodes) {
        let isNews = known.withLock { known in
            defer { known = nodes }
            return known != nodes
        }
        guard isNews else { return }
        wishes.withLock { $0.nodes = nodes }
        wakeUp.signal()
    }

    func stop() {
        stopped.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    // MARK: Catalog thread

    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func take() -> Wishes {
        wishes.withLock { wishes in
            defer { wishes = Wishes() }
            return wishes
        }
    }
}

/// Where catalogs can be read.
struct CatalogNodes: Equatable, Sendable {
    var primary: Node?
    /// What can be read while no primary is known.
    var replica: Node?

    struct Node: Equatable, Sendable {
        var id: NodeID
        /// As the topology has it; read when a connection is opened, not with each sample.
        var address: String

        init(_ status: NodeStatus) {
            id = status.id
            address = status.address
        }
    }

    init() {}

    init(_ topology: Topology) {
        primary = topology.primaryPlace.map { Node(topology.nodes[$0]) }
        replica = topology.nodes.first { $0.isEligibleReplica }.map { Node($0) }
    }
}
