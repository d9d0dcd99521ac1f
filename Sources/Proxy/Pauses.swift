// Which databases may begin no work for now?

import Locks
import Synchronization

/// What PAUSE has stopped, over all workers. Work that has a server goes on.
final class Pauses: Sendable {
    private struct State {
        var all = false
        /// And SUSPEND has done so.
        var isSuspended = false
        var databases: Set<String> = []
        /// Databases that take no new clients.
        var disabled: Set<String> = []
    }

    private let state = Lock(State())
    /// Whether anything is paused: the only thing that is looked at while nothing is.
    private let isAny = Atomic<Bool>(false)

    /// It may be that something is paused.
    var mayPause: Bool { isAny.load(ordering: .relaxed) }

    func isPaused(_ database: String) -> Bool {
        state.withLock { $0.all || $0.databases.contains(database) }
    }

    var isAllPaused: Bool { state.withLock { $0.all } }

    var isSuspended: Bool { state.withLock { $0.all && $0.isSuspended } }

    func isDisabled(_ database: String) -> Bool { state.withLock { $0.disabled.contains(database) } }

    /// Lets no new clients in, or lets them in again.
    func setDisabled(_ database: String, _ isDisabled: Bool) {
        state.withLock { state in
            if isDisabled { state.disabled.insert(database) } else { state.disabled.remove(database) }
        }
    }

    func suspend() -> Bool {
        guard pause(nil) else { return false }
        state.withLock { $0.isSuspended = true }
        return true
    }

    /// - Parameter database: nil for all, those that nobody has asked for yet included.
    /// - Returns: whether that changes anything.
    func pause(_ database: String?) -> Bool {
        defer { update() }
        return state.withLock { state in
            guard let database else {
                defer { state.all = true }
                return !state.all
            }
            return !state.all && state.databases.insert(database).inserted
        }
    }

    /// Of all: ends the pauses of single databases, too.
    func resume(_ database: String?) -> Bool {
        defer { update() }
        return state.withLock { state in
            guard let database else {
                defer {
                    state.all = false
                    state.isSuspended = false
                    state.databases = []
                }
                return state.all || !state.databases.isEmpty
            }
            return state.databases.remove(database) != nil
        }
    }

    private func update() {
        let any = state.withLock { $0.all || !$0.databases.isEmpty }
        isAny.store(any, ordering: .sequentiallyConsistent)
    }
}
