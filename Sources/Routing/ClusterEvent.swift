// What has happened in a cluster that an operator should know?

/// How loudly an event is to be told.
public enum EventSeverity: Sendable { case notice, warning, error }

/// A change in the cluster, told once.
public enum ClusterEvent: Equatable, Sendable {
    case nodeUp(NodeID, isInRecovery: Bool)
    case nodeDown(NodeID, ProbeFailure)
    /// The cluster has one node more.
    case nodeAdded(NodeID)
    case nodeRemoved(NodeID)
    /// The server process was restarted.
    case nodeRestarted(NodeID)
    /// A node that was writable is a replica now.
    case becameReplica(NodeID)
    case primaryChanged(from: NodeID?, to: NodeID, timeline: UInt32)
    /// No primary is known any more; writes wait.
    case primaryLost(NodeID)
    /// The same primary on the same timeline is back.
    case primaryReturned(NodeID)
    /// Writable although another node is, or was last, the primary.
    case fenced(NodeID, timeline: UInt32)
    /// Several nodes could be the primary and nothing tells which; writes wait. `lost` = the last primary, when it is
    /// unreachable and could still be taking writes.
    case contested([NodeID], timeline: UInt32, lost: NodeID?)
    case foreignSystem(NodeID, found: UInt64, expected: UInt64)
    case missingPrivilege(NodeID)
    /// The primary's log is shorter than it was: writes were lost in a crash, or the data directory was replaced.
    case logWentBack(NodeID, from: LSN, to: LSN)
    /// The new primary does not have what the old one had written behind this position.
    case writesLost(behind: LSN, until: LSN)

    public var severity: EventSeverity {
        switch self {
        case .nodeUp, .becameReplica, .primaryReturned, .nodeAdded, .nodeRemoved: .notice
        case .nodeDown, .nodeRestarted, .primaryChanged, .missingPrivilege: .warning
        case .primaryLost, .fenced, .contested, .foreignSystem, .logWentBack, .writesLost: .error
        }
    }

    /// A sentence for the log.
    ///
    /// - Parameter name: The name under which the operator knows a node: its address.
    public func text(_ name: (NodeID) -> String) -> String {
        switch self {
        case .nodeUp(let node, let isInRecovery):
            "\(name(node)) is up, \(isInRecovery ? "as a replica" : "writable")"
        case .nodeDown(let node, let failure):
            "\(name(node)) is down: \(failure)"
        case .nodeAdded(let node):
            "\(name(node)) belongs to the cluster now"
        case .nodeRemoved(let node):
            "\(name(node)) has left the cluster; what runs there comes to its end"
        case .nodeRestarted(let node):
            "\(name(node)) was restarted"
        case .becameReplica(let node):
            "\(name(node)) is a replica now"
        case .primaryChanged(nil, let new, let timeline):
            "\(name(new)) is the primary, timeline \(timeline)"
        case .primaryChanged(let old?, let new, let timeline) where old == new:
            "\(name(new)) is still the primary, now on timeline \(timeline)"
        case .primaryChanged(let old?, let new, let timeline):
            "\(name(new)) is the primary now, timeline \(timeline); before it was \(name(old))"
        case .primaryLost(let node):
            "the primary \(name(node)) is lost; writes wait for a new one"
        case .primaryReturned(let node):
            "the primary \(name(node)) is back"
        case .fenced(let node, let timeline):
            "\(name(node)) is fenced: it is writable on timeline \(timeline) but not the primary; nothing is sent to "
                + "it until it has become a replica"
        case .contested(let nodes, let timeline, nil):
            "\(nodes.map(name).joined(separator: " and ")) are writable on timeline \(timeline) and nothing tells "
                + "which is the primary; writes wait until only one is left: stop the others"
        case .contested(let nodes, let timeline, let lost?):
            "\(nodes.map(name).joined(separator: " and ")) is writable on timeline \(timeline) like the lost primary "
                + "\(name(lost)), which may still take writes; writes wait until \(name(lost)) is back or is removed "
                + "from the nodes"
        case .foreignSystem(let node, let found, let expected):
            "\(name(node)) is refused: its system identifier is \(found), the cluster's is \(expected)"
        case .missingPrivilege(let node):
            "\(name(node)) serves no reads: the probing role may not see its replication state there; "
                + "run GRANT pg_monitor TO that role on the primary"
        case .logWentBack(let node, let from, let to):
            "the log of the primary \(name(node)) went back from \(from) to \(to): writes are lost"
        case .writesLost(let behind, let until):
            "the new primary's log stands at \(behind), the old one's reached \(until): the writes between are lost"
        }
    }
}
