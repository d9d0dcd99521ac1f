// How does one user of the console get an answer that all workers have a part in?

import Admin
import Locks
import Reactor

/// What each worker is asked.
enum ConsoleQuestion: Sendable {
    case clients
    case servers
    case sockets(activeOnly: Bool)
    case pins
    case statements
    case memory
    /// Ends the client's connection; the worker that finds it answers one row.
    case killClient(CancelKey)
    /// Ends the clients of a database, or all.
    case kill(database: String?)
}

/// The parts of an answer. Whoever brings the last one sends all of them to the worker that asked.
final class ConsoleGather: Sendable {
    private struct State {
        var missing: Int
        var rows: [[String?]] = []
    }

    let question: ConsoleQuestion
    private let state: Lock<State>
    private let finish: @Sendable ([[String?]]) -> Void

    init(_ question: ConsoleQuestion, parts: Int, finish: @escaping @Sendable ([[String?]]) -> Void) {
        self.question = question
        state = Lock(State(missing: parts))
        self.finish = finish
    }

    func add(_ rows: [[String?]]) {
        let all = state.withLock { state -> [[String?]]? in
            state.rows += rows
            state.missing -= 1
            return state.missing == 0 ? state.rows : nil
        }
        if let all { finish(all) }
    }
}

/// What the console asks of the process as a whole.
public enum ProcessCommand: Sendable {
    /// The settings are to be read again; the answer is what is wrong with them, nil if nothing.
    case reload(@Sendable (String?) -> Void)
    case stop(StopMode)
}
