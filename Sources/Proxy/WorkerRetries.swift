// How is a read run again that a replica has refused or broken, without its client seeing any of it?

import Locks
import Logging
import Reactor
import Routing
import SQL
import Sessions
import Wire

extension Worker {
    /// How long a lesson holds.
    static let lessonNanoseconds: UInt64 = 60_000_000_000

    /// Keeps what a client has sent of a trial. Where there is no memory for that, it is no trial any more on the
    /// primary; on a replica the client is sent away, and the answer is false.
    func keep(_ client: ClientConnection, _ server: ServerConnection, _ bytes: Span<UInt8>) -> Bool {
        if client.tried.append(bytes) { return true }
        guard server.isPrimary else {
            outOfMemory(client)
            return false
        }
        client.session.giveUpTrial(on: &server.session)
        client.tried.reset()
        return true
    }

    /// The server's replies, which begin with `bytes`, are for nobody; its client starts the batch again.
    ///
    /// - Returns: how many bytes were used.
    func runAgain(
        _ client: ClientConnection, _ server: ServerConnection, _ failure: TrialFailure, _ bytes: Span<UInt8>
    ) -> Int {
        // What the client sent before it said goodbye is carried out as far as it goes.
        if client.isLeaving {
            client.server = nil
            close(client)
        } else {
            takeBack(client, server, failure)
        }
        server.session.abandon()
        server.client = nil
        server.phase = .finishing
        toClient.removeAll()
        let used = server.session.receive(bytes, toClient: &toClient, toServer: &toServer, facts: &facts)
        server.session.endBatch(toServer: &toServer)
        settleOrphan(server)
        return used
    }

    /// The client's batch is as if it had just come in.
    func takeBack(_ client: ClientConnection, _ server: ServerConnection, _ failure: TrialFailure) {
        if client.session.rerun == nil { client.failed = NodeSet() }
        client.failed.insert(server.pool.node)
        client.excluded = client.failed
        if server.isPrimary { noteStop(client, server) }
        client.server = nil
        client.isBlocked = false
        client.session.takeBack(failure, from: server.session, table: &statements)
        shared.retries.withLock { $0.count(failure) }
        shared.logger.debug(
            "a read is run again: \(failure)", metadata: ["client": "\(client.peer)", "node": "\(server.address)"])
        guard client.tried.append(client.kept.span) else { return outOfMemory(client) }
        client.kept.reset()
        swap(&client.kept, &client.tried)
        resumeLater(client)
    }

    /// Whether the client's batch may go there, and what it is told if not: a statement that may have ended a server's
    /// process never reaches the primary by itself.
    func objection(to target: Target, for client: ClientConnection, _ group: PoolGroup) -> ErrorFields? {
        guard let rerun = client.session.rerun, rerun.hasCrashed else { return nil }
        for fingerprint in rerun.fingerprints { teach(.endsBackends, fingerprint, group) }
        switch target {
        case .replica: return nil
        case .primary, .hold, .refuse:
            return ErrorFields(
                .error, "08006", "the connection to the server was lost",
                detail: "The server's process ended while it ran the statement, and no other replica is there for it.",
                hint: "Try it again, and look into the log of the server.")
        }
    }

    /// The primary has done what a replica had refused.
    func noteLesson(_ client: ClientConnection) {
        guard let lesson = client.session.takeLesson(), let group = client.group, let sqlState = lesson.refusal
        else { return }
        shared.retries.withLock { $0.lessons += 1 }
        shared.logger.warning(
            "a read was refused by a replica and done by the primary, where it goes for the next minute",
            metadata: ["database": "\(group.database)", "user": "\(group.user)", "sqlstate": "\(sqlState)"])
        for fingerprint in lesson.fingerprints { teach(.needsPrimary, fingerprint, group) }
    }

    private func teach(_ lesson: LearnedStatements.Lesson, _ fingerprint: Fingerprint, _ group: PoolGroup) {
        let catalog = group.catalog?.id ?? .none
        let until = now &+ Self.lessonNanoseconds
        statements.learned.learn(lesson, of: fingerprint, in: catalog, until: until)
        for (number, mailbox) in mailboxes.enumerated() where number != id.rawValue {
            mailbox.post(.learned(lesson, fingerprint, catalog, until: until))
        }
    }
}

/// What was run again, by cause.
struct RetryCounters: Equatable, Sendable {
    var refused = 0
    var interrupted = 0
    var crashed = 0
    /// Statements that the primary did after a replica had refused them.
    var lessons = 0
    /// Sessions that were told of a commit which a new primary may lack.
    var sessionsWithLostWrites = 0

    mutating func count(_ failure: TrialFailure) {
        switch failure {
        case .refused: refused += 1
        case .interrupted: interrupted += 1
        case .crashed: crashed += 1
        }
    }
}
