// Where are keys derived, which takes milliseconds for each?

import Authentication
import Locks
import Logging
import Reactor
import Synchronization

/// A thread that derives keys for logins, one after another, so that no worker does.
final class KeyDeriver: Sendable {
    private enum Order: Sendable {
        case derive(KeyDerivation, Token, Mailbox<WorkerMessage>)
        case end
    }

    /// Logins that may wait for keys; with 4096 iterations they take a second or two.
    static let limit = 1_000

    private let orders: Mailbox<Order>
    private let waiting: PendingCount
    private let thread: Lock<WorkerThread?>

    private final class PendingCount: Sendable {
        let value = Atomic<Int>(0)
    }

    init(logger: Logger) throws(ReactorError) {
        let orders = try Mailbox<Order>()
        let waiting = PendingCount()
        self.orders = orders
        self.waiting = waiting
        thread = Lock(
            try WorkerThread(name: "keys") {
                do throws(ReactorError) {
                    try Self.run(orders, waiting)
                } catch {
                    logger.critical("no keys are derived for logins: \(error)")
                }
            })
    }

    /// The keys come as a message for the connection; false: too many wait already.
    func derive(_ derivation: KeyDerivation, for connection: Token, at worker: Mailbox<WorkerMessage>) -> Bool {
        guard waiting.value.add(1, ordering: .relaxed).newValue <= Self.limit else {
            waiting.value.subtract(1, ordering: .relaxed)
            return false
        }
        orders.post(.derive(derivation, connection, worker))
        return true
    }

    /// Ends the thread; returns when it has ended.
    func end() {
        orders.post(.end)
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
    }

    private static func run(_ orders: Mailbox<Order>, _ waiting: PendingCount) throws(ReactorError) {
        let poller = try Poller(batch: 1)
        var tokens = TokenTable()
        if let failure = poller.addReadable(orders.descriptor, tokens.open(kind: 1)) {
            throw .failed(operation: "epoll_ctl", subject: "mailbox", failure)
        }
        var batch: [Order] = []
        while true {
            _ = poller.wait(milliseconds: -1)
            orders.drain(into: &batch)
            // Whoever wants an end wants it before the others are served.
            for order in batch { if case .end = order { return } }
            for order in batch {
                guard case .derive(let derivation, let connection, let worker) = order else { continue }
                worker.post(.derived(connection, derivation.run()))
                waiting.value.subtract(1, ordering: .relaxed)
            }
        }
    }
}
