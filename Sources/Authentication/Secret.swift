// What proves a password, in the forms in which PostgreSQL and PgBouncer store it?

internal import OpenSSL

/// What is known of a user's password.
public enum Secret: Equatable, Sendable {
    /// The password itself.
    case plain(String)
    /// MD5 of password and user name: 32 lower-case hexadecimal digits.
    case md5(String)
    /// What verifies SCRAM proofs.
    case scram(SCRAMSecret)
    /// The user exists, but no password fits.
    case unusable

    /// Reads the form of `pg_authid.rolpassword` and of PgBouncer's users file.
    ///
    /// An empty text is `unusable`. What looks like neither MD5 nor SCRAM is a plain password, as for PostgreSQL; but a
    /// text that begins like a SCRAM secret and is none gives nil, because that is a mistake and not a password.
    public init?(parsing text: String) {
        let bytes = Array(text.utf8)
        if bytes.isEmpty {
            self = .unusable
        } else if bytes.starts(with: SCRAMSecret.prefix) {
            guard let secret = SCRAMSecret(parsing: text) else { return nil }
            self = .scram(secret)
        } else if bytes.count == 35, bytes.starts(with: Array("md5".utf8)), bytes.dropFirst(3).allSatisfy(isHexDigit) {
            self = .md5(String(decoding: bytes.dropFirst(3), as: UTF8.self))
        } else if bytes.contains(0) {
            return nil
        } else {
            self = .plain(text)
        }
    }

    /// The form of the secret, without the secret.
    public var kind: SecretKind {
        switch self {
        case .plain: .plain
        case .md5: .md5
        case .scram: .scram
        case .unusable: .unusable
        }
    }

    /// Equality of bytes: Swift's equality of strings takes differently encoded letters for the same.
    public static func == (left: Secret, right: Secret) -> Bool {
        switch (left, right) {
        case (.plain(let left), .plain(let right)), (.md5(let left), .md5(let right)):
            constantTimeEquals(Array(left.utf8), Array(right.utf8))
        case (.scram(let left), .scram(let right)): left == right
        case (.unusable, .unusable): true
        case (.plain, _), (.md5, _), (.scram, _), (.unusable, _): false
        }
    }
}

/// The forms of ``Secret``.
public enum SecretKind: String, Sendable, CaseIterable {
    case plain
    case md5
    case scram
    case unusable
}

/// A SCRAM-SHA-256 verifier as PostgreSQL stores it: `SCRAM-SHA-256$iterations:salt$storedKey:serverKey`.
public struct SCRAMSecret: Equatable, Sendable {
    static let prefix = Array("SCRAM-SHA-256$".utf8)

    /// At least one.
    public let iterations: Int
    /// Not empty.
    public let salt: [UInt8]
    /// 32 bytes.
    public let storedKey: [UInt8]
    /// 32 bytes.
    public let serverKey: [UInt8]

    /// - Precondition: at least one iteration, a salt, keys of 32 bytes.
    public init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        precondition(iterations > 0 && !salt.isEmpty, "a SCRAM secret needs iterations and a salt")
        precondition(storedKey.count == 32 && serverKey.count == 32, "SCRAM-SHA-256 keys have 32 bytes")
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Reads PostgreSQL's form; nil if anything about it is wrong.
    public init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard bytes.starts(with: Self.prefix) else { return nil }
        let parts = bytes.dropFirst(Self.prefix.count).split(
            separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let cost = parts[0].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let keys = parts[1].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard cost.count == 2, keys.count == 2,
            let iterations = Decimal.parse(cost[0], upTo: Int(Int32.max)), iterations > 0,
            let salt = Base64.decode(cost[1]), !salt.isEmpty,
            let storedKey = Base64.decode(keys[0]), storedKey.count == 32,
            let serverKey = Base64.decode(keys[1]), serverKey.count == 32
        else { return nil }
        self.init(iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
    }

    /// The verifier of a password, as `CREATE ROLE … PASSWORD` computes it.
    public init(password: String, salt: [UInt8], iterations: Int) {
        let keys = DerivedKeys(password: Array(password.utf8), salt: salt, iterations: iterations)
        self.init(iterations: iterations, salt: salt, storedKey: keys.storedKey, serverKey: keys.serverKey)
    }

    /// PostgreSQL's form. It is a secret: whoever has it can impersonate the server.
    public var text: String {
        let texts = [salt, storedKey, serverKey].map { String(decoding: Base64.encode($0), as: UTF8.self) }
        return "SCRAM-SHA-256$\(iterations):\(texts[0])$\(texts[1]):\(texts[2])"
    }
}

// Secrets must not reach a log by being printed.

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(kind.rawValue) secret" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension SCRAMSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SCRAM secret with \(iterations) iterations" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}
