// What becomes of clients that break the protocol?

import Authentication
import Testing

struct MalformedClientTests {
    static let secret = SCRAMSecret(password: "secret", salt: [1, 2, 3, 4], iterations: 16)

    /// What follows from the first `p` message of a SCRAM login; `nil` stands for going on.
    private func first(_ body: [UInt8], secret: Secret?) -> ClientAuthenticationFailure? {
        var client = Self.client(secret)
        var cache = DerivedKeysCache()
        if case .failed(let failure) = client.received(body, cache: &cache) { return failure }
        return nil
    }

    private static func client(_ secret: Secret?, method: AuthenticationMethod = .scramSHA256) -> ClientAuthentication {
        var client = ClientAuthentication(
            method: method, user: "alice", secret: secret, mockSeed: Conversation.seed, random: Conversation.random,
            iterations: 16)
        _ = client.start()
        return client
    }

    /// Known and unknown users alike.
    @Test(
        arguments: [
            ("n,,n=,r=abc", nil),
            ("y,,n=,r=abc", nil),
            ("n,,n=alice,r=!~", nil),
            ("n,,n=,r=abc,x=anything,Y=", nil),
            ("", "the first SCRAM message does not begin with a channel binding flag"),
            ("x,,n=,r=abc", "the first SCRAM message does not begin with a channel binding flag"),
            ("n", "the first SCRAM message has no header"),
            ("n,", "the first SCRAM message has no header"),
            ("n;,n=,r=abc", "the first SCRAM message has no header"),
            ("n,x,n=,r=abc", "the first SCRAM message has no header"),
            ("p=tls-server-end-point,,n=,r=abc", "the client requires SCRAM channel binding, which was not offered"),
            ("n,a=bob,n=,r=abc", "the client uses a SCRAM authorization identity, which is not supported"),
            ("n,,m=x,n=,r=abc", "the client requires a SCRAM extension, and none is supported"),
            ("n,,", "the first SCRAM message names no user"),
            ("n,,r=abc", "the first SCRAM message names no user"),
            ("n,,n=", "the first SCRAM message has no valid nonce"),
            ("n,,n=,", "the first SCRAM message names no user"),
            ("n,,n=,r=", "the first SCRAM message has no valid nonce"),
            ("n,,n=,r=a b", "the first SCRAM message has no valid nonce"),
            ("n,,n=,r=ä", "the first SCRAM message has no valid nonce"),
            ("n,,n=,r=abc,", "the first SCRAM message has no valid nonce"),
            ("n,,n=,r=abc,,", "the first SCRAM message is malformed"),
            ("n,,n=,r=abc,1=x", "the first SCRAM message is malformed"),
            ("n,,n=,r=abc,xx", "the first SCRAM message is malformed"),
            ("n,,n=,r=a\0c", "a SCRAM message contains a zero byte"),
        ] as [(String, String?)])
    func firstMessage(text: String, mistake: String?) {
        let failure = mistake.map { ClientAuthenticationFailure.protocolViolation($0) }
        for secret in [Secret.scram(Self.secret), .plain("secret"), nil, .unusable] {
            #expect(first(SCRAMClient.initial(text), secret: secret) == failure)
        }
    }

    @Test(arguments: [
        (SCRAMClient.initial("n,,n=,r=abc", count: 10), "the SASL response is malformed"),
        (SCRAMClient.initial("n,,n=,r=abc", count: 12), "the SASL response is malformed"),
        (SCRAMClient.initial("n,,n=,r=abc", count: -1), "the SASL response is malformed"),
        (SCRAMClient.initial("", count: -2), "the SASL response is malformed"),
        (SCRAMClient.initial("n,,n=,r=abc", count: 0x7fff_ffff), "the SASL response is malformed"),
        (
            SCRAMClient.initial("n,,n=,r=abc", mechanism: "SCRAM-SHA-256-PLUS"),
            "the client selected a SASL mechanism that was not offered"
        ),
        (
            SCRAMClient.initial("n,,n=,r=abc", mechanism: ""),
            "the client selected a SASL mechanism that was not offered"
        ),
        ([], "the SASL response is malformed"),
        (Array("secret\0".utf8), "the SASL response is malformed"),
        (SCRAMClient.initial("n,,n=,r=" + String(repeating: "a", count: 1024)), "a SCRAM message is too long"),
    ])
    func initialResponse(body: [UInt8], mistake: String) {
        for secret in [Secret.scram(Self.secret), nil] {
            #expect(first(body, secret: secret) == .protocolViolation(mistake))
        }
    }

    @Test func initialResponseWithoutData() {
        var client = Self.client(.scram(Self.secret))
        var cache = DerivedKeysCache()
        let step = client.received(SCRAMClient.initial("", count: -1), cache: &cache)
        #expect(step == .send([UInt8(ascii: "R"), 0, 0, 0, 8, 0, 0, 0, 11]))
        guard case .send = client.received(Array("n,,n=,r=abc".utf8), cache: &cache) else {
            Issue.record("the first message was not taken")
            return
        }
    }

    /// The right last message, changed in one respect; the proof is right for what is changed.
    @Test(
        arguments: [
            ("c=biws,r=NONCE", ",p=PROOF", nil),
            ("c=biws,r=NONCE,x=ignored", ",p=PROOF", nil),
            ("c=eSws,r=NONCE", ",p=PROOF", "the last SCRAM message contradicts the first one about channel binding"),
            ("c=biw,r=NONCE", ",p=PROOF", "the last SCRAM message contradicts the first one about channel binding"),
            ("c=,r=NONCE", ",p=PROOF", "the last SCRAM message contradicts the first one about channel binding"),
            ("r=NONCE", ",p=PROOF", "the last SCRAM message has no channel binding data"),
            ("", "p=PROOF", "the last SCRAM message has no channel binding data"),
            ("c=biws", ",p=PROOF", "the last SCRAM message has no nonce"),
            ("c=biws,r=abc", ",p=PROOF", "the last SCRAM message has another nonce"),
            ("c=biws,r=NONCEx", ",p=PROOF", "the last SCRAM message has another nonce"),
            ("c=biws,r=NONCE", "", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE", ",p=", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE", ",p=AAAA", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE", ",p=PROOF,x=y", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE", ",p=PROOF,", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE", ",p=PROOF\0", "a SCRAM message contains a zero byte"),
            ("c=biws,r=NONCE", ",p= PROOF", "the last SCRAM message has no valid proof"),
            ("c=biws,r=NONCE,", ",p=PROOF", "the last SCRAM message has no valid proof"),
        ] as [(String, String, String?)])
    func lastMessage(withoutProof: String, rest: String, mistake: String?) {
        for secret in [Secret.scram(Self.secret), nil] {
            let step = finish(secret: secret, withoutProof: withoutProof, rest: rest)
            if let mistake {
                #expect(step == .failed(.protocolViolation(mistake)))
            } else if secret == nil {
                #expect(step == .failed(.rejected))
            } else {
                guard case .succeeded = step else {
                    Issue.record("not let in: \(step)")
                    continue
                }
            }
        }
    }

    @Test func lastMessageCutOffAnywhere() {
        // The whole has 83 bytes.
        for length in 0..<90 {
            let step = finish(
                secret: .scram(Self.secret), withoutProof: "c=biws,r=NONCE", rest: ",p=PROOF", length: length)
            switch step {
            case .failed(.protocolViolation): continue
            case .succeeded: #expect(length >= 83)
            case .send, .verify, .derive, .failed: Issue.record("\(step) after \(length) bytes")
            }
        }
    }

    @Test func firstMessageCutOffAnywhere() {
        let whole = SCRAMClient.initial("n,,n=,r=abcdef")
        for length in 0..<whole.count {
            guard case .protocolViolation = first(Array(whole[..<length]), secret: .scram(Self.secret)) else {
                Issue.record("\(length) bytes were taken")
                continue
            }
        }
        #expect(first(whole, secret: .scram(Self.secret)) == nil)
    }

    /// Any change of one bit of a proof is noticed.
    @Test func changedProofs() {
        for place in 0..<256 {
            let step = finish(
                secret: .scram(Self.secret), withoutProof: "c=biws,r=NONCE", rest: ",p=PROOF", flipping: place)
            #expect(step == .failed(.rejected))
        }
    }

    @Test(
        arguments: [
            ([], "the password message is malformed"), ([0], nil),
            (Array("secret".utf8), "the password message is malformed"),
            (Array("sec\0ret\0".utf8), "the password message is malformed"),
            (Array("secret\0\0".utf8), "the password message is malformed"),
            ([UInt8](repeating: 97, count: 65_536) + [0], "the password message is too long"),
        ] as [([UInt8], String?)])
    func passwordMessage(body: [UInt8], mistake: String?) {
        for method in [AuthenticationMethod.plain, .md5] {
            for secret in [Secret.plain("secret"), .unusable] {
                var client = Self.client(secret, method: method)
                var cache = DerivedKeysCache()
                let failure = mistake.map { ClientAuthenticationFailure.protocolViolation($0) } ?? .emptyPassword
                #expect(client.received(body, cache: &cache) == .failed(failure))
            }
        }
    }

    /// Plays a client that knows the password, up to its last message.
    private func finish(
        secret: Secret?, withoutProof: String, rest: String, length: Int? = nil, flipping bit: Int? = nil
    ) -> ClientAuthentication.Step {
        var client = Self.client(secret)
        var cache = DerivedKeysCache()
        guard case .send(let frame) = client.received(SCRAMClient.initial("n,,n=,r=abc"), cache: &cache) else {
            return .failed(.rejected)
        }
        let serverFirst = String(decoding: frame.dropFirst(9), as: UTF8.self)
        let nonce = serverFirst.split(separator: ",")[0].dropFirst(2)
        let withoutProof = withoutProof.replacing("NONCE", with: nonce)
        let proof = SCRAMClient.proof(
            password: "secret", salt: Self.secret.salt, iterations: 16, bare: "n=,r=abc", serverFirst: serverFirst,
            withoutProof: withoutProof)
        var text = Array((withoutProof + rest.replacing("PROOF", with: proof)).utf8)
        if let bit { text = Self.flip(bit, ofProofIn: text, proof) }
        return client.received(Array(text.prefix(length ?? text.count)), cache: &cache)
    }

    private static func flip(_ bit: Int, ofProofIn text: [UInt8], _ proof: String) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text = text
        let place = text.count - proof.utf8.count + bit / 6
        let value = (alphabet.firstIndex(of: text[place]) ?? 0) ^ (32 >> (bit % 6))
        text[place] = alphabet[value]
        return text
    }
}
