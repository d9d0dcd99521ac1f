// Where does a batch go?

/// Decides where work goes. Pure, and without allocation.
public struct Router: Sendable {
    /// Chooses the node for one batch of a session that holds no server yet.
    ///
    /// - Parameters:
    ///   - outstanding: Work in progress on each node, by the place in `topology.nodes`.
    ///   - latency: How long reads take on each node, in nanoseconds, likewise; looked at with `.latency` only.
    ///   - random: A random number; with `.roundRobin` the running number of the decision instead.
    public static func decide(
        _ request: RouteRequest, topology: Topology, settings: RoutingSettings, outstanding: Span<Int32>,
        latency: Span<UInt64> = Span(), random: UInt64
    ) -> RouteDecision {
        switch request.listener {
        case .writer:
            return primary(topology, .writerPort)
        case .reader:
            switch request.routeClass {
            case .replicaSafe, .primaryOnlyRead, .transactionControl, .sessionState:
                return read(
                    request, .readerPort, settings.readerFallback, topology, settings, outstanding, latency, random)
            case .lockedRead, .write:
                return RouteDecision(target: .refuse(.readerIsReadOnly), reason: .notOnReaderPort)
            }
        case .split:
            let decision = split(request, topology, settings, outstanding, latency, random)
            return settings.mode == .split ? decision : advised(decision, topology)
        }
    }

    private static func split(
        _ request: RouteRequest, _ topology: Topology, _ settings: RoutingSettings, _ outstanding: Span<Int32>,
        _ latency: Span<UInt64>, _ random: UInt64
    ) -> RouteDecision {
        switch request.routeClass {
        case .replicaSafe:
            return splitRead(request, topology, settings, outstanding, latency, random)
        case .primaryOnlyRead where request.wantsReplica:
            return splitRead(request, topology, settings, outstanding, latency, random)
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
        case .primary, .hold(.noPrimary), .hold(.notSampled): decision
        }
    }

    private static func primary(_ topology: Topology, _ reason: RouteReason) -> RouteDecision {
        guard let node = topology.primary else { return RouteDecision(target: .hold(.noPrimary), reason: reason) }
        return RouteDecision(target: .primary(node), reason: reason)
    }

    private static func splitRead(
        _ request: RouteRequest, _ topology: Topology, _ settings: RoutingSettings, _ outstanding: Span<Int32>,
        _ latency: Span<UInt64>, _ random: UInt64
    ) -> RouteDecision {
        if request.consistency == .primary { return primary(topology, .consistencyPrimary) }
        switch request.needsPrimary {
        case .refusal: return primary(topology, .refusedByReplica)
        case .lesson: return primary(topology, .learned)
        case .size: return primary(topology, .tooLargeToRepeat)
        case nil: break
        }
        let isExempt = settings.primaryReads == .never && settings.readFallback == .primary
        let fallback = isExempt ? .wait : settings.readFallback
        return read(request, .replicaSafe, fallback, topology, settings, outstanding, latency, random)
    }

    /// Sends a read to a suitable replica, or where the settings say when there is none.
    private static func read(
        _ request: RouteRequest, _ reason: RouteReason, _ fallback: ReadFallback, _ topology: Topology,
        _ settings: RoutingSettings, _ outstanding: Span<Int32>, _ latency: Span<UInt64>, _ random: UInt64
    ) -> RouteDecision {
        var candidates: NodeSet
        switch suitableReplicas(request, topology) {
        case .some(let set): candidates = set
        case .none(let obstacle): return withoutReplica(request, obstacle, fallback, topology, settings)
        }
        if request.consistency == .monotonic, let last = request.lastRead, last.place < topology.nodes.count,
            candidates.contains(last.place), topology.nodes[last.place].incarnation == last.incarnation
        {
            return RouteDecision(target: .replica(topology.nodes[last.place].id), reason: .replicaReadBefore)
        }
        let primary = settings.primaryReads == .always && reason == .replicaSafe ? topology.primaryPlace : nil
        if let primary { candidates.insert(primary) }
        let choice = ReplicaChoice(balance: settings.loadBalance, random: random)
        let chosen = choice.choose(among: candidates, topology.nodes.span, outstanding, latency)
        if chosen == primary {
            return RouteDecision(target: .primary(topology.nodes[chosen].id), reason: .primaryTakesShare)
        }
        let covered = reason == .replicaSafe && request.effectiveFloor != .none
        return RouteDecision(
            target: .replica(topology.nodes[chosen].id), reason: covered ? .replicaCoversFloor : reason)
    }

    // MARK: No replica

    private static func withoutReplica(
        _ request: RouteRequest, _ obstacle: RouteReason, _ fallback: ReadFallback, _ topology: Topology,
        _ settings: RoutingSettings
    ) -> RouteDecision {
        if obstacle == .floorNotCovered, settings.primaryReads != .never || request.listener != .split {
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
    private static func suitableReplicas(_ request: RouteRequest, _ topology: Topology) -> Suitable {
        var nearest: ReplicaObstacle?
        var suitable = NodeSet()
        let floor = request.effectiveFloor
        let nodes = topology.nodes.span
        for index in nodes.indices where nodes[index].isEligibleReplica {
            if let obstacle = obstacle(to: request, floor, at: index, nodes[index].freshness) {
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
        to request: RouteRequest, _ floor: Floor, at index: Int, _ replica: Freshness
    ) -> ReplicaObstacle? {
        let floor =
            request.consistency == .monotonic ? request.floor(for: index, incarnation: replica.incarnation) : floor
        if request.excluded.contains(index) { return .excluded }
        if request.isTooOld(replica) { return .tooOld }
        return replica.coveredSample >= floor.sample ? nil : .uncovered
    }
}
