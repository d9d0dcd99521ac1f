// Is the proof that a client sends in a SCRAM exchange right?

/// The second half of a SCRAM exchange with a client.
struct SCRAMServerExchange: Sendable {
    /// What proofs are checked against.
    enum Verifier: Sendable {
        case stored(SCRAMSecret)
        case password([UInt8], salt: [UInt8], iterations: Int)
        /// No proof is right.
        case nobody(salt: [UInt8], iterations: Int)
    }

    /// The last message to the client, and the keys that it revealed.
    struct Outcome: Equatable, Sendable {
        let message: [UInt8]
        let keys: SCRAMKeys
    }

    let serverFirst: [UInt8]
    private let clientFirst: SCRAMClientFirst
    private let binding: ChannelBinding?
    private let verifier: Verifier
    private let nonce: [UInt8]
    private let salt: [UInt8]
    private let iterations: Int

    /// - Parameters:
    ///   - nonce: our part of the common nonce.
    ///   - binding: what the client has chosen to bind the exchange to.
    init(clientFirst: SCRAMClientFirst, verifier: Verifier, nonce: [UInt8], binding: ChannelBinding? = nil) {
        self.clientFirst = clientFirst
        self.binding = binding
        self.verifier = verifier
        self.nonce = clientFirst.nonce + nonce
        switch verifier {
        case .stored(let secret): (salt, iterations) = (secret.salt, secret.iterations)
        case .password(_, let salt, let iterations): (self.salt, self.iterations) = (salt, iterations)
        case .nobody(let salt, let iterations): (self.salt, self.iterations) = (salt, iterations)
        }
        serverFirst = SCRAMServerFirst(nonce: self.nonce, salt: salt, iterations: iterations).message
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
        guard clientFinal.channelBinding == Base64.encode(clientFirst.header + (binding?.data ?? [])) else {
            throw binding == nil
                ? .protocolViolation("the last SCRAM message contradicts the first one about channel binding")
                : .channelBinding
        }
        guard clientFinal.nonce == nonce else { throw .protocolViolation("the last SCRAM message has another nonce") }

        var authMessage = clientFirst.bare
        authMessage.reserveCapacity(authMessage.count + serverFirst.count + clientFinal.withoutProof.count + 2)
        authMessage.append(UInt8(ascii: ","))
        authMessage.append(contentsOf: serverFirst)
        authMessage.append(UInt8(ascii: ","))
        authMessage.append(contentsOf: clientFinal.withoutProof)
        // Without keys the login is not over: whoever fed the message takes this back.
        guard let stored = keys(cache: &cache) else { throw .rejected }
        let found = SCRAMProof.clientKey(from: clientFinal.proof, storedKey: stored.storedKey, authMessage: authMessage)
        let signature = SCRAMProof.serverSignature(serverKey: stored.serverKey, authMessage: authMessage)
        guard let clientKey = found, stored.isReal else { throw .rejected }
        return Outcome(
            message: Array("v=".utf8) + Base64.encode(signature),
            keys: SCRAMKeys(clientKey: clientKey, serverKey: stored.serverKey, salt: salt, iterations: iterations))
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
