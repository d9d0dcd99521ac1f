// How are the commands carried out by which an operator changes what the process does?

import Admin
import Locks
import Logging
import Pooling
import Reactor
import Sessions
import Wire

/// A user of the console whose command is answered later.
final class ConsoleWait {
    enum Goal {
        /// The end of all work of a database, or of all.
        case rest(String?)
        /// The end of all servers that were condemned.
        case replaced(String?)
        /// A message brings the answer.
        case answer
    }

    let session: ConsoleSession
    let user: String
    let goal: Goal
    let since: UInt64

    init(_ session: ConsoleSession, user: String, goal: Goal, since: UInt64) {
        self.session = session
        self.user = user
        self.goal = goal
        self.since = since
    }
}

extension Worker {
    /// - Returns: nil: the answer comes later.
    func carryOut(
        _ command: ConsoleCommand, _ client: ClientConnection, _ session: ConsoleSession, user: String
    ) -> ConsoleResult? {
        func wait(_ goal: ConsoleWait.Goal) -> ConsoleResult? {
            client.wait = .console(ConsoleWait(session, user: user, goal: goal, since: now))
            consoleWaiters.insert(client.token.index)
            tickFast()
            return nil
        }
        switch command {
        case .show(let view):
            if let rows = rows(of: view) { return .rows(rows) }
            guard let question = question(for: view) else { preconditionFailure("A table has rows or a question.") }
            ask(question, for: client) { .rows($0) }
            return wait(.answer)
        case .drain(let node): return setDrained(node, true)
        case .undrain(let node): return setDrained(node, false)
        case .explainRoute(let database, let statement): return explainRoute(database, statement)
        case .pause(let database): return pause(database) ?? wait(.rest(database))
        case .suspend: return pause(nil, isSuspension: true) ?? wait(.rest(nil))
        case .resume(let database): return resume(database)
        case .reconnect(let database): return objection(to: database) ?? reconnect(database)
        case .waitClose(let database): return objection(to: database) ?? wait(.replaced(database))
        case .disable(let database): return objection(to: database) ?? setDisabled(database, true)
        case .enable(let database): return objection(to: database) ?? setDisabled(database, false)
        case .kill(let database):
            if let error = objection(to: database) { return error }
            kill(database)
            ask(.kill(database: database), for: client) { _ in .rows([]) }
            return wait(.answer)
        case .killClient(let id):
            guard let number = Int32(id) else {
                return .failed(ErrorFields(.error, "22023", "\(id) is no id of a client", hint: "See SHOW CLIENTS."))
            }
            ask(.killClient(CancelKey(processID: number)), for: client) {
                $0.isEmpty
                    ? .failed(ErrorFields(.error, "42704", "there is no client \(id)", hint: "See SHOW CLIENTS."))
                    : .rows([])
            }
            return wait(.answer)
        case .reload:
            let (token, mailbox) = (client.token, mailbox)
            shared.command(
                .reload { mistake in
                    let error = mistake.map { ErrorFields(.error, "F0000", "RELOAD failed: \($0)") }
                    mailbox.post(.consoleAnswer(token, error.map(ConsoleResult.failed) ?? .rows([])))
                })
            return wait(.answer)
        case .shutdown(let mode):
            shared.logger.notice("stopped by command", metadata: ["user": "\(user)"])
            shared.command(.stop(StopMode(mode)))
            return .rows([])
        case .set(let key, let value): return set(key, value)
        case .setOfDriver: return .rows([])
        }
    }

    // MARK: Answers that come later

    private func ask(
        _ question: ConsoleQuestion, for client: ClientConnection,
        _ result: @escaping @Sendable ([[String?]]) -> ConsoleResult
    ) {
        let (token, mailbox) = (client.token, mailbox)
        let gather = ConsoleGather(question, parts: mailboxes.count) {
            mailbox.post(.consoleAnswer(token, result($0)))
        }
        for mailbox in mailboxes { mailbox.post(.console(gather)) }
    }

    /// Tells those whose wait is over.
    func answerConsoles() {
        for slot in consoleWaiters {
            guard let client = clients[slot], case .console(let wait) = client.wait,
                let result = outcome(of: wait.goal, since: wait.since)
            else { continue }
            answer(client, wait, result)
        }
    }

    func consoleAnswer(_ token: Token, _ result: ConsoleResult) {
        guard tokens.isCurrent(token), let client = clients[token.index], case .console(let wait) = client.wait else {
            return
        }
        answer(client, wait, result)
    }

    private func answer(_ client: ClientConnection, _ wait: ConsoleWait, _ result: ConsoleResult) {
        consoleWaiters.remove(client.token.index)
        client.wait = .none
        var session = wait.session
        var out: [UInt8] = []
        session.answer(result, out: &out)
        client.phase = .console(session, user: wait.user)
        toClient.write { $0.append(contentsOf: out) }
        flush(client, Span())
        resumeLater(client)
    }

    // MARK: Commands

    /// Servers at rest are closed, the others when they are free.
    private func reconnect(_ database: String?) -> ConsoleResult {
        shared.logger.notice("server connections are replaced by command", metadata: ["database": "\(database ?? "*")"])
        groups(of: database).flatMap(\.existingPools).forEach(replaceServers)
        return .rows([])
    }

    private func setDisabled(_ database: String, _ isDisabled: Bool) -> ConsoleResult {
        shared.pauses.setDisabled(database, isDisabled)
        shared.logger.notice(
            isDisabled ? "a database takes no new clients, by command" : "a database takes new clients again",
            metadata: ["database": "\(database)"])
        return .rows([])
    }

    /// What the workers do not do themselves when they end clients.
    private func kill(_ database: String?) {
        shared.logger.notice("all connections are ended by command", metadata: ["database": "\(database ?? "*")"])
        _ = shared.pauses.pause(database)
        _ = reconnect(database)
    }

    private func set(_ key: String, _ value: String) -> ConsoleResult {
        var settings = shared.settings.value
        switch ConsoleSetting.set(key, value, &settings) {
        case .unknown:
            return .failed(
                ErrorFields(
                    .error, "42704", "there is no setting \(key) that can be changed here",
                    hint: "SHOW CONFIG says which can be. Change the settings file and RELOAD for the others."))
        case .malformed(let expected):
            return .failed(ErrorFields(.error, "22023", "\(key): expected \(expected)"))
        case .done:
            shared.logger.notice("a setting was changed by command", metadata: ["key": "\(key)", "value": "\(value)"])
            let groups = shared.take(settings)
            updatePools(groups)
            for mailbox in mailboxes { mailbox.post(.groupsChanged) }
            return .rows([])
        }
    }
}

extension StopMode {
    init(_ mode: ShutdownMode) {
        switch mode {
        case .immediately: self = .immediately
        case .afterTransactions: self = .afterTransactions
        case .drain: self = .drain
        }
    }
}

extension ErrorFields {
    static let endedByAdministrator = ErrorFields(.fatal, "57P01", "terminating connection by command of the console")
}
