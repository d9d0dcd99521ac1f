// How are keys derived elsewhere than where a login waits for them?

/// The slow part of a login, to be run on a thread that may be slow. It holds a password.
public struct KeyDerivation: Equatable, Sendable {
    let password: [UInt8]
    let salt: [UInt8]
    let iterations: Int
    let digest: [UInt8]

    /// Derives the keys: about 0.3 µs for each iteration.
    public func run() -> LentKeys {
        LentKeys(digest: digest, keys: DerivedKeys(password: password, salt: salt, iterations: iterations))
    }
}

/// Keys for the login that ordered them.
public struct LentKeys: Sendable {
    let digest: [UInt8]
    let keys: DerivedKeys
}

extension KeyDerivation: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "derivation of keys" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension LentKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "derived keys" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
