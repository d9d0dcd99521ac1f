// Do clients get TLS as the settings promise, from real libraries?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct EncryptedClientTests {
    private static let shared = Result { try start() }

    /// A router with a certificate in front of the shared cluster.
    private static func start(_ overrides: [String: [String: String]] = [:]) throws -> RouterProcess {
        let certificates = try Certificates.get()
        let tls = [
            "certificate": "\"\(certificates.path("server.crt"))\"", "key": "\"\(certificates.path("server.key"))\"",
        ]
        let all = ["tls": tls, "auth": ["method": "\"scram-sha-256\""]].merging(overrides) { $0.merging($1) { $1 } }
        return try RouterProcess.start(RouterConfiguration(cluster: Stage.cluster(), overrides: all))
    }

    private static func ask(
        _ router: RouterProcess, _ parameters: String, _ statements: String = "SELECT 'in'"
    ) throws -> ExternalProgram.Result {
        let authority = try Certificates.get().path("ca.crt")
        return try Programs.psql(
            port: router.port, statements, database: "dbname=app sslrootcert=\(authority) \(parameters)")
    }

    /// What libpq itself says of the connection.
    private static func isEncrypted(_ router: RouterProcess, _ parameters: String) throws -> Bool? {
        let result = try ask(router, parameters, "\\conninfo")
        return result.status == 0 ? result.output.contains("SSL connection") : nil
    }

    @Test(arguments: [
        ("disable", false), ("allow", false), ("prefer", true), ("require", true), ("verify-ca", true),
        ("verify-full", true),
    ]) func prefer(_ theirs: String, _ isEncrypted: Bool) throws {
        let router = try Self.shared.get()
        try eventually("the router to serve") { try Self.ask(router, "sslmode=\(theirs)").output == "in\n" }
        #expect(try Self.isEncrypted(router, "sslmode=\(theirs)") == isEncrypted)
    }

    @Test(arguments: [("disable", false), ("prefer", false), ("require", nil)] as [(String, Bool?)])
    func withoutTLS(_ theirs: String, _ isEncrypted: Bool?) throws {
        let router = try Self.start(["tls": ["mode": "\"disable\""]])
        try eventually("the router to serve") { try Self.ask(router, "sslmode=disable").output == "in\n" }
        #expect(try Self.isEncrypted(router, "sslmode=\(theirs)") == isEncrypted)
        if isEncrypted == nil {
            #expect(try Self.ask(router, "sslmode=\(theirs)").errors.contains("server does not support SSL"))
        }
    }

    @Test func require() throws {
        let router = try Self.start(["tls": ["mode": "\"require\""]])
        try eventually("the router to serve") { try Self.ask(router, "sslmode=require").output == "in\n" }
        let refused = try Self.ask(router, "sslmode=disable")
        #expect(refused.status == 2)
        #expect(refused.errors.contains("connections to this port must be encrypted"))
        // A unix socket is on the machine, and libpq never encrypts it.
        #expect(try Self.isEncrypted(router, "sslmode=allow") == true)
    }

    /// Each port can have its own mode.
    @Test func ports() throws {
        let router = try Self.start([
            "tls": ["mode": "\"prefer\"", "reader_mode": "\"require\"", "writer_mode": "\"disable\""]
        ])
        func ask(_ port: Int, _ mode: String) throws -> ExternalProgram.Result {
            try Programs.psql(port: port, "SELECT 'in'", database: "dbname=app sslmode=\(mode)")
        }
        try eventually("the router to serve") { try ask(router.port, "require").output == "in\n" }
        #expect(try ask(router.port, "disable").output == "in\n")
        #expect(try ask(router.readerPort, "require").output == "in\n")
        #expect(try ask(router.readerPort, "disable").errors.contains("must be encrypted"))
        #expect(try ask(router.writerPort, "disable").output == "in\n")
        #expect(try ask(router.writerPort, "require").errors.contains("does not support SSL"))
    }

    /// The client must not be fooled by another server's certificate: it compares names and authorities.
    @Test func theClientChecks() throws {
        let certificates = try Certificates.get()
        let router = try Self.start([
            "tls": [
                "certificate": "\"\(certificates.path("elsewhere.crt"))\"",
                "key": "\"\(certificates.path("elsewhere.key"))\"",
            ]
        ])
        try eventually("the router to serve") { try Self.ask(router, "sslmode=verify-ca").output == "in\n" }
        #expect(try Self.ask(router, "sslmode=verify-full").errors.contains("does not match host name"))
        let stranger = "sslmode=verify-ca sslrootcert=\(certificates.path("stranger.crt"))"
        #expect(try Self.ask(router, stranger).errors.contains("certificate verify failed"))
    }

    // MARK: Certificates of clients

    private static func verifying(_ overrides: [String: [String: String]] = [:]) throws -> RouterProcess {
        let tls = ["mode": "\"verify-full\"", "ca": "\"\(try Certificates.get().path("ca.crt"))\""]
        return try start(["tls": tls].merging(overrides) { $0.merging($1) { $1 } })
    }

    private static func certificate(_ name: String) throws -> String {
        let certificates = try Certificates.get()
        return "sslmode=require sslcert=\(certificates.path("\(name).crt")) sslkey=\(certificates.path("\(name).key"))"
    }

    @Test func aCertificateIsAskedFor() throws {
        let router = try Self.verifying()
        try eventually("the router to serve") {
            try Self.ask(router, Self.certificate("app")).output == "in\n"
        }
        // Who has one may still have to know a password, which anybody's certificate does not replace.
        #expect(try Self.ask(router, Self.certificate("server")).output == "in\n")
        let without = try Self.ask(router, "sslmode=require sslcert=none")
        #expect(without.status == 2 && without.errors.contains("certificate required"))
        let stranger = try Self.ask(router, Self.certificate("stranger"))
        #expect(stranger.status == 2 && stranger.errors.contains("unknown ca"))
    }

    @Test func aCertificateIsEnough() throws {
        let router = try Self.verifying(["auth": ["method": "\"cert\""]])
        try eventually("the router to serve") {
            try Self.ask(router, Self.certificate("app")).output == "in\n"
        }
        let other = try Self.ask(router, Self.certificate("server"))
        #expect(other.status == 2)
        #expect(other.errors.contains("certificate authentication failed for user \"app\""))
    }

    // MARK: Sessions

    @Test func channelBinding() throws {
        let router = try Self.shared.get()
        for wish in ["require", "prefer", "disable"] {
            #expect(try Self.ask(router, "sslmode=require channel_binding=\(wish)").output == "in\n")
        }
        #expect(try Self.ask(router, "sslmode=disable channel_binding=require").status == 2)
    }

    @Test func largeResultsAndCopies() throws {
        let router = try Self.shared.get()
        let table = try Stage.makeTable("x text")
        let rows = 3000
        let filled = "INSERT INTO \(table) SELECT repeat(md5(g::text), 100) FROM generate_series(1, \(rows)) g"
        #expect(try Self.ask(router, "sslmode=require", filled).status == 0)
        let sum = try Self.ask(router, "sslmode=require", "COPY (SELECT x FROM \(table)) TO STDOUT").output
        #expect(sum.utf8.count == rows * 3201)
        let copied = try Programs.psql(
            port: router.port, "\\copy \(table) FROM PROGRAM 'seq 1 200000'", "SELECT count(*) FROM \(table)",
            database: "dbname=app sslmode=require")
        #expect(copied.output == "\(rows + 200_000)\n")
    }

    @Test func manyClientsAtOnce() throws {
        let router = try Self.shared.get()
        let script = "\(router.directory)/read.sql"
        try "SELECT inet_server_port();\n".write(toFile: script, atomically: true, encoding: .utf8)
        for options in [["-c", "16", "-t", "200"], ["-C", "-c", "8", "-t", "20"]] {
            try Programs.pgbench(
                port: router.port, ["-n", "-f", script] + options, database: "dbname=app sslmode=require")
        }
    }

    /// psycopg brings a libpq of PostgreSQL 18.
    @Test func aNewerLibrary() throws {
        let router = try Self.shared.get()
        let authority = try Certificates.get().path("ca.crt")
        try Programs.python(
            script: "tls_checks.py", ["\(router.port)", authority, try Certificates.get().path("elsewhere.crt")])
    }

    // MARK: Attacks and accidents

    @Test func bytesAheadOfTheHandshake() throws {
        let router = try Self.shared.get()
        let client = try WireClient(silentTo: .port(router.port))
        let request: [UInt8] = [0, 0, 0, 8, 4, 210, 22, 47]
        try client.send(.raw(request + FrontendMessage.startup([("user", "app"), ("database", "app")])))
        let words = try client.readUntilEnd()
        #expect(words.errors.count == 1)
        #expect("\(words)".contains("received unencrypted data after SSL request"))
    }

    /// Who begins with TLS at once must mean PostgreSQL.
    @Test func otherProtocols() throws {
        let router = try Self.shared.get()
        try Programs.python(script: "alpn_checks.py", ["\(router.port)"])
        try eventually("the refusals to be in the log") {
            router.log.contains("without naming PostgreSQL's protocol")
                && router.log.contains("no application protocol")
        }
    }

    @Test func versions() throws {
        let router = try Self.start(["tls": ["min_version": "\"1.3\""]])
        try eventually("the router to serve") { try Self.ask(router, "sslmode=require").output == "in\n" }
        let old = try Self.ask(router, "sslmode=require ssl_max_protocol_version=TLSv1.2")
        #expect(old.status == 2 && old.errors.contains("protocol version"))
        let older = "sslmode=require ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1"
        #expect(try Self.ask(Self.shared.get(), older).status == 2)
    }

    @Test func ciphers() throws {
        let router = try Self.start([
            "tls": [
                "ciphers": "\"ECDHE-RSA-CHACHA20-POLY1305\"", "cipher_suites": "\"TLS_CHACHA20_POLY1305_SHA256\"",
            ]
        ])
        try eventually("the router to serve") { try Self.ask(router, "sslmode=require").output == "in\n" }
        let new = try Self.ask(router, "sslmode=require", "\\conninfo").output
        #expect(new.contains("TLS_CHACHA20_POLY1305_SHA256"))
        let old = try Self.ask(router, "sslmode=require ssl_max_protocol_version=TLSv1.2", "\\conninfo").output
        #expect(old.contains("ECDHE-RSA-CHACHA20-POLY1305"))
    }

    /// A handshake that never ends is ended like a login that never ends.
    @Test func aHandshakeThatStops() throws {
        let router = try Self.start(["server": ["login_timeout": "\"1s\""]])
        let client = try WireClient(silentTo: .port(router.port))
        try client.send(.raw([0, 0, 0, 8, 4, 210, 22, 47]))
        #expect(try client.receiveByte() == UInt8(ascii: "S"))
        let end = try client.receiveOrEnd()
        #expect(end == nil || end?.kind == .errorResponse)
        try eventually("others to be served") { try Self.ask(router, "sslmode=require").output == "in\n" }
    }

    @Test func certificatesAreReadAgain() throws {
        let certificates = try Certificates.get()
        let configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["tls": ["certificate": "\"both.pem\""]])
        func both(_ name: String) throws -> String {
            try certificates.text("\(name).crt") + certificates.text("\(name).key")
        }
        let router = try RouterProcess.start(configuration, files: ["both.pem": both("elsewhere")])
        let path = "\(router.directory)/both.pem"
        try router.waitUntilItServes()
        #expect(try Self.ask(router, "sslmode=verify-full").errors.contains("does not match host name"))
        try both("server").write(toFile: path, atomically: false, encoding: .utf8)
        try router.reload()
        try eventually("the new certificate") { try Self.ask(router, "sslmode=verify-full").output == "in\n" }
        // One that cannot be used changes nothing.
        try "no certificate\n".write(toFile: path, atomically: false, encoding: .utf8)
        try router.reload()
        try eventually("the mistake to be told") { router.log.contains("both.pem is no certificate") }
        #expect(try Self.ask(router, "sslmode=verify-full").output == "in\n")
    }
}
