// Which limits of a pool does a database or a user change?

public import Pooling

/// Pool limits that are told anew; nil: the enclosing level's apply. The meaning of each is `PoolSettings`'.
public struct PoolOverrides: Equatable, Sendable {
    public var mode: PoolMode?
    public var size: Int?
    public var minSize: Int?
    public var reserveSize: Int?
    public var reserveTimeout: Duration?
    public var maxPinned: PinLimit?
    public var maxPreparedStatements: Int?
    public var maxClients: Int?
    public var maxWaiters: Int?
    public var maxConnecting: Int?
    public var waitTimeout: Duration?
    public var idleTimeout: Duration?
    public var lifetime: Duration?
    public var connectTimeout: Duration?
    public var retryDelay: Duration?
    public var maxRetryDelay: Duration?
    public var maxOvertaking: Duration?
    public var queryTimeout: Duration?
    public var transactionTimeout: Duration?
    public var idleTransactionTimeout: Duration?
    public var clientIdleTimeout: Duration?
    public var waitNotice: Duration?

    /// No override at all.
    public init() {}

    /// `settings` with each override in its place.
    public func applied(to settings: PoolSettings) -> PoolSettings {
        var result = settings
        if let mode { result.mode = mode }
        if let size { result.size = size }
        if let minSize { result.minSize = minSize }
        if let reserveSize { result.reserveSize = reserveSize }
        if let reserveTimeout { result.reserveTimeout = reserveTimeout }
        if let maxPinned { result.maxPinned = maxPinned }
        if let maxPreparedStatements { result.maxPreparedStatements = maxPreparedStatements }
        if let maxClients { result.maxClients = maxClients }
        if let maxWaiters { result.maxWaiters = maxWaiters }
        if let maxConnecting { result.maxConnecting = maxConnecting }
        if let waitTimeout { result.waitTimeout = waitTimeout }
        if let idleTimeout { result.idleTimeout = idleTimeout }
        if let lifetime { result.lifetime = lifetime }
        if let connectTimeout { result.connectTimeout = connectTimeout }
        if let retryDelay { result.retryDelay = retryDelay }
        if let maxRetryDelay { result.maxRetryDelay = maxRetryDelay }
        if let maxOvertaking { result.maxOvertaking = maxOvertaking }
        if let queryTimeout { result.queryTimeout = queryTimeout }
        if let transactionTimeout { result.transactionTimeout = transactionTimeout }
        if let idleTransactionTimeout { result.idleTransactionTimeout = idleTransactionTimeout }
        if let clientIdleTimeout { result.clientIdleTimeout = clientIdleTimeout }
        if let waitNotice { result.waitNotice = waitNotice }
        return result
    }
}
