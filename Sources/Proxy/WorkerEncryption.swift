// How do the connections of clients and servers become encrypted ones?

import Logging
import OpenSSL
import Reactor
import Sessions
import Wire

extension Worker {
    // MARK: Clients

    /// The client begins a TLS handshake at the offset, which it has asked for or not.
    func encrypt(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) {
        let rest = offset..<bytes.count
        offset = bytes.count
        guard case .login(let login) = client.phase,
            let channel = shared.transports.channelToClient(on: client.listener)
        else { return close(client) }
        // After a request for TLS nothing may follow it.
        login.isDirect = !rest.isEmpty
        // What it was answered goes ahead, in the clear.
        flush(client, bytes)
        guard !client.isClosed else { return }
        client.output.channel = channel
        guard !rest.isEmpty else { return }
        handshakeSteps += 1
        // The first word of a handshake says nothing else.
        var none = MutableSpan<UInt8>()
        let opened = channel.open(bytes.extracting(rest), into: &none)
        guard client.output.sendOwn(to: client.descriptor) else { return lost(client) }
        if opened != .bytes(0) { broke(client, .failed("\(opened)")) }
    }

    /// The login machine is told when the handshake is over; false: the client began without asking, and speaks
    /// another protocol perhaps.
    func noteEncryption(_ client: ClientConnection, _ login: LoginUnderWay) -> Bool {
        guard let channel = client.output.channel, channel.isEstablished, !login.isEncrypted else { return true }
        guard !login.isDirect || channel.hasAgreedOnProtocol else {
            shared.logger.info(
                "a client began TLS unasked without naming PostgreSQL's protocol (ALPN)",
                metadata: ["client": "\(client.peer)"])
            return false
        }
        login.isEncrypted = true
        login.machine.encrypted()
        return true
    }

    // MARK: Servers

    /// The socket to a server is connected: encrypts the connection first, if that is wanted.
    func beginTransport(_ server: ServerConnection, _ descriptor: Descriptor) {
        guard wantsEncryption(server),
            let handshake = shared.transports.handshake(
                cluster: server.pool.cluster, host: shared.node(server.pool.cluster, server.pool.node).host)
        else { return beginLogin(server) }
        server.phase = .encrypting(handshake)
        if !handshake.begin(&server.output, to: descriptor) { resumeAsLost(server) }
    }

    private func wantsEncryption(_ server: ServerConnection) -> Bool {
        guard case .tcp = server.endpoint else { return false }
        switch shared.transports.security(ofCluster: server.pool.cluster) {
        case .disable: return false
        case .allow: return server.isSecondAttempt
        case .prefer: return !server.isSecondAttempt
        case .require, .verifyCA, .verifyFull: return true
        }
    }

    /// The server's answer to the request for TLS.
    func answered(_ server: ServerConnection, _ handshake: Handshake, _ bytes: Span<UInt8>) -> Int {
        guard let descriptor = server.descriptor else { return bytes.count }
        guard server.output.channel == nil else {
            // It speaks before it is spoken to.
            connectFailed(server, "the server sent data ahead of the login", isFinal: true)
            return bytes.count
        }
        follow(handshake.answered(bytes, &server.output, to: descriptor), server)
        return bytes.count
    }

    /// Something came that was for TLS alone.
    func handshakeWentOn(_ server: ServerConnection) {
        guard case .encrypting(let handshake) = server.phase else { return }
        follow(handshake.wentOn(server.output), server)
    }

    private func follow(_ step: Handshake.Step, _ server: ServerConnection) {
        switch step {
        case .needMore:
            break
        case .encrypted:
            beginLogin(server)
        case .refused:
            if shared.transports.security(ofCluster: server.pool.cluster).isRequired {
                connectFailed(server, "the server has no TLS, and tls.mode requires it", isFinal: true)
            } else {
                beginLogin(server)
            }
        case .failed(let reason):
            connectFailed(server, reason, isFinal: true)
        }
    }

    /// Tries once more, encrypted if it was not and the other way round, where the mode leaves that open; false: it
    /// does not, or that has been tried.
    func tryOtherTransport(_ server: ServerConnection) -> Bool {
        let security = shared.transports.security(ofCluster: server.pool.cluster)
        guard security == .allow || security == .prefer, !server.isSecondAttempt, let endpoint = server.endpoint,
            case .tcp = endpoint, let descriptor = server.descriptor
        else { return false }
        // Without TLS on the server, or on our side, the other attempt would be the same.
        guard security == .allow || server.output.channel != nil else { return false }
        server.isSecondAttempt = true
        Socket.close(descriptor)
        server.descriptor = nil
        server.output.reset()
        server.output.channel = nil
        server.kept.reset()
        server.mayHaveUnread = false
        server.isAtEnd = false
        server.phase = .connecting
        // Events of the old socket may still come, with the old token.
        changeToken(server)
        connect(server, to: endpoint)
        return true
    }

    // MARK: Replication connections

    /// The socket of a replication client's connection is connected.
    func beginTransport(_ link: ReplicationLink, _ descriptor: Descriptor) {
        guard case .tcp = link.endpoint,
            let handshake = shared.transports.handshake(
                cluster: link.cluster, host: shared.node(link.cluster, link.node).host)
        else { return beginLogin(link) }
        link.phase = .encrypting(handshake)
        if !handshake.begin(&link.output, to: descriptor) { resumeLater(link) }
    }

    func handshakeWentOn(_ link: ReplicationLink) {
        guard case .encrypting(let handshake) = link.phase else { return }
        follow(handshake.wentOn(link.output), link)
    }

    func follow(_ step: Handshake.Step, _ link: ReplicationLink) {
        switch step {
        case .needMore: break
        case .encrypted: beginLogin(link)
        case .refused where shared.transports.security(ofCluster: link.cluster).isRequired:
            fail(link, "the server has no TLS, and tls.mode requires it")
        case .refused: beginLogin(link)
        case .failed(let reason): fail(link, reason)
        }
    }
}
