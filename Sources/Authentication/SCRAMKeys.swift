// Which keys follow from a password, and how do they prove that one knows it (RFC 5802)?

internal import OpenSSL

/// The keys that a client's SCRAM login reveals. With them the same login can be made at a server that stores the same
/// secret (same salt and iterations), although the password stays unknown.
public struct SCRAMKeys: Equatable, Sendable {
    /// 32 bytes.
    public let clientKey: [UInt8]
    /// 32 bytes.
    public let serverKey: [UInt8]
    /// The salt of the secret that they belong to.
    public let salt: [UInt8]
    /// The iterations of that secret.
    public let iterations: Int

    public init(clientKey: [UInt8], serverKey: [UInt8], salt: [UInt8], iterations: Int) {
        self.clientKey = clientKey
        self.serverKey = serverKey
        self.salt = salt
        self.iterations = iterations
    }
}

extension SCRAMKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SCRAM keys" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The keys of one password, salt and number of iterations.
struct DerivedKeys: Equatable, Sendable {
    let clientKey: [UInt8]
    let storedKey: [UInt8]
    let serverKey: [UInt8]

    /// Takes about 0.3 µs for each iteration.
    init(password: [UInt8], salt: [UInt8], iterations: Int) {
        let prepared = SASLPreparation.prepare(password)
        let salted = PBKDF2.sha256(password: prepared, salt: salt, iterations: iterations)
        clientKey = HMAC.sha256(key: salted, message: Array("Client Key".utf8))
        storedKey = Digest.sha256(clientKey)
        serverKey = HMAC.sha256(key: salted, message: Array("Server Key".utf8))
    }
}

/// Proofs and signatures over the messages of one exchange.
enum SCRAMProof {
    static func clientProof(clientKey: [UInt8], authMessage: [UInt8]) -> [UInt8] {
        let signature = HMAC.sha256(key: Digest.sha256(clientKey), message: authMessage)
        return exclusiveOr(clientKey, signature)
    }

    static func serverSignature(serverKey: [UInt8], authMessage: [UInt8]) -> [UInt8] {
        HMAC.sha256(key: serverKey, message: authMessage)
    }

    /// The client key that a proof of 32 bytes reveals; nil if the proof is wrong.
    static func clientKey(from proof: [UInt8], storedKey: [UInt8], authMessage: [UInt8]) -> [UInt8]? {
        let clientKey = exclusiveOr(proof, HMAC.sha256(key: storedKey, message: authMessage))
        return constantTimeEquals(Digest.sha256(clientKey), storedKey) ? clientKey : nil
    }

    private static func exclusiveOr(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result = left
        for place in 0..<min(left.count, right.count) { result[place] ^= right[place] }
        return result
    }
}
