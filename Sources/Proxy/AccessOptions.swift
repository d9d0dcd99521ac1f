// What do the options behind a method in a rules file mean?

public import Authentication

/// The options of `pg_hba.conf` that are understood.
public enum AccessOptions {
    static let known: [String: Set<String>] = [
        "cert": ["map"], "peer": ["map"], "pam": ["pamservice"],
        "ldap": [
            "ldapserver", "ldapport", "ldapscheme", "ldaptls", "ldapprefix", "ldapsuffix", "ldapbasedn", "ldapbinddn",
            "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter",
        ],
    ]

    /// Reads pairs such as `ldapserver=db ldapprefix="uid="`, as one text.
    ///
    /// - Returns: nil: they do not say how a user is found.
    public static func ldap(_ options: [String: String]) -> LDAPSettings? {
        var settings = LDAPSettings()
        let scheme = options["ldapscheme"] ?? "ldap"
        let port = options["ldapport"] ?? (scheme == "ldaps" ? "636" : "389")
        guard UInt16(port) != nil, scheme == "ldap" || scheme == "ldaps" else { return nil }
        let servers = (options["ldapserver"] ?? "127.0.0.1").split(separator: " ")
        settings.url = servers.map { "\(scheme)://\($0):\(port)" }.joined(separator: " ")
        settings.usesStartTLS = options["ldaptls"] == "1"
        settings.prefix = options["ldapprefix"] ?? ""
        settings.suffix = options["ldapsuffix"] ?? ""
        settings.base = options["ldapbasedn"]
        settings.bindName = options["ldapbinddn"] ?? ""
        settings.bindPassword = options["ldapbindpasswd"] ?? ""
        settings.attribute = options["ldapsearchattribute"] ?? settings.attribute
        settings.filter = options["ldapsearchfilter"]
        guard settings.base != nil || options["ldapprefix"] != nil || options["ldapsuffix"] != nil else { return nil }
        return settings
    }
}
