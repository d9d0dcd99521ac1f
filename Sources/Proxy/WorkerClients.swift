// How do a client's bytes get to where they are understood, and how does a client come and go?

import Authentication
import Locks
import Logging
import OpenSSL
import Pooling
import Reactor
import Routing
import SQL
import Sessions
import Synchronization
import Wire

extension Worker {
    // MARK: Coming

    func accept(_ token: Token) {
        guard let listening = listeners[token.index] else { return }
        // The next one, if there is one, is told of by the next wait: to ask for it in vain costs more.
        switch listening.listener.accept() {
        case .connection(let descriptor, let peer):
            let server = workerForNext(listening)
            let number = shared.clientCount.add(1, ordering: .sequentiallyConsistent).newValue
            shared.pulses[server].clientComes()
            if server == id.rawValue {
                welcomeConnection(descriptor, peer, listening.kind, number: number)
            } else {
                mailboxes[server].post(.accepted(descriptor, peer, listening.kind, number: number))
            }
        case .wouldBlock:
            break
        case .exhausted(let failure):
            shared.logger.error("cannot accept clients, trying again in a moment: \(failure)")
            _ = poller.remove(listening.listener.descriptor)
            pausedListeners.append(token)
        case .failed(let failure):
            shared.logger.error("\(listening.listener.place) no longer accepts clients: \(failure)")
        }
    }

    /// The kernel has one queue for a unix socket, which one worker empties: it deals them out in turn. For TCP it has
    /// one for each worker, and fills them more or less evenly.
    private func workerForNext(_ listening: Listening) -> Int {
        guard listening.deals else { return ClientSpread.worker(for: id.rawValue, of: shared.pulses) }
        nextDeal = (nextDeal + 1) % mailboxes.count
        return nextDeal
    }

    /// - Parameter number: how many clients the workers have, the new one included.
    func welcomeConnection(_ descriptor: Descriptor, _ peer: Peer, _ kind: ListenerKind, number: Int) {
        let token = tokens.open(kind: Kind.client)
        let key = CancelKey(peer: shared.settings.value.server.peerID, worker: id.rawValue, slot: token.index)
        let client = ClientConnection(
            token: token, descriptor: descriptor, peer: peer, listener: kind, acceptedAt: now,
            processID: key.processID, cancelSecret: .random(),
            awaitsProxyHeader: shared.settings.value.listen.proxies.contains(peer),
            encryption: shared.transports.encryption(of: peer, on: kind), blocks: blocks)
        while clients.count <= token.index { clients.append(nil) }
        clients[token.index] = client
        newcomers.append(token)
        let limit = shared.settings.value.server.maxClients
        client.isSurplus = number > limit
        let isWelcome = number <= limit + Self.surplusClients && stopMode == nil
        if isWelcome, case .tcp = peer {
            // Its first message came with the connection; to be told of it by an event would cost another wait.
            client.mayHaveUnread = true
            pump(client)
            if client.isClosed { return }
        }
        if let failure = poller.add(descriptor, token) {
            shared.logger.error("cannot watch a client's connection: \(failure)")
            close(client)
        } else if stopMode != nil {
            close(client, .shuttingDown)
        } else if !isWelcome {
            close(client, .tooManyClients(limit))
        }
    }

    /// So many clients beyond `max_clients` may say what they want: a cancel request and the console are always served,
    /// and who asks for TLS first hears the answer to that before the refusal.
    static let surplusClients = 100

    // MARK: Bytes

    func clientEvent(_ event: Event) {
        guard let client = clients[event.token.index] else { return }
        if event.isWritable, !client.output.isEmpty {
            if case .failed = client.output.flush(to: client.descriptor) { return lost(client) }
            if client.output.count < Self.outputLimit {
                if let server = client.server, server.mayHaveUnread { resumeLater(server) }
                if let link = client.link, link.mayHaveUnread { resumeLater(link) }
            }
            if client.output.isEmpty, client.isLeaving, case .replicating = client.phase { return close(client) }
        }
        // An end that came together with the last bytes is told by no further event.
        if event.isHangup || event.isPeerClosed { client.isAtEnd = true }
        if event.isReadable || event.isHangup || event.isPeerClosed {
            client.mayHaveUnread = true
            // One that has used up its turn waits for the others.
            if !client.isQueuedForResume { pump(client) }
        }
    }

    /// Uses the bytes that were kept, then those that the socket has.
    func pump(_ client: ClientConnection) {
        if case .welcoming = client.phase, client.wait.isNone {
            if client.server == nil { askForWelcome(client) } else { finishWelcome(client) }
        }
        if !client.kept.isEmpty, !isStalled(client) { serveKept(client) }
        var turns = 0
        while client.mayHaveUnread, !client.isClosed, !isStalled(client) {
            guard turns < Self.buffersPerTurn, mayReceive(client.output) else { return resumeLater(client) }
            turns += 1
            receive(client)
        }
        // A client that hangs up while it waits is noticed although its bytes are not read.
        if client.mayHaveUnread, !client.isClosed, client.kept.count < input.capacity { receiveWhileStalled(client) }
    }

    /// Nothing of the client's input can be used now.
    private func isStalled(_ client: ClientConnection) -> Bool {
        !client.wait.isNone || client.isBlocked || client.isLeaving || client.output.count > Self.outputLimit
            || (client.server.map { $0.output.count > Self.outputLimit } ?? false)
            || (client.link.map { $0.output.count > Self.outputLimit } ?? false)
    }

    private func receive(_ client: ClientConnection) {
        let input = input
        let received: Arrival
        if client.kept.count < input.capacity / 2 {
            received = receive(client.descriptor, &client.output, after: client.kept.span)
            if case .bytes = received { client.kept.reset() }
        } else {
            received = receive(client.descriptor, &client.output, after: Span())
            if case .bytes = received {
                client.mayHaveUnread = socketMayHoldMore || client.isAtEnd
                guard client.kept.append(input.span) else { return outOfMemory(client) }
                return serveKept(client)
            }
        }
        switch received {
        case .bytes:
            client.activeAt = now
            client.mayHaveUnread = socketMayHoldMore || client.isAtEnd
            let bytes = input.span
            var offset = 0
            serve(client, bytes, at: &offset)
            if !client.isClosed, offset < bytes.count {
                guard client.kept.append(bytes.extracting(offset..<bytes.count)) else { return outOfMemory(client) }
            }
        case .nothing:
            client.mayHaveUnread = socketMayHoldMore || client.isAtEnd
        case .wouldBlock:
            client.mayHaveUnread = false
        case .closed, .failed:
            broke(client, received)
        }
    }

    /// Keeps what comes in from a client that waits, so that its end is seen.
    private func receiveWhileStalled(_ client: ClientConnection) {
        guard !client.wait.isNone || (client.isBlocked && client.isAtEnd) else { return }
        // One that waits for its server and has said goodbye is served to its end.
        if client.wait.isNone, saysGoodbye(client.kept.span) { return }
        let input = input
        let received = receive(client.descriptor, &client.output, after: Span())
        switch received {
        case .bytes:
            client.mayHaveUnread = socketMayHoldMore || client.isAtEnd
            guard client.kept.append(input.span) else { return outOfMemory(client) }
            if client.isAtEnd { resumeLater(client) }
        case .nothing:
            client.mayHaveUnread = socketMayHoldMore || client.isAtEnd
        case .wouldBlock:
            client.mayHaveUnread = false
        case .closed, .failed:
            broke(client, received)
        }
    }

    private func saysGoodbye(_ bytes: Span<UInt8>) -> Bool {
        let goodbye: [UInt8] = [Frontend.terminate, 0, 0, 0, 4]
        guard bytes.count >= goodbye.count else { return false }
        return goodbye.indices.allSatisfy { bytes[bytes.count - goodbye.count + $0] == goodbye[$0] }
    }

    /// Nothing more will come.
    func broke(_ client: ClientConnection, _ received: Arrival) {
        if case .failed(let reason) = received, client.output.channel != nil {
            shared.logger.info("a client's TLS connection failed: \(reason)", metadata: ["client": "\(client.peer)"])
        }
        lost(client)
    }

    private func serveKept(_ client: ClientConnection) {
        var kept = ByteStore(pool: blocks)
        swap(&kept, &client.kept)
        var offset = 0
        serve(client, kept.span, at: &offset)
        guard !client.isClosed, offset < kept.count else { return }
        kept.consume(offset)
        swap(&kept, &client.kept)
    }

    func outOfMemory(_ client: ClientConnection) {
        close(
            client,
            ErrorFields(
                .fatal, "53200", "out of memory for messages under way",
                detail: "The limit is \(blocks.limit) bytes for each worker."))
    }

    // MARK: Steps

    /// Handles a client's bytes from `offset` on as far as possible.
    func serve(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) {
        client.isBlocked = false
        while !client.isClosed {
            switch client.phase {
            case .login(let login):
                guard client.wait.isNone else { return }
                if login.awaitsProxyHeader, !readProxyHeader(client, login, bytes, at: &offset) { return }
                pulse.turn(to: .logins, now: now)
                defer { pulse.turn(to: .connections, now: now) }
                guard noteEncryption(client, login) else { return close(client) }
                let step = shared.derivedKeys.withLock { cache in
                    swap(&cache.lent, &login.lent)
                    defer { cache.lent = nil }
                    return login.machine.receive(
                        bytes, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
                }
                if case .encrypt = step { return encrypt(client, bytes, at: &offset) }
                guard follow(step, client) else { return flush(client, bytes) }
            case .welcoming:
                return flush(client, bytes)
            case .serving:
                guard client.wait.isNone, serveBatch(client, bytes, at: &offset) else {
                    return flush(client, bytes)
                }
            case .replicating:
                return replicate(client, bytes, at: &offset)
            case .console(let session, let user):
                guard serveConsole(client, session, user: user, bytes, at: &offset) else { return flush(client, bytes) }
            }
        }
    }

    /// What the session must know of its server; nil: it has none.
    @inline(__always)
    func attachment(of client: ClientConnection) -> Attachment? {
        guard let server = client.server else { return nil }
        var attachment = server.session.attachment
        if !server.isPrimary, client.session.mustKeepUp {
            attachment.isBehind = !mayRead(client, server)
        }
        return attachment
    }

    /// One step of a client in service; false: nothing more can be done now.
    private func serveBatch(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) -> Bool {
        if let token = client.startToken, offset < bytes.count, !settleStartToken(token, client, bytes, at: offset) {
            return false
        }
        let step = client.session.advance(
            bytes, at: &offset, attachment: attachment(of: client), table: &statements, toClient: &toClient)
        if client.ownProfile != nil { followProfile(client) }
        switch step {
        case .needInput:
            return false
        case .wait:
            client.isBlocked = true
            return false
        case .acquire(let demand):
            client.demand = demand
            return acquire(client, bytes, at: &offset)
        case .translate:
            guard let server = client.server else { preconditionFailure("A batch is translated for a server.") }
            return translate(client, server, bytes, at: &offset)
        case .move:
            guard let server = client.server else { preconditionFailure("Only a transaction on a server moves.") }
            client.session.move(from: &server.session, toServer: &toServer)
            client.isBlocked = true
            return false
        case .configure:
            guard let server = client.server else { preconditionFailure("Only a server is configured.") }
            configure(client, server)
            return true
        case .pin(let reasons):
            return pin(client, reasons)
        case .consult:
            return !waitForCatalog(client)
        case .explain:
            explain(client, bytes, at: &offset)
            return true
        case .token(let command):
            return carryOut(command, client, bytes, at: &offset)
        case .close(let error):
            flush(client, bytes)
            if let error { close(client, error) } else { goodbye(client) }
            return false
        }
    }

    private func translate(
        _ client: ClientConnection, _ server: ServerConnection, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        let start = offset
        if server.session.isQuiet { client.startedAt = now }
        let translation = client.session.translate(
            bytes, at: &offset, server: &server.session, table: &statements, toServer: &toServer,
            toClient: &toClient, facts: &facts)
        count(server.group.number) { $0.received &+= UInt64(offset - start) }
        if client.session.isOnTrial, !keep(client, server, bytes.extracting(start..<offset)) { return false }
        settleFacts(client, server)
        switch translation {
        case .needInput:
            return false
        case .wait:
            client.isBlocked = true
            return false
        case .done:
            return true
        case .pin(let reasons):
            return pin(client, reasons)
        case .close(let error):
            flush(client, bytes)
            if let error { close(client, error) } else { goodbye(client) }
            return false
        }
    }

    private func pin(_ client: ClientConnection, _ reasons: PinReasons) -> Bool {
        guard let server = client.server else { preconditionFailure("Only a session with a server is pinned.") }
        if waitForCatalog(client, reasons) { return false }
        if !tryToPin(client, to: server, reasons) {
            client.session.pinRefused(
                reasons,
                ErrorFields(
                    .error, "53300", "too many pinned sessions in this pool",
                    detail: "The statement would make the session keep its server (\(reasons)), and max_pinned sessions"
                        + " of database \"\(client.group?.database ?? "")\" do so already.",
                    hint: "Raise pool.size or pool.max_pinned, or avoid session state."))
        }
        return true
    }

    /// Pins the client if the pool has room for that.
    func tryToPin(_ client: ClientConnection, to server: ServerConnection, _ reasons: PinReasons) -> Bool {
        guard server.pool.machine.withLock({ $0.pin(server.id) }) else { return false }
        routes.count(reasons)
        client.session.pinned(reasons, on: &server.session, toServer: &toServer)
        uncount(server)
        return true
    }

    /// Sends what the machines have written for both sides.
    func flush(_ client: ClientConnection, _ source: Span<UInt8>) {
        if !toServer.isEmpty {
            guard let server = client.server, let descriptor = server.descriptor else {
                preconditionFailure("Bytes for a server were written without a server.")
            }
            if !send(&toServer, source, through: &server.output, to: descriptor) { resumeAsLost(server) }
        }
        if !toClient.isEmpty, !client.isClosed {
            if !send(&toClient, source, through: &client.output, to: client.descriptor) { lost(client) }
        }
        toClient.removeAll()
    }

    // MARK: Going

    /// The client sent Terminate. Work it has sent before is finished, as PostgreSQL would.
    private func goodbye(_ client: ClientConnection) {
        if let server = client.server {
            if client.session.hasUnsyncedWork || server.session.isCopyingIn || server.session.needsSync {
                // PostgreSQL gives up what no Sync has ended, and a COPY without its end.
                client.server = nil
                server.client = nil
                close(server, "its client left in the middle of a batch")
            } else if !server.session.isQuiet {
                // What was asked before is answered first.
                client.isLeaving = true
                noteUnseenWrite(client)
                return
            }
        }
        close(client)
    }

    /// The client's connection broke, or it closed it without a word.
    func lost(_ client: ClientConnection) {
        guard !client.isClosed else { return }
        if let server = client.server, client.isLeaving, !server.session.isQuiet {
            client.server = nil
            if client.session.mayHaveWritten, let writes = client.group?.writes {
                server.unseen = UnseenWrite(writes: writes, groups: client.session.writtenGroups)
            }
            leaveFinishing(server, isPinned: client.session.isPinned || client.session.leavesTraces)
        } else if let server = client.server, !server.session.isQuiet || client.session.hasUnsyncedWork {
            client.server = nil
            server.client = nil
            if server.session.runsClientsWork { startCancel(server, client: nil) }
            close(server, "its client is gone")
        }
        close(client)
    }

    /// Ends a client's connection, with a last word if there is one.
    func close(_ client: ClientConnection, _ error: ErrorFields? = nil) {
        guard !client.isClosed else { return }
        client.isClosed = true
        if let error {
            // In a stream that passes unread nobody knows where a message ends.
            client.output.end(with: client.link?.isStreaming == true ? [] : error.encoded, to: client.descriptor)
            // Bytes that nobody has read would have the kernel throw the last word away.
            if case .login = client.phase { _ = encrypted.receive(from: client.descriptor) }
            logEnd(client, error)
        } else if client.output.channel != nil {
            client.output.end(with: [], to: client.descriptor)
        }
        if let link = client.link {
            client.link = nil
            end(link)
        }
        switch client.wait {
        case .pool(let node):
            if let group = client.group {
                _ = group.pool(node).machine.withLock { $0.cancelWait(waiterID(client)) }
            }
            endPoolWait(client)
        case .held: endHold(client.token.index)
        case .catalog: catalogWaiters.remove(client.token.index)
        case .paused: paused.remove(client.token.index)
        case .console: consoleWaiters.remove(client.token.index)
        case .none, .keys, .user, .link: break
        }
        client.wait = .none
        noteDefinitions(client, endIsSeen: false)
        let isAtRest = client.server.map { $0.session.isQuiet && !client.session.hasUnsyncedWork } ?? false
        if !isAtRest { noteUnseenWrite(client) }
        client.session.end(table: &statements)
        if let server = client.server {
            client.server = nil
            guard server.session.isQuiet, !client.session.hasUnsyncedWork else {
                server.client = nil
                close(server, "its client is gone")
                return forget(client)
            }
            leave(server, isPinned: client.session.isPinned || client.session.leavesTraces)
        }
        forget(client)
    }

    private func forget(_ client: ClientConnection) {
        let initial = client.session.initialProfile
        shared.profiles.withLock { table in
            if let own = client.ownProfile { table.release(own.profile) }
            table.release(initial)
        }
        dismiss(client)
        if client.isCounted, let group = client.group { count(group.number) { $0.clients -= 1 } }
        client.output.reset()
        client.kept.reset()
        client.tried.reset()
        tokens.close(client.token)
        clients[client.token.index] = nil
        pulse.clientGoes()
        shared.clientCount.subtract(1, ordering: .sequentiallyConsistent)
        Socket.close(client.descriptor)
    }

    private func logEnd(_ client: ClientConnection, _ error: ErrorFields) {
        let names = client.names
        shared.logger.info(
            "\(error.message)",
            metadata: [
                "client": "\(client.peer)", "database": "\(names.database)", "user": "\(names.user)",
                "id": "\(client.processID)", "sqlstate": "\(error.sqlState)",
            ])
    }
}

extension ErrorFields {
    static let shuttingDown = ErrorFields(.fatal, "57P01", "terminating connection due to administrator command")
    static let cancelled = ErrorFields(.error, "57014", "canceling statement due to user request")
    static func tooManyClients(_ limit: Int) -> ErrorFields {
        ErrorFields(.fatal, "53300", "sorry, too many clients already", detail: "max_clients is \(limit).")
    }
}
