// What does a server know of a user that wants to log in?

import Glibc
import Locks
import Routing

/// Asks one question of two columns, a name and a secret, about one user after another, on a thread of its own. Its
/// connection to a database is kept for a while; no answer is.
public final class UserQuery: Sendable {
    /// What came of it.
    public enum Answer: Equatable, Sendable {
        /// nil: it has no secret that anybody could prove.
        case secret(String?)
        case unknown
        /// Nobody could be asked, in libpq's, the server's or our words.
        case failed(String)
    }

    /// Whom to ask, and how.
    public struct Settings: Equatable, Sendable {
        /// In it `$1` is the user's name.
        public var question: String
        public var user: String
        public var password: String

        public init(question: String, user: String, password: String) {
            self.question = question
            self.user = user
            self.password = password
        }
    }

    /// Users that may wait to be looked up; the next one fails.
    public static let limit = 1_000
    /// A connection that nobody needs is kept for so long.
    private static let rest: UInt64 = 60_000_000_000

    private struct Request: Sendable {
        var settings: Settings
        var database: String
        var user: String
        var receive: @Sendable (Answer) -> Void
    }

    private struct State {
        var requests: [Request] = []
        var isStopped = false
    }

    private let state = Lock(State())
    private let wakeUp: WakeUp
    private let thread = Lock<ControlThread?>(nil)
    private let probe: ProbeSettings
    private let node: @Sendable () -> String?

    /// - Parameters:
    ///   - probe: how connections are made, but for the user.
    ///   - node: the address of the node to ask now; nil: there is none.
    public init(probe: ProbeSettings, node: @escaping @Sendable () -> String?) throws(ProberError) {
        guard let wakeUp = WakeUp() else { throw .noResources }
        self.wakeUp = wakeUp
        self.probe = probe
        self.node = node
    }

    public func start() throws(ProberError) {
        let started = thread.withLock { thread in
            thread = ControlThread(name: "pm-users") { [weak self] in self?.run() }
            return thread != nil
        }
        guard started else { throw .noResources }
    }

    public func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// From any thread; the answer comes on the thread that asks.
    public func ask(
        _ settings: Settings, database: String, user: String, _ receive: @escaping @Sendable (Answer) -> Void
    ) {
        let isTaken = state.withLock { state in
            guard !state.isStopped, state.requests.count < Self.limit else { return false }
            state.requests.append(Request(settings: settings, database: database, user: user, receive: receive))
            return true
        }
        if isTaken { wakeUp.signal() } else { receive(.failed("too many users wait to be looked up")) }
    }

    // MARK: The thread

    /// A connection at rest, and where it leads.
    private struct Kept {
        var connection: PostgresConnection
        var settings: Settings
        var database: String
        var node: String
        var usedAt: UInt64
    }

    private func run() {
        var kept: [Kept] = []
        while true {
            let (requests, isStopped) = state.withLock { state in
                defer { state.requests = [] }
                return (state.requests, state.isStopped)
            }
            if isStopped {
                for request in requests { request.receive(.failed("the router stops")) }
                return
            }
            for request in requests { request.receive(answer(request, &kept)) }
            let now = SystemCalls.now()
            kept.removeAll { now > $0.usedAt &+ Self.rest || !$0.connection.isAlive() }
            if requests.isEmpty {
                var descriptors = [pollfd(fd: wakeUp.readEnd, events: Int16(POLLIN), revents: 0)]
                SystemCalls.wait(&descriptors, milliseconds: kept.isEmpty ? -1 : 10_000)
                wakeUp.drain()
            }
        }
    }

    private func answer(_ request: Request, _ kept: inout [Kept]) -> Answer {
        guard let node = node() else { return .failed("no node is up") }
        let place = kept.firstIndex {
            $0.settings == request.settings && $0.database == request.database && $0.node == node
        }
        if let place {
            let known = kept.remove(at: place)
            // One that has died at rest is replaced.
            if known.connection.isAlive(), let answer = try? ask(request, on: known.connection) {
                keep(known, &kept)
                return answer
            }
        }
        do throws(SingleQuestion.Failure) {
            let connection = try connect(request, node)
            let answer = try ask(request, on: connection)
            keep(
                Kept(
                    connection: connection, settings: request.settings, database: request.database, node: node,
                    usedAt: 0), &kept)
            return answer
        } catch {
            return .failed(error.description)
        }
    }

    private func keep(_ connection: Kept, _ kept: inout [Kept]) {
        var connection = connection
        connection.usedAt = SystemCalls.now()
        kept.append(connection)
    }

    private func connect(_ request: Request, _ node: String) throws(SingleQuestion.Failure) -> PostgresConnection {
        var probe = probe
        probe.user = request.settings.user
        probe.password = request.settings.password
        guard let address = NodeAddress(node) else {
            throw SingleQuestion.Failure(description: "\(node) is no address")
        }
        // This thread may wait for a name service.
        let parameters = ConnectionParameters.make(
            address, addresses: [], attempt: 0, settings: probe, database: request.database, purpose: "users",
            statementTimeout: probe.timeout)
        guard let connection = PostgresConnection(parameters: parameters) else {
            throw SingleQuestion.Failure(description: "no memory for a connection")
        }
        try SingleQuestion.wait(connection, until: deadline) { connection.connect() }
        return connection
    }

    private var deadline: UInt64 { SystemCalls.now() &+ probe.timeout.clampedNanoseconds }

    private func ask(
        _ request: Request, on connection: PostgresConnection
    ) throws(SingleQuestion.Failure) -> Answer {
        if case .failed(let failure) = connection.sendForRows(request.settings.question, request.user) {
            throw SingleQuestion.Failure(description: failure.detail)
        }
        var rows: [[String?]] = []
        try SingleQuestion.wait(connection, until: deadline, first: .pending) {
            switch connection.receiveRows({ rows.append($0) }) {
            case .pending: .pending
            case .done: .done
            case .failed(let failure): .failed(failure)
            }
        }
        guard let row = rows.first else { return .unknown }
        guard row.count == 2, rows.count == 1 else {
            return .failed("auth.query must give one row of two columns: the name and the secret")
        }
        return .secret(row[1])
    }
}
