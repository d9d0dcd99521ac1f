// Which clients have taken too long, and what becomes of them?

import Logging
import Pooling
import Sessions
import Wire

extension Worker {
    /// Clients are looked at so often.
    private static let timeoutNanoseconds: UInt64 = 100_000_000
    /// A query that goes on although it was cancelled ends with its connection.
    private static let cancelPatience: UInt64 = 10_000_000_000

    func expireClients() {
        guard now >= nextExpiry else { return }
        nextExpiry = now &+ Self.timeoutNanoseconds
        for case let client? in clients {
            guard let group = client.group, group.limitsTime, case .serving = client.phase else { continue }
            expire(client, group.pool)
        }
    }

    private func expire(_ client: ClientConnection, _ limits: PoolSettings) {
        if case .pool = client.wait { return tellOfWait(client, limits) }
        let server = client.server
        let isRunning = server.map { !$0.session.isQuiet } ?? false
        let isInTransaction =
            client.session.detachedStatus != .idle || server.map { $0.session.status != .idle } ?? false
        if isInTransaction, server != nil, isOver(limits.transactionTimeout, since: client.transactionAt) {
            return end(client, .transactionTimeout)
        }
        if isRunning, let server {
            if isOver(limits.queryTimeout, since: client.startedAt) { stopQuery(client, server, limits) }
            return
        }
        guard client.wait.isNone, client.kept.isEmpty else { return }
        if isInTransaction, isOver(limits.idleTransactionTimeout, since: client.activeAt) {
            end(client, .idleTransactionTimeout)
        } else if !isInTransaction, isOver(limits.clientIdleTimeout, since: client.activeAt) {
            end(client, .clientIdleTimeout)
        }
    }

    private func isOver(_ limit: Duration, since start: UInt64) -> Bool {
        limit > .zero && now > start &+ limit.clampedNanoseconds
    }

    /// Once for each wait.
    private func tellOfWait(_ client: ClientConnection, _ limits: PoolSettings) {
        guard client.noticedSerial != client.waitSerial, isOver(limits.waitNotice, since: client.activeAt) else {
            return
        }
        client.noticedSerial = client.waitSerial
        let notice = ErrorFields(
            .notice, "00000", "no server connection is free, the client waits for one",
            detail: "pool.size is \(limits.size); the wait ends after \(limits.waitTimeout).")
        toClient.write { $0.append(contentsOf: notice.encoded) }
        flush(client, Span())
    }

    /// The server is asked to end the query first; its error reaches the client, which stays.
    private func stopQuery(_ client: ClientConnection, _ server: ServerConnection, _ limits: PoolSettings) {
        if client.cancelledStart != client.startedAt {
            client.cancelledStart = client.startedAt
            note("query_timeout", of: client)
            startCancel(server, client: client)
        } else if now > client.startedAt &+ limits.queryTimeout.clampedNanoseconds &+ Self.cancelPatience {
            end(client, .queryTimeout)
        }
    }

    private func end(_ client: ClientConnection, _ error: ErrorFields) {
        note(error.message, of: client)
        var error = error
        if client.session.mayHaveCommitted {
            error.detail = "The statement that was under way may or may not have been carried out."
        }
        if let server = client.server, server.session.runsClientsWork { startCancel(server, client: nil) }
        close(client, error)
    }

    private func note(_ limit: String, of client: ClientConnection) {
        shared.refusals.withLock { $0[limit, default: 0] += 1 }
        let names = client.names
        shared.logger.notice(
            "a client ran into \(limit)",
            metadata: ["client": "\(client.peer)", "database": "\(names.database)", "user": "\(names.user)"])
    }
}

extension ErrorFields {
    fileprivate static let queryTimeout = ErrorFields(
        .fatal, "57014", "query_timeout", detail: "The query did not end when it was cancelled.")
    fileprivate static let transactionTimeout = ErrorFields(.fatal, "25P04", "transaction_timeout")
    fileprivate static let idleTransactionTimeout = ErrorFields(.fatal, "25P03", "idle_transaction_timeout")
    fileprivate static let clientIdleTimeout = ErrorFields(.fatal, "57P05", "client_idle_timeout")
}
