// How do we prove to a server who we are, and that it is the right one?

internal import OpenSSL

/// Why a login at a server was given up.
public enum ServerAuthenticationFailure: Error, Equatable, Sendable {
    /// The server asks for a method that is not supported; its name.
    case unsupportedMethod(String)
    /// What is known of the password does not suit the server's method.
    case noSuitableSecret(method: String, known: String)
    /// The client's SCRAM keys belong to another secret than the server's.
    case differentSecret
    /// The server asks for more iterations than is reasonable.
    case tooManyIterations(Int, limit: Int)
    /// The server could not prove that it knows the password.
    case serverNotVerified
    /// The server ended the exchange with an error, in its words.
    case serverError(String)
    /// The server broke the protocol; the text says how.
    case protocolViolation(String)
    /// The system's policy forbids the MD5 that the server asks for.
    case md5Forbidden
}

extension ServerAuthenticationFailure: CustomStringConvertible {
    /// One sentence without capital and full stop.
    public var description: String {
        switch self {
        case .unsupportedMethod(let name): "the server asks for \(name), which is not supported"
        case .noSuitableSecret(let method, let known): "the server asks for \(method), but \(known)"
        case .differentSecret:
            "the server's SCRAM secret differs from the one the client logged in with (salt or iterations)"
        case .tooManyIterations(let count, let limit):
            "the server asks for \(count) SCRAM iterations, more than the limit of \(limit)"
        case .serverNotVerified: "the server could not prove that it knows the password"
        case .serverError(let text): "the server ended the SCRAM exchange: \(text)"
        case .protocolViolation(let text): text
        case .md5Forbidden: "the server asks for an MD5 password, which this system's OpenSSL policy forbids"
        }
    }
}

/// One login at a server, from the client's side.
public struct ServerAuthentication: Sendable {
    /// What follows from a message.
    public enum Step: Equatable, Sendable {
        /// Send these bytes (one complete message) and feed the next `R` message.
        case send([UInt8])
        /// Nothing to send; feed the next `R` message.
        case waitMore
        /// The server has let us in.
        case succeeded
        /// Nothing has changed: lend the keys to the cache and feed the same message again.
        case derive(KeyDerivation)
        /// Close the connection.
        case failed(ServerAuthenticationFailure)
    }

    /// Random bytes that a login needs.
    public static let randomByteCount = 18
    /// Longest body of an Authentication message.
    public static let maxMessage = 4096
    /// Most iterations that a server may ask for; about 0.3 s of work.
    public static let maxIterations = 1_000_000

    private enum State: Sendable {
        /// Leaves to any other.
        case new
        /// A password or its MD5 was sent. Leaves to ended.
        case passwordSent
        /// The first SCRAM message was sent. Leaves to proofSent or ended.
        case clientFirstSent(SCRAMHeader, bare: [UInt8], nonce: [UInt8])
        /// The proof was sent, and this signature must come back. Leaves to verified or ended.
        case proofSent(signature: [UInt8])
        /// The server has proved itself. Leaves to ended.
        case verified
        /// Succeeded or failed.
        case ended
    }

    private let user: String
    private let secret: Secret?
    private let keys: SCRAMKeys?
    private let random: [UInt8]
    private let binding: ChannelBinding?
    private var state = State.new

    /// - Parameters:
    ///   - user: the name in the startup packet.
    ///   - secret: what is known of the password; nil if nothing.
    ///   - keys: from the client's own login; used for SCRAM unless the password is known.
    ///   - random: ``randomByteCount`` bytes that were used for nothing else.
    ///   - binding: what a SCRAM exchange can be bound to; nil on connections that are not encrypted.
    public init(
        user: String, secret: Secret?, keys: SCRAMKeys?, random: [UInt8], binding: ChannelBinding? = nil
    ) {
        precondition(random.count == Self.randomByteCount, "a login needs \(Self.randomByteCount) random bytes")
        self.user = user
        self.secret = secret
        self.keys = keys
        self.random = random
        self.binding = binding
    }

    /// The body of an `R` message arrived.
    public mutating func received(_ body: [UInt8], cache: inout DerivedKeysCache) -> Step {
        let before = state
        do throws(ServerAuthenticationFailure) {
            return try answer(to: body, cache: &cache)
        } catch {
            if let derivation = cache.takeMissing() {
                state = before
                return .derive(derivation)
            }
            state = .ended
            return .failed(error)
        }
    }

    private mutating func answer(
        to body: [UInt8], cache: inout DerivedKeysCache
    ) throws(ServerAuthenticationFailure) -> Step {
        guard body.count <= Self.maxMessage else { throw .protocolViolation("an authentication message is too long") }
        guard let number = AuthenticationFrame.int32(body, at: 0) else {
            throw .protocolViolation("an authentication message is malformed")
        }
        guard let code = AuthenticationCode(rawValue: number) else { throw .unsupportedMethod(Self.name(of: number)) }
        let data = Array(body[4...])
        switch (state, code) {
        case (.ended, _):
            preconditionFailure("a login that has ended received a message")
        case (.new, .ok), (.passwordSent, .ok), (.verified, .ok):
            guard data.isEmpty else { throw .protocolViolation("the end of the authentication is malformed") }
            state = .ended
            return .succeeded
        case (.new, .cleartextPassword):
            guard data.isEmpty else { throw .protocolViolation("the request for a password is malformed") }
            return try sendPassword()
        case (.new, .md5Password):
            guard data.count == 4 else { throw .protocolViolation("the request for an MD5 password is malformed") }
            return try sendMD5(salt: data)
        case (.new, .sasl):
            return try beginExchange(mechanisms: data)
        case (.clientFirstSent(let header, let bare, let nonce), .saslContinue):
            return try prove(header, clientFirst: bare, nonce: nonce, message: data, cache: &cache)
        case (.proofSent(let signature), .saslFinal):
            return try verify(data, signature: signature)
        case (.clientFirstSent, .ok), (.proofSent, .ok):
            throw .protocolViolation("the server ended the SCRAM exchange without proving that it knows the password")
        case (.new, .saslContinue), (.new, .saslFinal), (.passwordSent, _), (.clientFirstSent, _), (.proofSent, _),
            (.verified, _):
            throw .protocolViolation("the server sent authentication message \(number) out of order")
        }
    }

    // MARK: Passwords

    private mutating func sendPassword() throws(ServerAuthenticationFailure) -> Step {
        guard let password = try plainPassword() else { throw unsuitable(for: "a password in the clear") }
        state = .passwordSent
        return .send(AuthenticationFrame.password(password))
    }

    private mutating func sendMD5(salt: [UInt8]) throws(ServerAuthenticationFailure) -> Step {
        let stored: [UInt8]?
        if case .md5(let digits) = secret {
            stored = Array(digits.utf8)
        } else if let password = try plainPassword() {
            stored = MD5Password.stored(password: password, user: user)
        } else {
            throw unsuitable(for: "an MD5 password")
        }
        guard let stored, let answer = MD5Password.answer(stored: stored, salt: salt) else { throw .md5Forbidden }
        state = .passwordSent
        return .send(AuthenticationFrame.password(answer))
    }

    private func plainPassword() throws(ServerAuthenticationFailure) -> [UInt8]? {
        guard case .plain(let password) = secret else { return nil }
        guard !password.utf8.contains(0) else {
            throw .noSuitableSecret(method: "a password", known: "the known one contains a zero byte")
        }
        return Array(password.utf8)
    }

    private func unsuitable(for method: String) -> ServerAuthenticationFailure {
        let known =
            switch secret {
            case .plain: "the password is not usable"
            case .md5: "only the MD5 of the password is known"
            case .scram where keys == nil: "only a SCRAM secret is known, and no client has logged in with it yet"
            case .scram: "only a SCRAM secret and the keys of a client's login are known"
            case .unusable, nil: keys == nil ? "no password is known" : "only the keys of a client's login are known"
            }
        return .noSuitableSecret(method: method, known: known)
    }

    // MARK: SCRAM

    private static let mechanism = Array("SCRAM-SHA-256".utf8)
    private static let boundMechanism = Array("SCRAM-SHA-256-PLUS".utf8)

    /// What an exchange says of its binding.
    private struct SCRAMHeader: Sendable {
        /// The head of the first message.
        let text: [UInt8]
        /// What it is bound to; empty: nothing.
        let data: [UInt8]
    }

    private mutating func beginExchange(mechanisms data: [UInt8]) throws(ServerAuthenticationFailure) -> Step {
        let names = data.split(separator: 0, omittingEmptySubsequences: false)
        // Each name ends with a zero byte, and the list with one more.
        guard names.count >= 3, names.suffix(2).allSatisfy(\.isEmpty), !names.dropLast(2).contains(where: \.isEmpty)
        else {
            throw .protocolViolation("the server's list of SASL mechanisms is malformed")
        }
        let isBound = binding != nil && names.contains { $0.elementsEqual(Self.boundMechanism) }
        guard isBound || names.contains(where: { $0.elementsEqual(Self.mechanism) }) else {
            let list = names.dropLast(2).map { Self.printable($0) }.joined(separator: ", ")
            throw .unsupportedMethod("SASL mechanisms \(list)")
        }
        if try plainPassword() == nil, keys == nil { throw unsuitable(for: "SCRAM-SHA-256") }
        let nonce = Base64.encode(random)
        // PostgreSQL takes the user name from the startup packet and ignores the one in this message.
        let bare = Array("n=,r=".utf8) + nonce
        // "y": should somebody have struck the offer out, the server learns that we would have bound.
        let flag = isBound ? ChannelBinding.flag : Array((binding == nil ? "n" : "y").utf8)
        let header = SCRAMHeader(text: flag + Array(",,".utf8), data: isBound ? binding?.data ?? [] : [])
        state = .clientFirstSent(header, bare: bare, nonce: nonce)
        let mechanism = isBound ? Self.boundMechanism : Self.mechanism
        return .send(AuthenticationFrame.saslInitialResponse(mechanism: mechanism, header.text + bare))
    }

    private mutating func prove(
        _ header: SCRAMHeader, clientFirst: [UInt8], nonce: [UInt8], message: [UInt8], cache: inout DerivedKeysCache
    ) throws(ServerAuthenticationFailure) -> Step {
        let serverFirst: SCRAMServerFirst
        do throws(SCRAMMistake) {
            serverFirst = try SCRAMServerFirst.parse(message, clientNonce: nonce)
        } catch {
            throw .protocolViolation(error.sentence)
        }
        let (clientKey, serverKey) = try keys(for: serverFirst, cache: &cache)
        let bound = Base64.encode(header.text + header.data)
        let withoutProof = Array("c=".utf8) + bound + Array(",r=".utf8) + serverFirst.nonce
        let comma = [UInt8(ascii: ",")]
        let authMessage = clientFirst + comma + message + comma + withoutProof
        let proof = SCRAMProof.clientProof(clientKey: clientKey, authMessage: authMessage)
        state = .proofSent(signature: SCRAMProof.serverSignature(serverKey: serverKey, authMessage: authMessage))
        return .send(AuthenticationFrame.saslResponse(withoutProof + Array(",p=".utf8) + Base64.encode(proof)))
    }

    private func keys(
        for serverFirst: SCRAMServerFirst, cache: inout DerivedKeysCache
    ) throws(ServerAuthenticationFailure) -> (clientKey: [UInt8], serverKey: [UInt8]) {
        if let password = try plainPassword() {
            guard serverFirst.iterations <= Self.maxIterations else {
                throw .tooManyIterations(serverFirst.iterations, limit: Self.maxIterations)
            }
            let derived = cache.keys(
                password: password, salt: serverFirst.salt, iterations: serverFirst.iterations)
            // Without keys the login is not over: `received` takes this back.
            guard let derived else { throw .serverNotVerified }
            return (derived.clientKey, derived.serverKey)
        }
        guard let keys else { throw unsuitable(for: "SCRAM-SHA-256") }
        guard keys.salt == serverFirst.salt, keys.iterations == serverFirst.iterations else { throw .differentSecret }
        return (keys.clientKey, keys.serverKey)
    }

    private mutating func verify(
        _ message: [UInt8], signature: [UInt8]
    ) throws(ServerAuthenticationFailure) -> Step {
        let serverFinal: SCRAMServerFinal
        do throws(SCRAMMistake) {
            serverFinal = try SCRAMServerFinal.parse(message)
        } catch {
            throw .protocolViolation(error.sentence)
        }
        switch serverFinal {
        case .error(let text): throw .serverError(Self.printable(text[...]))
        case .signature(let found):
            guard constantTimeEquals(found, signature) else { throw .serverNotVerified }
            state = .verified
            return .waitMore
        }
    }

    // MARK: Texts

    /// What a server says, fit for a log line.
    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix(64).map { $0 > 31 && $0 < 127 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func name(of code: Int32) -> String {
        switch code {
        case 2: "Kerberos V5"
        case 6: "SCM credentials"
        case 7, 8: "GSSAPI"
        case 9: "SSPI"
        default: "authentication method \(code)"
        }
    }
}
