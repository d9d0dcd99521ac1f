// Which settings file does the same as one of PgBouncer's?

import Proxy

/// A settings file made from PgBouncer's, as text.
public struct PgBouncerImport: Sendable {
    /// The file, with a comment for whatever has no equivalent.
    public private(set) var text = ""
    /// Sentences about what could not be read.
    public private(set) var mistakes: [String] = []

    private var file: PgBouncerFile
    /// By table, in the order of the settings file; a comment is a line that begins with #.
    private var tables: [(name: String, lines: [String])] = []
    private var notes: [String] = []

    /// Reads `pgbouncer.ini` and the files that it names.
    public init(path: String) {
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        self.init(path: path) { name in
            do throws(UnreadableFile) {
                return .success(try Surroundings.text(ofFile: name))
            } catch {
                guard !name.hasPrefix("/"), !directory.isEmpty, name != path else { return .failure(error) }
                do throws(UnreadableFile) {
                    return .success(try Surroundings.text(ofFile: directory + name))
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    init(path: String, read: (String) -> Result<String, UnreadableFile>) {
        file = PgBouncerFile(path: path, read: read)
        mistakes = file.mistakes
        translate(read)
        write(path)
    }

    // MARK: Writing

    private mutating func put(_ table: String, _ key: String, _ value: String) { put(table, line: "\(key) = \(value)") }

    private mutating func put(_ table: String, line: String) {
        if let place = tables.firstIndex(where: { $0.name == table }) {
            tables[place].lines.append(line)
        } else {
            tables.append((table, [line]))
        }
    }

    private mutating func write(_ path: String) {
        text = "# Made from \(path) of PgBouncer.\n"
        for note in notes { text += "# \(note)\n" }
        for table in tables {
            text += "\n[\(table.name)]\n" + table.lines.map { $0 + "\n" }.joined()
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// A key of a table, in quotes if it must be.
    private static func key(_ name: String) -> String {
        let isBare = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
        return isBare && !name.isEmpty ? name : quoted(name)
    }

    private static func duration(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\"\(Int(seconds))s\"" : "\"\(Int(seconds * 1000))ms\""
    }

    private static func list(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    // MARK: Translating

    private mutating func translate(_ read: (String) -> Result<String, UnreadableFile>) {
        for entry in file.sections["pgbouncer"] ?? [] { translate(entry.key, entry.value) }
        translateAccess()
        translateDatabases()
        translateUsers()
        translatePeers()
        addProbe(read)
    }

    private mutating func translate(_ key: String, _ value: String) {
        guard let rule = PgBouncerRules.all[key] else {
            notes.append("\(key) = \(value): PgBouncer has no such setting that is known here")
            return
        }
        switch rule {
        case .elsewhere: break
        case .none(let why): notes.append("\(key) = \(value): \(why)")
        case .default(let expected, let why): if value != expected { notes.append("\(key) = \(value): \(why)") }
        case .text(let table, let name): put(table, name, Self.quoted(value))
        case .file(let table, let name): if !value.isEmpty { put(table, name, Self.quoted(value)) }
        case .names(let table, let name):
            put(table, name, "[" + Self.list(value).map(Self.quoted).joined(separator: ", ") + "]")
        case .number(let table, let name):
            guard let number = Int(value) else { return mistakes.append("\(key): \(value) is no number") }
            put(table, name, "\(number)")
        case .limit(let table, let name):
            guard let number = Int(value) else { return mistakes.append("\(key): \(value) is no number") }
            if number > 0 { put(table, name, "\(number)") }
        case .seconds(let table, let name):
            guard let seconds = Double(value), (0..<1e9).contains(seconds) else {
                return mistakes.append("\(key): \(value) is no number of seconds")
            }
            put(table, name, Self.duration(seconds))
        case .switched(let table, let name):
            put(table, name, ["1", "yes", "true", "on"].contains(value) ? "true" : "false")
        case .bytes(let table, let name):
            guard let number = Int(value) else { return mistakes.append("\(key): \(value) is no number") }
            put(table, name, "\"\(min(number, 1 << 30))B\"")
        }
    }

    private mutating func translateAccess() {
        put("listen", "addresses", listenAddresses)
        if file.setting("pool_mode") == nil {
            put("pool", line: "# PgBouncer's default; \"transaction\" lets reads be spread over the replicas")
            put("pool", "mode", "\"session\"")
        }
        if (file.setting("so_reuseport") ?? "0") != "0" { put("listen", "shares_port", "true") }
        let method = file.setting("auth_type") ?? "md5"
        switch method {
        case "trust", "plain", "md5", "scram-sha-256", "cert", "hba": put("auth", "method", Self.quoted(method))
        case "pam":
            put("auth", "method", "\"pam\"")
            put("auth", "pam_service", "\"pgbouncer\"")
        case "ldap":
            put("auth", "method", "\"ldap\"")
            translateDirectory(file.setting("auth_ldap_options") ?? "")
        case "any":
            put("auth", "method", "\"trust\"")
            notes.append("auth_type = any: whoever names a known user is that user; nobody else gets in")
        default:
            notes.append("auth_type = \(method) is not supported")
        }
        for side in ["client", "server"] {
            let versions = file.setting("\(side)_tls_protocols") ?? ""
            if ["", "secure"].contains(versions) { continue }
            let words = Self.list(versions)
            if words.allSatisfy({ $0 == "tlsv1.3" }), side == "client" { put("tls", "min_version", "\"1.3\"") }
            if words.contains(where: { ["tlsv1.0", "tlsv1.1", "all", "legacy"].contains($0) }) {
                notes.append("\(side)_tls_protocols = \(versions): versions before 1.2 are not spoken")
            }
        }
    }

    /// The options of a rule, for everybody.
    private mutating func translateDirectory(_ options: String) {
        let pairs = PgBouncerFile.pairs(options.replacing("\"", with: "'")) ?? []
        guard let ldap = AccessOptions.ldap(Dictionary(pairs) { $1 }) else {
            mistakes.append("auth_ldap_options: expected ldapprefix, ldapsuffix or ldapbasedn among the options")
            return
        }
        put("auth.ldap", "url", Self.quoted(ldap.url))
        if ldap.usesStartTLS { put("auth.ldap", "starttls", "true") }
        for (key, value) in [
            ("prefix", ldap.prefix), ("suffix", ldap.suffix), ("base_dn", ldap.base ?? ""), ("bind_dn", ldap.bindName),
            ("bind_password", ldap.bindPassword), ("search_attribute", ldap.attribute),
            ("search_filter", ldap.filter ?? ""),
        ] where !value.isEmpty {
            put("auth.ldap", key, Self.quoted(value))
        }
    }

    private var listenAddresses: String {
        let names = Self.list(file.setting("listen_addr") ?? "").map { $0 == "*" ? "0.0.0.0" : $0 }
        return "[" + (names.isEmpty ? ["127.0.0.1"] : names).map(Self.quoted).joined(separator: ", ") + "]"
    }

    // MARK: Databases

    /// By the servers: the databases of the same ones are one cluster.
    private mutating func translateDatabases() {
        var clusters: [(nodes: [String], name: String)] = []
        for entry in file.sections["databases"] ?? [] {
            guard let pairs = PgBouncerFile.pairs(entry.value) else {
                mistakes.append("[databases] \(entry.key): the connection string cannot be read")
                continue
            }
            let values = Dictionary(pairs) { $1 }
            let hosts = (values["host"] ?? "").split(separator: ",").map(String.init)
            let port = values["port"] ?? "5432"
            if hosts.isEmpty || hosts.contains(where: { $0.hasPrefix("/") || $0.hasPrefix("@") }) {
                notes.append("[databases] \(entry.key): the unix socket of its server is not used, but 127.0.0.1")
            }
            let nodes = (hosts.isEmpty ? ["/"] : hosts).map { host in
                if host.hasPrefix("/") || host.hasPrefix("@") { return "127.0.0.1:\(port)" }
                return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            }
            let next = clusters.isEmpty ? "main" : "main\(clusters.count + 1)"
            let name = clusters.first { $0.nodes == nodes }?.name ?? next
            if !clusters.contains(where: { $0.name == name }) { addCluster(nodes, name, &clusters) }
            let table = "databases.\(Self.key(entry.key))"
            put(table, "cluster", Self.quoted(name))
            for (key, value) in pairs { translate(databaseKey: key, value, of: entry.key, table) }
        }
    }

    private mutating func addCluster(
        _ nodes: [String], _ name: String, _ clusters: inout [(nodes: [String], name: String)]
    ) {
        clusters.append((nodes, name))
        put("clusters.\(name)", line: "# name the replicas here, too: the primary is found by asking")
        put("clusters.\(name)", "nodes", "[" + nodes.map(Self.quoted).joined(separator: ", ") + "]")
        if let mode = file.setting("server_tls_sslmode") { put("clusters.\(name).tls", "mode", Self.quoted(mode)) }
        for (key, ours) in [("ca", "ca"), ("cert", "certificate"), ("key", "key")] {
            guard let path = file.setting("server_tls_\(key)_file"), !path.isEmpty else { continue }
            put("clusters.\(name).tls", ours, Self.quoted(path))
        }
        if let ciphers = file.setting("server_tls_ciphers"), !PgBouncerRules.usualCiphers.contains(ciphers) {
            put("clusters.\(name).tls", "ciphers", Self.quoted(ciphers))
        }
        if let suites = file.setting("server_tls13_ciphers"), !suites.isEmpty {
            put("clusters.\(name).tls", "cipher_suites", Self.quoted(suites))
        }
    }

    private mutating func translate(databaseKey key: String, _ value: String, of name: String, _ table: String) {
        switch key {
        case "host", "port", "load_balance_hosts": break
        case "dbname", "user", "password": put(table, key, Self.quoted(value))
        case "pool_size": put("\(table).pool", "size", value)
        case "min_pool_size": put("\(table).pool", "min_size", value)
        case "reserve_pool_size", "reserve_pool": put("\(table).pool", "reserve_size", value)
        case "pool_mode": put("\(table).pool", "mode", Self.quoted(value))
        case "query_wait_timeout", "server_lifetime":
            let ours = key == "server_lifetime" ? "lifetime" : "wait_timeout"
            put("\(table).pool", ours, Self.duration(Double(value) ?? 0))
        case "max_db_connections": put(table, "max_connections", value)
        case "max_db_client_connections": put(table, "max_clients", value)
        default:
            notes.append("[databases] \(name): \(key)=\(value) has no equivalent for one database")
        }
    }

    private mutating func translateUsers() {
        for entry in file.sections["users"] ?? [] {
            let table = "users.\(Self.key(entry.key))"
            put(table, line: "# what [users] of PgBouncer says of \(entry.key)")
            for (key, value) in PgBouncerFile.pairs(entry.value) ?? [] {
                switch key {
                case "pool_size": put("\(table).pool", "size", value)
                case "reserve_pool_size": put("\(table).pool", "reserve_size", value)
                case "pool_mode": put("\(table).pool", "mode", Self.quoted(value))
                case "max_user_connections": put(table, "max_connections", value)
                case "max_user_client_connections": put(table, "max_clients", value)
                case "query_timeout", "idle_transaction_timeout", "transaction_timeout", "client_idle_timeout",
                    "query_wait_timeout":
                    let ours = key == "query_wait_timeout" ? "wait_timeout" : key
                    put("\(table).pool", ours, Self.duration(Double(value) ?? 0))
                default: notes.append("[users] \(entry.key): \(key)=\(value) has no equivalent for one user")
                }
            }
        }
    }

    private mutating func translatePeers() {
        for entry in file.sections["peers"] ?? [] {
            let values = Dictionary(PgBouncerFile.pairs(entry.value) ?? []) { $1 }
            put("peers", entry.key, Self.quoted("\(values["host"] ?? ""):\(values["port"] ?? "6432")"))
        }
    }

    // MARK: The probe

    /// PgBouncer does not watch its servers. The role that asks for users, or the first of the administrators with a
    /// password, may do it.
    private mutating func addProbe(_ read: (String) -> Result<String, UnreadableFile>) {
        var found: [UsersFileEntry] = []
        if let path = file.setting("auth_file"), case .success(let text) = read(path) {
            found = UsersFileEntry.plain(text)
        }
        let wanted = [file.setting("auth_user")].compactMap { $0 } + Self.list(file.setting("admin_users") ?? "")
        let user = wanted.lazy.compactMap { name in found.first { $0.user == name } }.first
        put("probe", line: "# a role with pg_monitor, and CONNECT on the databases served")
        if let user {
            put("probe", "user", Self.quoted(user.user))
            put("probe", "password", Self.quoted(user.password))
        } else {
            put("probe", line: "# PgBouncer has none: create it, and say its password here")
            put("probe", "user", "\"pointsman\"")
            notes.append("[probe] needs a role: see there")
        }
    }
}
