// What do other threads see of a worker: is it alive, what is it doing, and how many clients has it?

import Synchronization

/// What a worker is busy with.
enum WorkerWork: UInt64, CaseIterable, CustomStringConvertible {
    case connections
    case logins
    case accepting
    case messages
    case upkeep

    var description: String {
        switch self {
        case .connections: "the bytes of clients and servers"
        case .logins: "a login"
        case .accepting: "new connections"
        case .messages: "messages of other threads"
        case .upkeep: "deadlines and the upkeep of pools"
        }
    }
}

/// Written by its worker, read by all threads.
///
/// For each batch of events the worker stores when it began; rare kinds of work store their kind as well. These are
/// plain stores that order nothing. The number of clients changes when one comes or goes.
final class WorkerPulse: Sendable {
    private static let workMask: UInt64 = 0xf

    /// The instant in all but the last four bits, which tell the kind of work. A worker that has ended has all bits.
    private let word: Atomic<UInt64>
    /// Clients of the worker, those included that are on their way to it from the worker that accepted them.
    private let clientCount = Atomic<Int>(0)

    init(now: UInt64) {
        word = Atomic(now & ~Self.workMask)
    }

    /// The worker begins with a batch of events; this is its kind of work until it says otherwise.
    func beat(now: UInt64) {
        word.store(now & ~Self.workMask, ordering: .relaxed)
    }

    /// The worker does `work` from now on, within the batch that began at `now`.
    func turn(to work: WorkerWork, now: UInt64) {
        word.store(now & ~Self.workMask | work.rawValue, ordering: .relaxed)
    }

    /// The worker has ended.
    func end() {
        word.store(.max, ordering: .relaxed)
    }

    /// When the present batch began, and what is being done; nil: the worker has ended.
    var present: (since: UInt64, work: WorkerWork)? {
        let word = word.load(ordering: .relaxed)
        guard word != .max, let work = WorkerWork(rawValue: word & Self.workMask) else { return nil }
        return (word & ~Self.workMask, work)
    }

    var clients: Int { clientCount.load(ordering: .relaxed) }

    func clientComes() { clientCount.add(1, ordering: .relaxed) }

    func clientGoes() { clientCount.subtract(1, ordering: .relaxed) }
}

/// Which worker should serve a connection that one of them has accepted?
enum ClientSpread {
    /// The kernel spreads connections over the workers by a hash of their addresses, which is even for many clients and
    /// need not be for a few that stay for long. A worker that has clearly more clients than another hands the new one
    /// over: more by one while they are few, by a quarter when they are many, because there a difference is no burden
    /// and each hand-over costs a message.
    ///
    /// - Returns: the worker with fewest clients, or the one that accepted.
    static func worker(for acceptor: Int, of pulses: [WorkerPulse]) -> Int {
        var least = acceptor
        for worker in pulses.indices where pulses[worker].clients < pulses[least].clients { least = worker }
        let fewest = pulses[least].clients
        return pulses[acceptor].clients > fewest + fewest / 4 ? least : acceptor
    }
}
