// How must this client prove who it is, and what is known of the user it wants to be?

import Admin
import Authentication
import Locks
import Logging
import OpenSSL
import Reactor
import Sessions
import Wire

/// What a server says of a user that is not known here.
public enum UserAnswer: Sendable {
    /// Its secret as the server stores it; nil: it has none that a client could prove.
    case secret(String?)
    case unknown
    /// Nobody could be asked; the sentence says why.
    case failed(String)
}

extension Worker {
    /// The client has said who it wants to be; false: nothing more can be done now.
    func identify(_ client: ClientConnection, _ login: LoginUnderWay, _ request: StartupRequest) -> Bool {
        let settings = shared.settings
        let known = settings.value.directory.lookup(request.user)
        guard known == nil || known == .unusable, let ask = shared.lookUp,
            settings.value.authentication.query != nil, !Console.databases.contains(request.database),
            let entry = settings.value.database(named: request.database),
            let cluster = shared.clusterNumbers[entry.cluster]
        else { return challenge(client, login, request, secret: known) }
        client.wait = .user
        let (token, mailbox) = (client.token, mailbox)
        let database = settings.value.authentication.queryDatabase ?? entry.serverName(forRequest: request.database)
        ask(cluster, database, request.user) { mailbox.post(.userFound(token, $0)) }
        return false
    }

    /// The server has said what it knows of the user that a client wants to be.
    func userFound(_ token: Token, _ answer: UserAnswer) {
        guard tokens.isCurrent(token), let client = clients[token.index], case .login(let login) = client.phase,
            case .user = client.wait, let request = login.request
        else { return }
        client.wait = .none
        let secret: Secret?
        switch answer {
        case .secret(let text): secret = text.map { Secret(parsing: $0) ?? .unusable } ?? .unusable
        case .unknown: secret = nil
        case .failed(let reason):
            shared.logger.error(
                "a user could not be looked up: \(reason)",
                metadata: ["client": "\(client.peer)", "database": "\(request.database)", "user": "\(request.user)"])
            _ = turnAway(
                client, ErrorFields(.fatal, "08006", "the user could not be looked up", hint: "Try again later."))
            return
        }
        login.found = secret
        let goesOn = challenge(client, login, request, secret: secret)
        flush(client, Span())
        if goesOn { pump(client) }
    }

    private func challenge(
        _ client: ClientConnection, _ login: LoginUnderWay, _ request: StartupRequest, secret: Secret?
    ) -> Bool {
        let settings = shared.settings
        var method = settings.value.authentication.method
        var map: String?
        let rules = settings.value.access
        if let rules {
            switch rules.verdict(on: access(client, request)) {
            case .prove(let found, let name): (method, map) = (found, name)
            case .ask(.pam(let service)): (method, login.authority) = (.pam, .pam(service: service))
            case .ask(let authority): (method, login.authority) = (.ldap, authority)
            case .reject: return turnAway(client, .rejected(client, request, "the access rules reject"))
            case nil: return turnAway(client, .rejected(client, request, "no access rule fits"))
            }
        }
        if rules == nil, method == .pam { login.authority = .pam(service: settings.value.authentication.pamService) }
        if rules == nil, method == .ldap { login.authority = .ldap(settings.value.authentication.ldap) }
        let proven: String? =
            switch method {
            case .certificate: client.output.channel?.peerCertificate?.commonName
            case .peer: if case .unix(let owner?) = client.peer { owner.userName } else { nil }
            case .trust, .plain, .md5, .scramSHA256, .pam, .ldap: nil
            }
        let isProven = proven.map { (rules ?? AccessRules()).allows($0, as: request.user, map: map) } ?? false
        // Who need not know a password needs a row, not a secret.
        let needsNoSecret = method == .trust || method == .certificate || method == .peer
        let row: Secret? = needsNoSecret && settings.value.users[request.user] != nil ? .unusable : nil
        let authentication = ClientAuthentication(
            method: method, user: request.user, secret: secret ?? row, mockSeed: shared.mockSeed,
            random: SecureRandom.bytes(ClientAuthentication.randomByteCount),
            iterations: settings.value.authentication.scramIterations, unknownUsersLookLike: shared.mockKind,
            binding: client.output.channel?.serverEndPoint.map(ChannelBinding.init(serverEndPoint:)),
            isProven: isProven)
        let next = login.machine.identified(with: authentication, toClient: &toClient)
        // A login without a password ends here; what the client sends next is no part of it.
        if case .needInput = next { return true }
        return follow(next, client)
    }

    /// Asks somebody else whether the client's password is right.
    func verify(_ client: ClientConnection, _ password: [UInt8]) {
        guard case .login(let login) = client.phase, let request = login.request, let authority = login.authority,
            let ask = shared.verify
        else {
            close(client, ErrorFields(.fatal, "28000", "nobody can check the password"))
            return
        }
        client.wait = .user
        let host: String? = if case .tcp(let address) = client.peer { address.host } else { nil }
        let question = PasswordQuestion(authority, user: request.user, password: password, host: host)
        let (token, mailbox) = (client.token, mailbox)
        // What was right here may open connections to servers that know the same password.
        let secret = Secret.plain(String(decoding: password, as: UTF8.self))
        ask(question) { mailbox.post(.verified(token, $0, secret)) }
    }

    func verified(_ token: Token, _ verdict: PasswordVerdict, _ secret: Secret) {
        guard tokens.isCurrent(token), let client = clients[token.index], case .login(let login) = client.phase,
            case .user = client.wait, let request = login.request
        else { return }
        client.wait = .none
        if case .failed(let reason) = verdict {
            shared.logger.error(
                "a password could not be checked: \(reason)",
                metadata: ["client": "\(client.peer)", "database": "\(request.database)", "user": "\(request.user)"])
        }
        if verdict == .right, (shared.settings.value.directory.lookup(request.user) ?? .unusable) == .unusable {
            login.found = secret
        }
        let step = login.machine.verified(verdict == .right, toClient: &toClient)
        let goesOn = follow(step, client)
        flush(client, Span())
        if goesOn { pump(client) }
    }

    private func access(_ client: ClientConnection, _ request: StartupRequest) -> AccessRequest {
        AccessRequest(
            peer: client.peer, local: Socket.localAddress(client.descriptor),
            isEncrypted: client.output.channel != nil, database: request.database, user: request.user,
            isPhysicalReplication: request.replication == .physical)
    }
}

extension ErrorFields {
    fileprivate static func rejected(
        _ client: ClientConnection, _ request: StartupRequest, _ why: String
    ) -> ErrorFields {
        let place = if case .tcp(let address) = client.peer { "host \"\(address.host)\"" } else { "the unix socket" }
        let encryption = client.output.channel == nil ? "no encryption" : "TLS"
        return ErrorFields(
            .fatal, "28000",
            "\(why) \(place), user \"\(request.user)\", database \"\(request.database)\", \(encryption)")
    }
}
