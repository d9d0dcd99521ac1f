// What is asked of the router, and what can it answer?

public import SQL

/// Which endpoint a session came in through.
public enum ListenerKind: UInt8, Equatable, Sendable, CaseIterable {
    /// Routed statement by statement.
    case split
    /// Primary only.
    case writer
    /// Replicas only, read-only.
    case reader
}

/// Why a read that a replica could answer goes to the primary all the same.
public enum NeedOfPrimary: UInt8, Equatable, Sendable, CaseIterable {
    /// A replica has just refused it.
    case refusal
    /// A replica has lately refused the same statement.
    case lesson
    /// It is too large to be kept for a second try.
    case size
}

/// One batch that needs a node.
public struct RouteRequest: Equatable, Sendable {
    public var routeClass: RouteClass
    /// The session's own floor.
    public var floor: Floor
    /// The floor of all sessions of the database; looked at with `.global` and `.primary` only.
    public var globalFloor: Floor
    public var consistency: Consistency
    /// The oldest data that will do, in nanoseconds; `UInt64.max` = any age, even an unknown one.
    public var maxLag: UInt64
    public var listener: ListenerKind
    /// The session or its read-only transaction asked for a replica: questions about the node are then answered there.
    public var wantsReplica: Bool
    /// Places of nodes not to be used this time: tried already, or the pool cannot log in there.
    public var excluded: NodeSet
    /// What the work has waited for in vain, as long as allowed; it does not wait for the same again.
    public var waitedFor: HoldReason?
    /// Of a replica-safe read only.
    public var needsPrimary: NeedOfPrimary?
    /// With `.monotonic`: what replicas other than `lastRead` must have.
    public var readFloor: Floor
    /// With `.monotonic`: the replica that the session has read from last.
    public var lastRead: LastRead?

    public init(
        routeClass: RouteClass, floor: Floor = .none, globalFloor: Floor = .none, consistency: Consistency = .session,
        maxLag: UInt64 = 10_000_000_000, listener: ListenerKind = .split, wantsReplica: Bool = false,
        excluded: NodeSet = NodeSet(), waitedFor: HoldReason? = nil, needsPrimary: NeedOfPrimary? = nil,
        readFloor: Floor = .none, lastRead: LastRead? = nil
    ) {
        self.routeClass = routeClass
        self.floor = floor
        self.globalFloor = globalFloor
        self.consistency = consistency
        self.maxLag = maxLag
        self.listener = listener
        self.wantsReplica = wantsReplica
        self.excluded = excluded
        self.waitedFor = waitedFor
        self.needsPrimary = needsPrimary
        self.readFloor = readFloor
        self.lastRead = lastRead
    }

    /// What a replica must have for the request.
    public var effectiveFloor: Floor {
        switch consistency {
        case .eventual: .none
        case .session: floor
        case .monotonic: max(floor, readFloor)
        // On the reader port there is nothing stricter.
        case .global, .primary: max(floor, globalFloor)
        }
    }

    /// Whether the read may use a connection to a replica that was chosen for it.
    public func mayUse(_ replica: Freshness, at place: Int, connectedAt: UInt64) -> Bool {
        let floor = floor(for: place, incarnation: replica.incarnation)
        // The connection must not lead to a later life of the replica than the one that was read from.
        if consistency == .monotonic, floor != effectiveFloor, replica.coverageBegan < connectedAt { return false }
        return replica.covers(floor, connectedAt: connectedAt)
    }

    /// Whether what the replica shows is older than the request allows.
    @inline(__always)
    public func isTooOld(_ replica: Freshness) -> Bool { (replica.lagNanoseconds ?? .max) > maxLag }

    /// The floor for one replica: in the life in which the session has read from it, it cannot go back.
    public func floor(for place: Int, incarnation: UInt64) -> Floor {
        lastRead == LastRead(place: place, incarnation: incarnation) && consistency == .monotonic
            ? floor : effectiveFloor
    }
}

/// A replica in one of its lives.
public struct LastRead: Equatable, Sendable {
    /// In `Topology.nodes`.
    public var place: Int
    public var incarnation: UInt64

    public init(place: Int, incarnation: UInt64) {
        self.place = place
        self.incarnation = incarnation
    }
}

/// What the work waits for.
public enum HoldReason: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
    /// No node is known to be the primary.
    case noPrimary
    /// `read_fallback` or `reader_fallback` is `wait`.
    case noReplica
    /// `after_write` is `wait`.
    case floorNotCovered
    /// A token is asked for or brought, and the primary was not asked since.
    case notSampled

    public var description: String {
        switch self {
        case .noPrimary: "no primary is known"
        case .notSampled: "the position of the primary is not known"
        case .noReplica: "no replica is suitable"
        case .floorNotCovered: "no replica is known to have replayed all that must be seen"
        }
    }
}

/// Why the work cannot be done at all.
public enum RefuseReason: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
    /// The reader port takes only reads: 25006.
    case readerIsReadOnly
    /// No suitable replica, and the fallback is `error` or waiting was in vain: 57P03.
    case noReplica

    /// The SQLSTATE that a client gets.
    public var sqlState: StaticString {
        switch self {
        case .readerIsReadOnly: "25006"
        case .noReplica: "57P03"
        }
    }

    public var description: String {
        switch self {
        case .readerIsReadOnly: "sessions on the reader port are read-only"
        case .noReplica: "no replica is suitable"
        }
    }
}

/// Where a batch goes.
public enum Target: Equatable, Sendable {
    case primary(NodeID)
    case replica(NodeID)
    case hold(HoldReason)
    case refuse(RefuseReason)
}

/// The rule that decided, for counting and explaining.
public enum RouteReason: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
    // To a replica.
    case replicaSafe
    case replicaCoversFloor
    case replicaReadBefore
    case readerPort
    // To the primary because of what the work is.
    case write
    case lockedRead
    case primaryOnlyRead
    case transactionControl
    case sessionState
    // To the primary because of where it came from or what was asked for.
    case writerPort
    case consistencyPrimary
    case primaryTakesShare
    // A read that would have gone to a replica.
    case noReplicaUp
    case replicasExcluded
    case replicasTooOld
    case floorNotCovered
    case refusedByReplica
    case learned
    case tooLargeToRepeat
    /// It would have gone to a replica, and `routing.mode` is `advise`.
    case advised
    // Nowhere.
    case notOnReaderPort

    public var description: String {
        switch self {
        case .replicaSafe: "a read that any replica can answer"
        case .replicaCoversFloor: "a read, on a replica that has replayed all that the session must see"
        case .replicaReadBefore: "a read, on the replica that the session has read from last"
        case .primaryTakesShare: "a read, and the primary takes its share of them"
        case .readerPort: "sessions on the reader port use replicas"
        case .write: "it may write, or is not understood"
        case .lockedRead: "it locks rows or tables"
        case .primaryOnlyRead: "its answer depends on the node, or must not be balanced"
        case .transactionControl: "it controls a transaction that may write"
        case .sessionState: "it changes the state of its session"
        case .writerPort: "sessions on the writer port use the primary"
        case .consistencyPrimary: "consistency is 'primary'"
        case .noReplicaUp: "a read, but no replica is eligible"
        case .replicasExcluded: "a read, but every eligible replica was tried or cannot be logged in to"
        case .replicasTooOld: "a read, but every eligible replica lags more than max_lag"
        case .floorNotCovered: "a read, but no replica is known to have replayed all that the session must see"
        case .refusedByReplica: "a read that a replica has refused"
        case .learned: "a read that a replica has refused lately"
        case .tooLargeToRepeat: "a read that is too large to be kept for a second try"
        case .advised: "a read that would go to a replica, but routing.mode is 'advise'"
        case .notOnReaderPort: "it is not read-only, and the reader port is"
        }
    }
}

/// Where a batch goes and why.
public struct RouteDecision: Equatable, Sendable {
    public var target: Target
    public var reason: RouteReason

    public init(target: Target, reason: RouteReason) {
        self.target = target
        self.reason = reason
    }
}
