// What does a pool remember of one server and of one waiting client?

/// A server connection, or an empty slot.
struct PoolServer: Sendable {
    enum State: UInt8, Sendable {
        /// The slot is empty. Leaves to any by `connected`.
        case absent
        /// At rest in its worker's idle list. Leaves to busy, inTransit, closing.
        case idle
        /// Used by a client. Leaves to idle, inTransit, closing.
        case busy
        /// On its way to `owner`. Leaves to idle, busy, inTransit, closing.
        case inTransit
        /// Ordered to close. Leaves to absent.
        case closing
    }

    var id = ServerID(rawValue: 0)
    var state = State.absent
    var isPinned = false
    /// Why it must be closed as soon as nobody uses it.
    var closeReason: CloseReason?
    /// The worker that has it, or gets it.
    var owner: Int32 = 0
    /// The slot of the client for which it is in transit.
    var promisedTo: Int32 = SlotLinks.none
    var idleSince: UInt64 = 0
    var expiresAt: UInt64 = .max
}

/// A waiting client.
struct PoolWaiter: Sendable {
    var id: WaiterID
    var worker: Int32
    var isPinned: Bool
    /// The slot of the server in transit to it; `none` while it stands in the queue.
    var server: Int32 = SlotLinks.none
    var since: UInt64
    var arrival: UInt64
}

/// Time from one instant to another, zero if the clocks of two workers put them the other way round.
func elapsed(since start: UInt64, now: UInt64) -> UInt64 { now > start ? now - start : 0 }
