// How does a client follow the primary's log through the router?

import Authentication
import Logging
import OpenSSL
import Pooling
import Reactor
import Routing
import Sessions
import Wire

extension Worker {
    // MARK: Coming

    /// A client that has proved who it is wants a replication connection; false: nothing more can be done now.
    func beginReplication(
        _ client: ClientConnection, _ request: StartupRequest, keys: SCRAMKeys?, secret: Secret?
    ) -> Bool {
        guard client.listener != .reader else {
            return turnAway(
                client,
                ErrorFields(
                    .fatal, "0A000", "replication connections are not served on the reader port",
                    hint: "Use the split or the writer port: they lead to the primary."))
        }
        guard let cluster = cluster(ofReplication: request) else {
            return turnAway(
                client,
                ErrorFields(
                    .fatal, "3D000", "database \"\(request.database)\" does not exist",
                    hint: "A physical replication connection asks for the database \"replication\": name the cluster"
                        + " that is meant with cluster under [databases.replication]."))
        }
        var request = request
        var router = RouterSettings()
        if let error = router.take(from: &request.settings, port: client.listener) { return turnAway(client, error) }
        let topology = clusters[cluster].topology
        guard let primary = topology.primary, let place = topology.index(of: primary) else {
            return turnAway(
                client, ErrorFields(.fatal, "57P03", "there is no primary to replicate from", hint: "Try again."))
        }
        let entry = shared.settings.value.database(named: request.database)
        let node = shared.node(cluster, place)
        let token = tokens.open(kind: Kind.replication)
        let link = ReplicationLink(
            token: token, client: client, cluster: cluster, node: place, address: node.address,
            timeout: (entry?.pool ?? PoolSettings()).connectTimeout, keys: keys, secret: secret, startedAt: now,
            blocks: blocks)
        while links.count <= token.index { links.append(nil) }
        links[token.index] = link
        client.phase = .replicating(request)
        client.link = link
        client.wait = .link
        flush(client, Span())
        if let endpoint = Endpoint(node) {
            connect(link, to: endpoint)
        } else {
            let mailbox = mailbox
            resolve(node.host) { addresses, failure in
                mailbox.post(.resolved(token, addresses, failure: failure))
            }
        }
        return false
    }

    /// A physical connection belongs to no database: where there is one cluster, no name can mean another.
    private func cluster(ofReplication request: StartupRequest) -> Int? {
        if let entry = shared.settings.value.database(named: request.database) {
            return shared.clusterNumbers[entry.cluster]
        }
        return request.replication == .physical && shared.clusters.count == 1 ? 0 : nil
    }

    func resolved(_ link: ReplicationLink, _ addresses: [String], failure: String?) {
        let port = shared.node(link.cluster, link.node).port
        guard let endpoint = Endpoint(resolved: addresses, port: port) else {
            return fail(link, failure ?? "the host name has no address")
        }
        connect(link, to: endpoint)
    }

    private func connect(_ link: ReplicationLink, to endpoint: Endpoint) {
        link.endpoint = endpoint
        switch endpoint.connect() {
        case .connected(let descriptor), .inProgress(let descriptor):
            link.descriptor = descriptor
            if let failure = poller.add(descriptor, link.token) { fail(link, "\(failure)") }
        case .failed(let failure):
            fail(link, "\(failure)")
        }
    }

    private func connected(_ link: ReplicationLink, _ descriptor: Descriptor) {
        if let failure = Connector.finish(descriptor) { return fail(link, "\(failure)") }
        beginTransport(link, descriptor)
    }

    func beginLogin(_ link: ReplicationLink) {
        guard case .replicating(let request) = link.client.phase, let kind = request.replication else {
            preconditionFailure("A link belongs to a client that asked for it.")
        }
        let authentication = ServerAuthentication(
            user: request.user, secret: link.userSecret, keys: link.keys,
            random: SecureRandom.bytes(ServerAuthentication.randomByteCount),
            binding: link.output.channel?.serverEndPoint.map(ChannelBinding.init(serverEndPoint:)))
        let database = shared.settings.value.database(named: request.database)?.serverName(forRequest: request.database)
        link.phase = .login(
            ServerLogin(
                replication: kind, request, database: database ?? request.database, authentication: authentication,
                toServer: &toServer))
        sendOwn(link)
    }

    // MARK: Bytes

    func linkEvent(_ event: Event) {
        guard let link = links[event.token.index], let descriptor = link.descriptor else { return }
        if case .connecting = link.phase {
            guard event.isWritable || event.isHangup else { return }
            return connected(link, descriptor)
        }
        if event.isWritable, !link.output.isEmpty {
            if case .failed = link.output.flush(to: descriptor) { link.isAtEnd = true }
            if link.output.count < Self.outputLimit { resumeLater(link.client) }
        }
        if event.isHangup || event.isPeerClosed { link.isAtEnd = true }
        if event.isReadable || event.isHangup || event.isPeerClosed {
            link.mayHaveUnread = true
            if !link.isQueuedForResume { pump(link) }
        }
    }

    /// Passes on what the server's socket has, as long as the client can take it.
    func pump(_ link: ReplicationLink) {
        var turns = 0
        while link.mayHaveUnread, !link.isClosed, let descriptor = link.descriptor {
            if link.client.output.count > Self.outputLimit { return }
            guard turns < Self.buffersPerTurn, mayReceive(link.output) else { return resumeLater(link) }
            turns += 1
            switch receive(descriptor, &link.output, after: Span()) {
            case .bytes:
                link.mayHaveUnread = socketMayHoldMore || link.isAtEnd
                use(link)
            case .nothing:
                link.mayHaveUnread = socketMayHoldMore || link.isAtEnd
                handshakeWentOn(link)
            case .wouldBlock: link.mayHaveUnread = false
            case .closed: broke(link, "the server closed the connection")
            case .failed(let failure): broke(link, failure)
            }
        }
    }

    private func use(_ link: ReplicationLink) {
        let input = input
        if link.isStreaming {
            if !link.client.output.send(input.span, to: link.client.descriptor) { lost(link.client) }
            return
        }
        if case .encrypting(let handshake) = link.phase, let descriptor = link.descriptor {
            guard link.output.channel == nil else { return fail(link, "the server sent data ahead of the login") }
            return follow(handshake.answered(input.span, &link.output, to: descriptor), link)
        }
        guard link.kept.append(input.span) else { return fail(link, "out of memory for its messages") }
        useKept(link)
    }

    /// Goes on with the login.
    private func useKept(_ link: ReplicationLink) {
        guard case .login(var login) = link.phase, !link.waitsForKeys else { return }
        var kept = ByteStore(pool: blocks)
        swap(&kept, &link.kept)
        var offset = 0
        let step = shared.derivedKeys.withLock { cache in
            swap(&cache.lent, &link.lent)
            defer { cache.lent = nil }
            return login.receive(kept.span, at: &offset, cache: &cache, toServer: &toServer)
        }
        link.phase = .login(login)
        sendOwn(link)
        kept.consume(offset)
        swap(&kept, &link.kept)
        switch step {
        case .needInput:
            break
        case .derive(let derivation):
            guard shared.deriver.derive(derivation, for: link.token, at: mailbox) else {
                return fail(link, "too many logins wait for keys")
            }
            link.waitsForKeys = true
        case .ready:
            begin(link, login)
        case .refused(let error):
            close(link.client, ErrorFields(.fatal, error))
        case .failed(let text):
            fail(link, text)
        }
    }

    func derived(_ link: ReplicationLink, _ keys: LentKeys) {
        link.lent = keys
        link.waitsForKeys = false
        useKept(link)
    }

    /// The server is ready: the client hears what it would have heard from it.
    private func begin(_ link: ReplicationLink, _ login: ServerLogin) {
        let client = link.client
        link.phase = .streaming
        link.processID = login.processID
        link.secret = login.secret
        Welcome(reported: login.parameters).write(
            processID: client.processID, secret: client.cancelSecret.bytes, isOnReaderPort: false, toClient: &toClient)
        flush(client, Span())
        shared.logger.info(
            "replication client logged in",
            metadata: [
                "client": "\(client.peer)", "database": "\(client.names.database)", "user": "\(client.names.user)",
                "node": "\(link.address)",
            ])
        client.wait = .none
        resumeLater(client)
    }

    /// Passes on what a replication client has sent.
    func replicate(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) {
        guard let link = client.link, let descriptor = link.descriptor, link.isStreaming else { return }
        let isSent = link.output.send(bytes.extracting(offset..<bytes.count), to: descriptor)
        offset = bytes.count
        // What the server said last is still to be read.
        if !isSent { resumeLater(link) }
    }

    private func sendOwn(_ link: ReplicationLink) {
        guard !toServer.isEmpty, let descriptor = link.descriptor else { return }
        if !send(&toServer, Span(), through: &link.output, to: descriptor) { resumeLater(link) }
    }

    func resumeLater(_ link: ReplicationLink) {
        guard !link.isQueuedForResume, !link.isClosed else { return }
        link.isQueuedForResume = true
        link.mayHaveUnread = true
        resumable.append(link.token)
    }

    // MARK: Going

    /// There will be no replication connection.
    func fail(_ link: ReplicationLink, _ reason: String) {
        close(
            link.client,
            ErrorFields(
                .fatal, "08006", "cannot open a replication connection: \(reason)", detail: "Node: \(link.address)."))
    }

    /// The server's side is over: the client gets what was said to the last byte.
    private func broke(_ link: ReplicationLink, _ reason: String) {
        guard link.isStreaming else { return fail(link, reason) }
        let client = link.client
        end(link)
        client.link = nil
        if client.output.isEmpty { close(client) } else { client.isLeaving = true }
    }

    /// Ends the server's side.
    func end(_ link: ReplicationLink) {
        guard !link.isClosed else { return }
        link.isClosed = true
        link.output.reset()
        link.kept.reset()
        tokens.close(link.token)
        links[link.token.index] = nil
        if let descriptor = link.descriptor { Socket.close(descriptor) }
    }

    /// Who follows the log of a node that is the primary no longer must look for the new one.
    func endReplication(in cluster: Int) {
        for link in links {
            guard let link, link.cluster == cluster, !clusters[cluster].isPrimary(link.node) else { continue }
            shared.logger.info("replication ends: the node is not the primary", metadata: ["node": "\(link.address)"])
            close(
                link.client,
                ErrorFields(.fatal, "57P01", "terminating connection because its server is no longer the primary"))
        }
    }

    /// Ends attempts that take too long.
    func expireLinks() {
        for link in links {
            guard let link, !link.isStreaming, now > link.startedAt &+ link.timeout.clampedNanoseconds else { continue }
            fail(link, "timeout after \(link.timeout)")
        }
    }
}
