// Which PostgreSQL servers belong together, and which databases do clients find on them?

import Authentication
import Discovery
import Pooling
import Proxy
import Routing

extension Inspection {
    mutating func clusters(_ all: Table) -> ([String: ClusterDefinition], [String: DiscoverySettings]) {
        let tables = namedTables(.cluster, in: all)
        var clusters: [String: ClusterDefinition] = [:]
        var discoveries: [String: DiscoverySettings] = [:]
        for (name, table) in tables {
            let isDiscovered = table.has("discovery")
            if isDiscovered {
                if table.has("nodes") {
                    note(.conflict("the nodes are either listed or found out"), at: table.path(of: "nodes"))
                }
                discoveries[name] = discovery(self.table(.discovery, "discovery", in: table))
            }
            var cluster = ClusterDefinition(name: name, nodes: isDiscovered ? [] : nodes(table))
            cluster.transport = serverTransport(self.table(.clusterTLS, "tls", in: table))
            clusters[name] = cluster
        }
        if tables.isEmpty {
            let example = #"at least one [clusters.NAME] with nodes = ["host:port", …]"#
            if all.isReadable { note(.missing(expected: example), at: all.path) }
        }
        return (clusters, discoveries)
    }

    private mutating func nodes(_ table: Table) -> [NodeSettings] {
        let form = #""host:port" or { address = "host:port", weight = 1, zone = "a" }"#
        let path = table.path(of: "nodes")
        guard let value = table["nodes"] else {
            noteMissing("nodes", in: table, expected: "an array of \(form)")
            return []
        }
        guard case .array(let elements) = value, (1...NodeSet.capacity).contains(elements.count) else {
            let expected = "an array of 1 to \(NodeSet.capacity) times \(form)"
            note(.wrongValue(expected: expected, found: value.shown), at: path)
            return []
        }
        var nodes: [NodeSettings] = []
        for (index, element) in elements.enumerated() {
            guard let node = node(element, at: path.appending(index), form: form) else { continue }
            if nodes.contains(where: { $0.address == node.address }) {
                note(.conflict("\(node.address) stands twice in this cluster"), at: path.appending(index))
            }
            nodes.append(node)
        }
        return nodes
    }

    private mutating func node(_ element: Value, at path: SettingPath, form: String) -> NodeSettings? {
        switch element {
        case .string(let text):
            guard let node = Self.node(text) else {
                note(.wrongValue(expected: form, found: element.shown), at: path)
                return nil
            }
            return node
        case .table(let values):
            let table = open(.node, at: path, values)
            let weight = integer("weight", in: table, 1...1000) ?? 1
            let zone = string("zone", in: table)
            guard table.has("address") else {
                noteMissing("address", in: table, expected: #""host:port""#)
                return nil
            }
            guard let address = string("address", in: table, expected: #""host:port""#) else { return nil }
            guard var node = Self.node(address) else {
                noteWrong("address", in: table, expected: #""host:port""#, found: .string(address))
                return nil
            }
            node.weight = weight
            node.zone = zone
            return node
        default:
            note(.wrongValue(expected: form, found: element.shown), at: path)
            return nil
        }
    }

    /// "host:port", "[IPv6]:port", or a host alone with PostgreSQL's own port.
    static func node(_ text: String) -> NodeSettings? {
        var host = Substring(text)
        var port: UInt16 = 5432
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            guard host.contains(":"), let rest = Self.port(text[text.index(after: end)...]) else { return nil }
            port = rest
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            guard let rest = Self.port(text[colon...]) else { return nil }
            port = rest
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || "/@[]".contains($0) }) else { return nil }
        return NodeSettings(host: String(host), port: port)
    }

    /// The number in ":5432"; PostgreSQL's own port for the empty text.
    private static func port(_ text: Substring) -> UInt16? {
        if text.isEmpty { return 5432 }
        let digits = text.dropFirst()
        guard text.first == ":", !digits.isEmpty, digits.allSatisfy({ "0"..."9" ~= $0 }) else { return nil }
        return UInt16(digits).flatMap { $0 > 0 ? $0 : nil }
    }

    mutating func databases(
        _ all: Table, clusters: Set<String>, pool: PoolSettings, routing: RoutingSettings
    ) -> [String: DatabaseSettings] {
        let tables = namedTables(.database, in: all)
        var databases: [String: DatabaseSettings] = [:]
        for (name, table) in tables {
            if DatabaseSettings.consoleNames.contains(name) {
                note(.conflict("the console has this name; clients would not reach the database"), at: table.path)
            }
            let poolTable = self.table(.pool, "pool", in: table)
            var database = DatabaseSettings(
                name: name, cluster: cluster(of: table, known: clusters) ?? "",
                serverName: string("dbname", in: table, expected: "the name of a database"),
                pool: poolOverrides(poolTable).applied(to: pool),
                routing: self.routing(self.table(.routing, "routing", in: table), defaults: routing))
            forceUser(table, &database)
            database.maxClients = limit("max_clients", in: table)
            database.maxConnections = limit("max_connections", in: table)
            if !poolTable.values.isEmpty { checkPool(database.pool, at: poolTable.path) }
            databases[name] = database
        }
        if tables.isEmpty {
            let example = #"at least one [databases.NAME] with cluster = "…"; [databases."*"] serves every name"#
            if all.isReadable { note(.missing(expected: example), at: all.path) }
        }
        return databases
    }

    /// Who all clients of a database are on the servers.
    private mutating func forceUser(_ table: Table, _ database: inout DatabaseSettings) {
        database.user = string("user", in: table, expected: "the name of a user of the servers")
        let password = secret("password", in: table)
        if table.has("password"), !table.has("user") {
            noteMissing("user", in: table, expected: "the user of the servers whose password this is")
        }
        guard let password else { return }
        guard let secret = Secret(parsing: password) else {
            let expected = "a password, md5… or SCRAM-SHA-256$iterations:salt$storedKey:serverKey"
            let found = "a SCRAM secret that is damaged"
            note(.wrongValue(expected: expected, found: found), at: table.path(of: "password"))
            return
        }
        database.secret = secret
    }

    private mutating func cluster(of table: Table, known: Set<String>) -> String? {
        guard table.has("cluster") else {
            noteMissing("cluster", in: table, expected: "the name of a cluster")
            return nil
        }
        guard let name = string("cluster", in: table, expected: "the name of a cluster") else { return nil }
        guard !known.contains(name), !known.isEmpty else { return name }
        var expected = "the name of a cluster: \(Self.list(known.sorted()))"
        if let near = Suggestion.nearest(to: name, among: known) {
            expected = "the name of a cluster (did you mean \"\(printable(near))\"?)"
        }
        noteWrong("cluster", in: table, expected: expected, found: .string(name))
        return nil
    }
}
