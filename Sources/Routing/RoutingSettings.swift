// What did the operator choose about routing?

/// How new the data of a read must be, from the weakest level to the strictest.
public enum Consistency: String, Sendable, CaseIterable, Comparable {
    /// Anything within `maxLag`.
    case eventual
    /// A session sees its own writes.
    case session
    /// A session sees its own writes and never goes back in time.
    case monotonic
    /// Every read sees every write acknowledged before it through this process.
    case global
    /// All reads on the primary.
    case primary

    private var rank: Int {
        switch self {
        case .eventual: 0
        case .session: 1
        case .monotonic: 2
        case .global: 3
        case .primary: 4
        }
    }

    public static func < (left: Consistency, right: Consistency) -> Bool { left.rank < right.rank }
}

/// How one of several suitable replicas is chosen.
public enum LoadBalance: String, Sendable, CaseIterable {
    /// The less busy of two chosen at random, busy meaning outstanding work ÷ weight.
    case leastOutstanding = "least_outstanding"
    /// In turn, by weight.
    case roundRobin = "round_robin"
    /// At random, by weight.
    case random
    /// The faster of two chosen at random, by how long reads took lately, their outstanding work and their weight.
    case latency
}

/// Whether the primary answers reads that replicas could answer.
public enum PrimaryReads: String, Sendable, CaseIterable {
    /// When no replica can.
    case fallback
    /// It takes its share, by its weight.
    case always
    /// They wait for a replica, and fail without one.
    case never
}

/// What to do with a read for which no replica is suitable.
public enum ReadFallback: String, Sendable, CaseIterable {
    case primary, wait, error
}

/// What to do with a read whose session's last write no replica is known to have replayed.
public enum AfterWrite: String, Sendable, CaseIterable {
    case primary, wait
}

/// From where a question about the answering node (`inet_server_addr`, `inet_server_port`) may be answered.
public enum NodeFunctions: String, Sendable, CaseIterable {
    case any, primary
}

/// Whether reads on the split port are given to replicas.
public enum RoutingMode: String, Sendable, CaseIterable {
    case split
    /// Everything goes to the primary; what would have gone to a replica is counted.
    case advise
}

/// The `[routing]` settings.
public struct RoutingSettings: Equatable, Sendable {
    public var mode: RoutingMode = .split
    public var consistency: Consistency = .session
    /// The oldest data that a read may see.
    public var maxLag: Duration = .seconds(10)
    public var loadBalance: LoadBalance = .leastOutstanding
    public var primaryReads: PrimaryReads = .fallback
    /// On the split port.
    public var readFallback: ReadFallback = .primary
    /// On the reader port; a primary is read-only there too.
    public var readerFallback: ReadFallback = .primary
    public var nodeFunctions: NodeFunctions = .any
    public var afterWrite: AfterWrite = .primary
    /// How long `afterWrite = wait` waits before the primary is used.
    public var afterWriteWait: Duration = .milliseconds(500)
    /// Whether BEGIN is answered without a server until the first statement shows where it belongs.
    public var lazyBegin = true
    /// Whether the reads that a READ COMMITTED transaction begins with may run on a replica.
    public var splitTransactions = false
    /// How long work waits for a primary.
    public var failoverWait: Duration = .seconds(30)
    /// How many bytes of one batch are kept so that it can be run again elsewhere.
    public var maxBufferedBatch = 64 << 10
    /// How often a read that a replica could not finish is given to another node.
    public var readRetries = 2

    public init() {}
}

extension Duration {
    /// Whole nanoseconds, no less than 0 and no more than a word holds.
    public var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return .max }
        let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return carry ? .max : sum
    }
}
