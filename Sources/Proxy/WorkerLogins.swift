// How does a connection become a client in service?

import Admin
import Authentication
import Logging
import OpenSSL
import Reactor
import Routing
import Sessions
import Wire

extension Worker {
    /// Acts on a step of the login; false: nothing more can be done now.
    func follow(_ step: ClientLogin.Step, _ client: ClientConnection) -> Bool {
        switch step {
        case .needInput, .encrypt:
            return false
        case .identify(let request):
            guard case .login(let login) = client.phase else { preconditionFailure("Only a login identifies.") }
            if request.hasLongKey { client.cancelSecret = .randomLong() }
            if client.isSurplus, !Console.databases.contains(request.database) {
                shared.refusals.withLock { $0["max_clients", default: 0] += 1 }
                return turnAway(client, .tooManyClients(shared.settings.value.server.maxClients))
            }
            login.request = request
            return identify(client, login, request)
        case .cancel(let processID, let secret):
            forwardCancel(processID: processID, secret: secret)
            close(client)
            return false
        case .verify(let password):
            verify(client, password)
            return false
        case .authenticated(let keys):
            return authenticated(client, keys)
        case .derive(let derivation):
            if shared.deriver.derive(derivation, for: client.token, at: mailbox) {
                client.wait = .keys
            } else {
                close(
                    client,
                    ErrorFields(
                        .fatal, "53300", "too many logins under way",
                        detail: "At most \(KeyDeriver.limit) may wait for the derivation of their keys."))
            }
            return false
        case .close(let error):
            flush(client, Span())
            close(client, error)
            return false
        }
    }

    /// Reads for whom a proxy connects; false: the header is not there yet, or is none.
    func readProxyHeader(
        _ client: ClientConnection, _ login: LoginUnderWay, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        switch ProxyHeader.scan(bytes.extracting(offset..<bytes.count)) {
        case .needMore:
            return false
        case .malformed:
            close(
                client,
                ErrorFields(
                    .fatal, "08P01", "a header of the PROXY protocol was expected",
                    detail: "\(client.peer) is in listen.proxy_protocol_from."))
            return false
        case .header(let source, let length):
            offset += length
            login.awaitsProxyHeader = false
            if let source, let address = SocketAddress(source.host, port: source.port) { client.peer = .tcp(address) }
            return true
        }
    }

    /// The keys are there that a login has waited for, if it still does.
    func derived(_ token: Token, _ keys: LentKeys) {
        guard tokens.isCurrent(token) else { return }
        if token.kind == Kind.client, let client = clients[token.index] {
            if case .login(let login) = client.phase { login.lent = keys }
            client.wait = .none
            pump(client)
        } else if token.kind == Kind.server, let server = servers[token.index] {
            server.lent = keys
            server.waitsForKeys = false
            useKept(server)
        } else if token.kind == Kind.replication, let link = links[token.index] {
            derived(link, keys)
        }
    }

    private func authenticated(_ client: ClientConnection, _ keys: SCRAMKeys?) -> Bool {
        guard case .login(let login) = client.phase, let request = login.request else {
            preconditionFailure("An authenticated client has said who it is.")
        }
        if request.replication != nil {
            let secret = login.found ?? shared.settings.value.directory.lookup(request.user)
            return beginReplication(client, request, keys: keys, secret: secret)
        }
        if Console.databases.contains(request.database) { return enterConsole(client, user: request.user) }
        if shared.pauses.isDisabled(request.database) {
            return turnAway(client, ErrorFields(.fatal, "57P03", "database \"\(request.database)\" is disabled"))
        }
        let group: PoolGroup
        switch shared.group(database: request.database, user: request.user, secret: login.found) {
        case .failure(let error): return turnAway(client, error)
        case .success(let found): group = found
        }
        // Of another user than the servers' they open nothing.
        if let keys, group.user == request.user { group.core.keys.withLock { $0 = keys } }
        if let error = admit(client, database: request.database, user: request.user) { return turnAway(client, error) }
        client.group = group
        var brought = request.settings
        let token: CommitToken?
        switch RouterSettings.takeToken(from: &brought) {
        case .success(let found): token = found
        case .failure(let mistake): return turnAway(client, mistake.error)
        }
        var router = RouterSettings()
        if let error = router.take(from: &brought, port: client.listener) { return turnAway(client, error) }
        let profile = shared.profiles.withLock { $0.retain(client.listener.settings(brought)) }
        client.session = ClientSession(
            listener: client.listener, profile: profile, settings: group.session, catalog: group.catalog?.id ?? .none,
            router: router)
        if let token, let mistake = begin(with: token, client, group) { return turnAway(client, mistake.error) }
        useCatalog(of: group)
        if let known = group.welcome(profile.id) {
            welcome(client, known)
            return true
        }
        client.phase = .welcoming
        askForWelcome(client)
        return false
    }

    /// A client that has proved who it is cannot have what it asks for.
    func turnAway(_ client: ClientConnection, _ error: ErrorFields) -> Bool {
        var error = error
        error.severity = .fatal
        flush(client, Span())
        close(client, error)
        return false
    }

    /// Any node that is up can tell what a server reports; but a standby told SERIALIZABLE takes no more orders.
    func askForWelcome(_ client: ClientConnection) {
        client.demand = Demand(
            routeClass: client.session.profile.forbidsReplicas ? .primaryOnlyRead : .replicaSafe)
        var offset = 0
        _ = acquire(client, Span(), at: &offset)
        guard let server = client.server else { return }
        sendOwn(server)
        finishWelcome(client)
    }

    /// The attached server has the client's settings: tells the client what it reports.
    func finishWelcome(_ client: ClientConnection) {
        guard case .welcoming = client.phase, let server = client.server, let group = client.group,
            client.session.awaiting == nil
        else { return }
        let learned = Welcome(reported: server.session.parameters)
        group.learned(learned, for: client.session.profile.id)
        welcome(client, learned)
        flush(client, Span())
        detach(client, server)
        resumeLater(client)
    }

    private func welcome(_ client: ClientConnection, _ welcome: Welcome) {
        client.phase = .serving
        if let group = client.group {
            client.isCounted = true
            count(group.number) {
                $0.clients += 1
                $0.logins &+= 1
            }
        }
        client.session.welcomed(welcome)
        welcome.write(
            processID: client.processID, secret: client.cancelSecret.bytes,
            isOnReaderPort: client.session.listener == .reader, toClient: &toClient)
        shared.logger.log(
            level: shared.settings.value.server.logsConnections ? .info : .debug, "client logged in",
            metadata: [
                "client": "\(client.peer)", "database": "\(client.names.database)", "user": "\(client.names.user)",
                "id": "\(client.processID)",
            ])
    }
}
