// How does an operator stop all work for a moment, without anybody losing a connection?

import Admin
import Locks
import Logging
import Pooling
import Sessions
import Wire

extension Worker {
    // MARK: Clients

    /// Whether the client has to wait for RESUME before it gets a server.
    func waitsForResume(_ client: ClientConnection, _ group: PoolGroup) -> Bool {
        guard shared.pauses.mayPause, shared.pauses.isPaused(group.database) else { return false }
        client.wait = .paused
        paused.insert(client.token.index)
        return true
    }

    /// Something was resumed: whoever is still paused waits again.
    func resumed() {
        for slot in paused {
            guard let client = clients[slot] else { continue }
            client.wait = .none
            resumeLater(client)
        }
        paused.removeAll()
    }

    // MARK: Commands

    /// A worker that has looked just before a pause whether there is one has long got its server then.
    private static let pauseNanoseconds: UInt64 = 50_000_000

    /// - Returns: nil: the answer comes when all work has ended.
    func pause(_ database: String?, isSuspension: Bool = false) -> ConsoleResult? {
        if let error = objection(to: database) { return error }
        guard isSuspension ? shared.pauses.suspend() : shared.pauses.pause(database) else {
            return .failed(ErrorFields(.error, "55000", "\(Self.words(database)) is paused already"))
        }
        shared.logger.notice("paused by command", metadata: ["database": "\(database ?? "*")"])
        recycle(database)
        return nil
    }

    func resume(_ database: String?) -> ConsoleResult {
        if let error = objection(to: database) { return error }
        guard shared.pauses.resume(database) else {
            return .failed(ErrorFields(.error, "55000", "\(Self.words(database)) is not paused"))
        }
        shared.logger.notice("resumed by command", metadata: ["database": "\(database ?? "*")"])
        for (number, mailbox) in mailboxes.enumerated() where number != id.rawValue { mailbox.post(.resumed) }
        resumed()
        return .rows([])
    }

    private static func words(_ database: String?) -> String { database.map { "database \"\($0)\"" } ?? "everything" }

    func objection(to database: String?) -> ConsoleResult? {
        guard let database, shared.settings.value.database(named: database) == nil else { return nil }
        return .failed(ErrorFields(.error, "3D000", "database \"\(database)\" does not exist"))
    }

    // MARK: The end of all work

    /// Whether what a user of the console waits for has come to pass; nil: not yet.
    func outcome(of goal: ConsoleWait.Goal, since: UInt64) -> ConsoleResult? {
        switch goal {
        case .rest(let database):
            if !isStillPaused(database) {
                return .failed(ErrorFields(.error, "57014", "resumed before all work had ended"))
            }
            return now > since &+ Self.pauseNanoseconds && isAtRest(database) ? .rows([]) : nil
        case .replaced(let database):
            let isOver = groups(of: database).flatMap(\.existingPools).allSatisfy { pool in
                pool.machine.withLock { !$0.hasCondemned }
            }
            return isOver ? .rows([]) : nil
        case .answer:
            return nil
        }
    }

    private func isStillPaused(_ database: String?) -> Bool {
        database.map { shared.pauses.isPaused($0) } ?? shared.pauses.isAllPaused
    }

    func groups(of database: String?) -> [PoolGroup] {
        shared.allGroups.filter { database == nil || $0.database == database }
    }

    /// Servers with nothing to do are closed, the others when they are free: what comes after finds new ones. Who waits
    /// for one waits for RESUME instead.
    private func recycle(_ database: String?) {
        for group in groups(of: database) {
            for pool in group.existingPools {
                withPool(pool) { machine, actions in
                    machine.turnAwayWaiters(0, actions: &actions)
                    machine.drain(.recycled, now: now, actions: &actions)
                }
            }
        }
    }

    /// Whether no server works for anybody but pinned sessions, which keep theirs.
    private func isAtRest(_ database: String?) -> Bool {
        groups(of: database).allSatisfy { group in
            group.existingPools.allSatisfy { $0.machine.withLock { $0.isAtRest } }
        }
    }
}
