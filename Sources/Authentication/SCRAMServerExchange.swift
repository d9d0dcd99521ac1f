// Is the proof that a client sends in a SCRAM exchange right?

/// The second half of a SCRAM exchange with a client.
struct SCRAMServerExchange: Sendable {
    /// What proofs are checked against.
    enum Verifier: Sendable {
        case stored(SCRAMSecret)
        case password([UInt8], salt: [UInt8], iterations: Int)
        /// No proof is right.
        case nobody(salt: [UInt8], iterations: Int)

        /// What the keys are derived with.
        var cost: (salt: [UInt8], iterations: Int) {
            switch self {
            case .stored(let secret): (secret.salt, secret.iterations)
            case .password(_, let salt, let iterations), .nobody(let salt, let iterations): (salt, iterations)
            }
        }
    }

    /// The last message to the client, and the keys that it revealed.
    struct Outcome: Equatable, Sendable {
        let message: [UInt8]
        let keys: SCRAMKeys
    }

    /// `r=nonce,s=salt,i=iterations`.
    let serverFirst: [UInt8]
    /// Where the common nonce ends in it; it begins behind `r=`.
    private let nonceEnd: Int
    private let clientFirst: SCRAMClientFirst
    private let binding: ChannelBinding?
    private let verifier: Verifier

    /// - Parameters:
    ///   - nonce: our part of the common nonce.
    ///   - binding: what the client has chosen to bind the exchange to.
    init(clientFirst: SCRAMClientFirst, verifier: Verifier, nonce: [UInt8], binding: ChannelBinding? = nil) {
        self.clientFirst = clientFirst
        self.binding = binding
        self.verifier = verifier
        let (salt, iterations) = verifier.cost
        var message: [UInt8] = []
        message.reserveCapacity(clientFirst.nonce.count + nonce.count + salt.count * 4 / 3 + 28)
        message.append(contentsOf: "r=".utf8)
        message.append(contentsOf: clientFirst.message[clientFirst.nonce])
        message.append(contentsOf: nonce)
        nonceEnd = message.count
        message.append(contentsOf: ",s=".utf8)
        Base64.encode(salt, to: &message)
        message.append(contentsOf: ",i=".utf8)
        message.append(contentsOf: String(iterations).utf8)
        serverFirst = message
    }

    /// Checks the client's last message.
    func verify(
        _ message: [UInt8], cache: inout DerivedKeysCache
    ) throws(ClientAuthenticationFailure) -> Outcome {
        let clientFinal: SCRAMClientFinal
        do throws(SCRAMMistake) {
            clientFinal = try SCRAMClientFinal.parse(message)
        } catch {
            throw .protocolViolation(error.sentence)
        }
        guard repeatsBinding(clientFinal) else {
            throw binding == nil
                ? .protocolViolation("the last SCRAM message contradicts the first one about channel binding")
                : .channelBinding
        }
        guard message[clientFinal.nonce] == serverFirst[2..<nonceEnd] else {
            throw .protocolViolation("the last SCRAM message has another nonce")
        }
        let bare = clientFirst.message[clientFirst.headerEnd...]
        let withoutProof = message[..<clientFinal.proofStart]
        var authMessage: [UInt8] = []
        authMessage.reserveCapacity(bare.count + serverFirst.count + withoutProof.count + 2)
        authMessage.append(contentsOf: bare)
        authMessage.append(UInt8(ascii: ","))
        authMessage.append(contentsOf: serverFirst)
        authMessage.append(UInt8(ascii: ","))
        authMessage.append(contentsOf: withoutProof)
        // Without keys the login is not over: whoever fed the message takes this back.
        guard let stored = keys(cache: &cache) else { throw .rejected }
        let found = SCRAMProof.clientKey(from: clientFinal.proof, storedKey: stored.storedKey, authMessage: authMessage)
        let signature = SCRAMProof.serverSignature(serverKey: stored.serverKey, authMessage: authMessage)
        guard let clientKey = found, stored.isReal else { throw .rejected }
        var last: [UInt8] = []
        last.reserveCapacity(2 + 44)
        last.append(contentsOf: "v=".utf8)
        Base64.encode(signature, to: &last)
        let (salt, iterations) = verifier.cost
        return Outcome(
            message: last,
            keys: SCRAMKeys(clientKey: clientKey, serverKey: stored.serverKey, salt: salt, iterations: iterations))
    }

    /// Whether the last message says of the binding what the first one said.
    private func repeatsBinding(_ clientFinal: SCRAMClientFinal) -> Bool {
        guard let found = clientFinal.channelBinding else { return false }
        let headerEnd = clientFirst.headerEnd
        return found.count >= headerEnd && found[..<headerEnd] == clientFirst.message[..<headerEnd]
            && found[headerEnd...] == (binding?.data ?? [])[...]
    }

    private func keys(cache: inout DerivedKeysCache) -> (storedKey: [UInt8], serverKey: [UInt8], isReal: Bool)? {
        switch verifier {
        case .stored(let secret):
            return (secret.storedKey, secret.serverKey, true)
        case .password(let password, let salt, let iterations):
            guard let derived = cache.keys(password: password, salt: salt, iterations: iterations) else { return nil }
            return (derived.storedKey, derived.serverKey, true)
        case .nobody(let salt, _):
            let madeUp = salt + salt
            return (madeUp, madeUp, false)
        }
    }
}
