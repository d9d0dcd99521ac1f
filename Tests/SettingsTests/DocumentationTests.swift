// Does docs/SETTINGS.md tell of every setting, with the default that the program really has?

import Foundation
import Probing
import Proxy
import Routing
import Telemetry
import Testing

@testable import Settings

@Suite struct DocumentationTests {
    struct Row {
        var section: String
        var key: String
        var type: String
        var defaultValue: String?
        var meaning: String
    }

    /// The rows of all tables, each under the heading of its section.
    static func rows() throws -> [Row] {
        let path = Fixture.directory.replacing("Fixtures/settings", with: "docs/SETTINGS.md")
        var section = ""
        var rows: [Row] = []
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("#"), let heading = line.firstMatch(of: /`\[(.+)\]`/) {
                section = String(heading.1)
            }
            guard line.hasPrefix("| `") else { continue }
            let cells = line.split(separator: " | ").map {
                $0.trimmingCharacters(in: CharacterSet(charactersIn: "| `"))
            }
            try #require(cells.count >= 3, "\(line)")
            rows.append(
                Row(
                    section: section, key: cells[0], type: cells[1], defaultValue: cells[2] == "–" ? nil : cells[2],
                    meaning: cells.count > 3 ? cells[3] : ""))
        }
        return rows
    }

    @Test func everyKeyIsDocumentedOnce() throws {
        let documented = try Self.rows().map { "\($0.section).\($0.key)" }
        #expect(documented == Section.documentedKeys)
    }

    /// Tables that do not exist by default; their keys are looked at in ConfigurationTests.
    private static let optional: Set<String> = ["clusters.NAME.nodes[]", "clusters.NAME.discovery", "clusters.NAME.tls"]

    @Test func defaultsAreReal() throws {
        var text = try Fixture.text("minimal.toml").replacing(#"[probe]"#, with: "").replacing(#"[auth]"#, with: "")
            .replacing(#"user = "pointsman""#, with: "").replacing(#"method = "trust""#, with: "")
        let tables = Dictionary(
            grouping: try Self.rows().filter { $0.defaultValue != nil && !Self.optional.contains($0.section) },
            by: \.section)
        for (section, rows) in tables {
            text += "\n[\(section)]\n" + rows.map { "\($0.key) = \($0.defaultValue ?? "")\n" }.joined()
            if section == "probe" { text += "user = \"pointsman\"\n" }
        }
        let explicit = try Fixture.read(text: text)
        let implicit = try Fixture.read(
            text: try Fixture.text("minimal.toml").replacing(#"method = "trust""#, with: ""))
        #expect(explicit.proxy.listen == implicit.proxy.listen)
        #expect(explicit.proxy.server == implicit.proxy.server)
        #expect(explicit.proxy.authentication == implicit.proxy.authentication)
        #expect(explicit.proxy.clusters == implicit.proxy.clusters)
        #expect(explicit.proxy.databases == implicit.proxy.databases)
        #expect(explicit.probe == implicit.probe)
        #expect(explicit.log == implicit.log)
        #expect(explicit.routing == implicit.routing)
    }

    /// A default that the documentation leaves out would not be compared above.
    @Test func onlyKeysWithoutDefaultHaveNone() throws {
        let without = try Self.rows().filter { $0.defaultValue == nil }.map { "\($0.section).\($0.key)" }
        let expected: Set<String> = [
            "listen.unix_socket_dir", "listen.reader_port", "listen.writer_port", "auth.users_file", "auth.query",
            "auth.query_user", "auth.query_database", "auth.hba_file", "auth.ident_file", "auth.ldap",
            "auth.ldap.prefix",
            "auth.ldap.suffix", "auth.ldap.base_dn", "auth.ldap.bind_dn", "auth.ldap.bind_password",
            "auth.ldap.search_filter",
            "tls.mode", "tls.reader_mode", "tls.writer_mode", "tls.certificate", "tls.key", "tls.ca",
            "tls.ciphers", "tls.cipher_suites",
            "clusters.NAME.tls.certificate", "clusters.NAME.tls.key", "clusters.NAME.tls.ca",
            "clusters.NAME.tls.ciphers", "clusters.NAME.tls.cipher_suites", "probe.user", "probe.password",
            "clusters.NAME.nodes", "clusters.NAME.discovery", "clusters.NAME.tls", "clusters.NAME.discovery.source",
            "clusters.NAME.discovery.endpoints", "clusters.NAME.discovery.domain", "clusters.NAME.discovery.ca",
            "clusters.NAME.nodes[].address", "clusters.NAME.nodes[].zone", "server.zone", "server.peer_id",
            "listen.proxy_protocol_from", "databases.NAME.cluster", "databases.NAME.dbname", "databases.NAME.user",
            "databases.NAME.password", "databases.NAME.max_clients", "databases.NAME.max_connections",
            "users.NAME.max_clients", "users.NAME.max_connections", "databases.NAME.pool",
            "databases.NAME.routing", "users.NAME.password", "users.NAME.pool", "admin.users", "admin.stats_users",
            "admin.http",
        ]
        #expect(Set(without) == expected)
    }

    /// What the documentation calls unsupported is refused, and the other way round.
    @Test func unsupportedKeysAreRefused() throws {
        for row in try Self.rows() {
            let section = Section(rawValue: row.section)
            let named: [Section] = [.node, .cluster, .discovery, .clusterTLS, .database, .user]
            guard let section, !named.contains(section) else { continue }
            let mistakes = Fixture.mistakes("\(row.section).\(row.key) = \(row.defaultValue ?? "\"x\"")")
            let isRefused =
                mistakes.contains("\(row.section).\(row.key): ") && mistakes.contains("not supported by this version")
            #expect(isRefused == (row.meaning == "not supported by this version"), "\(row.section).\(row.key)")
        }
    }

    @Test func exampleIsFaultless() throws {
        let path = Fixture.directory.replacing("Fixtures/settings", with: "docs/SETTINGS.md")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let example = try #require(text.firstMatch(of: /(?s)```toml\n(.*?)```/)).1
        let local = example.replacing("app.password", with: "bob.password")
        #expect(Fixture.mistakes(String(local)) == "")
    }
}
