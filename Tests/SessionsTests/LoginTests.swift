// Do the logins of clients and at servers go through, and fail as they should?

import Authentication
import Testing
import Wire

@testable import Sessions

/// Our server side and our client side log in to each other.
struct LoginTests {
    private static let random = [UInt8](repeating: 5, count: ClientAuthentication.randomByteCount)
    private static let parameters = [
        StartupParameter("server_version", "15.18"), StartupParameter("in_hot_standby", "on"),
    ]

    private func authentication(_ method: AuthenticationMethod, _ password: String) -> ClientAuthentication {
        ClientAuthentication(
            method: method, user: "alice", secret: .plain(password), mockSeed: Self.random, random: Self.random,
            iterations: 16, unknownUsersLookLike: .scram)
    }

    /// What both sides came to, when the bytes go over in pieces of `size`.
    private func logIn(
        _ method: AuthenticationMethod, theirs: String, ours: String, size: Int, derivesAtOnce: Bool = true
    ) -> (client: ClientLogin.Step, server: ServerLogin.Step, ServerLogin) {
        var client = ClientLogin()
        var cache = DerivedKeysCache(derivesAtOnce: derivesAtOnce)
        var startups = StartupMemory()
        var toServer = Outbox()
        var toClient = Outbox()
        var server = ServerLogin(
            user: "alice", database: "app",
            authentication: ServerAuthentication(
                user: "alice", secret: .plain(ours), keys: nil,
                random: [UInt8](repeating: 6, count: ServerAuthentication.randomByteCount)),
            toServer: &toServer)
        var upward: [UInt8] = []
        var downward: [UInt8] = []
        var inbox: (client: [UInt8], server: [UInt8]) = ([], [])
        var clientStep = ClientLogin.Step.needInput
        var serverStep = ServerLogin.Step.needInput
        for _ in 0..<10_000 where serverStep == .needInput {
            upward += toServer.bytes(from: Span())
            downward += toClient.bytes(from: Span())
            toServer.removeAll()
            toClient.removeAll()
            if !upward.isEmpty {
                inbox.client += upward.prefix(size)
                upward.removeFirst(min(size, upward.count))
                var offset = 0
                var step = client.receive(
                    inbox.client.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
                while case .derive(let derivation) = step {
                    #expect(toClient.isEmpty)
                    cache.lent = derivation.run()
                    step = client.receive(
                        inbox.client.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
                    cache.lent = nil
                }
                if case .identify(let request) = step {
                    #expect(request.user == "alice" && request.database == "app")
                    step = client.identified(with: authentication(method, theirs), toClient: &toClient)
                }
                inbox.client.removeFirst(offset)
                switch step {
                case .needInput: break
                case .authenticated:
                    clientStep = step
                    Welcome(reported: Self.parameters).write(
                        processID: 77, secret: [1, 2, 3, 4], isOnReaderPort: false, toClient: &toClient)
                case .identify, .cancel, .derive, .encrypt, .verify: Issue.record("unexpected step \(step)")
                case .close(let error):
                    clientStep = step
                    if let error { toClient.write { $0.append(contentsOf: error.encoded) } }
                }
                if Reading.client(inbox.client) == "Q(SHOW default_transaction_isolation)" {
                    inbox.client = []
                    toClient.write { out in
                        out.appendMessage(Backend.rowDescription, body: [0, 0])
                        out.appendMessage(Backend.dataRow, body: [0, 1, 0, 0, 0, 12] + Array("serializable".utf8))
                        out.appendCommandComplete("SHOW")
                        out.appendReadyForQuery(.idle)
                    }
                }
            } else if !downward.isEmpty {
                inbox.server += downward.prefix(size)
                downward.removeFirst(min(size, downward.count))
                var offset = 0
                serverStep = server.receive(inbox.server.span, at: &offset, cache: &cache, toServer: &toServer)
                while case .derive(let derivation) = serverStep {
                    cache.lent = derivation.run()
                    serverStep = server.receive(inbox.server.span, at: &offset, cache: &cache, toServer: &toServer)
                    cache.lent = nil
                }
                inbox.server.removeFirst(offset)
            }
        }
        return (clientStep, serverStep, server)
    }

    /// Keys that are derived elsewhere make no difference, wherever the message is cut.
    @Test(arguments: [AuthenticationMethod.plain, .scramSHA256], [1, 7, 10_000])
    func keysMayBeDerivedElsewhere(_ method: AuthenticationMethod, _ size: Int) {
        let (client, server, _) = logIn(method, theirs: "secret", ours: "secret", size: size, derivesAtOnce: false)
        guard case .authenticated = client else {
            Issue.record("\(client)")
            return
        }
        #expect(server == .ready)
        let (wrong, _, _) = logIn(method, theirs: "secret", ours: "other", size: size, derivesAtOnce: false)
        #expect(wrong == .close(ErrorFields(.fatal, "28P01", "password authentication failed for user \"alice\"")))
    }

    @Test(arguments: [AuthenticationMethod.trust, .plain, .md5, .scramSHA256], [1, 7, 10_000])
    func succeeds(_ method: AuthenticationMethod, _ size: Int) {
        let (client, serverStep, login) = logIn(method, theirs: "secret", ours: "secret", size: size)
        guard case .authenticated = client else {
            Issue.record("\(client)")
            return
        }
        #expect(serverStep == .ready)
        #expect(login.processID == 77 && login.secret == [1, 2, 3, 4])
        #expect(login.parameters == [Self.parameters[0], StartupParameter("in_hot_standby", "off")])
        #expect(login.session.defaultIsolation == .serializable && login.session.isIdle)
    }

    @Test(arguments: [AuthenticationMethod.plain, .md5, .scramSHA256])
    func aWrongPasswordIsRefused(_ method: AuthenticationMethod) {
        let (client, server, _) = logIn(method, theirs: "secret", ours: "other", size: 100)
        let error = ErrorFields(.fatal, "28P01", "password authentication failed for user \"alice\"")
        #expect(client == .close(error))
        guard case .refused(let told) = server else {
            Issue.record("\(server)")
            return
        }
        #expect(told.sqlState == "28P01")
    }

    // MARK: Clients

    private func first(_ bytes: [UInt8]) -> (step: ClientLogin.Step, answer: [UInt8], used: Int) {
        var login = ClientLogin()
        var cache = DerivedKeysCache()
        var startups = StartupMemory()
        var toClient = Outbox()
        var offset = 0
        let step = login.receive(bytes.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
        return (step, toClient.literals, offset)
    }

    private func packet(_ code: Int32, _ rest: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendInt32(Int32(8 + rest.count))
        bytes.appendInt32(code)
        return bytes + rest
    }

    /// Packets that differ in a byte, in their length or in what follows them are told apart from the one before.
    @Test func aStartupPacketIsKnownAgain() {
        func startup(_ parameters: [(String, String)]) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.appendStartup(parameters: parameters.map { StartupParameter($0.0, $0.1) })
            return bytes
        }
        let packets = [
            startup([("user", "alice")]), startup([("user", "alicf")]),
            startup([("user", "alice"), ("database", "app")]),
            startup([("user", "alice")]), startup([("database", "app")]), startup([("user", "alice")]),
        ]
        var startups = StartupMemory()
        for packet in packets + packets.flatMap({ [$0, $0] }) {
            for rest in [[], [UInt8(ascii: "p")]] {
                var cache = DerivedKeysCache()
                var toClient = Outbox()
                var (offset, offsetOfNew) = (0, 0)
                var (login, new) = (ClientLogin(), ClientLogin())
                var nothing = StartupMemory()
                let bytes = packet + rest
                let step = login.receive(
                    bytes.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
                let expected = new.receive(
                    bytes.span, at: &offsetOfNew, cache: &cache, startups: &nothing, toClient: &toClient)
                #expect(step == expected && offset == offsetOfNew)
            }
            // Not before it is complete.
            var cache = DerivedKeysCache()
            var toClient = Outbox()
            var offset = 0
            var login = ClientLogin()
            let beginning = Array(packet.dropLast())
            let step = login.receive(
                beginning.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
            #expect(step == .needInput && offset == 0)
        }
    }

    @Test func encryptionIsDeclined() {
        var bytes = packet(StartupPacket.gssCode) + packet(StartupPacket.sslCode)
        bytes.appendStartup(parameters: [StartupParameter("user", "alice")])
        let result = first(bytes)
        guard case .identify = result.step else {
            Issue.record("\(result.step)")
            return
        }
        #expect(result.answer == Array("NN".utf8) && result.used == bytes.count)
        let tooOften = first(
            packet(StartupPacket.sslCode) + packet(StartupPacket.sslCode) + packet(StartupPacket.sslCode))
        #expect(tooOften.step == .close(ErrorFields(.fatal, "08P01", "too many requests for encryption")))
    }

    @Test func cancel() {
        let result = first(packet(StartupPacket.cancelCode, [0, 0, 0, 9, 1, 2, 3, 4]))
        #expect(result.step == .cancel(processID: 9, secret: [1, 2, 3, 4]))
    }

    @Test func aNewerMinorVersionIsNegotiated() {
        let result = first(packet(3 << 16 | 2, Array("user\0alice\0_pq_.x\0\u{31}\0\0".utf8)))
        #expect(result.answer.first == Backend.negotiateProtocolVersion)
    }

    @Test func packetsThatCannotBeServed() {
        for (bytes, sqlState) in [
            (packet(2 << 16, [0]), "0A000"), (packet(3 << 16, [0]), "28000"), ([0, 0, 0, 1], "08P01"),
            (packet(3 << 16, Array("user\0a\0replication\0maybe\0\0".utf8)), "22023"),
            (packet(3 << 16, Array("user\0a\0options\0-x\0\0".utf8)), "42601"),
        ] {
            guard case .close(let error) = first(bytes).step else {
                Issue.record("served")
                continue
            }
            #expect(error?.sqlState == sqlState && error?.severity == .fatal)
        }
    }

    private func afterIdentification(_ bytes: [UInt8]) -> ClientLogin.Step {
        var login = ClientLogin()
        var cache = DerivedKeysCache()
        var startups = StartupMemory()
        var toClient = Outbox()
        var startup: [UInt8] = []
        startup.appendStartup(parameters: [StartupParameter("user", "alice")])
        var offset = 0
        _ = login.receive(startup.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
        // Bytes that come before the user was looked up wait.
        offset = 0
        let early = login.receive(bytes.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
        #expect(early == .needInput && offset == 0)
        _ = login.identified(with: authentication(.plain, "secret"), toClient: &toClient)
        return login.receive(bytes.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
    }

    @Test func whatIsNoPasswordEndsTheLogin() {
        #expect(afterIdentification(Message.terminate.bytes) == .close(nil))
        for bytes in [
            Message.query("SELECT 1").bytes, [Frontend.password, 0, 0, 0, 3], [Frontend.password, 1, 0, 0, 0],
        ] {
            guard case .close(let error) = afterIdentification(bytes) else {
                Issue.record("the login goes on")
                continue
            }
            #expect(error?.sqlState == "08P01")
        }
        #expect(afterIdentification([Frontend.password, 0, 0]) == .needInput)
        #expect(afterIdentification([Frontend.password, 0, 0, 0, 8, 65]) == .needInput)
    }

    // MARK: Servers

    @Test(
        arguments: [
            [Backend.readyForQuery, 0, 0, 0, 5, 0x49], [Backend.dataRow, 0, 0, 0, 6, 0, 0], [0x7A, 0, 0, 0, 4],
            [Backend.parameterStatus, 0, 0, 0, 6, 65, 65], [Backend.backendKeyData, 0, 0, 0, 8, 0, 0, 0, 1],
            [Backend.authentication, 0, 0, 0, 3], [Backend.noticeResponse, 0x7F, 0, 0, 0],
            [Backend.authentication, 0, 0, 0, 8, 0, 0, 0, 99], [Backend.authentication, 0, 0, 0, 4],
        ] as [[UInt8]])
    func whatIsNoLoginFails(_ bytes: [UInt8]) {
        var cache = DerivedKeysCache()
        var toServer = Outbox()
        var login = ServerLogin(
            user: "a", database: "b",
            authentication: ServerAuthentication(
                user: "a", secret: nil, keys: nil,
                random: [UInt8](repeating: 6, count: ServerAuthentication.randomByteCount)),
            toServer: &toServer)
        var offset = 0
        guard case .failed = login.receive(bytes.span, at: &offset, cache: &cache, toServer: &toServer) else {
            Issue.record("the login goes on")
            return
        }
    }
}
