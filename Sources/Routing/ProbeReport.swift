// What does a node say about itself when it is asked?

/// One question put to a node. Its number is that of the sample which the answer gives, should the node be the primary.
public struct Probe: Equatable, Sendable {
    public let node: NodeID
    /// Taken from the cluster's `SampleCounter` just before the question was sent; never used twice.
    public let sample: UInt64
    /// When the question was sent, in monotonic nanoseconds.
    public let sentAt: UInt64

    public init(node: NodeID, sample: UInt64, sentAt: UInt64) {
        self.node = node
        self.sample = sample
        self.sentAt = sentAt
    }
}

/// The facts of one answer.
public struct ProbeReport: Equatable, Sendable {
    /// `pg_is_in_recovery()`.
    public var isInRecovery: Bool
    /// `pg_current_wal_insert_lsn()`; nil on a standby. Insert, not flush, so that asynchronous commits are contained.
    public var insertLSN: LSN?
    /// `pg_current_wal_flush_lsn()`; nil on a standby.
    public var flushLSN: LSN?
    /// `pg_last_wal_replay_lsn()`; nil on a primary.
    public var replayLSN: LSN?
    /// `pg_last_wal_receive_lsn()`; nil on a primary and where nothing was ever streamed.
    public var receiveLSN: LSN?
    /// A primary's timeline, or the one which a standby streams; nil when a standby does not stream.
    public var timeline: UInt32?
    /// The highest timeline in the control file: a standby is on this one or a later one.
    public var lowestTimeline: UInt32
    public var systemIdentifier: UInt64
    /// `pg_postmaster_start_time()` in microseconds, compared only with itself.
    public var postmasterStartTime: Int64
    /// Whether a standby's WAL receiver streams.
    public var isStreaming: Bool
    /// `host:port` of the server that a standby streams from, as its `primary_conninfo` names it.
    public var sender: String?
    /// `host:port` at which the server was reached, as it sees it itself.
    public var serverAddress: String?
    public var isReplayPaused: Bool
    /// How old a replica's data are by its own account, in nanoseconds; nil where that follows from positions.
    public var ownLag: UInt64?
    /// `server_version_num`.
    public var serverVersion: Int
    public var layout: WALLayout
    /// Whether the probing role may see the details that `pg_monitor` shows.
    public var hasMonitorPrivilege: Bool

    public init(
        isInRecovery: Bool, insertLSN: LSN? = nil, flushLSN: LSN? = nil, replayLSN: LSN? = nil, receiveLSN: LSN? = nil,
        timeline: UInt32? = nil, lowestTimeline: UInt32 = 0, systemIdentifier: UInt64, postmasterStartTime: Int64,
        isStreaming: Bool = false, sender: String? = nil, serverAddress: String? = nil,
        isReplayPaused: Bool = false, ownLag: UInt64? = nil, serverVersion: Int = 0, layout: WALLayout = WALLayout(),
        hasMonitorPrivilege: Bool = true
    ) {
        self.isInRecovery = isInRecovery
        self.insertLSN = insertLSN
        self.flushLSN = flushLSN
        self.replayLSN = replayLSN
        self.receiveLSN = receiveLSN
        self.timeline = timeline
        self.lowestTimeline = lowestTimeline
        self.systemIdentifier = systemIdentifier
        self.postmasterStartTime = postmasterStartTime
        self.isStreaming = isStreaming
        self.sender = sender
        self.serverAddress = serverAddress
        self.isReplayPaused = isReplayPaused
        self.ownLag = ownLag
        self.serverVersion = serverVersion
        self.layout = layout
        self.hasMonitorPrivilege = hasMonitorPrivilege
    }
}

/// Why a node could not be asked.
public enum ProbeFailure: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
    /// Nobody listens there.
    case refused
    /// An established connection ended.
    case lost
    /// No answer within the probe's time limit.
    case timedOut
    /// The host name has no address, or the name service did not answer.
    case nameNotResolved
    /// No connection, for a reason other than a refusal: no route, network down.
    case unreachable
    /// The server is starting, stopping or recovering (57P03, 57P01, 57P02).
    case notAccepting
    /// The server refused the login: password, database, access rules, no connection slot left.
    case loginRefused
    /// The server answered the question with an error, or with something unexpected.
    case questionFailed

    /// Whether the node certainly serves nobody now, so that no second failure is needed.
    var isDefinite: Bool {
        switch self {
        case .refused, .notAccepting: true
        case .lost, .timedOut, .nameNotResolved, .unreachable, .loginRefused, .questionFailed: false
        }
    }

    public var description: String {
        switch self {
        case .refused: "the connection was refused"
        case .lost: "the connection was lost"
        case .timedOut: "no answer within the probe's time limit"
        case .nameNotResolved: "the host name could not be resolved"
        case .unreachable: "the host could not be reached"
        case .notAccepting: "the server is starting up or shutting down"
        case .loginRefused: "the server refused the probe's login"
        case .questionFailed: "the server answered the probe with an error"
        }
    }
}
