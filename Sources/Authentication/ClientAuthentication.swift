// How does a client prove to us who it is?

internal import OpenSSL

/// Why a client was not let in.
public enum ClientAuthenticationFailure: Error, Equatable, Sendable {
    /// Unknown user, wrong password or a secret that no password fits: deliberately indistinguishable.
    case rejected
    /// The client sent an empty password.
    case emptyPassword
    /// The client broke the protocol; the text says how.
    case protocolViolation(String)
    /// The system's policy forbids the MD5 that the method needs.
    case md5Forbidden
    /// The exchange is bound to another connection than this one: somebody sits in between.
    case channelBinding
    /// The client has shown no certificate, or one of somebody else.
    case certificate
    /// The process at the other end of the socket is somebody else's.
    case peer

    /// The SQLSTATE for the client.
    public var sqlState: String {
        switch self {
        case .rejected, .emptyPassword: "28P01"
        case .protocolViolation: "08P01"
        case .md5Forbidden: "0A000"
        case .channelBinding, .certificate, .peer: "28000"
        }
    }
}

/// One client's login, from our side.
///
/// Unknown users, and users whose secret does not suit the method, go through the same exchange over made-up secrets
/// that stay the same as long as the seed does, and fail at its end as a wrong password does.
public struct ClientAuthentication: Sendable {
    /// What follows from a message.
    public enum Step: Equatable, Sendable {
        /// Send these bytes (one complete message) and feed the next `p` message.
        case send([UInt8])
        /// Send these bytes, the last message of which is AuthenticationOk. `keys` are those that the login revealed.
        case succeeded(send: [UInt8], keys: SCRAMKeys?)
        /// Ask others whether the password is right, and call `verified`.
        case verify(password: [UInt8])
        /// Nothing has changed: lend the keys to the cache and feed the same message again.
        case derive(KeyDerivation)
        /// Send an ErrorResponse and close.
        case failed(ClientAuthenticationFailure)
    }

    /// Random bytes that a login needs.
    public static let randomByteCount = 18
    /// Longest body of a SCRAM message.
    public static let maxSASLMessage = 1024
    /// Longest body of a password message.
    public static let maxPasswordMessage = 65_536

    private enum State: Sendable {
        /// Nothing was sent. Leaves by `start`.
        case new
        /// A password in the clear is expected. Leaves to ended.
        case expectingPassword
        /// Others look at the password. Leaves by `verified`.
        case verifying
        /// The answer to an MD5 challenge is expected. Leaves to ended.
        case expectingMD5(salt: [UInt8])
        /// The choice of a SASL mechanism is expected. Leaves to expectingClientFirst, exchanging or ended.
        case expectingMechanism
        /// The mechanism was chosen without a first message. Leaves to exchanging or ended.
        case expectingClientFirst
        /// The proof is expected. Leaves to ended.
        case exchanging(SCRAMServerExchange)
        /// Succeeded or failed.
        case ended
    }

    private let method: AuthenticationMethod
    private let user: String
    private let secret: Secret?
    private let mockSeed: [UInt8]
    private let random: [UInt8]
    private let iterations: Int
    private let mockKind: SecretKind
    private let binding: ChannelBinding?
    private let isProven: Bool
    /// The client has chosen to bind the exchange.
    private var isBound = false
    private var state = State.new

    /// - Parameters:
    ///   - user: the name in the startup packet.
    ///   - secret: nil if the user is unknown.
    ///   - mockSeed: at least 16 secret bytes, the same during the life of the process.
    ///   - random: ``randomByteCount`` bytes that were used for nothing else.
    ///   - iterations: for exchanges over plain and made-up secrets.
    ///   - mockKind: with the method `md5`, what an unknown user is asked for: SCRAM if this is `scram`, else MD5.
    ///   - binding: what a SCRAM exchange can be bound to; nil on connections that are not encrypted.
    ///   - isProven: the connection itself proves that the client is the user, by a certificate or the kernel's word.
    public init(
        method: AuthenticationMethod, user: String, secret: Secret?, mockSeed: [UInt8], random: [UInt8],
        iterations: Int = AuthSettings().scramIterations, unknownUsersLookLike mockKind: SecretKind = .scram,
        binding: ChannelBinding? = nil, isProven: Bool = false
    ) {
        precondition(random.count == Self.randomByteCount, "a login needs \(Self.randomByteCount) random bytes")
        precondition(mockSeed.count >= 16, "a seed of less than 16 bytes could be guessed")
        precondition(iterations > 0 && iterations <= Int32.max, "SCRAM needs between one and 2^31 - 1 iterations")
        self.method = method
        self.user = user
        self.secret = secret
        self.mockSeed = mockSeed
        self.random = random
        self.iterations = iterations
        self.mockKind = mockKind
        self.binding = binding
        self.isProven = isProven
    }

    /// The first message.
    public mutating func start() -> Step {
        guard case .new = state else { preconditionFailure("a login was started twice") }
        switch method {
        case .trust:
            state = .ended
            return secret == nil ? .failed(.rejected) : succeed(keys: nil)
        case .certificate, .peer:
            state = .ended
            if secret != nil, isProven { return succeed(keys: nil) }
            return .failed(method == .peer ? .peer : .certificate)
        case .plain, .pam, .ldap:
            state = .expectingPassword
            return .send(AuthenticationFrame.request(.cleartextPassword))
        case .md5 where (secret?.kind ?? mockKind) != .scram:
            let salt = Array(random[..<4])
            state = .expectingMD5(salt: salt)
            return .send(AuthenticationFrame.request(.md5Password, salt))
        case .md5, .scramSHA256:
            state = .expectingMechanism
            return .send(binding == nil ? Self.offer : Self.boundOffer)
        }
    }

    /// The body of a `p` message arrived.
    public mutating func received(_ body: [UInt8], cache: inout DerivedKeysCache) -> Step {
        var current = State.ended
        swap(&current, &state)
        do throws(ClientAuthenticationFailure) {
            if method.asksOthers {
                let password = try Self.password(in: body)
                guard !password.isEmpty else { throw .emptyPassword }
                state = .verifying
                return .verify(password: password)
            }
            return try answer(to: body, in: current, cache: &cache)
        } catch {
            guard let derivation = cache.takeMissing() else { return .failed(error) }
            swap(&current, &state)
            return .derive(derivation)
        }
    }

    /// Others have said whether the password is right.
    public mutating func verified(_ isRight: Bool) -> Step {
        guard case .verifying = state else { preconditionFailure("nobody was asked about a password") }
        state = .ended
        return isRight ? succeed(keys: nil) : .failed(.rejected)
    }

    /// Sets the state that follows; where that is not done, the login has ended.
    private mutating func answer(
        to body: [UInt8], in current: borrowing State, cache: inout DerivedKeysCache
    ) throws(ClientAuthenticationFailure) -> Step {
        switch current {
        case .new, .verifying, .ended:
            preconditionFailure("a login that is not under way received a message")
        case .expectingPassword:
            let password = try Self.password(in: body)
            guard !password.isEmpty else { throw .emptyPassword }
            let keys = try check(password: password, cache: &cache)
            return succeed(keys: keys)
        case .expectingMD5(let salt):
            let answer = try Self.password(in: body)
            guard !answer.isEmpty else { throw .emptyPassword }
            guard let expected = MD5Password.answer(stored: try storedMD5(), salt: salt) else { throw .md5Forbidden }
            guard constantTimeEquals(answer, expected), hasPassword else { throw .rejected }
            return succeed(keys: nil)
        case .expectingMechanism:
            guard let clientFirst = try initialResponse(in: body) else {
                state = .expectingClientFirst
                return .send(AuthenticationFrame.request(.saslContinue))
            }
            return try beginExchange(clientFirst)
        case .expectingClientFirst:
            return try beginExchange(Self.limited(body))
        case .exchanging(let exchange):
            let outcome = try exchange.verify(Self.limited(body), cache: &cache)
            return succeed(sending: AuthenticationFrame.request(.saslFinal, outcome.message), keys: outcome.keys)
        }
    }

    private mutating func succeed(sending first: [UInt8] = [], keys: SCRAMKeys?) -> Step {
        state = .ended
        return .succeeded(send: first + Self.welcome, keys: keys)
    }

    // MARK: Passwords

    /// Whether the secret is one that the plain and MD5 checks could find right.
    private var hasPassword: Bool {
        switch secret {
        case .plain, .md5, .scram: true
        case .unusable, nil: false
        }
    }

    /// The digits to compare with; for somebody without MD5 or plain secret made-up ones, at the same cost.
    private func storedMD5() throws(ClientAuthenticationFailure) -> [UInt8] {
        let computed = MD5Password.stored(password: mockSeed, user: user)
        switch secret {
        case .md5(let digits): return Array(digits.utf8)
        case .plain(let password):
            guard let digits = MD5Password.stored(password: Array(password.utf8), user: user) else {
                throw .md5Forbidden
            }
            return digits
        case .scram, .unusable, nil:
            guard let digits = computed else { throw .md5Forbidden }
            return digits
        }
    }

    /// Returns if the password is right. Each failure costs one derivation of keys, whatever the secret.
    private func check(
        password: [UInt8], cache: inout DerivedKeysCache
    ) throws(ClientAuthenticationFailure) -> SCRAMKeys? {
        var salt = Self.mockSalt(seed: mockSeed, user: user)
        var iterations = iterations
        var scram: SCRAMSecret?
        switch secret {
        case .plain(let known):
            if constantTimeEquals(password, Array(known.utf8)) { return nil }
        case .md5(let digits):
            guard let found = MD5Password.stored(password: password, user: user) else { throw .md5Forbidden }
            if constantTimeEquals(found, Array(digits.utf8)) { return nil }
        case .scram(let stored):
            scram = stored
            salt = stored.salt
            iterations = stored.iterations
        case .unusable, nil:
            break
        }
        guard
            let derived = cache.keys(password: password, salt: salt, iterations: iterations, isToBeKept: false),
            let scram, constantTimeEquals(derived.storedKey, scram.storedKey) else { throw .rejected }
        cache.keep(derived, password: password, salt: salt, iterations: iterations)
        return SCRAMKeys(
            clientKey: derived.clientKey, serverKey: derived.serverKey, salt: salt, iterations: iterations)
    }

    /// The text of a password message.
    private static func password(in body: [UInt8]) throws(ClientAuthenticationFailure) -> [UInt8] {
        guard body.count <= maxPasswordMessage else { throw .protocolViolation("the password message is too long") }
        guard body.firstIndex(of: 0) == body.count - 1 else {
            throw .protocolViolation("the password message is malformed")
        }
        return Array(body.dropLast())
    }

    // MARK: SCRAM

    private static let mechanism = Array("SCRAM-SHA-256".utf8)
    private static let boundMechanism = Array("SCRAM-SHA-256-PLUS".utf8)
    private static let offer = AuthenticationFrame.request(.sasl, mechanism + [0, 0])
    private static let boundOffer = AuthenticationFrame.request(.sasl, boundMechanism + [0] + mechanism + [0, 0])
    private static let welcome = AuthenticationFrame.request(.ok)

    /// The first SCRAM message in a SASLInitialResponse; nil if it will be sent separately.
    private mutating func initialResponse(in body: [UInt8]) throws(ClientAuthenticationFailure) -> [UInt8]? {
        guard let end = body.firstIndex(of: 0), let count = AuthenticationFrame.int32(body, at: end + 1) else {
            throw .protocolViolation("the SASL response is malformed")
        }
        isBound = binding != nil && body[..<end] == Self.boundMechanism[...]
        guard isBound || body[..<end] == Self.mechanism[...] else {
            throw .protocolViolation("the client selected a SASL mechanism that was not offered")
        }
        let data = Array(body[(end + 5)...])
        if count == -1, data.isEmpty { return nil }
        guard Int(count) == data.count else { throw .protocolViolation("the SASL response is malformed") }
        return try Self.limited(data)
    }

    private static func limited(_ message: [UInt8]) throws(ClientAuthenticationFailure) -> [UInt8] {
        guard message.count <= maxSASLMessage else { throw .protocolViolation("a SCRAM message is too long") }
        return message
    }

    private mutating func beginExchange(_ message: [UInt8]) throws(ClientAuthenticationFailure) -> Step {
        // Made for everybody, so that it tells nothing about the user how long this takes.
        let salt = Self.mockSalt(seed: mockSeed, user: user)
        let verifier: SCRAMServerExchange.Verifier
        switch secret {
        case .scram(let stored): verifier = .stored(stored)
        case .plain(let password): verifier = .password(Array(password.utf8), salt: salt, iterations: iterations)
        case .md5, .unusable, nil: verifier = .nobody(salt: salt, iterations: iterations)
        }
        let exchange: SCRAMServerExchange
        do throws(SCRAMMistake) {
            exchange = try SCRAMServerExchange(
                clientFirst: SCRAMClientFirst.parse(message, isOffered: binding != nil, isChosen: isBound),
                verifier: verifier, nonce: Base64.encode(random), binding: isBound ? binding : nil)
        } catch {
            throw .protocolViolation(error.sentence)
        }
        state = .exchanging(exchange)
        return .send(AuthenticationFrame.request(.saslContinue, exchange.serverFirst))
    }

    /// A salt that nobody can tell from a stored one, for plain and made-up secrets.
    private static func mockSalt(seed: [UInt8], user: String) -> [UInt8] {
        // Of a digest of which half is kept back nobody can go on without the seed.
        Array(Digest.sha256(seed, Array(user.utf8))[..<16])
    }
}
