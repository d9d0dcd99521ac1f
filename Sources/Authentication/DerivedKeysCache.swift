// How do repeated logins avoid the slow derivation of keys?

internal import OpenSSL

/// Keys derived from plain passwords, found again by password, salt and iterations. The oldest entry makes room.
public struct DerivedKeysCache: Sendable {
    /// Most entries.
    public let limit: Int
    /// Look-ups that found keys.
    public private(set) var hits: UInt64 = 0
    /// Look-ups that had to derive keys.
    public private(set) var misses: UInt64 = 0
    /// Entries that had to make room.
    public private(set) var evictions: UInt64 = 0

    /// False: keys that are not known are ordered with ``KeyDerivation`` and come back in ``lent``.
    public let derivesAtOnce: Bool
    /// What was derived for the login that is under way.
    public var lent: LentKeys?
    /// What the login that is under way lacks.
    private var missing: KeyDerivation?

    private var keys: [[UInt8]: DerivedKeys] = [:]
    /// Digests of the entries; when full, the one at `oldest` is the next to go.
    private var order: [[UInt8]] = []
    private var oldest = 0

    /// An empty cache for at most so many entries; without room it only derives.
    public init(limit: Int = AuthSettings().maxDerivedKeys, derivesAtOnce: Bool = true) {
        precondition(limit >= 0, "a negative limit")
        self.limit = limit
        self.derivesAtOnce = derivesAtOnce
    }

    /// Present entries.
    public var count: Int { keys.count }

    /// The keys, derived unless known; nil if they must be derived elsewhere first (see ``takeMissing()``).
    ///
    /// - Parameter isToBeKept: false where the password is a guess, lest guesses push real entries out.
    mutating func keys(
        password: [UInt8], salt: [UInt8], iterations: Int, isToBeKept: Bool = true
    ) -> DerivedKeys? {
        let digest = Self.digest(password: password, salt: salt, iterations: iterations)
        if let known = keys[digest] {
            hits += 1
            return known
        }
        let derived: DerivedKeys
        if let lent, lent.digest == digest {
            derived = lent.keys
        } else if derivesAtOnce {
            misses += 1
            derived = DerivedKeys(password: password, salt: salt, iterations: iterations)
        } else {
            misses += 1
            missing = KeyDerivation(password: password, salt: salt, iterations: iterations, digest: digest)
            return nil
        }
        if isToBeKept { keep(derived, digest) }
        return derived
    }

    /// What has to be derived before the message that was fed last can be answered.
    mutating func takeMissing() -> KeyDerivation? {
        defer { missing = nil }
        return missing
    }

    /// Keeps keys after the password has proved right.
    mutating func keep(_ derived: DerivedKeys, password: [UInt8], salt: [UInt8], iterations: Int) {
        keep(derived, Self.digest(password: password, salt: salt, iterations: iterations))
    }

    private mutating func keep(_ derived: DerivedKeys, _ digest: [UInt8]) {
        guard limit > 0, keys[digest] == nil else { return }
        if order.count < limit {
            order.append(digest)
        } else {
            keys[order[oldest]] = nil
            evictions += 1
            order[oldest] = digest
            oldest = (oldest + 1) % limit
        }
        keys[digest] = derived
    }

    /// No two inputs run together: the lengths come first.
    private static func digest(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        var message: [UInt8] = []
        for number in [password.count, salt.count, iterations] {
            for shift in stride(from: 56, through: 0, by: -8) {
                message.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        return Digest.sha256(message + password + salt)
    }
}

extension DerivedKeysCache: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(count) derived keys" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
