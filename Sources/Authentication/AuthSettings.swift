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
    /// The kernel's word for who is at the other end of a unix socket; in rules only.
    case peer
    /// A password in the clear, which a service of PAM checks.
    case pam
    /// A password in the clear, which a directory checks.
    case ldap

    /// Somebody else says whether the password is right.
    public var asksOthers: Bool { self == .pam || self == .ldap }
}

/// How clients prove who they are, for all of them.
public struct AuthSettings: Equatable, Sendable {
    /// The method for all clients.
    public var method: AuthenticationMethod = .scramSHA256
    /// Iterations of SCRAM exchanges over plain secrets, and of those that unknown users go through.
    public var scramIterations = 4096
    /// Asks a server for the secret of a user that is not known here, as `$1`; nil: nobody is asked.
    public var query: String?
    /// Who asks.
    public var queryUser: String?
    /// Where it is asked, by the name on the servers; nil: in the database that the client wants.
    public var queryDatabase: String?
    /// For the method `pam`.
    public var pamService = "pointsman"
    /// For the method `ldap`.
    public var ldap = LDAPSettings()
    /// Entries of a ``DerivedKeysCache``.
    public var maxDerivedKeys = 4096

    /// Of users that may log in, those whose password has not expired.
    public static let defaultQuery = """
        SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END FROM pg_authid \
        WHERE rolname = $1 AND rolcanlogin
        """

    public init() {}
}
