// Are connections to servers encrypted as the settings demand, and is nobody mistaken for a server?

import Foundation
import PostgresCluster
import TestSupport
import Testing

/// Each test changes what the one server of this suite demands, so that they take turns.
@Suite(.serialized) struct EncryptedServerTests {
    private static let shared = Result { try EncryptedServers() }

    /// The router, with `[clusters.main.tls]`.
    private func router(_ tls: [String: String], name: String = "127.0.0.1") throws -> RouterProcess {
        let cluster = try Self.shared.get().cluster
        var configuration = try RouterConfiguration(cluster: cluster, overrides: ["clusters.main.tls": tls])
        let nodes = cluster.nodes.map { "\(name):\($0.port)" }
        configuration.tables["clusters.main"]?["nodes"] = RouterConfiguration.list(nodes)
        return try RouterProcess.start(configuration)
    }

    /// The values as TOML writes them, those that name certificates as their paths.
    private func paths(_ values: [String: String]) throws -> [String: String] {
        let certificates = try Certificates.get()
        return values.mapValues {
            $0.hasSuffix(".crt") || $0.hasSuffix(".key") ? "\"\(certificates.path($0))\"" : "\"\($0)\""
        }
    }

    private static let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

    private func answer(_ router: RouterProcess) throws -> String {
        let result = try Programs.psql(port: router.writerPort, Self.question)
        return result.status == 0 ? result.output : result.errors
    }

    @Test(arguments: [
        (["mode": "disable"], "f"), (["mode": "allow"], "f"), (["mode": "prefer"], "t"), (["mode": "require"], "t"),
        (["mode": "verify-ca", "ca": "ca.crt"], "t"), (["mode": "verify-full", "ca": "ca.crt"], "t"), ([:], "t"),
        (["mode": "require", "min_version": "1.3"], "t"),
    ]) func modes(_ tls: [String: String], _ expected: String) throws {
        try Self.shared.get().demand("host")
        let router = try router(paths(tls))
        try eventually("the server to answer") { try answer(router) == expected + "\n" }
    }

    @Test func aServerThatInsists() throws {
        try Self.shared.get().demand("hostssl")
        let allowing = try router(["mode": "\"allow\""])
        try eventually("the second attempt") { try answer(allowing) == "t\n" }
        let disabled = try router(["mode": "\"disable\""])
        try eventually("the refusal") { try answer(disabled).contains("no encryption") }
    }

    @Test func aServerThatRefuses() throws {
        try Self.shared.get().demand("hostnossl")
        let preferring = try router(["mode": "\"prefer\""])
        try eventually("the second attempt") { try answer(preferring) == "f\n" }
        let requiring = try router(["mode": "\"require\""])
        try eventually("the refusal") { try answer(requiring).contains("SSL encryption") }
    }

    @Test func aServerWithoutTLS() throws {
        let servers = try Self.shared.get()
        try servers.demand("host")
        try servers.setTLS(false)
        defer { try? servers.setTLS(true) }
        let preferring = try router(["mode": "\"prefer\""])
        try eventually("an answer in the clear") { try answer(preferring) == "f\n" }
        let requiring = try router(["mode": "\"require\""])
        // The probes do not get there either.
        try eventually("the refusal in the log") { requiring.log.contains("server does not support SSL") }
    }

    @Test func anotherAuthority() throws {
        try Self.shared.get().demand("host")
        let router = try router(paths(["mode": "verify-ca", "ca": "stranger.crt"]))
        try eventually("the refusal in the log") { router.log.contains("certificate verify failed") }
        #expect(throws: (any Error).self) { try router.client() }
    }

    @Test func anotherName() throws {
        try Self.shared.get().demand("host")
        let right = try router(paths(["mode": "verify-full", "ca": "ca.crt"]), name: "localhost")
        try eventually("the server to answer") { try answer(right) == "t\n" }
        // 127.0.0.2 is the same machine, and no name in the certificate.
        let servers = try Self.shared.get()
        try servers.listenEverywhere()
        let wrong = try router(paths(["mode": "verify-full", "ca": "ca.crt"]), name: "127.0.0.2")
        try eventually("the refusal in the log") { wrong.log.contains("does not match host name") }
        #expect(throws: (any Error).self) { try wrong.client() }
        let lax = try router(paths(["mode": "verify-ca", "ca": "ca.crt"]), name: "127.0.0.2")
        try eventually("the server to answer") { try answer(lax) == "t\n" }
    }

    @Test func theRoutersOwnCertificate() throws {
        try Self.shared.get().demand("hostssl", method: "cert")
        let router = try router(
            paths(["mode": "verify-full", "ca": "ca.crt", "certificate": "app.crt", "key": "app.key"]))
        try eventually("the certificate to be enough") { try answer(router) == "t\n" }
        let without = try self.router(["mode": "\"require\""])
        try eventually("the refusal") { try answer(without).contains("certificate") }
    }

    /// No PostgreSQL with TLS at once is here: a router that speaks it stands for one.
    @Test(arguments: ["postgres", "direct"]) func negotiation(_ kind: String) throws {
        let certificates = try Certificates.get()
        let inner = try RouterProcess.start(
            cluster: Stage.cluster(),
            overrides: [
                "tls": [
                    "mode": "\"prefer\"", "certificate": "\"\(certificates.path("server.crt"))\"",
                    "key": "\"\(certificates.path("server.key"))\"",
                ],
                "users.pointsman": ["password": "\"pointsman\""],
            ])
        var outer = try RouterConfiguration(cluster: Stage.cluster())
        outer.tables["clusters.main"] = ["nodes": "[\"localhost:\(inner.writerPort)\"]"]
        outer.tables["clusters.main.tls"] = [
            "mode": "\"verify-full\"", "ca": "\"\(certificates.path("ca.crt"))\"", "negotiation": "\"\(kind)\"",
        ]
        outer.tables["admin"] = ["users": #"["postgres"]"#]
        let router = try RouterProcess.start(outer)
        try eventually("statements to pass through both") {
            try Programs.psql(port: router.port, "SELECT 'in' FROM txid_current()").output == "in\n"
        }
        let servers = try Programs.psql(
            port: router.port, "SHOW SERVERS", user: "postgres", database: "pgbouncer").output
        #expect(servers.contains("TLSv1.3/"))
    }

    /// Two workers, one connection: it changes hands, with its keys.
    @Test func aConnectionChangesHands() throws {
        try Self.shared.get().demand("host")
        let cluster = try Self.shared.get().cluster
        let router = try RouterProcess.start(
            cluster: cluster, overrides: ["clusters.main.tls": ["mode": "\"require\""], "pool": ["size": "1"]])
        let script = "\(router.directory)/write.sql"
        try "SELECT txid_current();\n".write(toFile: script, atomically: true, encoding: .utf8)
        try Programs.pgbench(port: router.port, ["-n", "-f", script, "-c", "8", "-j", "2", "-t", "300"])
        #expect(try answer(router) == "t\n")
    }

    @Test func cancelAndReplicate() throws {
        try Self.shared.get().demand("hostssl")
        let router = try router(["mode": "\"require\""])
        try eventually("the server to answer") { try answer(router) == "t\n" }
        let client = try router.client()
        try client.send(.query("SELECT pg_sleep(60)"))
        let probe = try WireClient(direct: Self.shared.get().cluster.primary, user: "postgres")
        try eventually("the query to run") {
            try probe.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'") == "1"
        }
        try client.cancel()
        #expect("\(try client.readUntilReady())".contains("57014"))
        let replica = try WireClient(
            port: router.writerPort, user: "postgres", database: "app", options: [("replication", "true")])
        #expect(try replica.query("IDENTIFY_SYSTEM").rows.count == 1)
        let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"
        #expect(try probe.value(encrypted) == "t")
    }
}

/// One server that speaks TLS, and what it demands of those who connect.
private final class EncryptedServers: Sendable {
    let cluster: PostgresCluster

    init() throws {
        cluster = try PostgresCluster.start(replicas: 0)
        let certificates = try Certificates.get()
        for name in ["server.crt", "server.key", "ca.crt"] { try write(certificates.text(name), to: name) }
        try cluster.primary.psql("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'")
        try setTLS(true)
    }

    /// Which connections over TCP are taken, and what they must show. The probe gets in always.
    func demand(_ kind: String, method: String = "scram-sha-256") throws {
        let rules = """
            local all all trust
            local replication all trust
            host all pointsman 127.0.0.0/8 scram-sha-256
            \(kind) all all 127.0.0.0/8 \(method)
            \(kind) replication all 127.0.0.0/8 trust

            """
        try write(rules, to: "pg_hba.conf")
        try cluster.primary.psql("SELECT pg_reload_conf()")
    }

    func setTLS(_ isOn: Bool) throws {
        try cluster.primary.psql("ALTER SYSTEM SET ssl = \(isOn ? "on" : "off")")
        try cluster.primary.psql("SELECT pg_reload_conf()")
        try eventually("the server to have read its settings") {
            try cluster.primary.psql("SHOW ssl") == (isOn ? "on" : "off")
        }
    }

    func listenEverywhere() throws {
        if try cluster.primary.psql("SHOW listen_addresses").contains("127.0.0.2") { return }
        try cluster.primary.psql("ALTER SYSTEM SET listen_addresses = '127.0.0.1,127.0.0.2'")
        try cluster.primary.stop(.fast)
        try cluster.primary.start()
    }

    /// Writes a file into the server's directory, as the server.
    private func write(_ text: String, to name: String) throws {
        let encoded = Data(text.utf8).base64EncodedString()
        try cluster.primary.psql("COPY (SELECT '\(encoded)') TO PROGRAM 'umask 077; base64 -d > \(name)'")
    }
}
