// Who gets in with which secret by which method, and who does not?

import Authentication
import Testing

struct LoginTests {
    static let scram = Secret.scram(SCRAMSecret(password: "secret", salt: [1, 2, 3, 4], iterations: 16))
    /// MD5 of "secret" and "alice".
    static let md5 = Secret.md5("4a0a68b43b6cd5cf266fa02f196e2371")
    static let plain = Secret.plain("secret")

    struct Case: Sendable, CustomTestStringConvertible {
        var method: AuthenticationMethod
        var stored: Secret?
        var presented: Secret?
        var outcome: Conversation.Outcome
        var testDescription: String {
            let (stored, presented) = (stored?.kind.rawValue ?? "none", presented?.kind.rawValue ?? "none")
            return "\(method.rawValue), stored \(stored), presented \(presented)"
        }

        init(
            _ method: AuthenticationMethod, _ stored: Secret?, _ presented: Secret?, _ outcome: Conversation.Outcome
        ) {
            self.method = method
            self.stored = stored
            self.presented = presented
            self.outcome = outcome
        }
    }

    @Test(arguments: [
        Case(.trust, plain, nil, .loggedIn(keys: false)),
        Case(.trust, .unusable, nil, .loggedIn(keys: false)),
        Case(.trust, nil, nil, .clientRejected(.rejected)),

        Case(.plain, plain, plain, .loggedIn(keys: false)),
        Case(.plain, md5, plain, .loggedIn(keys: false)),
        Case(.plain, scram, plain, .loggedIn(keys: true)),
        Case(.plain, plain, .plain("Secret"), .clientRejected(.rejected)),
        Case(.plain, md5, .plain("Secret"), .clientRejected(.rejected)),
        Case(.plain, scram, .plain("Secret"), .clientRejected(.rejected)),
        Case(.plain, nil, plain, .clientRejected(.rejected)),
        Case(.plain, .unusable, plain, .clientRejected(.rejected)),
        Case(.plain, plain, .plain(""), .clientRejected(.emptyPassword)),
        Case(.plain, nil, .plain(""), .clientRejected(.emptyPassword)),

        Case(.md5, plain, plain, .loggedIn(keys: false)),
        Case(.md5, plain, md5, .loggedIn(keys: false)),
        Case(.md5, md5, plain, .loggedIn(keys: false)),
        Case(.md5, md5, md5, .loggedIn(keys: false)),
        Case(.md5, md5, .plain("Secret"), .clientRejected(.rejected)),
        Case(.md5, plain, .plain("Secret"), .clientRejected(.rejected)),
        // A SCRAM secret is checked by SCRAM, although the method is md5.
        Case(.md5, scram, plain, .loggedIn(keys: true)),
        Case(.md5, scram, .plain("Secret"), .clientRejected(.rejected)),
        Case(.md5, nil, plain, .clientRejected(.rejected)),
        Case(.md5, .unusable, plain, .clientRejected(.rejected)),

        Case(.scramSHA256, plain, plain, .loggedIn(keys: true)),
        Case(.scramSHA256, scram, plain, .loggedIn(keys: true)),
        Case(.scramSHA256, plain, .plain("Secret"), .clientRejected(.rejected)),
        Case(.scramSHA256, scram, .plain("Secret"), .clientRejected(.rejected)),
        Case(.scramSHA256, md5, plain, .clientRejected(.rejected)),
        Case(.scramSHA256, nil, plain, .clientRejected(.rejected)),
        Case(.scramSHA256, .unusable, plain, .clientRejected(.rejected)),
        Case(.scramSHA256, scram, .plain(""), .clientRejected(.rejected)),

        // What we know is not enough for the server.
        Case(
            .plain, plain, md5,
            .serverRejected(
                .noSuitableSecret(
                    method: "a password in the clear", known: "only the MD5 of the password is known"))),
        Case(
            .md5, md5, nil, .serverRejected(.noSuitableSecret(method: "an MD5 password", known: "no password is known"))
        ),
        Case(
            .scramSHA256, scram, md5,
            .serverRejected(
                .noSuitableSecret(method: "SCRAM-SHA-256", known: "only the MD5 of the password is known"))),
        Case(
            .scramSHA256, scram, scram,
            .serverRejected(
                .noSuitableSecret(
                    method: "SCRAM-SHA-256",
                    known: "only a SCRAM secret is known, and no client has logged in with it yet"))),
    ])
    func login(_ login: Case) {
        var conversation = Conversation(method: login.method, stored: login.stored, presented: login.presented)
        #expect(conversation.run() == login.outcome)
    }

    /// Letters beyond ASCII: the same prepared password, whoever prepares it; MD5 takes the bytes as they are.
    @Test(arguments: ["pässword", "пароль", "ＡＢＣ", "🙂 not prepared", "אב", "ﬁ\u{a0}x"])
    func passwordsBeyondASCII(password: String) {
        let stored = Secret.scram(SCRAMSecret(password: password, salt: [9, 9, 9], iterations: 3))
        for method in [AuthenticationMethod.plain, .md5, .scramSHA256] {
            var conversation = Conversation(method: method, stored: stored, presented: .plain(password))
            #expect(conversation.run() == .loggedIn(keys: true))
            conversation = Conversation(method: method, stored: .plain(password), presented: .plain(password))
            #expect(conversation.run() == .loggedIn(keys: method == .scramSHA256))
        }
    }

    @Test func keysOfAClientOpenAServerWithTheSameSecret() throws {
        var first = Conversation(method: .scramSHA256, stored: Self.scram, presented: Self.plain)
        #expect(first.run() == .loggedIn(keys: true))
        let keys = try #require(first.learned)

        var second = Conversation(method: .scramSHA256, stored: Self.scram, presented: Self.scram, keys: keys)
        #expect(second.run() == .loggedIn(keys: true))
        #expect(second.learned == keys)
        var third = Conversation(method: .scramSHA256, stored: Self.scram, presented: nil, keys: keys)
        #expect(third.run() == .loggedIn(keys: true))

        let otherSalt = Secret.scram(SCRAMSecret(password: "secret", salt: [4, 3, 2, 1], iterations: 16))
        var fourth = Conversation(method: .scramSHA256, stored: otherSalt, presented: Self.scram, keys: keys)
        #expect(fourth.run() == .serverRejected(.differentSecret))
        let otherCount = Secret.scram(SCRAMSecret(password: "secret", salt: [1, 2, 3, 4], iterations: 17))
        var fifth = Conversation(method: .scramSHA256, stored: otherCount, presented: Self.scram, keys: keys)
        #expect(fifth.run() == .serverRejected(.differentSecret))
        var sixth = Conversation(method: .md5, stored: Self.md5, presented: Self.scram, keys: keys)
        #expect(
            sixth.run()
                == .serverRejected(
                    .noSuitableSecret(
                        method: "an MD5 password",
                        known: "only a SCRAM secret and the keys of a client's login are known")))
    }

    @Test func keysOfAPlainMethodLoginOpenAServerToo() throws {
        var first = Conversation(method: .plain, stored: Self.scram, presented: Self.plain)
        #expect(first.run() == .loggedIn(keys: true))
        var second = Conversation(
            method: .scramSHA256, stored: Self.scram, presented: nil, keys: first.learned)
        #expect(second.run() == .loggedIn(keys: true))
    }

    /// An unknown user cannot be told from a known one with a wrong password: same messages, same lengths, same end.
    @Test(arguments: AuthenticationMethod.allCases.filter { $0 != .trust }, [SecretKind.scram, .md5])
    func unknownUsersLookLikeKnownOnes(method: AuthenticationMethod, kind: SecretKind) {
        let salt = [UInt8](repeating: 7, count: 16)
        let stored =
            kind == .scram
            ? Secret.scram(SCRAMSecret(password: "secret", salt: salt, iterations: 16)) : .plain("secret")
        var known = Conversation(method: method, stored: stored, presented: .plain("wrong"), mockKind: kind)
        var unknown = Conversation(method: method, stored: nil, presented: .plain("wrong"), mockKind: kind)
        #expect(known.run() == unknown.run())
        #expect(known.transcript.map(\.count) == unknown.transcript.map(\.count))
        #expect(known.transcript.map { $0.prefix(4) } == unknown.transcript.map { $0.prefix(4) })
    }

    @Test func madeUpSaltsStayTheSame() {
        func serverFirst(user: String, seed: [UInt8], random: UInt8) -> String {
            var client = ClientAuthentication(
                method: .scramSHA256, user: user, secret: nil, mockSeed: seed,
                random: .init(repeating: random, count: 18))
            var cache = DerivedKeysCache()
            _ = client.start()
            let step = client.received(SCRAMClient.initial("n,,n=,r=abc"), cache: &cache)
            guard case .send(let frame) = step else { return "" }
            let text = String(decoding: frame.dropFirst(9), as: UTF8.self)
            return text.split(separator: ",").dropFirst().joined(separator: ",")
        }
        let salt = serverFirst(user: "ghost", seed: Conversation.seed, random: 1)
        #expect(salt.hasPrefix("s=") && salt.hasSuffix("==,i=4096"))
        #expect(serverFirst(user: "ghost", seed: Conversation.seed, random: 2) == salt)
        #expect(serverFirst(user: "spirit", seed: Conversation.seed, random: 1) != salt)
        #expect(serverFirst(user: "ghost", seed: Conversation.seed + [1], random: 1) != salt)
    }

    @Test func keysAreDerivedOnce() {
        var cache = DerivedKeysCache(limit: 2)
        for _ in 0..<3 {
            var conversation = Conversation(method: .scramSHA256, stored: Self.plain, presented: Self.plain)
            conversation.clientCache = cache
            #expect(conversation.run() == .loggedIn(keys: true))
            cache = conversation.clientCache
        }
        #expect(cache.misses == 1)
        #expect(cache.hits == 2)
        // Two more passwords need the room of the first.
        for password in ["b", "c", "secret"] {
            var conversation = Conversation(method: .scramSHA256, stored: .plain(password), presented: .plain(password))
            conversation.clientCache = cache
            #expect(conversation.run() == .loggedIn(keys: true))
            cache = conversation.clientCache
        }
        #expect(cache.count == 2)
        #expect(cache.evictions == 2)
        #expect(cache.misses == 4)
    }

    @Test func guessesDoNotFillTheCache() {
        var cache = DerivedKeysCache(limit: 2)
        for guess in ["a", "b", "c", "secret", "secret"] {
            var conversation = Conversation(method: .plain, stored: Self.scram, presented: .plain(guess))
            conversation.clientCache = cache
            _ = conversation.run()
            cache = conversation.clientCache
        }
        #expect(cache.count == 1)
        #expect(cache.misses == 4)
        #expect(cache.hits == 1)
    }

    /// Keys that are derived elsewhere lead to the same outcomes; those of a guess are forgotten.
    @Test(arguments: [AuthenticationMethod.plain, .scramSHA256])
    func keysMayBeDerivedElsewhere(_ method: AuthenticationMethod) {
        var cache = DerivedKeysCache(limit: 4, derivesAtOnce: false)
        var counts: [Int] = []
        for password in ["secret", "guess", "secret"] {
            let stored: Secret = method == .plain ? Self.scram : Self.plain
            var conversation = Conversation(method: method, stored: stored, presented: .plain(password))
            conversation.clientCache = cache
            conversation.serverCache = DerivedKeysCache(derivesAtOnce: false)
            let outcome = conversation.run()
            #expect(outcome == (password == "secret" ? .loggedIn(keys: true) : .clientRejected(.rejected)))
            counts.append(conversation.derivations.count)
            #expect(Set(conversation.derivations).isSubset(of: ["derivation of keys"]))
            cache = conversation.clientCache
        }
        // With SCRAM each presenter derives its own keys, and the stored password's are derived once.
        #expect(counts == (method == .plain ? [1, 1, 0] : [2, 1, 1]))
        #expect(cache.count == 1)
    }

    /// A login that nobody derives keys for goes nowhere, least of all in.
    @Test func missingKeysLetNobodyIn() {
        var conversation = Conversation(method: .plain, stored: Self.scram, presented: nil)
        var cache = DerivedKeysCache(derivesAtOnce: false)
        _ = conversation.client.start()
        for _ in 0..<3 {
            guard case .derive = conversation.client.received(Array("secret\0".utf8), cache: &cache) else {
                Issue.record("a login without keys went on")
                return
            }
        }
    }

    @Test(arguments: [true, false]) func aChangedPasswordMakesOldKeysUseless(derivesAtOnce: Bool) {
        var cache = DerivedKeysCache(derivesAtOnce: derivesAtOnce)
        for (stored, presented, isRight) in [
            ("old", "old", true), ("new", "old", false), ("new", "new", true), ("new", "old", false),
        ] {
            var conversation = Conversation(
                method: .scramSHA256, stored: .plain(stored), presented: .plain(presented))
            conversation.clientCache = cache
            #expect(conversation.run() == (isRight ? .loggedIn(keys: true) : .clientRejected(.rejected)))
            cache = conversation.clientCache
        }
    }

    @Test func aCacheWithoutRoomWorks() {
        var conversation = Conversation(method: .scramSHA256, stored: Self.plain, presented: Self.plain)
        conversation.clientCache = DerivedKeysCache(limit: 0)
        #expect(conversation.run() == .loggedIn(keys: true))
        #expect(conversation.clientCache.count == 0)
    }
}
