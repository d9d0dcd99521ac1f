// Do clients notice anything while the nodes of their cluster come and go?

import Foundation
import Locks
import TestSupport

/// Clients that write and read without a pause and keep what goes wrong.
final class MovingNodesLoad: Sendable {
    private struct State {
        var isOver = false
        var statements = 0
        var failures: [String] = []
    }

    private let state = Lock(State())
    private let finished = DispatchGroup()

    init(_ router: RouterProcess, clients: Int = 4) {
        for _ in 1...clients {
            let thread = Thread { [self] in
                run(router)
                finished.leave()
            }
            finished.enter()
            thread.start()
        }
    }

    private func run(_ router: RouterProcess) {
        do {
            let client = try router.client()
            defer { client.close() }
            while !state.withLock({ $0.isOver }) {
                for statement in ["SELECT count(*) FROM pg_class", "BEGIN; SELECT txid_current(); COMMIT"] {
                    try client.succeed(statement)
                    state.withLock { $0.statements += 1 }
                }
            }
        } catch {
            state.withLock { $0.failures.append("\(error)") }
        }
    }

    /// Ends the load; how much was done, and what went wrong.
    func end() -> (statements: Int, failures: [String]) {
        state.withLock { $0.isOver = true }
        finished.wait()
        return state.withLock { ($0.statements, $0.failures) }
    }
}
