// Which nodes are there, what is each of them good for, and how new are its data?

/// What a node is, found by asking, never configured.
public enum Role: UInt8, Equatable, Sendable, CustomStringConvertible {
    /// Takes the writes.
    case primary
    /// In recovery.
    case replica
    /// Not reachable, not asked yet, or no node of this cluster.
    case unknown
    /// Writable, but another node is the primary or none can be told: it gets nothing.
    case fenced

    public var description: String {
        switch self {
        case .primary: "primary"
        case .replica: "replica"
        case .unknown: "unknown"
        case .fenced: "fenced"
        }
    }
}

/// Why a node serves no reads as a replica.
public enum IneligibleReason: Equatable, Sendable, CustomStringConvertible {
    case notProbedYet
    case failed(ProbeFailure)
    /// The last good answer is too old.
    case probeOverdue
    case foreignSystem
    /// Writable, but not the primary.
    case fenced
    case otherTimeline
    /// Nothing shows that its data descend from the primary's.
    case lineageUnproven
    case missingPrivilege
    case drained
    /// Whoever names the nodes keeps reads off this one.
    case notBalanced
    /// It has left the cluster.
    case removed

    public var description: String {
        switch self {
        case .notProbedYet: "it was not asked yet"
        case .failed(let failure): failure.description
        case .probeOverdue: "its last answer is too old"
        case .foreignSystem: "it belongs to another cluster: its system identifier differs"
        case .fenced: "it is writable although it is not the primary"
        case .otherTimeline: "it is not on the primary's timeline"
        case .lineageUnproven: "nothing shows that it follows the primary"
        case .missingPrivilege: "the probing role lacks pg_monitor, so its timeline cannot be seen"
        case .drained: "it is drained"
        case .notBalanced: "its tag noloadbalance keeps reads off it"
        case .removed: "it has left the cluster"
        }
    }
}

/// How well a node answers.
public enum NodeHealth: UInt8, Equatable, Sendable, CustomStringConvertible {
    case healthy
    /// It answers late: it gets a quarter of its reads.
    case slow
    /// It does not answer: it gets nothing.
    case down

    public var description: String {
        switch self {
        case .healthy: "healthy"
        case .slow: "slow"
        case .down: "down"
        }
    }
}

/// What a worker needs to know of a node. All instants are monotonic nanoseconds.
public struct NodeStatus: Equatable, Sendable {
    public var id: NodeID
    /// `host:port`, or the directory of a Unix socket with the port.
    public var address: String
    /// As configured, at least 1.
    public var weight: Int
    /// Its part of the reads: the weight times `fullShare`, less while it is slow or has just come up.
    public var share: Int
    public var health: NodeHealth
    /// In the router's own zone, or none is configured.
    public var isNear: Bool
    public var role: Role
    /// Whether the node answers.
    public var isUp: Bool
    /// Whether it may serve reads as far as its state goes; lag and coverage are looked at for each read.
    public var isEligibleReplica: Bool
    /// Why not; nil for the primary and for an eligible replica.
    public var ineligibleReason: IneligibleReason?
    /// The newest sample of the current primary whose changes this replica has replayed; 0 = none.
    public var coveredSample: UInt64
    /// When the probe was sent that established `coveredSample`. A read with a floor may use only a server connection
    /// that was established at or before this instant: an older life of the node may have known more than this one.
    public var coverageBegan: UInt64
    /// Age of the replica's data; nil = not known.
    public var lagNanoseconds: UInt64?
    public var timeline: UInt32
    /// Insert position of a primary, replay position of a replica; 0/0 = not known.
    public var lsn: LSN
    /// Changes whenever the node was restarted or its connection was lost.
    public var incarnation: UInt64
    public var isReplayPaused: Bool
    /// `server_version_num`; 0 = not known.
    public var serverVersion: Int
    /// As reported last, in microseconds; 0 = not known.
    public var postmasterStartTime: Int64

    public init(
        id: NodeID, address: String, weight: Int = 1, share: Int? = nil, health: NodeHealth = .healthy,
        isNear: Bool = true, role: Role = .unknown, isUp: Bool = false,
        isEligibleReplica: Bool = false, ineligibleReason: IneligibleReason? = nil, coveredSample: UInt64 = 0,
        coverageBegan: UInt64 = 0, lagNanoseconds: UInt64? = nil, timeline: UInt32 = 0, lsn: LSN = LSN(0),
        incarnation: UInt64 = 0, isReplayPaused: Bool = false, serverVersion: Int = 0,
        postmasterStartTime: Int64 = 0
    ) {
        self.id = id
        self.address = address
        self.weight = weight
        self.share = share ?? weight * Self.fullShare
        self.health = health
        self.isNear = isNear
        self.role = role
        self.isUp = isUp
        self.isEligibleReplica = isEligibleReplica
        self.ineligibleReason = ineligibleReason
        self.coveredSample = coveredSample
        self.coverageBegan = coverageBegan
        self.lagNanoseconds = lagNanoseconds
        self.timeline = timeline
        self.lsn = lsn
        self.incarnation = incarnation
        self.isReplayPaused = isReplayPaused
        self.serverVersion = serverVersion
        self.postmasterStartTime = postmasterStartTime
    }

    /// Whether a connection to the primary, established at `connectedAt`, leads to a primary still: a server that said
    /// in its first words that it is a standby became the primary before the last probe, or is none any more.
    public func isPrimary(onConnectionOf connectedAt: UInt64, reportingStandby: Bool) -> Bool {
        !reportingStandby || coverageBegan >= connectedAt
    }

    /// Whether the node belongs to the cluster; the place of one that has left stays.
    public var isMember: Bool { ineligibleReason != .removed }

    /// The share of a healthy node of weight 1.
    public static let fullShare = 16

    /// What reads demand something of. By itself, because the whole of a node is costly to copy.
    @inline(__always)
    public var freshness: Freshness {
        Freshness(
            coveredSample: coveredSample, coverageBegan: coverageBegan, lagNanoseconds: lagNanoseconds,
            incarnation: incarnation)
    }
}

/// How new a replica's data are, with the fields of `NodeStatus`.
public struct Freshness: Equatable, Sendable {
    public var coveredSample: UInt64
    public var coverageBegan: UInt64
    public var lagNanoseconds: UInt64?
    public var incarnation: UInt64

    /// Whether a connection to the replica, established at `connectedAt`, shows everything that `floor` asks for.
    public func covers(_ floor: Floor, connectedAt: UInt64) -> Bool {
        floor == .none || (coveredSample >= floor.sample && coverageBegan >= connectedAt)
    }
}

/// Writes of a former primary that its successor does not have.
public struct LostWrites: Equatable, Sendable {
    /// The successor's timeline.
    public var timeline: UInt32
    /// The newest sample whose changes the successor has: what raised a session's floor above it may be lost.
    public var after: UInt64

    public init(timeline: UInt32, after: UInt64) {
        self.timeline = timeline
        self.after = after
    }
}

/// An immutable picture of a cluster, handed to the workers.
public struct Topology: Equatable, Sendable {
    /// Grows with everything that was learned.
    public var generation: UInt64
    /// A `NodeSet` and the outstanding counts go by the place in this list; a node keeps its place, and those that have
    /// left keep theirs until another node gets it.
    public var nodes: [NodeStatus]
    /// The node that takes writes; nil = hold them.
    public var primary: NodeID?
    /// The newest sample of the current or last primary; 0 = none yet.
    public var newestSample: UInt64
    /// Where the current or last primary was then; nil = none is known yet.
    public var position: SampledPosition?
    /// What the last change of the primary has certainly lost; nil = nothing that is known of.
    public var lostWrites: LostWrites?
    /// When this picture was made.
    public var takenAt: UInt64

    public init(
        generation: UInt64 = 0, nodes: [NodeStatus] = [], primary: NodeID? = nil, newestSample: UInt64 = 0,
        position: SampledPosition? = nil, lostWrites: LostWrites? = nil, takenAt: UInt64 = 0
    ) {
        precondition(nodes.count <= NodeSet.capacity, "a cluster has at most 64 nodes")
        self.generation = generation
        self.nodes = nodes
        self.primary = primary
        self.newestSample = newestSample
        self.position = position
        self.lostWrites = lostWrites
        self.takenAt = takenAt
    }

    /// The nodes that belong to the cluster, with their places.
    public var members: [(place: Int, node: NodeStatus)] {
        nodes.enumerated().filter { $0.element.isMember }.map { ($0.offset, $0.element) }
    }

    /// The primary's place in `nodes`.
    public var primaryPlace: Int? { primary.flatMap { index(of: $0) } }

    /// The place of a node in `nodes`.
    public func index(of id: NodeID) -> Int? {
        let nodes = nodes.span
        for place in nodes.indices where nodes[place].id == id { return place }
        return nil
    }
}
