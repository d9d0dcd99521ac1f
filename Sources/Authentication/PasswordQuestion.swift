// Who else says whether a password is right?

/// How a directory (LDAP) checks a password.
public struct LDAPSettings: Equatable, Sendable {
    /// `ldap://host:port` or `ldaps://host`; several, separated by blanks, are tried in turn.
    public var url = "ldap://127.0.0.1"
    public var usesStartTLS = false
    /// What stands around the user's name in the name that is bound.
    public var prefix = ""
    public var suffix = ""
    /// Where the user is looked for first; nil: the name that is bound is made of prefix, user and suffix.
    public var base: String?
    /// Who looks; empty: nobody in particular.
    public var bindName = ""
    public var bindPassword = ""
    public var attribute = "uid"
    /// In it `$username` is the user's name; nil: `(attribute=user)`.
    public var filter: String?

    public init() {}
}

/// What somebody else has to say yes to.
public struct PasswordQuestion: Equatable, Sendable {
    public enum Authority: Equatable, Sendable {
        /// A service of PAM.
        case pam(service: String)
        case ldap(LDAPSettings)
    }

    public var authority: Authority
    public var user: String
    public var password: [UInt8]
    /// The client's address; nil: it is on this machine.
    public var host: String?

    public init(_ authority: Authority, user: String, password: [UInt8], host: String?) {
        self.authority = authority
        self.user = user
        self.password = password
        self.host = host
    }
}

/// What they say.
public enum PasswordVerdict: Equatable, Sendable {
    case right
    case wrong
    /// Nobody could be asked; the sentence says why.
    case failed(String)
}
