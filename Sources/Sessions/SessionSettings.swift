// Which limits and choices govern one client's session?

public import Routing

/// What a session must know of the settings.
public struct SessionSettings: Equatable, Sendable {
    /// A batch that starts replica-safe is collected up to this many bytes; a larger one goes to the primary.
    public var maxBufferedBatch: Int
    /// A text longer than this is not read: it goes to the primary and pins the session.
    public var maxReadableText: Int
    /// A longer message is a breach of the protocol.
    public var maxMessageSize: Int
    /// Statements kept parsed on one server connection.
    public var maxPreparedStatements: Int
    /// BEGIN is answered at once and sent with the first statement.
    public var lazyBegin: Bool
    /// The reads that a transaction begins with may run on a replica.
    public var splitTransactions: Bool

    /// `inet_server_addr()` and its kin may be answered by any node.
    public var anyNodeAddress: Bool
    /// How often a read that a replica could not finish is given to another node.
    public var readRetries: Int
    /// The session keeps its first server of the primary to its end (`pool.mode = "session"`).
    public var keepsServer: Bool
    /// Not so with `pool.mode = "statement"`.
    public var allowsTransactions: Bool
    /// What SHOW tells of settings that the session has not set.
    public var defaults: RoutingDefaults

    public init(
        maxBufferedBatch: Int = 65_536, maxReadableText: Int = 16 << 20, maxMessageSize: Int = 0x3fff_ffff,
        maxPreparedStatements: Int = 500, lazyBegin: Bool = true, splitTransactions: Bool = false,
        anyNodeAddress: Bool = true, readRetries: Int = 2, keepsServer: Bool = false,
        allowsTransactions: Bool = true, defaults: RoutingDefaults = RoutingDefaults()
    ) {
        self.maxBufferedBatch = maxBufferedBatch
        self.maxReadableText = maxReadableText
        self.maxMessageSize = maxMessageSize
        self.maxPreparedStatements = maxPreparedStatements
        self.lazyBegin = lazyBegin
        self.splitTransactions = splitTransactions
        self.anyNodeAddress = anyNodeAddress
        self.readRetries = readRetries
        self.keepsServer = keepsServer
        self.allowsTransactions = allowsTransactions
        self.defaults = defaults
    }
}

extension SessionSettings {
    /// What the settings of routing say of sessions.
    public init(_ routing: RoutingSettings) {
        self.init(
            maxBufferedBatch: routing.maxBufferedBatch, lazyBegin: routing.lazyBegin,
            splitTransactions: routing.splitTransactions, anyNodeAddress: routing.nodeFunctions == .any,
            readRetries: routing.readRetries,
            defaults: RoutingDefaults(
                consistency: routing.consistency, maxLag: routing.maxLag.clampedNanoseconds))
    }
}

/// Settings that many sessions have in common, kept once for all of them.
public struct SharedSettings: Sendable {
    private indirect enum Box: Sendable {
        case settings(SessionSettings)
    }

    /// Those of a client that has not said what it wants.
    public static let standard = SharedSettings(SessionSettings())

    private let box: Box

    public init(_ settings: SessionSettings) { box = .settings(settings) }

    public var value: SessionSettings {
        switch box {
        case .settings(let settings): settings
        }
    }
}
