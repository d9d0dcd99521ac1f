// What has a pool done so far, and how full is it now?

/// Events of a pool since its beginning; each limit has its count.
public struct PoolCounters: Equatable, Sendable {
    /// Clients that asked for a server.
    public var acquisitions: UInt64 = 0
    /// Servers given to clients.
    public var assignments: UInt64 = 0
    /// Servers given back.
    public var releases: UInt64 = 0
    /// Clients that had to wait.
    public var waits: UInt64 = 0
    /// Time that clients waited until they got a server.
    public var waitedNanoseconds: UInt64 = 0
    /// Clients that waited for `waitTimeout`.
    public var waitTimeouts: UInt64 = 0
    /// Clients that vanished while they waited.
    public var cancelledWaits: UInt64 = 0
    /// Clients that vanished when an order about them was on its way.
    public var lateCancels: UInt64 = 0
    /// Clients refused because of `maxWaiters`.
    public var refusedByWaiterLimit: UInt64 = 0
    /// Clients refused, or pins denied, because of `maxPinned`.
    public var refusedByPinLimit: UInt64 = 0
    /// Clients refused because no server could be opened.
    public var refusedByFailure: UInt64 = 0
    /// Clients refused on the caller's order or because the pool was closed.
    public var turnedAway: UInt64 = 0
    /// Servers moved to another worker.
    public var handOvers: UInt64 = 0
    /// Servers given to a client of their own worker although another had waited longer.
    public var overtakings: UInt64 = 0
    /// Connection attempts.
    public var connectAttempts: UInt64 = 0
    /// Connection attempts that failed.
    public var connectFailures: UInt64 = 0
    /// Times a client needed a new server and the pool had reached its size.
    public var sizeLimitHits: UInt64 = 0
    /// Times a client needed a new server and `maxConnecting` attempts were in flight.
    public var connectLimitHits: UInt64 = 0
    /// Times a client needed a new server during the pause after a failure.
    public var retryDelayHits: UInt64 = 0
    /// Attempts to open a server beyond `size`.
    public var reserveUses: UInt64 = 0
    /// Servers closed after `idleTimeout`.
    public var closedIdle: UInt64 = 0
    /// Servers closed at the end of their lifetime.
    public var closedByLifetime: UInt64 = 0
    /// Servers closed because the pool had more than its size.
    public var closedSurplus: UInt64 = 0
    /// Servers closed so that another pool could open one.
    public var evicted: UInt64 = 0
    /// Times that a limit that spans pools allowed no new server.
    public var denied: UInt64 = 0
    /// Servers closed because of a drain or the end of the pool.
    public var closedByOrder: UInt64 = 0
    /// Servers that broke by themselves.
    public var lost: UInt64 = 0

    public init() {}
}

/// How many servers and clients stand in which state.
public struct PoolGauges: Equatable, Sendable {
    /// Servers at rest.
    public var idle = 0
    /// Servers used by a client, pinned ones included.
    public var busy = 0
    /// Servers used by pinned sessions.
    public var pinned = 0
    /// Servers on their way to another worker.
    public var inTransit = 0
    /// Connection attempts in flight.
    public var connecting = 0
    /// Servers that were ordered to close and are not yet reported lost.
    public var closing = 0
    /// Clients that wait, those whose server is in transit included.
    public var waiting = 0
    /// Time the first of them has waited.
    public var longestWaitNanoseconds: UInt64 = 0

    public init() {}
}
