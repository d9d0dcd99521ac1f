// Which node, or which set of nodes, is meant?

/// Names one PostgreSQL server of a cluster for the life of the process.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    public static func < (left: NodeID, right: NodeID) -> Bool { left.rawValue < right.rawValue }

    public var description: String { "node \(rawValue)" }
}

/// A set of places in `Topology.nodes`. A cluster has at most `NodeSet.capacity` nodes, so that a set is one word.
public struct NodeSet: Equatable, Sendable {
    /// The largest number of nodes in one cluster.
    public static let capacity = 64

    @usableFromInline var bits: UInt64

    /// The empty set.
    @inlinable public init() { bits = 0 }

    @inlinable public var isEmpty: Bool { bits == 0 }
    @inlinable public var count: Int { bits.nonzeroBitCount }

    @inlinable public func contains(_ index: Int) -> Bool { bits & (1 &<< UInt64(index)) != 0 }

    @inlinable public mutating func insert(_ index: Int) {
        precondition(index >= 0 && index < Self.capacity, "a cluster has at most 64 nodes")
        bits |= 1 &<< UInt64(index)
    }

    @inlinable public mutating func formUnion(_ other: NodeSet) { bits |= other.bits }

    @inlinable public mutating func remove(_ index: Int) {
        precondition(index >= 0 && index < Self.capacity, "a cluster has at most 64 nodes")
        bits &= ~(1 &<< UInt64(index))
    }
}
