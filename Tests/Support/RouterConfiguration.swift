// With which settings does a test run the router?

public import PostgresCluster

/// A settings file in the making: tables of keys, whose values stand as TOML writes them.
public struct RouterConfiguration: Sendable {
    /// Table name → key → value as TOML.
    public var tables: [String: [String: String]]
    /// Added at the end as it is.
    public var extraText = ""

    /// The router in front of the nodes: any database, clients trusted, every role's password known for the servers.
    /// The ports are free ones.
    public init(
        nodes: [PostgresNode], consistency: String = "session", overrides: [String: [String: String]] = [:]
    ) throws {
        tables = [
            "listen": [
                "addresses": #"["127.0.0.1"]"#, "port": "\(try LoopbackPort.free())",
                "reader_port": "\(try LoopbackPort.free())", "writer_port": "\(try LoopbackPort.free())",
            ],
            "server": ["workers": "2"],
            "auth": ["method": Self.quoted("trust")],
            "probe": [
                "user": Self.quoted(DatabaseRole.probe.name), "password": Self.quoted(DatabaseRole.probe.password),
                "database": Self.quoted("postgres"), "interval": Self.quoted("50ms"),
            ],
            "clusters.main": ["nodes": Self.list(nodes.map(\.address))],
            #"databases."*""#: ["cluster": Self.quoted("main")],
            "routing": ["consistency": Self.quoted(consistency)],
        ]
        for role in [DatabaseRole.superuser, .application] {
            tables["users.\(role.name)"] = ["password": Self.quoted(role.password)]
        }
        for (table, keys) in overrides { tables[table, default: [:]].merge(keys) { $1 } }
    }

    public init(
        cluster: PostgresCluster, consistency: String = "session", overrides: [String: [String: String]] = [:]
    ) throws {
        try self.init(nodes: cluster.nodes, consistency: consistency, overrides: overrides)
    }

    /// The file's text; a table comes after the table that contains it.
    public var toml: String {
        let parts = tables.sorted { $0.key < $1.key }.map { name, keys in
            "[\(name)]\n" + keys.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        }
        return parts.joined(separator: "\n") + extraText
    }

    func port(_ key: String) throws -> Int {
        guard let text = tables["listen"]?[key], let port = Int(text) else {
            throw SupportError("no \(key) in the settings")
        }
        return port
    }

    /// A string as TOML writes it.
    public static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// An array of strings as TOML writes it.
    public static func list(_ texts: [String]) -> String {
        "[" + texts.map(quoted).joined(separator: ", ") + "]"
    }
}
