// What is the prober doing with one node right now?

import CLibpq
import Glibc
import Routing

/// The probe connection to one node, and when it is used next. Owned by the control thread.
final class NodeLink {
    /// One dimension: from no connection to a question that waits for its answer.
    enum State {
        /// No connection; tried again at `nextAt`.
        case waiting
        /// The name service was asked.
        case resolving(deadline: UInt64)
        case connecting(PostgresConnection, deadline: UInt64)
        /// Connected; asked at `nextAt`.
        case ready(PostgresConnection)
        case asking(PostgresConnection, Probe, deadline: UInt64)
    }

    /// What came of a step.
    enum Outcome {
        case nothing
        case answered(Probe, ProbeReport)
        case failed(ConnectionFailure)
    }

    let node: NodeID
    private let address: NodeAddress
    private let lookup: HostLookup?
    private let settings: ProbeSettings
    private let question: ProbeQuestion
    private var state = State.waiting
    private var attempts = 0
    /// When the last attempt or question was begun.
    private var lastAt: UInt64 = 0
    /// When the next attempt or question is due.
    private var nextAt: UInt64 = 0
    /// The time until the replica is asked again whether it has caught up with a sample that somebody waits for.
    private var followUp: UInt64
    /// The last answer and what it said: a node without writes gives the same again.
    private var lastAnswer: (columns: [String?], report: ProbeReport)?
    /// The question that was put last makes the server flush its log.
    private var flushes = false
    /// It cannot give transactions numbers: none is asked for again.
    private var refusesToFlush = false
    /// The failure that was told last; nil since the last answer.
    var toldFailure: ConnectionFailure?

    init(node: NodeID, address: NodeAddress, settings: ProbeSettings, wakeUp: WakeUp) {
        self.node = node
        self.address = address
        self.settings = settings
        question = ProbeQuestion(settings.serverKind)
        let isNumber = address.isSocketDirectory || SystemCalls.isNumericAddress(address.host)
        lookup = isNumber ? nil : HostLookup(host: address.host, wakeUp: wakeUp)
        followUp = settings.minInterval.clampedNanoseconds
    }

    // MARK: Schedule

    /// Asks sooner than planned, but not sooner than `minInterval` after the last time.
    func hurry(now: UInt64) { nextAt = min(nextAt, max(now, lastAt + settings.minInterval.clampedNanoseconds)) }

    /// As `hurry`, where a connection stands already.
    func hurryIfConnected(now: UInt64) {
        switch state {
        case .ready, .asking: hurry(now: now)
        case .waiting, .resolving, .connecting: break
        }
    }

    /// The replica has not caught up: ask again soon, then less and less soon.
    func askAgain(now: UInt64) {
        nextAt = min(nextAt, now + followUp)
        followUp = min(2 * followUp, settings.interval.clampedNanoseconds)
    }

    /// A new sample is waited for.
    func resetFollowUp() { followUp = settings.minInterval.clampedNanoseconds }

    /// When `step` must be called at the latest.
    var wakeAt: UInt64 {
        switch state {
        case .waiting, .ready: nextAt
        case .resolving(let deadline), .connecting(_, let deadline), .asking(_, _, let deadline): deadline
        }
    }

    /// What to wait for; a negative descriptor is ignored by poll.
    var interest: pollfd {
        switch state {
        case .waiting, .resolving: pollfd(fd: -1, events: 0, revents: 0)
        case .connecting(let connection, _), .ready(let connection), .asking(let connection, _, _):
            pollfd(
                fd: connection.descriptor, events: Int16(connection.interest == .readable ? POLLIN : POLLOUT),
                revents: 0)
        }
    }

    /// Whether a question may be put now.
    func isDueToAsk(now: UInt64) -> Bool {
        if case .ready = state { now >= nextAt } else { false }
    }

    // MARK: Steps

    /// Does what the time and the descriptor allow. `isReady`: something happened at the descriptor.
    func step(isReady: Bool, now: UInt64) -> Outcome {
        switch state {
        case .waiting:
            return now >= nextAt ? beginAttempt(now: now) : .nothing
        case .resolving(let deadline):
            if let addresses = lookup?.takeAnswer() { return open(addresses, deadline: deadline, now: now) }
            return now >= deadline
                ? fail(.nameNotResolved, "the name service did not answer for \(address.host)", now: now) : .nothing
        case .connecting(let connection, let deadline):
            if isReady { return goOnConnecting(connection, deadline: deadline, now: now) }
            return now >= deadline ? fail(.timedOut, "connecting took too long", now: now) : .nothing
        case .ready(let connection):
            if isReady, !connection.isAlive() { return fail(.lost, "the server closed the probe connection", now: now) }
            return .nothing
        case .asking(let connection, let probe, let deadline):
            if isReady {
                let outcome = receive(connection, probe, now: now)
                guard case .nothing = outcome else { return outcome }
            }
            return now >= deadline ? fail(.timedOut, "the server did not answer in time", now: now) : .nothing
        }
    }

    /// Puts the question. To be called only when it is due; it is due again after the period.
    func ask(_ probe: Probe, flushes: Bool, period: UInt64, now: UInt64) -> Outcome {
        guard case .ready(let connection) = state else {
            preconditionFailure("a question is put on a connection that stands and waits for nothing")
        }
        lastAt = now
        nextAt = now + period
        state = .asking(connection, probe, deadline: now + settings.timeout.clampedNanoseconds)
        self.flushes = flushes && !refusesToFlush
        switch connection.send(self.flushes ? question.flushingText : question.text) {
        case .pending, .done: return .nothing
        case .failed(let failure): return fail(failure.reason, failure.detail, now: now)
        }
    }

    private func beginAttempt(now: UInt64) -> Outcome {
        lastAt = now
        attempts &+= 1
        let deadline = now + settings.timeout.clampedNanoseconds
        guard let lookup else { return open([address.host], deadline: deadline, now: now) }
        lookup.begin()
        state = .resolving(deadline: deadline)
        return .nothing
    }

    private func open(_ addresses: [String], deadline: UInt64, now: UInt64) -> Outcome {
        guard !addresses.isEmpty else {
            return fail(.nameNotResolved, "the name \(address.host) has no address", now: now)
        }
        guard
            let connection = PostgresConnection(
                parameters: ConnectionParameters.make(
                    address, addresses: addresses, attempt: attempts, settings: settings,
                    database: settings.database, purpose: "probe", statementTimeout: settings.timeout))
        else {
            return fail(.unreachable, "no memory for a connection", now: now)
        }
        state = .connecting(connection, deadline: deadline)
        // A connection that cannot even be begun has no descriptor; its reason is told by the first step.
        return connection.descriptor < 0 ? goOnConnecting(connection, deadline: deadline, now: now) : .nothing
    }

    private func goOnConnecting(_ connection: PostgresConnection, deadline: UInt64, now: UInt64) -> Outcome {
        switch connection.connect() {
        case .pending:
            return .nothing
        case .done:
            state = .ready(connection)
            nextAt = now
            return .nothing
        case .failed(let failure):
            return fail(failure.reason, failure.detail, now: now)
        }
    }

    private func receive(_ connection: PostgresConnection, _ probe: Probe, now: UInt64) -> Outcome {
        switch connection.receive() {
        case .pending:
            return .nothing
        case .row(let columns):
            let known = lastAnswer.flatMap { $0.columns == columns ? $0.report : nil }
            guard let report = known ?? question.report(columns) else {
                return fail(.questionFailed, "the answer to the probe was not understood", now: now)
            }
            lastAnswer = (columns, report)
            state = .ready(connection)
            return .answered(probe, report)
        case .failed(let failure):
            return fail(failure.reason, failure.detail, now: now)
        }
    }

    /// Gives the connection up. One that stood is tried again at once, any other after the interval.
    private func fail(_ reason: ProbeFailure, _ detail: String, now: UInt64) -> Outcome {
        if reason == .questionFailed, flushes { refusesToFlush = true }
        switch state {
        case .ready, .asking:
            nextAt = max(now, lastAt + settings.minInterval.clampedNanoseconds)
        case .waiting, .resolving, .connecting:
            nextAt = max(now, lastAt + settings.interval.clampedNanoseconds)
        }
        state = .waiting
        return .failed(ConnectionFailure(reason: reason, detail: detail))
    }
}
