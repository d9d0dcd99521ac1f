// Where does a batch go?

/// Decides where work goes. Pure, and without allocation.
public struct Router: Sendable {
    /// Chooses the node for one batch of a session that holds no server yet.
    ///
    /// - Parameters:
    ///   - outstanding: Work in progress on each node, by the place in `topology.nodes`.
    ///   - random: A random number; with `.roundRobin` the running number of the decision instead.
    public static func decide(
        _ request: RouteRequest, topology: Topology, settings: RoutingSettings, outstanding: Span<Int32>, random: UInt64
    ) -> RouteDecision {
        switch request.listener {
        case .writer:
            return primary(topology, .writerPort)
        case .reader:
            switch request.routeClass {
            case .replicaSafe, .primaryOnlyRead, .transactionControl, .sessionState:
                return read(
                    request, .readerPort, settings.readerFallback, topology, settings, outstanding, random)
            case .lockedRead, .write:
                return RouteDecision(target: .refuse(.readerIsReadOnly), reason: .notOnReaderPort)
            }
        case .split:
            let decision = split(request, topology, settings, outstanding, random)
            return settings.mode == .split ? decision : advised(decision, topology)
        }
    }

    private static func split(
        _ request: RouteRequest, _ topology: Topology, _ settings: RoutingSettings, _ outstanding: Span<Int32>,
        _ random: UInt64
    ) -> RouteDecision {
        switch request.routeClass {
        case .replicaSafe:
            return splitRead(request, topology, settings, outstanding, random)
        case .primaryOnlyRead where request.wantsReplica:
            return splitRead(request, topology, settings, outstanding, random)
        case .primaryOnlyRead: return primary(topology, .primaryOnlyRead)
        case .lockedRead: return primary(topology, .lockedRead)
        case .write: return primary(topology, .write)
        case .transactionControl: return primary(topology, .transactionControl)
        case .sessionState: return primary(topology, .sessionState)
        }
    }

    /// What was decided for a replica is only advice.
    private static func advised(_ decision: RouteDecision, _ topology: Topology) -> RouteDecision {
        switch decision.target {
        case .replica: primary(topology, .advised)
        case .hold(.floorNotCovered), .hold(.noReplica), .refuse: primary(topology, decision.reason)
        case .primary, .hold(.noPrimary): decision
        }
    }

    private static func primary(_ topology: Topology, _ reason: RouteReason) -> RouteDecision {
        guard let node = topology.primary else { return RouteDecision(target: .hold(.noPrimary), reason: reason) }
        return RouteDecision(target: .primary(node), reason: reason)
    }

    private static func splitRead(
        _ request: RouteRequest, _ topology: Topology, _ settings: RoutingSettings, _ outstanding: Span<Int32>,
        _ random: UInt64
    ) -> RouteDecision {
        if request.consistency == .primary { return primary(topology, .consistencyPrimary) }
        switch request.needsPrimary {
        case .refusal: return primary(topology, .refusedByReplica)
        case .lesson: return primary(topology, .learned)
        case .size: return primary(topology, .tooLargeToRepeat)
        case nil: break
        }
        return read(request, .replicaSafe, settings.readFallback, topology, settings, outstanding, random)
    }

    /// Sends a read to a suitable replica, or where the settings say when there is none.
    private static func read(
        _ request: RouteRequest, _ reason: RouteReason, _ fallback: ReadFallback, _ topology: Topology,
        _ settings: RoutingSettings, _ outstanding: Span<Int32>, _ random: UInt64
    ) -> RouteDecision {
        let floor = effectiveFloor(request)
        let candidates: NodeSet
        switch suitableReplicas(request, floor, topology) {
        case .some(let set):
            candidates = set
        case .none(let obstacle):
            return withoutReplica(request, obstacle, fallback, topology, settings)
        }
        let chosen = choose(among: candidates, topology, settings.loadBalance, outstanding, random)
        let covered = reason == .replicaSafe && floor != .none
        return RouteDecision(
            target: .replica(topology.nodes[chosen].id), reason: covered ? .replicaCoversFloor : reason)
    }

    /// How new the data must be for this request.
    public static func effectiveFloor(_ request: RouteRequest) -> Floor {
        switch request.consistency {
        case .eventual, .primary: .none
        case .session, .monotonic: request.floor
        case .global: max(request.floor, request.globalFloor)
        }
    }

    // MARK: No replica

    private static func withoutReplica(
        _ request: RouteRequest, _ obstacle: RouteReason, _ fallback: ReadFallback, _ topology: Topology,
        _ settings: RoutingSettings
    ) -> RouteDecision {
        if obstacle == .floorNotCovered {
            switch settings.afterWrite {
            case .wait where request.waitedFor != .floorNotCovered:
                return RouteDecision(target: .hold(.floorNotCovered), reason: obstacle)
            case .wait, .primary:
                return primary(topology, obstacle)
            }
        }
        switch fallback {
        case .primary:
            return primary(topology, obstacle)
        case .wait where request.waitedFor != .noReplica:
            return RouteDecision(target: .hold(.noReplica), reason: obstacle)
        case .wait, .error:
            return RouteDecision(target: .refuse(.noReplica), reason: obstacle)
        }
    }

    // MARK: Which replicas

    private enum Suitable {
        case some(NodeSet)
        case none(RouteReason)
    }

    /// The replicas that may answer, or the first condition that none of the remaining ones meets.
    private static func suitableReplicas(_ request: RouteRequest, _ floor: Floor, _ topology: Topology) -> Suitable {
        var nearest: ReplicaObstacle?
        var suitable = NodeSet()
        let nodes = topology.nodes.span
        for index in nodes.indices where nodes[index].isEligibleReplica {
            if let obstacle = obstacle(to: request, floor, at: index, nodes[index]) {
                nearest = max(nearest ?? obstacle, obstacle)
            } else {
                suitable.insert(index)
            }
        }
        if !suitable.isEmpty { return .some(suitable) }
        return .none(nearest?.reason ?? .noReplicaUp)
    }

    /// The first condition that an eligible replica does not meet for a read; nil: it may answer.
    @inline(__always)
    static func obstacle(
        to request: RouteRequest, _ floor: Floor, at index: Int, _ node: borrowing NodeStatus
    ) -> ReplicaObstacle? {
        if request.excluded.contains(index) { return .excluded }
        if (node.lagNanoseconds ?? .max) > request.maxLag { return .tooOld }
        return node.coveredSample >= floor.sample ? nil : .uncovered
    }

    private static func choose(
        among candidates: NodeSet, _ topology: Topology, _ balance: LoadBalance, _ outstanding: Span<Int32>,
        _ random: UInt64
    ) -> Int {
        let nodes = topology.nodes.span
        var total: UInt64 = 0
        for index in nodes.indices where candidates.contains(index) { total += weight(nodes[index]) }

        switch balance {
        case .roundRobin:
            return pick(random % total, candidates, nodes)
        case .random:
            return pick(scale(random, total), candidates, nodes)
        case .leastOutstanding:
            let first = pick(scale(random, total), candidates, nodes)
            guard candidates.count > 1 else { return first }
            var others = candidates
            others.remove(first)
            let rest = total - weight(nodes[first])
            let second = pick(scale(random &<< 32, rest), others, nodes)
            let firstLoad = load(first, outstanding) * weight(nodes[second])
            let secondLoad = load(second, outstanding) * weight(nodes[first])
            return secondLoad < firstLoad ? second : first
        }
    }

    /// The candidate in whose share of the weights `ticket` falls.
    private static func pick(_ ticket: UInt64, _ candidates: NodeSet, _ nodes: Span<NodeStatus>) -> Int {
        var remaining = ticket
        for index in nodes.indices where candidates.contains(index) {
            let share = weight(nodes[index])
            if remaining < share { return index }
            remaining -= share
        }
        preconditionFailure("a ticket is smaller than the sum of the weights")
    }

    /// Maps the upper half of a random word to 0..<limit.
    private static func scale(_ random: UInt64, _ limit: UInt64) -> UInt64 { ((random &>> 32) * limit) &>> 32 }

    /// At most a million, so that sums and products stay within a word.
    private static func weight(_ node: borrowing NodeStatus) -> UInt64 { UInt64(min(max(node.weight, 1), 1_000_000)) }

    private static func load(_ index: Int, _ outstanding: Span<Int32>) -> UInt64 {
        index < outstanding.count ? UInt64(max(outstanding[index], 0)) : 0
    }
}
