// How do clients, sessions and model servers talk to each other, without sockets and clocks?

import Routing
import SQL
import Sessions
import Wire

/// A small shell around the machines: it does what they say, in the simplest way, and writes down what was said.
final class Rig {
    final class Server {
        var session = ServerSession()
        var model: ModelServer
        var name: String
        /// What the model has answered and nobody has read.
        var unread: [UInt8] = []
        var kept: [UInt8] = []
        var client: Int?
        var isCleaning = false
        /// It still answers what was taken back.
        var isFinishing = false
        var isLost = false
        /// Answers, or the end of the connection.
        var hasNews: Bool { !isLost && (!unread.isEmpty || model.isBroken) }
        var isFree: Bool { client == nil && !isCleaning && !isLost }

        init(model: ModelServer, name: String) {
            self.model = model
            self.name = name
        }
    }

    final class Client {
        var session: ClientSession
        var input: [UInt8] = []
        /// What was sent to a replica that may yet fail it.
        var tried: [UInt8] = []
        var received: [UInt8] = []
        var server: Int?
        var refusal: ErrorFields?
        var closing: Closing?
        var isBlocked = false

        init(session: consuming ClientSession) {
            self.session = session
        }
    }

    enum Closing: Equatable {
        case goodbye
        case error(ErrorFields)
        case stateLost
    }

    var table = StatementTable(worker: 0)
    var profiles = ProfileTable()
    var servers: [Server] = []
    var clients: [Client] = []
    /// What was written to whom, in order.
    var lines: [String] = []
    /// What must not happen between machines that work.
    var problems: [String] = []
    /// The pool has room for pins.
    var grantsPins = true
    /// No node has a connection to give: every batch that asks for one is refused with this.
    var refusesServers: ErrorFields?
    /// The next server is the free one at this place from the end, so that sessions move about.
    var takesLast = false
    /// No replica shows what the sessions must see by now.
    var replicasAreBehind = false
    /// Replicas refuse, interrupt and lose what can be run again.
    var faults: SeededRandom?

    @discardableResult
    func addClient(
        _ listener: ListenerKind = .split, parameters: [StartupParameter] = [], settings: SessionSettings = .init(),
        catalog: CatalogID = .none, router: RouterSettings = .init()
    ) -> Int {
        let profile = profiles.retain(listener.settings(parameters))
        clients.append(
            Client(
                session: ClientSession(
                    listener: listener, profile: profile, settings: SharedSettings(settings), catalog: catalog,
                    router: router)))
        return clients.count - 1
    }

    @discardableResult
    func addServer(isReplica: Bool, model: ModelServer? = nil) -> Int {
        let place = servers.count { $0.model.isReplica == isReplica }
        servers.append(
            Server(model: model ?? ModelServer(isReplica: isReplica), name: (isReplica ? "r" : "p") + "\(place)"))
        return servers.count - 1
    }

    /// A server to which a backslash in a plain string is an escape, as its role or database wants it.
    func addServerWithEscapes(isReplica: Bool) {
        let server = addServer(
            isReplica: isReplica, model: ModelServer(isReplica: isReplica, standardConformingStrings: "off"))
        servers[server].session = ServerSession(lexer: LexerSettings(standardConformingStrings: false))
    }

    // MARK: Driving

    /// Sends a client's messages and lets everything be answered.
    func say(_ messages: Message..., by client: Int = 0) {
        send(messages.bytes, by: client)
        settle()
    }

    func send(_ bytes: [UInt8], by client: Int = 0) {
        clients[client].input += bytes
        pump(client)
    }

    /// Lets the servers' answers be read until there are none.
    func settle() {
        while let server = servers.indices.first(where: { servers[$0].hasNews }) {
            deliver(server, servers[server].unread.count)
        }
    }

    /// What the client has received since the last call.
    func taken(_ client: Int = 0) -> String {
        defer { clients[client].received = [] }
        return Reading.server(clients[client].received)
    }

    /// What was committed, server by server.
    var committed: [String] { servers.flatMap { $0.model.committed } }

    var allServersAreFree: Bool { servers.allSatisfy { $0.isFree } }

    // MARK: The client's side

    func pump(_ client: Int) {
        var turns = 0
        while clients[client].closing == nil, step(client) {
            turns += 1
            if turns > 10_000 { return problems.append("a session turns in a circle") }
        }
    }

    /// One step; false: nothing more can be done now.
    private func step(_ index: Int) -> Bool {
        var toClient = Outbox()
        var toServer = Outbox()
        var facts: [ReplyFact] = []
        var offset = 0
        let input = clients[index].input
        defer {
            clients[index].input.removeFirst(offset)
        }
        var attachment = clients[index].server.map { servers[$0].session.attachment }
        if let server = clients[index].server {
            attachment?.isBehind = replicasAreBehind && servers[server].model.isReplica
        }
        let step = clients[index].session.advance(
            input.span, at: &offset, attachment: attachment, table: &table, toClient: &toClient)
        flush(index, &toServer, &toClient, input)
        switch step {
        case .needInput:
            return false
        case .wait:
            precondition(attachment != nil, "Only a server can be waited for.")
            clients[index].isBlocked = true
            return false
        case .acquire(let demand):
            if let error = clients[index].refusal ?? refusesServers {
                clients[index].refusal = nil
                clients[index].session.refuse(error, input.span, at: &offset, table: &table, toClient: &toClient)
                flush(index, &toServer, &toClient, input)
            } else {
                attach(index, demand)
            }
            return true
        case .translate:
            guard let server = clients[index].server else { preconditionFailure("A batch is translated for a server.") }
            let translation = clients[index].session.translate(
                input.span, at: &offset, server: &servers[server].session, table: &table, toServer: &toServer,
                toClient: &toClient, facts: &facts)
            settle(facts, index, server)
            if clients[index].session.isOnTrial == true { clients[index].tried += input[..<offset] }
            flush(index, &toServer, &toClient, input)
            return follow(translation, index)
        case .move:
            guard let server = clients[index].server else { preconditionFailure("Only a transaction moves.") }
            lines.append("move")
            clients[index].session.move(from: &servers[server].session, toServer: &toServer)
            flush(index, &toServer, &toClient, input)
            clients[index].isBlocked = true
            return false
        case .configure:
            guard let server = clients[index].server else { preconditionFailure("Only a server is configured.") }
            let text = profiles.difference(
                from: servers[server].session.profile, to: clients[index].session.profile.id)
            clients[index].session.configure(&servers[server].session, difference: text, toServer: &toServer)
            flush(index, &toServer, &toClient, input)
            return true
        case .pin(let reasons):
            return pin(index, reasons)
        case .consult:
            return true
        case .explain:
            explain(index, input, at: &offset)
            return true
        case .token(let command):
            carryOut(command, index, input, at: &offset)
            return true
        case .close(let error):
            end(index, error.map { .error($0) } ?? .goodbye)
            return false
        }
    }

    /// Answers with the course that the session foresees.
    private func explain(_ index: Int, _ input: [UInt8], at offset: inout Int) {
        let attachment = clients[index].server.map { servers[$0].session.attachment }
        var toClient = Outbox()
        let prospect = clients[index].session.prospect(
            input.span, at: offset, attachment: attachment, table: table)
        let rows = prospect.map { [[Self.words($0.course)]] } ?? []
        clients[index].session.explain(
            columns: ["course"], rows: rows, input.span, at: &offset, attachment: attachment,
            table: &table, toClient: &toClient)
        clients[index].received += toClient.bytes(from: input.span)
    }

    private static func words(_ course: Course) -> String {
        switch course {
        case .answeredHere: "here"
        case .stays: "stays"
        case .moves: "moves"
        case .refused(let error): "refused \(error.sqlState)"
        case .routed(let demand): "\(demand.routeClass)" + (demand.needsPrimary.map { " \($0)" } ?? "")
        }
    }

    private func follow(_ translation: Translation, _ index: Int) -> Bool {
        switch translation {
        case .needInput: return false
        case .done: return true
        case .wait:
            clients[index].isBlocked = true
            return false
        case .pin(let reasons): return pin(index, reasons)
        case .close(let error):
            end(index, error.map { .error($0) } ?? .goodbye)
            return false
        }
    }

    private func pin(_ index: Int, _ reasons: PinReasons) -> Bool {
        guard let server = clients[index].server else { preconditionFailure("Only a session with a server is pinned.") }
        var toServer = Outbox()
        var toClient = Outbox()
        lines.append("pin \(reasons)")
        if grantsPins {
            clients[index].session.pinned(reasons, on: &servers[server].session, toServer: &toServer)
        } else {
            clients[index].session.pinRefused(
                reasons, ErrorFields(.error, "53300", "too many pinned sessions in this pool"))
        }
        flush(index, &toServer, &toClient, [])
        return true
    }

    private func flush(_ index: Int, _ toServer: inout Outbox, _ toClient: inout Outbox, _ source: [UInt8]) {
        if !toServer.isEmpty {
            guard let server = clients[index].server else { preconditionFailure("Bytes were written to no server.") }
            write(toServer.bytes(from: source.span), to: server)
            toServer.removeAll()
        }
        if !toClient.isEmpty {
            clients[index].received += toClient.bytes(from: source.span)
            toClient.removeAll()
        }
    }

    func write(_ bytes: [UInt8], to server: Int) {
        lines.append("\(servers[server].name) \(Reading.client(bytes))")
        if servers[server].session.isOnTrial(for: .interruptions) == true, faults != nil {
            servers[server].model.fault = fault(mayCrash: servers[server].session.isOnTrial(for: .crashes) == true)
        }
        servers[server].model.receive(bytes)
        servers[server].model.fault = nil
        servers[server].unread += servers[server].model.output
        servers[server].model.output = []
    }

    // MARK: Servers change hands

    private func attach(_ index: Int, _ demand: Demand) {
        lines.append("acquire \(demand.routeClass)" + (demand.needsPrimary.map { " on the primary: \($0)" } ?? ""))
        let wantsReplica =
            demand.routeClass == .replicaSafe && demand.needsPrimary == nil && demand.listener != .writer
            || demand.listener == .reader
        if let rerun = clients[index].session.rerun, rerun.hasCrashed {
            for fingerprint in rerun.fingerprints {
                table.learned.learn(.endsBackends, of: fingerprint, in: clients[index].session.catalog, until: 1)
            }
        }
        let free = servers.indices.filter { servers[$0].isFree && servers[$0].model.isReplica == wantsReplica }
        let server = (takesLast ? free.last : free.first) ?? addServer(isReplica: wantsReplica)
        var toServer = Outbox()
        var toClient = Outbox()
        let difference = profiles.difference(
            from: servers[server].session.profile, to: clients[index].session.profile.id)
        servers[server].client = index
        clients[index].server = server
        clients[index].session.attached(
            to: &servers[server].session, isReplica: servers[server].model.isReplica, difference: difference,
            toServer: &toServer)
        flush(index, &toServer, &toClient, [])
    }

    private func detach(_ index: Int, _ server: Int) {
        let leavesTraces = clients[index].session.leavesTraces
        clients[index].session.detached()
        clients[index].server = nil
        clients[index].isBlocked = false
        servers[server].client = nil
        precondition(servers[server].session.status == .idle, "A server changes hands outside transactions.")
        if leavesTraces { clean(server) }
    }

    private func clean(_ server: Int) {
        var toServer = Outbox()
        servers[server].session.abandon()
        servers[server].isCleaning = true
        servers[server].session.ask(Array("DISCARD ALL".utf8), toServer: &toServer)
        write(toServer.bytes(from: Span()), to: server)
    }

    /// Reads some of a server's answers.
    func deliver(_ server: Int, _ count: Int) {
        read(server, count)
        if servers[server].model.isBroken, servers[server].unread.isEmpty, !servers[server].isLost { lose(server) }
    }

    private func read(_ server: Int, _ count: Int) {
        let bytes = Array(servers[server].unread.prefix(count))
        servers[server].unread.removeFirst(bytes.count)
        servers[server].kept += bytes
        var toClient = Outbox()
        var toServer = Outbox()
        var facts: [ReplyFact] = []
        let input = servers[server].kept
        let used = servers[server].session.receive(
            input.span, toClient: &toClient, toServer: &toServer, facts: &facts)
        servers[server].kept.removeFirst(used)
        if !toServer.isEmpty { write(toServer.bytes(from: input.span), to: server) }
        guard let index = servers[server].client else {
            settleOrphan(server, facts)
            return
        }
        settle(facts, index, server)
        for case .trialFailed(let failure) in facts { return runAgain(index, server, failure) }
        clients[index].received += toClient.bytes(from: input.span)
        if facts.contains(where: { if case .fatal = $0 { true } else { false } }) { return lose(server) }
        afterReplies(index, server)
    }

    private func settle(_ facts: [ReplyFact], _ index: Int, _ server: Int) {
        for fact in facts {
            if case .protocolViolation(let text) = fact { problems.append("\(servers[server].name): \(text)") }
            if fact == .trialPassed { clients[index].tried = [] }
            if let error = clients[index].session.settle(fact, server: &servers[server].session, table: &table) {
                clients[index].refusal = ErrorFields(.error, error.sqlState, error.message)
            }
        }
        adoptInspected(index, server)
        guard let lesson = clients[index].session.takeLesson() else { return }
        lines.append("lesson \(lesson.refusal ?? "")")
        for fingerprint in lesson.fingerprints {
            table.learned.learn(.needsPrimary, of: fingerprint, in: clients[index].session.catalog, until: 1)
        }
    }

    private func settleOrphan(_ server: Int, _ facts: [ReplyFact]) {
        for fact in facts {
            if case .protocolViolation(let text) = fact { problems.append("\(servers[server].name): \(text)") }
            if case .ownRequestDone(_, let error) = fact {
                precondition(error == nil, "A server could not be cleaned.")
                if servers[server].isCleaning, !servers[server].isFinishing { servers[server].session.forgetSession() }
                servers[server].isCleaning = servers[server].isFinishing
            }
            if case .fatal = fact { servers[server].isLost = true }
        }
        guard servers[server].isFinishing, servers[server].session.isQuiet == true else { return }
        if servers[server].session.status != .idle {
            var toServer = Outbox()
            servers[server].session.ask(Array("ROLLBACK".utf8), toServer: &toServer)
            write(toServer.bytes(from: Span()), to: server)
        } else {
            servers[server].isFinishing = false
            servers[server].isCleaning = false
        }
    }

    // MARK: Trials

    private func fault(mayCrash: Bool) -> ModelServer.Fault? {
        guard var random = faults else { return nil }
        defer { faults = random }
        guard Int.random(in: 0..<3, using: &random) == 0 else { return nil }
        return ModelServer.Fault(
            kind: mayCrash && Int.random(in: 0..<4, using: &random) == 0
                ? .death : ModelServer.Fault.errors[Int.random(in: 0..<ModelServer.Fault.errors.count, using: &random)],
            skipped: Int.random(in: 0..<4, using: &random))
    }

    private func takeBack(_ index: Int, _ server: Int, _ failure: TrialFailure) {
        lines.append("again: \(failure)")
        clients[index].server = nil
        clients[index].isBlocked = false
        clients[index].session.takeBack(failure, from: servers[server].session, table: &table)
        clients[index].input = clients[index].tried + clients[index].input
        clients[index].tried = []
    }

    private func runAgain(_ index: Int, _ server: Int, _ failure: TrialFailure) {
        takeBack(index, server, failure)
        servers[server].client = nil
        servers[server].isCleaning = true
        servers[server].isFinishing = true
        servers[server].session.abandon()
        read(server, 0)
        var toServer = Outbox()
        servers[server].session.endBatch(toServer: &toServer)
        if !toServer.isEmpty { write(toServer.bytes(from: Span()), to: server) }
        pump(index)
    }

    private func afterReplies(_ index: Int, _ server: Int) {
        if restores(index, server) || inspects(index, server) { return }
        let owner = servers[server]
        let isFree = owner.session.isQuiet && owner.session.status == .idle
        let hasMoved = clients[index].session.awaiting == .move && isFree
        if hasMoved || (clients[index].refusal != nil && owner.session.isQuiet)
            || (owner.session.isIdle && clients[index].session.isDetachable)
        {
            detach(index, server)
            pump(index)
        } else if clients[index].isBlocked {
            clients[index].isBlocked = false
            pump(index)
        }
    }

    // MARK: Going

    /// The connection to a server breaks.
    func lose(_ server: Int) {
        servers[server].isLost = true
        servers[server].unread = []
        guard let index = servers[server].client else { return }
        lines.append("\(servers[server].name) lost")
        servers[server].client = nil
        if servers[server].session.isOnTrial(for: .crashes) == true {
            takeBack(index, server, .crashed)
            return pump(index)
        }
        clients[index].server = nil
        clients[index].isBlocked = false
        clients[index].tried = []
        var toClient = Outbox()
        let goesOn = clients[index].session.serverLost(servers[server].session, table: &table, toClient: &toClient)
        guard goesOn else {
            clients[index].closing = .stateLost
            return clients[index].session.end(table: &table)
        }
        clients[index].received += toClient.bytes(from: Span())
        pump(index)
    }

    /// The client's connection ends.
    func end(_ index: Int, _ closing: Closing) {
        clients[index].closing = closing
        clients[index].session.end(table: &table)
        guard let server = clients[index].server else { return }
        servers[server].client = nil
        servers[server].session.abandon()
        if !servers[server].session.isQuiet || servers[server].session.status != .idle
            || clients[index].session.hasUnsyncedWork
        {
            servers[server].isLost = true
        } else if clients[index].session.isPinned || clients[index].session.leavesTraces {
            clean(server)
        }
    }
}
