// Who may come in, and how do they prove who they are?

import Authentication
import Proxy

extension Inspection {
    mutating func authentication(_ table: Table) -> AuthSettings {
        var settings = AuthSettings()
        settings.method =
            choice(
                "method", in: table,
                ["scram-sha-256": .scramSHA256, "md5": .md5, "plain": .plain, "trust": .trust],
                later: ["cert", "hba"]) ?? settings.method
        refuse(["query", "query_user"], in: table, because: "looking unknown users up on a server is")
        return settings
    }

    /// The users of `[users.NAME]` and of the users file together.
    mutating func users(_ all: Table, authentication: Table) -> [String: UserSettings] {
        var users: [String: UserSettings] = [:]
        for (name, table) in namedTables(.user, in: all) {
            var user = UserSettings(name: name)
            if let text = secret("password", in: table) {
                user.secret = secretValue(text, at: table.path(of: "password"))
            }
            let pool = self.table(.pool, "pool", in: table)
            refuse(["mode"], in: pool, because: "a pool mode of a single user is")
            user.pool = poolOverrides(pool)
            users[name] = user
        }
        return users
    }

    /// Limits of a user that cannot hold together with those of a database; one such database is told of.
    mutating func checkPools(of users: [String: UserSettings], in databases: [String: DatabaseSettings]) {
        for user in users.values.sorted(by: { $0.name < $1.name }) where user.pool != PoolOverrides() {
            let count = mistakes.count
            for database in databases.values.sorted(by: { $0.name < $1.name }) where mistakes.count == count {
                checkPool(user.pool.applied(to: database.pool), at: SettingPath("users", user.name, "pool"))
            }
        }
    }

    private mutating func secretValue(_ text: String, at path: SettingPath) -> Secret? {
        guard let secret = Secret(parsing: text) else {
            let expected = "a password, an md5… or a SCRAM-SHA-256$… secret"
            note(.wrongValue(expected: expected, found: "a secret of one of these kinds that is damaged"), at: path)
            return nil
        }
        return secret
    }

    /// Encryption towards clients, or towards the nodes of one cluster: the modes that do not insist on it are fine.
    mutating func refuseTransportSecurity(_ table: Table) {
        let modes: KeyValuePairs<String, Void> = ["disable": (), "allow": (), "prefer": ()]
        _ = choice("mode", in: table, modes, later: ["require", "verify-ca", "verify-full"])
        refuse(["certificate", "key", "ca"], in: table, because: "encryption (TLS) is")
    }
}
