// Which addresses does a host name have, without waiting for the answer?

import Locks

/// Looks up one host name on a thread of its own. At most one question is under way at a time: a name service that
/// hangs costs one thread for each name, and delays nobody else.
final class HostLookup: Sendable {
    private enum State {
        case quiet
        case asking
        case answered([String])
    }

    private let host: String
    private let wakeUp: WakeUp
    private let state = Lock(State.quiet)

    init(host: String, wakeUp: WakeUp) {
        self.host = host
        self.wakeUp = wakeUp
    }

    /// Asks, unless a question is under way. The wake-up is signalled when the answer is there.
    func begin() {
        let mustAsk = state.withLock { state in
            switch state {
            case .asking: return false
            case .quiet, .answered:
                state = .asking
                return true
            }
        }
        guard mustAsk else { return }
        guard let thread = ControlThread(name: "pm-lookup", { self.ask() }) else {
            state.withLock { $0 = .answered([]) }
            return
        }
        thread.detach()
    }

    /// The addresses found, once; nil while there is no answer. Empty = the name has none.
    func takeAnswer() -> [String]? {
        state.withLock { state in
            switch state {
            case .quiet, .asking: return nil
            case .answered(let addresses):
                state = .quiet
                return addresses
            }
        }
    }

    private func ask() {
        let addresses = SystemCalls.addresses(of: host)
        state.withLock { $0 = .answered(addresses) }
        wakeUp.signal()
    }
}
