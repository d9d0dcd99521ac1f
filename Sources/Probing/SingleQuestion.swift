// What does one server answer to one question, if somebody can wait for it?

import Glibc
public import Routing

/// A question on a connection of its own.
public enum SingleQuestion {
    /// Why there is no answer, in libpq's or the server's words.
    public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
        /// nil: nobody was asked.
        public var reason: ProbeFailure?

        init(description: String) { self.description = description }

        /// The name of the host has no address.
        public init(unresolved description: String) {
            self.description = description
            reason = .nameNotResolved
        }

        init(_ failure: ConnectionFailure) {
            description = failure.detail
            reason = failure.reason
        }
    }

    /// Connects, asks and hangs up; blocks the calling thread, at most twice as long as `settings` give a probe.
    ///
    /// - Parameters:
    ///   - addresses: the numeric addresses of `host`, tried in turn.
    ///   - question: one statement.
    /// - Returns: the rows as text, nil for NULL.
    public static func rows(
        _ question: String, host: String, addresses: [String], port: UInt16, settings: ProbeSettings,
        purpose: String = "discovery"
    ) throws(Failure) -> [[String?]] {
        let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        guard let address = NodeAddress(name), !addresses.isEmpty else {
            throw Failure(description: "\(name) is no address")
        }
        let parameters = ConnectionParameters.make(
            address, addresses: addresses, attempt: 0, settings: settings, database: settings.database,
            purpose: purpose, statementTimeout: settings.timeout)
        guard let connection = PostgresConnection(parameters: parameters) else {
            throw Failure(description: "no memory for a connection")
        }
        let limit = settings.timeout.clampedNanoseconds
        try wait(connection, until: SystemCalls.now() &+ limit) { connection.connect() }
        if case .failed(let failure) = connection.sendForRows(question) { throw Failure(failure) }
        var rows: [[String?]] = []
        try wait(connection, until: SystemCalls.now() &+ limit, first: .pending) {
            switch connection.receiveRows({ rows.append($0) }) {
            case .pending: .pending
            case .done: .done
            case .failed(let failure): .failed(failure)
            }
        }
        return rows
    }

    /// What a node says of itself when the prober asks it.
    public static func report(
        host: String, addresses: [String], port: UInt16, settings: ProbeSettings
    ) throws(Failure) -> ProbeReport {
        let question = ProbeQuestion(settings.serverKind)
        let rows = try rows(
            question.text, host: host, addresses: addresses, port: port, settings: settings, purpose: "probe")
        guard let row = rows.first, let report = question.report(row) else {
            throw Failure(
                ConnectionFailure(reason: .questionFailed, detail: "the answer to the probe was not understood"))
        }
        return report
    }

    /// Takes steps until one is the last; `first`: what is known before the first one.
    static func wait(
        _ connection: PostgresConnection, until deadline: UInt64, first: PostgresConnection.Progress? = nil,
        _ step: () -> PostgresConnection.Progress
    ) throws(Failure) {
        var progress = first ?? step()
        while true {
            switch progress {
            case .done: return
            case .failed(let failure): throw Failure(failure)
            case .pending: break
            }
            let now = SystemCalls.now()
            guard now < deadline else {
                throw Failure(ConnectionFailure(reason: .timedOut, detail: "the server did not answer in time"))
            }
            var descriptors = [
                pollfd(
                    fd: connection.descriptor,
                    events: Int16(connection.interest == .readable ? POLLIN : POLLOUT), revents: 0)
            ]
            SystemCalls.wait(&descriptors, milliseconds: Int32((deadline - now) / 1_000_000 + 1))
            progress = step()
        }
    }
}
