// How must clients prove who they are?

/// How a client proves who it is.
public enum AuthenticationMethod: String, Sendable, CaseIterable {
    /// Whoever names a known user is that user.
    case trust
    /// The password in the clear.
    case plain
    /// An MD5 challenge; SCRAM for users whose secret is a SCRAM secret.
    case md5
    /// SCRAM-SHA-256; users with an MD5 secret cannot log in.
    case scramSHA256 = "scram-sha-256"
    /// A TLS certificate in the user's name.
    case certificate = "cert"
}

/// How clients prove who they are, for all of them.
public struct AuthSettings: Equatable, Sendable {
    /// The method for all clients.
    public var method: AuthenticationMethod = .scramSHA256
    /// Iterations of SCRAM exchanges over plain secrets, and of those that unknown users go through.
    public var scramIterations = 4096
    /// Entries of a ``DerivedKeysCache``.
    public var maxDerivedKeys = 4096

    public init() {}
}
