// What is being done about the catalog of one database right now?

import CLibpq
import Glibc
import Routing
import SQL

/// The connection that reads one database's catalog. Owned by the catalog thread.
final class CatalogLink {
    /// One dimension: from no connection to an answer that is being read.
    enum State {
        case none
        /// The name service was asked.
        case resolving(HostLookup, deadline: UInt64)
        case connecting(PostgresConnection, deadline: UInt64)
        case asking(PostgresConnection, CatalogQuestion, deadline: UInt64)
        /// The last reading is over; the connection stays for a while, in case another one follows.
        case resting(PostgresConnection, until: UInt64)
    }

    /// What came of a step.
    enum Outcome {
        case nothing
        /// Nothing has changed since the last reading.
        case unchanged(isInRecovery: Bool)
        case read(CatalogFacts, CatalogQuestion.State)
        case failed(ConnectionFailure)
    }

    private let database: String
    private let settings: ProbeSettings
    private let wakeUp: WakeUp
    private var state = State.none
    private var address: NodeAddress?
    private var attempts = 0
    /// Of the last complete reading.
    private var knownFingerprint: String?
    private var facts = CatalogFacts()
    private var seen: CatalogQuestion.State?
    private var misunderstood = false
    /// The reading has begun once more, because some cast objects.
    private var readsCastTargets = false

    init(database: String, settings: ProbeSettings, wakeUp: WakeUp) {
        self.database = database
        self.settings = settings
        self.wakeUp = wakeUp
    }

    /// Whether a reading is under way.
    var isBusy: Bool {
        switch state {
        case .none, .resting: false
        case .resolving, .connecting, .asking: true
        }
    }

    /// When `step` must be called at the latest.
    var wakeAt: UInt64 {
        switch state {
        case .none: .max
        case .resting(_, let until): until
        case .resolving(_, let deadline), .connecting(_, let deadline), .asking(_, _, let deadline): deadline
        }
    }

    /// What to wait for; a negative descriptor is ignored by poll.
    var interest: pollfd {
        switch state {
        case .none, .resolving: pollfd(fd: -1, events: 0, revents: 0)
        case .connecting(let connection, _), .asking(let connection, _, _), .resting(let connection, _):
            pollfd(
                fd: connection.descriptor, events: Int16(connection.interest == .readable ? POLLIN : POLLOUT),
                revents: 0)
        }
    }

    /// Gives up a reading under way, and has the next one take everything anew: what was read may be another primary's.
    func startOver() {
        knownFingerprint = nil
        state = .none
        facts = CatalogFacts()
    }

    // MARK: Steps

    /// Begins a reading on a node. Not to be called while one is under way.
    func begin(_ node: NodeAddress, now: UInt64) -> Outcome {
        if case .resting(let connection, _) = state, address == node, connection.isAlive() {
            return ask(.begin, connection, now: now)
        }
        address = node
        attempts &+= 1
        let deadline = now + CatalogLimits.connectSeconds * 1_000_000_000
        guard !node.isSocketDirectory, !SystemCalls.isNumericAddress(node.host) else {
            return open([node.host], node, deadline: deadline, now: now)
        }
        let lookup = HostLookup(host: node.host, wakeUp: wakeUp)
        lookup.begin()
        state = .resolving(lookup, deadline: deadline)
        return .nothing
    }

    /// Does what the time and the descriptor allow. `isReady`: something happened at the descriptor.
    func step(isReady: Bool, now: UInt64) -> Outcome {
        switch state {
        case .none:
            return .nothing
        case .resting(let connection, let until):
            if now >= until || (isReady && !connection.isAlive()) { state = .none }
            return .nothing
        case .resolving(let lookup, let deadline):
            if let addresses = lookup.takeAnswer(), let address {
                return open(addresses, address, deadline: deadline, now: now)
            }
            return now >= deadline ? fail(.nameNotResolved, "the name service did not answer") : .nothing
        case .connecting(let connection, let deadline):
            if isReady { return goOnConnecting(connection, deadline: deadline, now: now) }
            return now >= deadline ? fail(.timedOut, "connecting took too long") : .nothing
        case .asking(let connection, let question, let deadline):
            if isReady { return receive(connection, question, now: now) }
            return now >= deadline ? fail(.timedOut, "the server did not answer in time") : .nothing
        }
    }

    private func open(_ addresses: [String], _ node: NodeAddress, deadline: UInt64, now: UInt64) -> Outcome {
        guard !addresses.isEmpty else { return fail(.nameNotResolved, "the name \(node.host) has no address") }
        guard
            let connection = PostgresConnection(
                parameters: ConnectionParameters.make(
                    node, addresses: addresses, attempt: attempts, settings: settings, database: database,
                    purpose: "catalog", statementTimeout: .seconds(CatalogLimits.answerSeconds)))
        else { return fail(.unreachable, "no memory for a connection") }
        state = .connecting(connection, deadline: deadline)
        // A connection that cannot even be begun has no descriptor; its reason is told by the first step.
        return connection.descriptor < 0 ? goOnConnecting(connection, deadline: deadline, now: now) : .nothing
    }

    private func goOnConnecting(_ connection: PostgresConnection, deadline: UInt64, now: UInt64) -> Outcome {
        switch connection.connect() {
        case .pending: .nothing
        case .done: ask(.begin, connection, now: now)
        case .failed(let failure): fail(failure.reason, failure.detail)
        }
    }

    private func ask(_ question: CatalogQuestion, _ connection: PostgresConnection, now: UInt64) -> Outcome {
        if question == .begin {
            facts = CatalogFacts()
            seen = nil
            misunderstood = false
            readsCastTargets = false
        }
        state = .asking(connection, question, deadline: now + CatalogLimits.answerSeconds * 1_000_000_000)
        switch connection.sendForRows(question.text) {
        case .pending, .done: return .nothing
        case .failed(let failure): return fail(failure.reason, failure.detail)
        }
    }

    private func receive(_ connection: PostgresConnection, _ question: CatalogQuestion, now: UInt64) -> Outcome {
        let progress = connection.receiveRows { row in
            if question == .state {
                seen = CatalogQuestion.state(row)
            } else if !question.take(row, into: &facts) {
                misunderstood = true
            }
        }
        switch progress {
        case .pending:
            // What is slow but goes on is waited for.
            state = .asking(connection, question, deadline: now + CatalogLimits.answerSeconds * 1_000_000_000)
            return .nothing
        case .failed(let failure):
            return fail(failure.reason, failure.detail)
        case .done:
            return answered(connection, question, now: now)
        }
    }

    private func answered(_ connection: PostgresConnection, _ question: CatalogQuestion, now: UInt64) -> Outcome {
        guard question == .begin || question == .end || (seen != nil && !misunderstood) else {
            return fail(.questionFailed, "the answer was not understood")
        }
        switch question {
        case .state:
            guard let seen, seen.objectCount <= CatalogLimits.objects else {
                return fail(.questionFailed, "the catalog has more than \(CatalogLimits.objects) objects")
            }
            return ask(seen.fingerprint == knownFingerprint ? .end : .relations, connection, now: now)
        case .begin: return ask(.state, connection, now: now)
        case .castTargets: return ask(.relations, connection, now: now)
        case .relations: return ask(.domains, connection, now: now)
        case .domains: return ask(.operators, connection, now: now)
        case .operators: return ask(.casts, connection, now: now)
        case .casts: return ask(.functions, connection, now: now)
        case .functions: return ask(.bodies, connection, now: now)
        case .bodies: return ask(.uses, connection, now: now)
        case .uses:
            // Few databases have such a cast, and bodies are read with all names at hand.
            guard !readsCastTargets, facts.hasObjectingCast else { return ask(.end, connection, now: now) }
            readsCastTargets = true
            facts = CatalogFacts()
            return ask(.castTargets, connection, now: now)
        case .end: return finished(connection, now: now)
        }
    }

    private func finished(_ connection: PostgresConnection, now: UInt64) -> Outcome {
        state = .resting(connection, until: now + CatalogLimits.restSeconds * 1_000_000_000)
        guard let seen else { preconditionFailure("A reading that came to its end has seen the catalog.") }
        if seen.fingerprint == knownFingerprint { return .unchanged(isInRecovery: seen.isInRecovery) }
        knownFingerprint = seen.fingerprint
        let result = facts
        facts = CatalogFacts()
        return .read(result, seen)
    }

    private func fail(_ reason: ProbeFailure, _ detail: String) -> Outcome {
        state = .none
        facts = CatalogFacts()
        return .failed(ConnectionFailure(reason: reason, detail: detail))
    }
}
