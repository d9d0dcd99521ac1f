// Which node stands in which place, while nodes come and go?

/// A node as a source of the topology names it.
public struct NodeDescription: Hashable, Sendable {
    /// `host:port`, or the directory of a Unix socket with the port.
    public var address: String
    /// Share of the reads, at least 1.
    public var weight: Int
    /// In the router's own zone, or none is configured.
    public var isNear: Bool
    /// Whether it may answer reads as a replica.
    public var isBalanced: Bool

    public init(address: String, weight: Int = 1, isNear: Bool = true, isBalanced: Bool = true) {
        self.address = address
        self.weight = weight
        self.isNear = isNear
        self.isBalanced = isBalanced
    }
}

/// Who stands in a place of the topology, or stood there last.
public struct NodePlace: Equatable, Sendable {
    public var definition: NodeDefinition
    /// Whether it belongs to the cluster.
    public var isMember: Bool

    public init(_ definition: NodeDefinition, isMember: Bool = true) {
        self.definition = definition
        self.isMember = isMember
    }
}

/// Gives nodes their ids and places. A node keeps its place, and gets it again when it returns; the place of one that
/// has left goes to another only after a while, when nobody has connections to the old one any more.
public struct Membership: Sendable {
    private struct Place {
        var definition: NodeDefinition
        /// nil: it is a member.
        var leftAt: UInt64?
    }

    /// Everybody has long heard that a node has left when its place is given away. Nanoseconds.
    public static let quarantine: UInt64 = 60_000_000_000

    private var all: [Place] = []
    private var nextID: Int32 = 0

    public init() {}

    /// They do not become fewer.
    public var places: [NodePlace] { all.map { NodePlace($0.definition, isMember: $0.leftAt == nil) } }

    /// Takes over what the source says.
    ///
    /// - Parameters:
    ///   - nodes: those that belong to the cluster; of several with one address the first counts.
    ///   - now: monotonic nanoseconds.
    ///   - isVacant: whether no connection leads to the node that stood in a place.
    /// - Returns: the addresses for which there is no place.
    public mutating func update(_ nodes: [NodeDescription], at now: UInt64, isVacant: (Int) -> Bool) -> [String] {
        var wanted: [String: NodeDescription] = [:]
        for node in nodes where wanted[node.address] == nil { wanted[node.address] = node }
        for place in all.indices {
            if let node = wanted.removeValue(forKey: all[place].definition.address) {
                all[place] = Place(definition: Self.definition(node, id: all[place].definition.id))
            } else if all[place].leftAt == nil {
                all[place].leftAt = now
            }
        }
        var left: [String] = []
        for node in nodes {
            guard let node = wanted.removeValue(forKey: node.address) else { continue }
            if !add(node, at: now, isVacant: isVacant) { left.append(node.address) }
        }
        return left
    }

    private mutating func add(_ node: NodeDescription, at now: UInt64, isVacant: (Int) -> Bool) -> Bool {
        let free = all.indices.first { place in
            guard let leftAt = all[place].leftAt else { return false }
            return now >= leftAt &+ Self.quarantine && isVacant(place)
        }
        guard free != nil || all.count < NodeSet.capacity else { return false }
        let place = Place(definition: Self.definition(node, id: NodeID(nextID)))
        nextID += 1
        if let free { all[free] = place } else { all.append(place) }
        return true
    }

    private static func definition(_ node: NodeDescription, id: NodeID) -> NodeDefinition {
        NodeDefinition(
            id: id, address: node.address, weight: node.weight, isNear: node.isNear, isBalanced: node.isBalanced)
    }
}
