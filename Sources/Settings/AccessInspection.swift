// Who may come in, and how do they prove who they are?

import Authentication
import Proxy

extension Inspection {
    mutating func authentication(_ table: Table, transport: TransportSettings) -> AuthSettings {
        var settings = AuthSettings()
        settings.method =
            choice(
                "method", in: table,
                [
                    "scram-sha-256": .scramSHA256, "md5": .md5, "plain": .plain, "trust": .trust, "cert": .certificate,
                    "pam": .pam, "ldap": .ldap, "hba": .scramSHA256,
                ]) ?? settings.method
        if settings.method == .certificate, !transport.security.verifies {
            note(
                .conflict("clients show certificates only if tls.mode is verify-ca or verify-full"),
                at: table.path(of: "method"))
        }
        settings.scramIterations =
            integer("scram_iterations", in: table, 1...10_000_000) ?? settings.scramIterations
        readQuery(table, into: &settings)
        settings.pamService = string("pam_service", in: table) ?? settings.pamService
        settings.ldap = ldap(self.table(.ldap, "ldap", in: table), isNeeded: settings.method == .ldap)
        return settings
    }

    private mutating func ldap(_ table: Table, isNeeded: Bool) -> LDAPSettings {
        var settings = LDAPSettings()
        settings.url = string("url", in: table, expected: "ldap://host:port or ldaps://host") ?? settings.url
        settings.usesStartTLS = boolean("starttls", in: table) ?? settings.usesStartTLS
        settings.prefix = string("prefix", in: table) ?? settings.prefix
        settings.suffix = string("suffix", in: table) ?? settings.suffix
        settings.base = string("base_dn", in: table)
        settings.bindName = string("bind_dn", in: table) ?? settings.bindName
        settings.bindPassword = secret("bind_password", in: table) ?? settings.bindPassword
        settings.attribute = string("search_attribute", in: table) ?? settings.attribute
        settings.filter = string("search_filter", in: table)
        if isNeeded, settings.base == nil, !table.has("prefix"), !table.has("suffix"), !table.has("base_dn") {
            note(
                .missing(expected: "prefix or suffix of the name that is bound, or base_dn, where it is looked for"),
                at: table.path(of: "base_dn"))
        }
        return settings
    }

    private mutating func readQuery(_ table: Table, into settings: inout AuthSettings) {
        settings.queryUser = string("query_user", in: table, expected: "the name of a user with a password")
        settings.queryDatabase = string("query_database", in: table, expected: "the name of a database")
        settings.query = string("query", in: table, expected: "a query of two columns: the name and the secret of $1")
        if settings.queryUser != nil, settings.query == nil, !table.has("query") {
            settings.query = AuthSettings.defaultQuery
        }
        if let query = settings.query, !query.contains("$1") {
            note(.conflict("the query has no $1, which stands for the user's name"), at: table.path(of: "query"))
        }
        if table.has("query"), !table.has("query_user") {
            noteMissing("query_user", in: table, expected: "the user who asks the query")
        }
    }

    /// The user who asks for others logs in with a password.
    mutating func checkAskingUser(_ proxy: ProxySettings, _ table: Table) {
        guard let user = proxy.authentication.queryUser else { return }
        if case .plain? = proxy.directory.lookup(user) { return }
        note(
            .conflict("user \"\(printable(user))\" needs a plain password, in [users] or in the users file"),
            at: table.path(of: "query_user"))
    }

    /// The rules of `method = "hba"`; nil with any other method.
    mutating func access(_ table: Table) -> AccessRules? {
        guard case .string("hba")? = table["method"] else {
            for key in ["hba_file", "ident_file"] where string(key, in: table, expected: "the name of a file") != nil {
                note(.conflict("it is read only if method is \"hba\""), at: table.path(of: key))
            }
            return nil
        }
        guard let rules = string("hba_file", in: table, expected: "the name of a file like pg_hba.conf") else {
            if !table.has("hba_file") { noteMissing("hba_file", in: table, expected: "a file like pg_hba.conf") }
            return nil
        }
        var files = AccessFiles { [surroundings] path in
            do throws(UnreadableFile) {
                return .success(try surroundings.text(ofFile: path))
            } catch {
                return .failure(AccessFileProblem(error.reason))
            }
        }
        if let maps = string("ident_file", in: table, expected: "the name of a file like pg_ident.conf") {
            files.readMaps(surroundings.path(of: maps))
        }
        files.readRules(surroundings.path(of: rules))
        for mistake in files.mistakes {
            if let line = mistake.line {
                note(.conflict(mistake.sentence), file: mistake.file, line: line)
            } else {
                let key = mistake.file == surroundings.path(of: rules) ? "hba_file" : "ident_file"
                note(.conflict(mistake.sentence), at: table.path(of: key))
            }
        }
        return files.rules
    }

    mutating func admin(_ table: Table) -> AdminSettings {
        let expected = #"names of users, such as ["postgres"]"#
        return AdminSettings(
            users: Set(strings("users", in: table, expected: expected) ?? []),
            statsUsers: Set(strings("stats_users", in: table, expected: expected) ?? []),
            http: listenAddress("http", in: table))
    }

    private mutating func listenAddress(_ key: String, in table: Table) -> ListenAddress? {
        let form = #"an address with a port, such as "127.0.0.1:9632" or "[::1]:9632""#
        guard let text = string(key, in: table, expected: form) else { return nil }
        let colon = text.lastIndex(of: ":") ?? text.startIndex
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        let isAddress =
            !host.isEmpty && host.contains(":") == isBracketed && host.allSatisfy { $0.isHexDigit || ".:".contains($0) }
        guard isAddress, let port = UInt16(text[colon...].dropFirst()), port > 0 else {
            noteWrong(key, in: table, expected: form, found: .string(text))
            return nil
        }
        return ListenAddress(host: String(host), port: port)
    }

    /// Nobody else listens where the HTTP endpoint does.
    mutating func checkAdminAddress(_ proxy: ProxySettings, _ table: Table) {
        guard let http = proxy.admin.http else { return }
        let wildcards = ["0.0.0.0", "::"]
        let isShared = proxy.listen.addresses.contains { address in
            let names = address == "localhost" ? ["127.0.0.1", "::1"] : [address]
            return names.contains { name in
                // "::" does not stand for addresses of IPv4.
                guard name.contains(":") == http.host.contains(":") else { return false }
                return name == http.host || wildcards.contains(name) || wildcards.contains(http.host)
            }
        }
        let ports = [
            ("port", proxy.listen.port), ("reader_port", proxy.listen.readerPort),
            ("writer_port", proxy.listen.writerPort),
        ]
        guard isShared, let (key, port) = ports.first(where: { $0.1 == http.port }), let port else { return }
        note(
            .conflict("\(port) is also listen.\(key), on the same address; each needs a port of its own"),
            at: table.path(of: "http"))
    }

    /// The secrets of the users file and of `[users.NAME]` together; a user with neither is known and has none.
    mutating func directory(
        _ users: Table, _ tables: [(name: String, table: Table)], authentication: Table
    ) -> UserDirectory {
        var directory = usersFile(authentication)
        for (name, table) in tables {
            let path = table.path(of: "password")
            guard let text = secret("password", in: table) else {
                if directory.lookup(name) == nil { directory.add(name, .unusable) }
                continue
            }
            if directory.lookup(name) != nil {
                note(.conflict("the users file (auth.users_file) has a password for this user too"), at: path)
            }
            guard let secret = Secret(parsing: text) else {
                let expected = "a password, md5… or SCRAM-SHA-256$iterations:salt$storedKey:serverKey"
                note(.wrongValue(expected: expected, found: "a SCRAM secret that is damaged"), at: path)
                continue
            }
            directory.add(name, secret)
        }
        var isKnownElsewhere = authentication.has("users_file") || authentication.has("query_user")
        if case .string(let method)? = authentication["method"], ["pam", "ldap", "hba"].contains(method) {
            isKnownElsewhere = true
        }
        if directory.count == 0 && users.isReadable && !isKnownElsewhere {
            let expected = "somebody who may log in: [users.NAME], or a file of users in auth.users_file"
            note(.missing(expected: expected), at: users.path)
        }
        return directory
    }

    private mutating func usersFile(_ authentication: Table) -> UserDirectory {
        guard let name = string("users_file", in: authentication, expected: "the name of a file") else {
            return UserDirectory()
        }
        let text: String
        do throws(UnreadableFile) {
            text = try surroundings.text(ofFile: name)
        } catch {
            note(.conflict(error.reason), at: authentication.path(of: "users_file"))
            return UserDirectory()
        }
        var found: [UsersFileMistake] = []
        let directory = UserDirectory(usersFile: text, mistakes: &found)
        for mistake in found {
            let sentence = mistake.description.dropFirst("line \(mistake.line): ".count)
            note(.conflict(String(sentence)), file: surroundings.path(of: name), line: mistake.line)
        }
        return directory
    }

    mutating func users(_ tables: [(name: String, table: Table)]) -> [String: UserSettings] {
        var users: [String: UserSettings] = [:]
        for (name, table) in tables {
            let pool = self.table(.pool, "pool", in: table)
            var user = UserSettings(name: name, pool: poolOverrides(pool))
            user.maxClients = limit("max_clients", in: table)
            user.maxConnections = limit("max_connections", in: table)
            users[name] = user
        }
        return users
    }

    /// Limits of a user that cannot hold together with those of a database that has no such fault itself.
    mutating func checkPools(of users: [String: UserSettings], in databases: [String: DatabaseSettings]) {
        let pools = databases.values.sorted { $0.name < $1.name }.map(\.pool)
            .filter { Self.contradictions(in: $0).isEmpty }
        for user in users.values.sorted(by: { $0.name < $1.name }) {
            let combined = pools.lazy.map(user.pool.applied(to:))
            guard let faulty = combined.first(where: { !Self.contradictions(in: $0).isEmpty }) else { continue }
            checkPool(faulty, at: SettingPath("users", user.name, "pool"))
        }
    }
}
