// What can a pool order its surroundings to do?

/// An order of a ``PoolMachine``. ``worker`` names the worker that carries it out; every other one passes it on.
public enum PoolAction: Equatable, Sendable {
    /// The waiter now uses the server; both belong to the worker, which is the one that reported the event.
    case assign(ServerID, WaiterID, owner: WorkerID)
    /// `from` stops listening to the server and posts it to `to`, which reports ``PoolMachine/arrived(_:now:actions:)``
    /// (or either reports ``PoolMachine/lost(_:now:actions:)``). The waiter is the one it is meant for; it waits until
    /// an `assign` names it. `from` and `to` may be equal: then the arrival is reported at once. A lawful race: the
    /// server breaks and is reported lost before `from` sees the order; then there is nothing to do.
    case handOver(ServerID, from: WorkerID, to: WorkerID, WaiterID)
    /// Open a server connection and report `connected` or `connectFailed` with the same worker and epoch.
    case connect(WorkerID, epoch: PoolEpoch)
    /// Close the server connection and report ``PoolMachine/lost(_:now:actions:)``; a no-op if it is gone already.
    case close(ServerID, owner: WorkerID, CloseReason)
    /// The client waited for `waitTimeout`; the number is that of the last failed connection attempt, if no attempt has
    /// succeeded since.
    case waitTimedOut(WaiterID, worker: WorkerID, lastFailure: Int32?)
    /// The client gets no server.
    case refuse(WaiterID, worker: WorkerID, RefuseReason)

    /// The worker that carries out the order.
    public var worker: WorkerID {
        switch self {
        case .assign(_, _, let owner): owner
        case .handOver(_, let from, _, _): from
        case .connect(let worker, _): worker
        case .close(_, let owner, _): owner
        case .waitTimedOut(_, let worker, _): worker
        case .refuse(_, let worker, _): worker
        }
    }
}

/// Connections opened before and after a ``PoolMachine/drain(_:now:actions:)`` belong to different epochs.
public struct PoolEpoch: Hashable, Sendable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Why a pool closes a server connection.
public enum CloseReason: String, Equatable, Sendable, CaseIterable {
    /// It rested for `idleTimeout`.
    case idle
    /// It reached its lifetime.
    case lifetime
    /// It stands beyond the size of the pool and is not needed any more.
    case surplus
    /// A limit that spans pools is reached, and another pool needs a connection.
    case evicted
    /// Its node is no longer the one that the pool is for.
    case nodeLost
    /// Settings or passwords changed, or an operator asked for fresh connections.
    case recycled
    /// The pool itself is closed.
    case poolClosed
}

/// Why a client gets no server.
public enum RefuseReason: Equatable, Sendable {
    /// `maxWaiters` clients wait already.
    case tooManyWaiters(limit: Int)
    /// Pinned sessions hold as many servers as they may.
    case tooManyPinned(limit: Int)
    /// The pool has no server and the last attempt to open one failed for good; the number is the caller's.
    case connectFailed(Int32)
    /// The caller turned all waiting clients away; the number is the caller's.
    case turnedAway(Int32)
    /// The pool is closed.
    case poolClosed
}

/// What became of the wish to wait no longer.
public enum CancelOutcome: Equatable, Sendable {
    /// The client no longer waits; no order will name it.
    case cancelled
    /// It no longer waited: an order that names it has been given. If that is an `assign`, the server must be released.
    case tooLate
}
