// Which limits does one pool obey?

/// When a server connection goes back to the pool.
public enum PoolMode: String, Sendable, CaseIterable {
    case session
    case transaction
    case statement
}

/// How many servers of a pool may belong to pinned sessions.
public enum PinLimit: Equatable, Sendable {
    /// Part of `size`, rounded down, but at least one unless the percentage is zero.
    case percent(Int)
    case count(Int)
}

/// The limits of one pool. A duration of zero switches that limit off.
public struct PoolSettings: Equatable, Sendable {
    /// When servers are released; obeyed by the sessions, not by ``PoolMachine``.
    public var mode: PoolMode = .transaction
    /// Server connections of the pool, all workers together, those being opened and closed included; at least one.
    public var size = 20
    /// Server connections that are opened ahead of demand and kept in spite of `idleTimeout`; at most `size`.
    public var minSize = 0
    /// Server connections beyond `size` for clients that have waited for `reserveTimeout`.
    public var reserveSize = 0
    /// See `reserveSize`; also how long a surplus server may stay idle.
    public var reserveTimeout: Duration = .seconds(5)
    /// Servers that pinned sessions may hold, those that wait for one included.
    public var maxPinned: PinLimit = .percent(50)
    /// Statements kept parsed per server; obeyed by the sessions.
    public var maxPreparedStatements = 500
    /// Clients of the database and the user together; zero: no limit. Obeyed by the logins.
    public var maxClients = 0
    /// Clients that may wait at the same time.
    public var maxWaiters = 10_000
    /// Connection attempts in flight at the same time; one while the last attempt failed.
    public var maxConnecting = 4
    /// Longest wait of a client.
    public var waitTimeout: Duration = .seconds(120)
    /// Longest rest of a server connection.
    public var idleTimeout: Duration = .seconds(600)
    /// Longest life of a server connection; each lives between four fifths of it and the whole.
    public var lifetime: Duration = .seconds(3600)
    /// Longest connection attempt, login included; obeyed by the connection.
    public var connectTimeout: Duration = .seconds(15)
    /// Pause after the first failed connection attempt; doubled by each further one.
    public var retryDelay: Duration = .milliseconds(100)
    /// Longest pause between connection attempts.
    public var maxRetryDelay: Duration = .seconds(5)
    /// How long a client may be overtaken by clients of the worker that owns the released server, which saves moving
    /// the server to another worker; zero keeps the order of arrival over all workers.
    public var maxOvertaking: Duration = .zero

    /// Longest run of a client's batch; it is cancelled then. These and the next are obeyed by the sessions.
    public var queryTimeout: Duration = .zero
    /// Longest transaction.
    public var transactionTimeout: Duration = .zero
    /// Longest rest in a transaction.
    public var idleTransactionTimeout: Duration = .zero
    /// Longest rest of a client in no transaction.
    public var clientIdleTimeout: Duration = .zero
    /// A client that has waited so long for a server is told that it waits.
    public var waitNotice: Duration = .seconds(5)

    public init() {}
}

extension PoolSettings {
    /// Servers that pinned sessions may hold, as a number; in session mode every session is one.
    public var pinLimit: Int {
        if mode == .session { return size + reserveSize }
        return switch maxPinned {
        case .percent(let part): part <= 0 ? 0 : max(1, size * part / 100)
        case .count(let count): max(0, count)
        }
    }
}

extension Duration {
    /// Whole nanoseconds; negative durations count as zero, those beyond 292 years as that.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let limit = UInt64(Int64.max)
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? limit : min(limit, whole + UInt64(attoseconds / 1_000_000_000))
    }
}
