// How long, and how many, do batches wait for the cluster to change?

import Pooling
import Routing
import Sessions
import Synchronization
import Wire

/// The batches that wait for the cluster to change, over all workers. A primary that is gone must not fill the memory
/// with what its clients want from it.
final class HeldWork: Sendable {
    private let count = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let admitted = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let settings: ServerSettings

    init(_ settings: ServerSettings) { self.settings = settings }

    /// Takes one more in, or says why not.
    func admit(_ size: Int) -> ErrorFields? {
        let held = count.add(1, ordering: .relaxed).newValue
        let size = bytes.add(size, ordering: .relaxed)
        guard held > settings.maxHeld || size.newValue > settings.maxHeldBytes else {
            admitted.add(1, ordering: .relaxed)
            return nil
        }
        refused.add(1, ordering: .relaxed)
        release(size.newValue - size.oldValue)
        return ErrorFields(
            .error, "53400", "too many statements wait for the cluster",
            detail: held > settings.maxHeld
                ? "max_held is \(settings.maxHeld)." : "max_held_bytes is \(settings.maxHeldBytes) bytes.",
            hint: "See the log for what is known of each node.")
    }

    /// How many wait now, how many have waited, and how many were not allowed to.
    var figures: (now: Int, admitted: Int, refused: Int) {
        (count.load(ordering: .relaxed), admitted.load(ordering: .relaxed), refused.load(ordering: .relaxed))
    }

    /// What SHOW ROUTES says of them.
    var rows: [[String?]] {
        let (_, admitted, refused) = figures
        guard admitted + refused > 0 else { return [] }
        let remark = refused > 0 ? "\(refused) more were refused: max_held, max_held_bytes" : nil
        return [["held", "waits for the cluster to change", nil, nil, "\(admitted)", remark]]
    }

    func release(_ size: Int) {
        count.subtract(1, ordering: .relaxed)
        bytes.subtract(size, ordering: .relaxed)
    }
}

extension Worker {
    /// - Parameter unused: the client's bytes that are at hand and not kept yet.
    func hold(_ client: ClientConnection, _ reason: HoldReason, _ group: PoolGroup, unused: Int = 0) {
        let size = max(client.kept.count, unused) + client.tried.count
        if let refusal = shared.held.admit(size) {
            client.wait = .none
            client.refusal = refusal
            return resumeLater(client)
        }
        let patience: Duration
        switch reason {
        case .noPrimary, .noReplica, .notSampled: patience = group.routing.failoverWait
        case .floorNotCovered: patience = group.routing.afterWriteWait
        }
        let deadline = client.holdDeadline ?? now &+ patience.clampedNanoseconds
        client.holdDeadline = deadline
        client.wait = .held(reason)
        held[client.token.index] = size
        tickFast()
    }

    /// The client in a slot waits no longer for the cluster, whatever comes then.
    func endHold(_ slot: Int) {
        if let size = held.removeValue(forKey: slot) { shared.held.release(size) }
    }

    /// The cluster has changed: everybody asks again.
    func resumeHeld() {
        for slot in held.keys {
            endHold(slot)
            guard let client = clients[slot] else { continue }
            client.wait = .none
            resumeLater(client)
        }
    }

    /// Ends the waits whose time is over.
    func expireHeld() {
        for slot in held.keys {
            guard let client = clients[slot], case .held(let reason) = client.wait,
                let deadline = client.holdDeadline, now >= deadline
            else { continue }
            endHold(slot)
            client.wait = .none
            switch reason {
            case .noPrimary:
                client.refusal = ErrorFields(
                    .error, "57P03", "no primary is available",
                    detail: "None was found within failover_wait.",
                    hint: "See the log for what is known of each node.")
            case .noReplica, .floorNotCovered, .notSampled:
                client.waitedFor = reason
                client.holdDeadline = nil
            }
            resumeLater(client)
        }
    }
}
