// How does a test tell a pool what happened and read what it orders?

import Pooling

/// A pool with a manual clock whose orders read as short lines.
final class PoolTranscript {
    var machine: PoolMachine
    var now: UInt64 = 1_000_000_000
    var isEmpty: Bool { machine.isEmpty }
    var isSettled: Bool { machine.isSettled }

    init(workers: Int = 2, _ change: (inout PoolSettings) -> Void = { _ in }) {
        var settings = PoolSettings()
        settings.lifetime = .zero
        change(&settings)
        machine = PoolMachine(settings: settings, workerCount: workers)
    }

    func wait(_ duration: Duration) { now += UInt64(duration / .nanoseconds(1)) }

    func acquire(_ client: Int, at worker: Int = 0, pinned: Bool = false) -> [String] {
        tell {
            $0.acquire(
                WaiterID(rawValue: client), worker: WorkerID(rawValue: worker), pinned: pinned, now: $1, actions: &$2)
        }
    }

    func connected(_ server: Int, at worker: Int = 0, epoch: UInt32 = 0) -> [String] {
        tell {
            $0.connected(
                ServerID(rawValue: server), worker: WorkerID(rawValue: worker), epoch: PoolEpoch(rawValue: epoch),
                now: $1, actions: &$2)
        }
    }

    func connectFailed(at worker: Int = 0, epoch: UInt32 = 0, isFinal: Bool, _ failure: Int32) -> [String] {
        tell {
            $0.connectFailed(
                worker: WorkerID(rawValue: worker), epoch: PoolEpoch(rawValue: epoch), now: $1, isFinal: isFinal,
                failure: failure, actions: &$2)
        }
    }

    func release(_ server: Int) -> [String] {
        tell { $0.release(ServerID(rawValue: server), now: $1, actions: &$2) }
    }

    func arrived(_ server: Int) -> [String] {
        tell { $0.arrived(ServerID(rawValue: server), now: $1, actions: &$2) }
    }

    func lost(_ server: Int) -> [String] {
        tell { $0.lost(ServerID(rawValue: server), now: $1, actions: &$2) }
    }

    func cancel(_ client: Int) -> CancelOutcome { machine.cancelWait(WaiterID(rawValue: client)) }

    func pin(_ server: Int) -> Bool { machine.pin(ServerID(rawValue: server)) }

    func expire() -> [String] { tell { $0.expire(now: $1, actions: &$2) } }

    func drain() -> [String] { tell { $0.drain(.recycled, now: $1, actions: &$2) } }

    func closeAll() -> [String] { tell { $0.closeAll(now: $1, actions: &$2) } }

    func retryNow() -> [String] { tell { $0.retryNow(now: $1, actions: &$2) } }

    func turnAway(_ failure: Int32) -> [String] { tell { $0.turnAwayWaiters(failure, actions: &$2) } }

    func update(_ change: (inout PoolSettings) -> Void) -> [String] {
        var settings = machine.settings
        change(&settings)
        return tell { $0.update(settings, now: $1, actions: &$2) }
    }

    /// Opens servers 1, 2, … at a worker and leaves them idle.
    func open(_ servers: ClosedRange<Int>, at worker: Int = 0) {
        for server in servers {
            _ = acquire(10_000 + server, at: worker)
            _ = connected(server, at: worker, epoch: machine.epoch.rawValue)
        }
        for server in servers.reversed() { _ = release(server) }
    }

    func tell(_ event: (inout PoolMachine, UInt64, inout [PoolAction]) -> Void) -> [String] {
        var actions: [PoolAction] = []
        event(&machine, now, &actions)
        return actions.map(Self.line)
    }

    static func line(_ action: PoolAction) -> String {
        switch action {
        case .assign(let server, let client, let owner):
            "assign \(server.rawValue) to \(client.rawValue) at \(owner.rawValue)"
        case .handOver(let server, let from, let to, let client):
            "hand over \(server.rawValue) from \(from.rawValue) to \(to.rawValue) for \(client.rawValue)"
        case .connect(let worker, let epoch):
            "connect at \(worker.rawValue)" + (epoch.rawValue == 0 ? "" : " epoch \(epoch.rawValue)")
        case .close(let server, let owner, let reason):
            "close \(server.rawValue) at \(owner.rawValue): \(reason)"
        case .waitTimedOut(let client, let worker, let failure):
            "timeout \(client.rawValue) at \(worker.rawValue)" + (failure.map { " after failure \($0)" } ?? "")
        case .refuse(let client, let worker, let reason):
            "refuse \(client.rawValue) at \(worker.rawValue): \(reason)"
        }
    }
}
