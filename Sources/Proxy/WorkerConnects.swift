// How is a connection to a server opened?

import Authentication
import Locks
import Logging
import OpenSSL
import Pooling
import Reactor
import Routing
import Sessions
import Wire

extension Worker {
    func openServer(_ pool: Pool, epoch: PoolEpoch) {
        let group = shared.group(pool.group)
        let node = shared.node(pool.cluster, pool.node)
        let token = tokens.open(kind: Kind.server)
        let server = ServerConnection(
            id: ServerID(rawValue: identity(token)), token: token, group: group, pool: pool, epoch: epoch,
            address: node.address, startedAt: now, blocks: blocks)
        remember(server)
        guard reserve(server) else { return }
        if let endpoint = Endpoint(node) {
            connect(server, to: endpoint)
        } else {
            let mailbox = mailbox
            resolve(node.host) { addresses, failure in
                mailbox.post(.resolved(token, addresses, failure: failure))
            }
        }
    }

    func resolved(_ token: Token, _ addresses: [String], failure: String?) {
        guard tokens.isCurrent(token) else { return }
        if token.kind == Kind.replication, let link = links[token.index] {
            return resolved(link, addresses, failure: failure)
        }
        guard token.kind == Kind.server, let server = servers[token.index] else { return }
        let port = shared.node(server.pool.cluster, server.pool.node).port
        guard let endpoint = Endpoint(resolved: addresses, port: port) else {
            return connectFailed(server, failure ?? "the host name has no address", isFinal: false)
        }
        connect(server, to: endpoint)
    }

    func connect(_ server: ServerConnection, to endpoint: Endpoint) {
        server.endpoint = endpoint
        switch endpoint.connect() {
        case .connected(let descriptor), .inProgress(let descriptor):
            server.descriptor = descriptor
            // The poller reports a connection that stands as writable.
            if let failure = poller.add(descriptor, server.token) {
                connectFailed(server, "\(failure)", isFinal: false)
            }
        case .failed(let failure):
            connectFailed(server, "\(failure)", isFinal: false)
        }
    }

    func connected(_ server: ServerConnection) {
        guard let descriptor = server.descriptor else { preconditionFailure("An attempt has a socket.") }
        if let failure = Connector.finish(descriptor) {
            return connectFailed(server, "\(failure)", isFinal: false)
        }
        beginTransport(server, descriptor)
    }

    func beginLogin(_ server: ServerConnection) {
        let keys = server.group.core.keys.withLock { $0 }
        let authentication = ServerAuthentication(
            user: server.group.user, secret: server.group.secret, keys: keys,
            random: SecureRandom.bytes(ServerAuthentication.randomByteCount),
            binding: server.output.channel?.serverEndPoint.map(ChannelBinding.init(serverEndPoint:)))
        server.phase = .login(
            ServerLogin(
                user: server.group.user, database: server.group.serverDatabase, authentication: authentication,
                toServer: &toServer))
        sendOwn(server)
    }

    func follow(_ step: ServerLogin.Step, _ server: ServerConnection, _ login: ServerLogin) {
        switch step {
        case .needInput:
            break
        case .ready:
            server.session = login.session
            server.processID = login.processID
            server.secret = login.secret
            server.connectedAt = now
            server.phase = .idle
            server.group.serverReported(login.parameters)
            let isSerializable = server.session.defaultIsolation == .serializable
            server.group.core.isSerializable.store(isSerializable, ordering: .relaxed)
            server.pool.lastError.withLock { $0 = nil }
            withPool(server.pool) { machine, actions in
                machine.connected(server.id, worker: id, epoch: server.epoch, now: now, actions: &actions)
            }
        case .derive(let derivation):
            guard shared.deriver.derive(derivation, for: server.token, at: mailbox) else {
                return connectFailed(server, "too many logins wait for keys", isFinal: false)
            }
            server.waitsForKeys = true
        case .refused(let error):
            // A rule of pg_hba.conf may ask for the other kind of connection.
            if error.sqlState == "28000", tryOtherTransport(server) { return }
            let told = ErrorFields(.error, error)
            server.pool.lastError.withLock { $0 = told }
            connectFailed(server, error.message, isFinal: !told.isPassing, isTold: true)
        case .failed(let text):
            connectFailed(server, text, isFinal: true)
        }
    }

    /// An attempt is over without a connection.
    func connectFailed(_ server: ServerConnection, _ reason: String, isFinal: Bool, isTold: Bool = false) {
        guard !server.isClosed else { return }
        if case .encrypting = server.phase, tryOtherTransport(server) { return }
        if !isTold {
            server.pool.lastError.withLock {
                $0 = ErrorFields(
                    .error, isFinal ? "28000" : "08006", "cannot log in to the server: \(reason)",
                    detail: "Node: \(server.address).")
            }
        }
        let isPrimary = clusters[server.pool.cluster].isPrimary(server.pool.node)
        server.farewell = server.farewell ?? ReceivedError(body: Span())
        close(server, reason)
        askForProbe(server)
        withPool(server.pool) { machine, actions in
            // On a replica no attempt is worth waiting for: another node can answer.
            machine.connectFailed(
                worker: id, epoch: server.epoch, now: now, isFinal: isFinal || !isPrimary, failure: 0,
                actions: &actions)
        }
    }

    /// Ends attempts that take too long.
    func expireConnects() {
        for server in servers {
            guard let server else { continue }
            switch server.phase {
            case .connecting, .encrypting, .login:
                let patience = server.group.pool.connectTimeout.clampedNanoseconds
                if now > server.startedAt &+ patience {
                    server.isSecondAttempt = true
                    connectFailed(server, "timeout after \(server.group.pool.connectTimeout)", isFinal: false)
                }
            case .idle, .attached, .cooling, .resetting, .finishing:
                break
            }
        }
    }
}

extension ErrorFields {
    /// Whether a failed attempt to connect is no verdict on the login: the node is lost, starting, stopping or full.
    var isPassing: Bool { sqlState == "08006" || sqlState.hasPrefix("57P") || sqlState.hasPrefix("53") }
}
