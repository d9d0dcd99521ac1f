// How do a server's bytes get to where they are understood, and how does a server come, change hands and go?

import Locks
import Logging
import Pooling
import Reactor
import Routing
import Sessions
import Wire

extension Worker {
    func serverEvent(_ event: Event) {
        guard let server = servers[event.token.index], let descriptor = server.descriptor else { return }
        if case .connecting = server.phase {
            guard event.isWritable || event.isHangup else { return }
            return connected(server)
        }
        if event.isWritable, !server.output.isEmpty {
            if case .failed = server.output.flush(to: descriptor) { return close(server, "cannot be written to") }
            if server.output.count < Self.outputLimit, let client = server.client { resumeLater(client) }
        }
        if event.isHangup || event.isPeerClosed { server.isAtEnd = true }
        if event.isReadable || event.isHangup || event.isPeerClosed {
            server.mayHaveUnread = true
            // One that has used up its turn waits for the others.
            if !server.isQueuedForResume { pump(server) }
        }
    }

    /// Reads what the socket has, as long as the client can take it.
    func pump(_ server: ServerConnection) {
        var turns = 0
        while server.mayHaveUnread, !server.isClosed, let descriptor = server.descriptor {
            if let client = server.client, client.output.count > Self.outputLimit { return }
            guard turns < Self.buffersPerTurn, mayReceive(server.output) else { return resumeLater(server) }
            turns += 1
            switch receive(server, descriptor) {
            case .bytes:
                server.mayHaveUnread = socketMayHoldMore || server.isAtEnd
                use(server)
            case .nothing:
                server.mayHaveUnread = socketMayHoldMore || server.isAtEnd
                handshakeWentOn(server)
            case .wouldBlock:
                server.mayHaveUnread = false
            case .closed:
                broke(server, "the server closed the connection")
            case .failed(let failure):
                broke(server, failure)
            }
        }
    }

    /// The connection is over without an order of ours.
    private func broke(_ server: ServerConnection, _ reason: String) {
        switch server.phase {
        case .connecting, .encrypting, .login: connectFailed(server, reason, isFinal: false)
        case .idle, .attached, .cooling, .resetting, .finishing: close(server, reason)
        }
    }

    private func receive(_ server: ServerConnection, _ descriptor: Descriptor) -> Arrival {
        guard server.kept.count < input.capacity / 2 else {
            return receive(descriptor, &server.output, after: Span())
        }
        let received = receive(descriptor, &server.output, after: server.kept.span)
        if case .bytes = received { server.kept.reset() }
        return received
    }

    /// Handles what `input` holds, behind what was kept.
    private func use(_ server: ServerConnection) {
        let input = input
        let isLong = !server.kept.isEmpty
        if isLong {
            guard server.kept.append(input.span) else { return close(server, "out of memory for its messages") }
            useKept(server)
        } else {
            let bytes = input.span
            let used = handle(server, bytes)
            guard !server.isClosed, used < bytes.count else { return }
            guard server.kept.append(bytes.extracting(used..<bytes.count)) else {
                return close(server, "out of memory for its messages")
            }
        }
    }

    func useKept(_ server: ServerConnection) {
        var kept = ByteStore(pool: blocks)
        swap(&kept, &server.kept)
        let used = handle(server, kept.span)
        guard !server.isClosed, used < kept.count else { return }
        kept.consume(used)
        swap(&kept, &server.kept)
    }

    /// - Returns: how many bytes were used.
    private func handle(_ server: ServerConnection, _ bytes: Span<UInt8>) -> Int {
        switch server.phase {
        case .connecting, .idle, .cooling, .attached, .resetting, .finishing:
            return replies(server, bytes)
        case .encrypting(let handshake):
            return answered(server, handshake, bytes)
        case .login(var login):
            guard !server.waitsForKeys else { return 0 }
            pulse.turn(to: .logins, now: now)
            defer { pulse.turn(to: .connections, now: now) }
            var offset = 0
            let step = shared.derivedKeys.withLock { cache in
                swap(&cache.lent, &server.lent)
                defer { cache.lent = nil }
                return login.receive(bytes, at: &offset, cache: &cache, toServer: &toServer)
            }
            server.phase = .login(login)
            sendOwn(server)
            follow(step, server, login)
            return offset
        }
    }

    private func replies(_ server: ServerConnection, _ bytes: Span<UInt8>) -> Int {
        let client = server.client
        let mayHaveWritten = client?.session.mayHaveWritten ?? false
        let used = server.session.receive(bytes, toClient: &toClient, toServer: &toServer, facts: &facts)
        // After the acknowledgement was received and before it is forwarded: a sample begun later contains the write.
        if mayHaveWritten, server.isPrimary, let client {
            noteWrite(client, server)
            noteDefinitions(client)
        }
        if let client { noteRead(client, server) }
        guard let client else {
            toClient.removeAll()
            settleOrphan(server)
            return used
        }
        count(server.group.number) { $0.sent &+= UInt64(used) }
        settleFacts(client, server)
        if let failure = server.trialFailure {
            server.trialFailure = nil
            return runAgain(client, server, failure, bytes)
        }
        if !toServer.isEmpty { sendOwn(server) }
        if !toClient.isEmpty, !client.isClosed {
            if !send(&toClient, bytes, through: &client.output, to: client.descriptor) { lost(client) }
        }
        toClient.removeAll()
        guard !server.isClosed else { return used }
        if server.farewell != nil {
            close(server, "the server ended the connection")
            return used
        }
        afterReplies(client, server)
        return used
    }

    /// Hands the facts of the last call to the client's session.
    func settleFacts(_ client: ClientConnection, _ server: ServerConnection) {
        guard !facts.isEmpty else { return }
        for index in facts.indices {
            let fact = facts[index]
            if let error = client.session.settle(fact, server: &server.session, table: &statements) {
                client.refusal = ErrorFields(.error, error)
            }
            if case .notified = fact {
                // What it tells of was committed: the client may look for it.
                client.session.floor.raise(startedSample: shared.clusters[server.pool.cluster].samples.started)
            }
            if case .trialPassed = fact { client.tried.reset() }
            if case .ready(let status) = fact { noteAnswer(client, server, status) }
            note(fact, server)
        }
        if client.session.hasLesson { noteLesson(client) }
        if let found = client.session.takeInspected() { adopt(found, client, server) }
        if client.ownProfile != nil { followProfile(client) }
        holdProfile(server)
        while !facts.isEmpty { facts.removeLast() }
    }

    private func note(_ fact: ReplyFact, _ server: ServerConnection) {
        switch fact {
        case .fatal(let error):
            server.farewell = error
        case .protocolViolation(let text):
            shared.logger.error("\(text)", metadata: ["node": "\(server.address)"])
            server.farewell = ReceivedError(body: Span())
        case .parameterStatus(let name, _):
            if name == "in_hot_standby" { askForProbe(server) }
        case .trialFailed(let failure):
            server.trialFailure = failure
        case .ready, .ownRequestDone, .changeConfirmed, .failed, .forgot, .described, .shapeLearned, .notified,
            .trialPassed:
            break
        }
    }

    /// The server may be free, or the client may go on.
    private func afterReplies(_ client: ClientConnection, _ server: ServerConnection) {
        if client.isClosed { return }
        if client.isLeaving {
            if server.session.isQuiet { close(client) } else if server.session.isCopyingIn { lost(client) }
            return
        }
        if case .welcoming = client.phase {
            if client.refusal != nil {
                detach(client, server)
                resumeLater(client)
            } else {
                finishWelcome(client)
            }
            return
        }
        if let error = client.refusal, client.session.isPinned {
            var fatal = error
            fatal.severity = .fatal
            return close(client, fatal)
        }
        if server.session.awaitsRestoration { return restore(client, server) }
        if server.session.isIdle, client.session.needsInspection {
            return inspect(client, server)
        }
        let hasMoved = client.session.isMoving && server.session.isIdle
        if hasMoved || (client.refusal != nil && server.session.isQuiet)
            || (server.session.isIdle && client.session.isDetachable)
        {
            detach(client, server)
            if !client.kept.isEmpty || client.mayHaveUnread || client.refusal != nil { resumeLater(client) }
        } else if client.isBlocked {
            client.isBlocked = false
            resumeLater(client)
        }
    }

    // MARK: Changing hands

    /// The client is through with the server.
    func detach(_ client: ClientConnection, _ server: ServerConnection) {
        let leavesTraces = client.session.leavesTraces
        if client.group?.routing.loadBalance == .latency, !server.isPrimary {
            clusters[server.pool.cluster].latencies[server.pool.node].note(now &- client.attachedAt, at: now)
        }
        client.session.detached()
        client.server = nil
        client.isBlocked = false
        if server.session.status != .idle { server.cleanUp.append(Array("ROLLBACK".utf8)) }
        if leavesTraces { server.cleanUp.append(Array("DISCARD ALL".utf8)) }
        continueCleanUp(server)
    }

    /// The client is gone; the server owes nothing.
    func leave(_ server: ServerConnection, isPinned: Bool) {
        server.session.abandon()
        if server.session.status != .idle { server.cleanUp.append(Array("ROLLBACK".utf8)) }
        if isPinned { server.cleanUp.append(Array("DISCARD ALL".utf8)) }
        continueCleanUp(server)
    }

    /// The client said goodbye; what it sent before is still carried out.
    func leaveFinishing(_ server: ServerConnection, isPinned: Bool) {
        // Nothing more will come that could end the wait.
        if server.session.isQuiet { return leave(server, isPinned: isPinned) }
        if server.session.isCopyingIn {
            server.client = nil
            return close(server, "its client left in the middle of a COPY")
        }
        server.session.abandon()
        server.client = nil
        server.phase = .finishing
        if isPinned { server.cleanUp = [Array("DISCARD ALL".utf8)] }
    }

    /// Asks the next thing of a server that nobody uses, or gives it back.
    private func continueCleanUp(_ server: ServerConnection) {
        server.client = nil
        guard !server.cleanUp.isEmpty else { return giveBack(server) }
        server.phase = .resetting
        let next = server.cleanUp.removeFirst()
        server.session.abandon()
        server.session.ask(next, toServer: &toServer)
        server.lastCleanUp = next
        sendOwn(server)
    }

    func settleOrphan(_ server: ServerConnection) {
        var failure: String?
        for fact in facts {
            switch fact {
            case .ownRequestDone(_, let error):
                if let error { failure = "could not be reset: \(error.message)" }
                if server.lastCleanUp == Array("DISCARD ALL".utf8), error == nil { server.session.forgetSession() }
            case .fatal, .protocolViolation:
                note(fact, server)
                failure = "the server ended the connection"
            case .parameterStatus:
                note(fact, server)
            case .ready, .changeConfirmed, .failed, .forgot, .described, .shapeLearned, .notified, .trialPassed,
                .trialFailed:
                break
            }
        }
        facts.removeAll(keepingCapacity: true)
        if !toServer.isEmpty { sendOwn(server) }
        holdProfile(server)
        if let failure { return close(server, failure) }
        switch server.phase {
        case .resetting:
            if server.session.isQuiet { continueCleanUp(server) }
        case .finishing:
            // Nobody will send the rest of the data; PostgreSQL, too, gives up such a COPY.
            if server.session.isCopyingIn { return close(server, "its client left in the middle of a COPY") }
            guard server.session.isQuiet else { return }
            noteUnseenWrite(on: server)
            if server.session.status != .idle { server.cleanUp.insert(Array("ROLLBACK".utf8), at: 0) }
            continueCleanUp(server)
        case .connecting, .encrypting, .login, .idle, .attached, .cooling:
            break
        }
    }

    /// A clean server goes back to its pool.
    func giveBack(_ server: ServerConnection) {
        uncount(server)
        server.client = nil
        if server.session.isSeeded {
            server.phase = .idle
            return close(server, "a client has chosen its random numbers")
        }
        guard server.pendingCancels == 0 else {
            server.phase = .cooling
            return
        }
        server.phase = .idle
        withPool(server.pool) { machine, actions in machine.release(server.id, now: now, actions: &actions) }
    }

    func uncount(_ server: ServerConnection) {
        guard server.isCounted else { return }
        server.isCounted = false
        clusters[server.pool.cluster].outstanding[server.pool.node] -= 1
    }

    func sendOwn(_ server: ServerConnection) {
        guard !toServer.isEmpty, let descriptor = server.descriptor else { return }
        if !send(&toServer, Span(), through: &server.output, to: descriptor) { resumeAsLost(server) }
    }

    /// Sending failed; the next receive tells why.
    func resumeAsLost(_ server: ServerConnection) {
        server.mayHaveUnread = true
        resumeLater(server)
    }

    func handOver(_ id: ServerID, to worker: WorkerID, _ pool: Pool) {
        // The server may have broken while the order was on its way; the pool has been told.
        guard let server = server(id), let descriptor = server.descriptor else { return }
        _ = poller.remove(descriptor)
        let message = ServerHandOver(server, descriptor: descriptor)
        server.descriptor = nil
        // The connection stays, and counts.
        server.isBudgeted = false
        forget(server)
        if worker == self.id { adopt(message) } else { mailboxes[worker.rawValue].post(.adopt(message)) }
    }

    func adopt(_ handOver: ServerHandOver) {
        let token = tokens.open(kind: Kind.server)
        let server = ServerConnection(
            id: handOver.id, token: token, group: shared.group(handOver.pool.group), pool: handOver.pool,
            epoch: handOver.epoch, address: handOver.address, startedAt: now, blocks: blocks)
        server.descriptor = handOver.descriptor
        server.endpoint = handOver.endpoint
        handOver.moveSession(to: server)
        server.heldProfile = handOver.heldProfile
        server.connectedAt = handOver.connectedAt
        server.processID = handOver.processID
        server.secret = handOver.secret
        server.output.channel = handOver.channel
        server.isBudgeted = true
        server.phase = .idle
        remember(server)
        if let failure = poller.add(handOver.descriptor, token) { return close(server, "\(failure)") }
        withPool(server.pool) { machine, actions in machine.arrived(server.id, now: now, actions: &actions) }
    }

    // MARK: Going

    func remember(_ server: ServerConnection) {
        while servers.count <= server.token.index { servers.append(nil) }
        servers[server.token.index] = server
        if identity(server.token) != server.id.rawValue { adoptedSlots[server.id] = server.token.index }
    }

    /// The server that a pool names; nil: it is gone.
    func server(_ id: ServerID) -> ServerConnection? {
        let slot = id.rawValue & 0xffff_ffff
        if slot < servers.count, let server = servers[slot], server.id == id { return server }
        return adoptedSlots[id].flatMap { servers[$0] }
    }

    /// Events of its old socket do not meet the new one.
    func changeToken(_ server: ServerConnection) {
        adoptedSlots[server.id] = nil
        servers[server.token.index] = nil
        tokens.close(server.token)
        server.token = tokens.open(kind: Kind.server)
        server.isQueuedForResume = false
        remember(server)
    }

    func forget(_ server: ServerConnection) {
        server.isClosed = true
        if server.isBudgeted { shared.budget.withLock { $0.release(server.pool, server.group) } }
        server.output.reset()
        server.kept.reset()
        adoptedSlots[server.id] = nil
        servers[server.token.index] = nil
        tokens.close(server.token)
    }

    /// The connection ends, for whatever reason; its client is told what that means.
    func close(_ server: ServerConnection, _ reason: String) {
        guard !server.isClosed else { return }
        uncount(server)
        let wasConnected: Bool
        var isExpected = false
        switch server.phase {
        case .connecting, .encrypting, .login: wasConnected = false
        case .idle:
            wasConnected = true
            isExpected = true
            if let descriptor = server.descriptor, server.farewell == nil {
                server.output.end(with: [Frontend.terminate, 0, 0, 0, 4], to: descriptor)
            }
        case .attached, .cooling, .resetting, .finishing: wasConnected = true
        }
        if !isExpected {
            shared.logger.info(
                "server connection closed: \(server.farewell.map(\.message) ?? reason)",
                metadata: ["node": "\(server.address)", "pool": "\(server.group.database)/\(server.group.user)"])
        }
        let descriptor = server.descriptor
        forget(server)
        if let descriptor { Socket.close(descriptor) }
        shared.profiles.withLock { $0.release(server.heldProfile) }
        guard wasConnected else { return }
        let client = server.client
        server.client = nil
        if let client, !client.isClosed {
            if server.session.isOnTrial(for: .crashes), !client.isLeaving {
                takeBack(client, server, .crashed)
            } else {
                tellLoss(client, server)
            }
        }
        if !isExpected { askForProbe(server) }
        withPool(server.pool) { machine, actions in machine.lost(server.id, now: now, actions: &actions) }
    }

    private func tellLoss(_ client: ClientConnection, _ server: ServerConnection) {
        if client.session.mayHaveWritten {
            noteWrite(client, server)
            noteDefinitions(client)
        }
        client.server = nil
        client.isBlocked = false
        endCatalogWait(client)
        client.tried.reset()
        let goesOn = client.session.serverLost(server.session, table: &statements, toClient: &toClient)
        guard goesOn else {
            toClient.removeAll()
            return close(client, lastWord(of: server))
        }
        if case .welcoming = client.phase {
            client.excluded.insert(server.pool.node)
            toClient.removeAll()
        }
        if !send(&toClient, Span(), through: &client.output, to: client.descriptor) { return lost(client) }
        resumeLater(client)
    }

    /// What a client hears that cannot go on without the server: the server's own last word, if it had one.
    private func lastWord(of server: ServerConnection) -> ErrorFields {
        if let farewell = server.farewell, !farewell.sqlState.isEmpty { return ErrorFields(.fatal, farewell) }
        return ErrorFields(
            .fatal, "57P01", "terminating connection because its server connection was lost",
            detail: "The session's state was on that connection.")
    }

    /// Something about the node's connections was odd.
    func askForProbe(_ server: ServerConnection) {
        let topology = clusters[server.pool.cluster].topology
        guard server.pool.node < topology.nodes.count else { return }
        shared.clusters[server.pool.cluster].requestProbe(topology.nodes[server.pool.node].id)
    }
}
