// What becomes of servers that break the protocol, or that do not know the password?

import Authentication
import Testing

struct MalformedServerTests {
    /// What a server sends, one `R` body after the other, and what must follow from the last one.
    private func check(
        _ messages: [[UInt8]], secret: Secret? = .plain("secret"), keys: SCRAMKeys? = nil,
        _ expected: ServerAuthentication.Step, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var server = ServerAuthentication(user: "alice", secret: secret, keys: keys, random: Conversation.random)
        var cache = DerivedKeysCache()
        var last: ServerAuthentication.Step?
        for message in messages {
            if case .failed = last { break }
            last = server.received(message, cache: &cache)
        }
        #expect(last == expected, sourceLocation: sourceLocation)
    }

    private static let nonce = "AAECAwQFBgcICQoLDA0ODxAR"
    private static let offer = message(10, "SCRAM-SHA-256\0\0")
    private static let ok = message(0)

    private static func broken(_ text: String) -> ServerAuthentication.Step { .failed(.protocolViolation(text)) }

    private static func outOfOrder(_ code: Int) -> ServerAuthentication.Step {
        broken("the server sent authentication message \(code) out of order")
    }

    @Test func trust() {
        check([Self.ok], .succeeded)
        check([Self.ok], secret: nil, .succeeded)
    }

    @Test func passwords() {
        check([message(3)], .send([UInt8(ascii: "p"), 0, 0, 0, 11] + Array("secret\0".utf8)))
        check([message(3), Self.ok], .succeeded)
        // md5(md5("secret" + "alice") + "salt"), as PostgreSQL's client library answers.
        check(
            [message(5, "salt")],
            .send([UInt8(ascii: "p"), 0, 0, 0, 40] + Array("md5986e2194384c07f4fd1df4b1351b3e68\0".utf8)))
        check([message(5, "salt"), Self.ok], secret: LoginTests.md5, .succeeded)
        check(
            [message(3)], secret: .plain("a\0b"),
            .failed(.noSuitableSecret(method: "a password", known: "the known one contains a zero byte")))
    }

    @Test func malformedMessages() {
        check([[]], Self.broken("an authentication message is malformed"))
        check([[0, 0, 0]], Self.broken("an authentication message is malformed"))
        check([[UInt8](repeating: 0, count: 4097)], Self.broken("an authentication message is too long"))
        check([message(0, "x")], Self.broken("the end of the authentication is malformed"))
        check([message(3, "x")], Self.broken("the request for a password is malformed"))
        check([message(5, "sal")], Self.broken("the request for an MD5 password is malformed"))
        check([message(5, "salty")], Self.broken("the request for an MD5 password is malformed"))
        for list in ["", "\0", "SCRAM-SHA-256", "SCRAM-SHA-256\0", "\0SCRAM-SHA-256\0\0", "SCRAM-SHA-256\0\0\0"] {
            check([message(10, list)], Self.broken("the server's list of SASL mechanisms is malformed"))
        }
        check(
            [message(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), Self.ok],
            Self.broken(
                "the server ended the SCRAM exchange without proving that it knows the password"))
    }

    @Test(
        arguments: [
            (2, "Kerberos V5"), (6, "SCM credentials"), (7, "GSSAPI"), (8, "GSSAPI"), (9, "SSPI"),
            (1, "authentication method 1"), (-1, "authentication method -1"), (13, "authentication method 13"),
        ] as [(Int32, String)])
    func unsupportedMethods(code: Int32, name: String) {
        check([message(code)], .failed(.unsupportedMethod(name)))
    }

    @Test func unsupportedMechanisms() {
        check(
            [message(10, "SCRAM-SHA-256-PLUS\0OAUTH\u{7}BEARER\0\0")],
            .failed(.unsupportedMethod("SASL mechanisms SCRAM-SHA-256-PLUS, OAUTH?BEARER")))
    }

    @Test func messagesOutOfOrder() {
        check([message(11, "x")], Self.outOfOrder(11))
        check([message(12, "x")], Self.outOfOrder(12))
        check([message(3), message(3)], Self.outOfOrder(3))
        check([message(3), Self.offer], Self.outOfOrder(10))
        check([message(5, "salt"), message(3)], Self.outOfOrder(3))
        check([Self.offer, Self.offer], Self.outOfOrder(10))
        check([Self.offer, message(3)], Self.outOfOrder(3))
        check([Self.offer, message(12, "v=")], Self.outOfOrder(12))
        let early = Self.broken("the server ended the SCRAM exchange without proving that it knows the password")
        check([Self.offer, Self.ok], early)
        check([Self.offer, Self.serverFirst(), Self.ok], early)
        check([Self.offer, Self.serverFirst(), Self.serverFirst()], Self.outOfOrder(11))
        check([Self.offer, Self.serverFirst(), message(3)], Self.outOfOrder(3))
    }

    private static func serverFirst(_ text: String? = nil) -> [UInt8] {
        message(11, text ?? "r=\(nonce)xyz,s=AQIDBA==,i=16")
    }

    @Test(arguments: [
        ("", "the server's first SCRAM message has no valid nonce"),
        ("r=", "the server's first SCRAM message has no valid nonce"),
        ("r=\(nonce)x\u{7f},s=AQIDBA==,i=16", "the server's first SCRAM message has no valid nonce"),
        ("m=x,r=\(nonce)xyz,s=AQIDBA==,i=16", "the server requires a SCRAM extension, and none is supported"),
        ("r=\(nonce),s=AQIDBA==,i=16", "the server's SCRAM nonce does not continue ours"),
        ("r=other,s=AQIDBA==,i=16", "the server's SCRAM nonce does not continue ours"),
        ("r=\(nonce)x,i=16", "the server's first SCRAM message has no valid salt"),
        ("r=\(nonce)x,s=,i=16", "the server's first SCRAM message has no valid salt"),
        ("r=\(nonce)x,s=AQIDBA=,i=16", "the server's first SCRAM message has no valid salt"),
        ("r=\(nonce)x,s=AQIDBA==", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=0", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=-1", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=2147483648", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=16,", "the server's first SCRAM message has no valid number of iterations"),
        ("r=\(nonce)x,s=AQIDBA==,i=16,x=y", "the server's first SCRAM message goes on after its end"),
    ])
    func firstMessage(text: String, mistake: String) {
        check([Self.offer, Self.serverFirst(text)], Self.broken(mistake))
    }

    @Test func firstMessageCutOffAnywhere() {
        let whole = Self.serverFirst()
        for length in 0..<(whole.count - 2) {
            var server = ServerAuthentication(
                user: "alice", secret: .plain("secret"), keys: nil, random: Conversation.random)
            var cache = DerivedKeysCache()
            _ = server.received(Self.offer, cache: &cache)
            guard case .failed(.protocolViolation) = server.received(Array(whole[..<length]), cache: &cache) else {
                Issue.record("\(length) bytes were taken")
                continue
            }
        }
    }

    @Test func aServerCannotMakeUsWorkForever() {
        check(
            [Self.offer, Self.serverFirst("r=\(Self.nonce)x,s=AQIDBA==,i=1000001")],
            .failed(.tooManyIterations(1_000_001, limit: 1_000_000)))
    }

    @Test(arguments: [
        ("", "the server's last SCRAM message has no valid signature"),
        ("v=", "the server's last SCRAM message has no valid signature"),
        ("v=AAAA", "the server's last SCRAM message has no valid signature"),
        ("x=AAAA", "the server's last SCRAM message has no valid signature"),
        ("v=\(SecretTests.key),x=y", "the server's last SCRAM message has no valid signature"),
        ("v=\(SecretTests.key)=", "the server's last SCRAM message has no valid signature"),
    ])
    func lastMessage(text: String, mistake: String) {
        check([Self.offer, Self.serverFirst(), message(12, text)], Self.broken(mistake))
    }

    @Test func serversThatCannotProveThemselves() {
        check([Self.offer, Self.serverFirst(), message(12, "v=\(SecretTests.key)")], .failed(.serverNotVerified))
        check(
            [Self.offer, Self.serverFirst(), message(12, "e=other-\nerror")], .failed(.serverError("other-?error")))
    }

    @Test func failuresReadAsSentences() {
        let failures: [ServerAuthenticationFailure] = [
            .unsupportedMethod("GSSAPI"), .noSuitableSecret(method: "an MD5 password", known: "no password is known"),
            .differentSecret, .tooManyIterations(5, limit: 4), .serverNotVerified, .serverError("x"),
            .protocolViolation("y"), .md5Forbidden,
        ]
        #expect(Set(failures.map(\.description)).count == failures.count)
        #expect(failures[0].description == "the server asks for GSSAPI, which is not supported")
        #expect(failures[1].description == "the server asks for an MD5 password, but no password is known")
    }
}
