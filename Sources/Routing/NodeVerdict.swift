// Why may a node answer a read, or why not?

/// The first condition that an eligible replica does not meet for one read, in the order in which they are looked at.
public enum ReplicaObstacle: UInt8, Comparable, Sendable, CaseIterable, CustomStringConvertible {
    /// Tried already, or the pool cannot log in there, or not yet as who is meant, or every transaction would be
    /// SERIALIZABLE.
    case excluded
    /// Its data are older than allowed.
    case tooOld
    /// It is not known to have replayed what the session has to see.
    case uncovered

    public static func < (left: ReplicaObstacle, right: ReplicaObstacle) -> Bool { left.rawValue < right.rawValue }

    /// Why a read goes elsewhere when no replica comes nearer than this.
    var reason: RouteReason {
        switch self {
        case .excluded: .replicasExcluded
        case .tooOld: .replicasTooOld
        case .uncovered: .floorNotCovered
        }
    }

    public var description: String {
        switch self {
        case .excluded:
            "it was tried, or cannot be logged in to, or not before it has replayed a change of names, or sessions"
                + " there are SERIALIZABLE by default"
        case .tooOld: "it lags more than max_lag"
        case .uncovered: "it is not known to have replayed all that the session must see"
        }
    }
}

/// What a node is to one read.
public enum NodeVerdict: Equatable, Sendable, CustomStringConvertible {
    /// It takes the writes; a read goes there if the rules say so.
    case primary
    case eligible
    /// A replica that does not suit this read.
    case unsuitable(ReplicaObstacle)
    /// A node that serves no reads at all.
    case ineligible(IneligibleReason)
    case unknown

    public var description: String {
        switch self {
        case .primary: "takes the writes"
        case .eligible: "eligible"
        case .unsuitable(let obstacle): "not eligible: \(obstacle)"
        case .ineligible(let reason): "not eligible: \(reason)"
        case .unknown: "not eligible: it is not known to follow the primary"
        }
    }
}

extension Router {
    /// What each node is to a read of the request, by the functions that decide; in the order of `topology.nodes`.
    public static func verdicts(_ request: RouteRequest, topology: Topology) -> [NodeVerdict] {
        let floor = request.effectiveFloor
        return topology.nodes.enumerated().map { index, node in
            if topology.primary == node.id { return .primary }
            guard node.isEligibleReplica else { return node.ineligibleReason.map(NodeVerdict.ineligible) ?? .unknown }
            return obstacle(to: request, floor, at: index, node.freshness).map(NodeVerdict.unsuitable) ?? .eligible
        }
    }
}
