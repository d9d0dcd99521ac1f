// Which users are known, and with which secrets?

/// Users and their secrets. Names are compared byte by byte.
public struct UserDirectory: Equatable, Sendable {
    private var secrets: [[UInt8]: Secret] = [:]

    /// Nobody.
    public init() {}

    /// The secret of a user; nil for somebody unknown.
    public func lookup(_ name: String) -> Secret? { secrets[Array(name.utf8)] }

    /// Adds a user, or gives it another secret.
    public mutating func add(_ name: String, _ secret: Secret) { secrets[Array(name.utf8)] = secret }

    /// All of them.
    public var names: Set<String> { Set(secrets.keys.map { String(decoding: $0, as: UTF8.self) }) }

    /// Known users.
    public var count: Int { secrets.count }

    /// The form in which most secrets are stored: what an unknown user should look like.
    public var commonestKind: SecretKind {
        var counts: [SecretKind: Int] = [:]
        for secret in secrets.values { counts[secret.kind, default: 0] += 1 }
        let md5Count = counts[.md5, default: 0] + counts[.plain, default: 0]
        return counts[.scram, default: 0] >= md5Count ? .scram : .md5
    }
}
