// Is a SCRAM exchange bound to its connection where it can be, and refused where somebody sits in between?

import Authentication
import Testing

struct ChannelBindingTests {
    private static let here = ChannelBinding(serverEndPoint: [UInt8](repeating: 1, count: 32))
    private static let elsewhere = ChannelBinding(serverEndPoint: [UInt8](repeating: 2, count: 32))

    /// How it ended, and the first message of the side that logs in: mechanism and flag.
    private func logIn(
        offered: ChannelBinding?, known: ChannelBinding?, stored: Secret = LoginTests.scram
    ) -> (outcome: Conversation.Outcome, first: String) {
        var conversation = Conversation(
            method: .scramSHA256, stored: stored, presented: LoginTests.plain, clientBinding: offered,
            serverBinding: known)
        let outcome = conversation.run()
        let first = conversation.transcript.count > 1 ? conversation.transcript[1] : []
        let text = String(decoding: first.map { $0 < 32 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        return (outcome, String(text.split(separator: "n=", maxSplits: 1)[0]))
    }

    @Test(arguments: [LoginTests.scram, LoginTests.plain]) func bothKnow(_ stored: Secret) {
        let (outcome, first) = logIn(offered: Self.here, known: Self.here, stored: stored)
        #expect(outcome == .loggedIn(keys: true))
        #expect(first.hasPrefix("SCRAM-SHA-256-PLUS ") && first.hasSuffix("p=tls-server-end-point,,"))
    }

    @Test func neitherKnows() {
        let (outcome, first) = logIn(offered: nil, known: nil)
        #expect(outcome == .loggedIn(keys: true))
        #expect(first.hasPrefix("SCRAM-SHA-256 ") && first.hasSuffix("n,,"))
    }

    /// As with a client that does not know of binding, or does not want it.
    @Test func onlyTheOtherSideOffers() {
        let (outcome, first) = logIn(offered: Self.here, known: nil)
        #expect(outcome == .loggedIn(keys: true))
        #expect(first.hasPrefix("SCRAM-SHA-256 ") && first.hasSuffix("n,,"))
    }

    /// As at a server that has no binding: it is told that it could have been.
    @Test func onlyTheSideThatLogsInCould() {
        let (outcome, first) = logIn(offered: nil, known: Self.here)
        #expect(outcome == .loggedIn(keys: true))
        #expect(first.hasSuffix("y,,"))
    }

    @Test func somebodySitsInBetween() {
        #expect(logIn(offered: Self.here, known: Self.elsewhere).outcome == .clientRejected(.channelBinding))
    }

    /// Somebody has struck the better mechanism out of our offer.
    @Test func theOfferWasChanged() {
        var client = ClientAuthentication(
            method: .scramSHA256, user: "alice", secret: LoginTests.plain, mockSeed: Conversation.seed,
            random: Conversation.random, iterations: 16, binding: Self.here)
        _ = client.start()
        var cache = DerivedKeysCache(limit: 8)
        let first = Array("y,,n=,r=abc".utf8)
        let body = Array("SCRAM-SHA-256".utf8) + [0, 0, 0, 0, UInt8(first.count)] + first
        let sentence = "the client supports SCRAM channel binding and thinks that it is not offered here"
        #expect(client.received(body, cache: &cache) == .failed(.protocolViolation(sentence)))
    }

    @Test(arguments: [
        ("p=tls-unique,,n=,r=abc", "the client asks for an unknown kind of SCRAM channel binding"),
        ("n,,n=,r=abc", "the client has chosen SCRAM with channel binding, but does not bind"),
        ("p=tls-server-end-point", "the first SCRAM message has no header"),
        (
            "p=tls-server-end-point,a=bob,n=,r=abc",
            "the client uses a SCRAM authorization identity, which is not supported"
        ),
    ]) func malformed(_ first: String, _ sentence: String) {
        var client = ClientAuthentication(
            method: .scramSHA256, user: "alice", secret: LoginTests.plain, mockSeed: Conversation.seed,
            random: Conversation.random, iterations: 16, binding: Self.here)
        _ = client.start()
        var cache = DerivedKeysCache(limit: 8)
        let body = Array("SCRAM-SHA-256-PLUS".utf8) + [0, 0, 0, 0, UInt8(first.utf8.count)] + Array(first.utf8)
        #expect(client.received(body, cache: &cache) == .failed(.protocolViolation(sentence)))
    }

    @Test(arguments: [
        (AuthenticationMethod.certificate, ClientAuthenticationFailure.certificate), (.peer, .peer),
    ])
    func provenByTheConnection(_ method: AuthenticationMethod, _ failure: ClientAuthenticationFailure) {
        for isProven in [true, false] {
            var known = Conversation(method: method, stored: .unusable, presented: nil, isProven: isProven)
            #expect(known.run() == (isProven ? .loggedIn(keys: false) : .clientRejected(failure)))
            var unknown = Conversation(method: method, stored: nil, presented: nil, isProven: isProven)
            #expect(unknown.run() == .clientRejected(failure))
        }
    }
}
