// Which numbers name a pool, a worker, a server connection and a waiting client?

/// One pool: the server connections of one (database, user, node).
public struct PoolID: Hashable, Sendable {
    public var rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
}

/// A worker thread, numbered from 0 without gaps.
public struct WorkerID: Hashable, Sendable {
    public var rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
}

/// A server connection, named by the worker that opened it.
///
/// The number must be unique over all workers and must not be used again for a later connection while orders about the
/// former may still be on their way; an index with a generation (or worker, index, generation) packed into one integer
/// satisfies this. It need not be small.
public struct ServerID: Hashable, Sendable {
    public var rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
}

/// One wish of a client for a server connection; the same rules as for ``ServerID``.
///
/// A client whose wait was cancelled too late may wait again before the order about its former wait arrives: only a new
/// number for each wait tells the two apart.
public struct WaiterID: Hashable, Sendable {
    public var rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
}
