// How does a cancel request reach the query that runs now, and never another?

import Locks
import OpenSSL
import Pooling
import Reactor
import Sessions
import Wire

/// What must be shown to cancel a client's work.
enum CancelSecret {
    /// As long as it was until protocol 3.2.
    case short(UInt32)
    case long([UInt8])

    static func random() -> CancelSecret { .short(SecureRandom.word()) }

    /// As long as PostgreSQL's own.
    static func randomLong() -> CancelSecret { .long(SecureRandom.bytes(32)) }

    var bytes: [UInt8] {
        switch self {
        case .short(let word):
            [
                UInt8(truncatingIfNeeded: word >> 24), UInt8(truncatingIfNeeded: word >> 16),
                UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word),
            ]
        case .long(let bytes): bytes
        }
    }
}

extension Worker {
    /// A cancel connection that says nothing for this long is given up.
    static let cancelTimeout: UInt64 = 10_000_000_000

    /// A client's CancelRequest came in here; the key tells whose client is meant.
    func forwardCancel(processID: Int32, secret bytes: [UInt8]) {
        let key = CancelKey(processID: processID)
        let forwarded = CancelKey.secret(ofForwarded: bytes)
        guard key.peer == shared.settings.value.server.peerID else {
            if forwarded == nil { forwardCancel(to: key.peer, processID: processID, secret: bytes) }
            return
        }
        let secret = forwarded ?? bytes
        guard key.worker < mailboxes.count, key.slot >= 0 else { return }
        if key.worker == id.rawValue {
            cancelClient(slot: key.slot, secret: secret)
        } else {
            mailboxes[key.worker].post(.cancel(slot: key.slot, secret: secret))
        }
    }

    /// The client is another process's.
    private func forwardCancel(to peer: Int, processID: Int32, secret: [UInt8]) {
        guard let node = shared.settings.value.peers[peer] else { return }
        let secret = CancelKey.forwarded(secret)
        if let endpoint = Endpoint(node) { return sendCancel(to: endpoint, processID: processID, secret: secret) }
        let mailbox = mailbox
        resolve(node.host) { addresses, _ in
            guard let endpoint = Endpoint(resolved: addresses, port: node.port) else { return }
            mailbox.post(.forwardCancel(endpoint, processID: processID, secret: secret))
        }
    }

    func sendCancel(to endpoint: Endpoint, processID: Int32, secret: [UInt8]) {
        guard let descriptor = open(endpoint) else { return }
        sendCancel(through: descriptor, nil, processID: processID, secret: secret, server: nil, client: nil)
    }

    func cancelClient(slot: Int, secret: [UInt8]) {
        guard slot < clients.count, let client = clients[slot], client.cancelSecret.bytes == secret else { return }
        if let link = client.link, link.isStreaming { return startCancel(link) }
        guard case .serving = client.phase else { return }
        switch client.wait {
        case .pool(let node):
            guard let group = client.group else { return }
            let outcome = group.pool(node).machine.withLock { $0.cancelWait(waiterID(client)) }
            // An order about the client may be on its way; it finds that the client no longer waits.
            _ = outcome
            endPoolWait(client)
            client.refusal = .cancelled
            resumeLater(client)
        case .held:
            endHold(slot)
            client.wait = .none
            client.refusal = .cancelled
            resumeLater(client)
        case .catalog:
            endCatalogWait(client)
            client.session.pinRefused(.hiddenCode, .cancelled)
        case .paused:
            paused.remove(slot)
            client.wait = .none
            client.refusal = .cancelled
            resumeLater(client)
        case .none, .keys, .user, .link, .console:
            if let server = client.server, server.session.runsClientsWork { startCancel(server, client: client) }
        }
    }

    /// Opens a connection for a CancelRequest. With a client, it is sent only if the client's work still runs then.
    func startCancel(_ server: ServerConnection, client: ClientConnection?) {
        guard let endpoint = server.endpoint, server.session.runsClientsWork || client == nil else { return }
        guard let descriptor = open(endpoint) else { return }
        server.pendingCancels += 1
        let handshake = handshakeOfCancel(like: server.output, cluster: server.pool.cluster, node: server.pool.node)
        sendCancel(
            through: descriptor, handshake, processID: server.processID, secret: server.secret, server: server,
            client: client)
    }

    /// The key that the request bears is no less secret than what was encrypted there.
    private func handshakeOfCancel(like output: borrowing Output, cluster: Int, node: Int) -> Handshake? {
        output.channel == nil
            ? nil : shared.transports.handshake(cluster: cluster, host: shared.node(cluster, node).host)
    }

    /// Nobody else will ever use the connection, so that the request cannot meet another's work.
    private func startCancel(_ link: ReplicationLink) {
        guard let endpoint = link.endpoint, let descriptor = open(endpoint) else { return }
        let handshake = handshakeOfCancel(like: link.output, cluster: link.cluster, node: link.node)
        sendCancel(
            through: descriptor, handshake, processID: link.processID, secret: link.secret, server: nil, client: nil)
    }

    private func open(_ endpoint: Endpoint) -> Descriptor? {
        switch endpoint.connect() {
        case .connected(let opened), .inProgress(let opened): opened
        case .failed: nil
        }
    }

    private func sendCancel(
        through descriptor: Descriptor, _ handshake: Handshake?, processID: Int32, secret: [UInt8],
        server: ServerConnection?, client: ClientConnection?
    ) {
        var message: [UInt8] = []
        message.appendCancelRequest(processID: processID, secret: secret)
        let token = tokens.open(kind: Kind.cancel)
        let cancel = CancelConnection(
            token: token, descriptor: descriptor, handshake: handshake, message: message, server: server,
            client: client, startedAt: now, blocks: blocks)
        while cancels.count <= token.index { cancels.append(nil) }
        cancels[token.index] = cancel
        if poller.add(descriptor, token) != nil { finish(cancel) }
    }

    func cancelEvent(_ event: Event) {
        guard let cancel = cancels[event.token.index] else { return }
        if !cancel.isConnected {
            guard event.isWritable, Connector.finish(cancel.descriptor) == nil else { return finish(cancel) }
            cancel.isConnected = true
            guard let handshake = cancel.handshake else { return send(cancel) }
            if !handshake.begin(&cancel.output, to: cancel.descriptor) { finish(cancel) }
            return
        }
        guard event.isReadable || event.isHangup || event.isPeerClosed else { return }
        // The postmaster closes the connection after it has sent the signal.
        guard !cancel.isSent, let handshake = cancel.handshake else { return finish(cancel) }
        let input = input
        while true {
            switch receive(cancel.descriptor, &cancel.output, after: Span()) {
            case .wouldBlock:
                return
            case .closed, .failed:
                return finish(cancel)
            case .bytes:
                guard cancel.output.channel == nil else { return finish(cancel) }
                let step = handshake.answered(input.span, &cancel.output, to: cancel.descriptor)
                guard step == .needMore else { return finish(cancel) }
            case .nothing:
                switch handshake.wentOn(cancel.output) {
                case .needMore: break
                case .encrypted: return send(cancel)
                case .refused, .failed: return finish(cancel)
                }
            }
        }
    }

    private func send(_ cancel: CancelConnection) {
        guard isStillMeant(cancel) else { return finish(cancel) }
        cancel.isSent = true
        if !cancel.output.send(cancel.message, to: cancel.descriptor) { finish(cancel) }
    }

    private func isStillMeant(_ cancel: CancelConnection) -> Bool {
        guard cancel.isForClient else { return true }
        guard let server = cancel.server, let client = cancel.client else { return false }
        return server.client === client && server.session.runsClientsWork
    }

    private func finish(_ cancel: CancelConnection) {
        cancel.output.reset()
        tokens.close(cancel.token)
        cancels[cancel.token.index] = nil
        Socket.close(cancel.descriptor)
        guard let server = cancel.server, !server.isClosed else { return }
        server.pendingCancels -= 1
        if case .cooling = server.phase { giveBack(server) }
    }

    func expireCancels() {
        for cancel in cancels {
            if let cancel, now > cancel.startedAt &+ Self.cancelTimeout { finish(cancel) }
        }
    }
}
