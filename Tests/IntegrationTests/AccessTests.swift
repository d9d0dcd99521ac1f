// Do rules decide how clients log in, and are users found that only the servers know?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct AccessTests {
    private static func ask(
        _ router: RouterProcess, _ user: String, _ password: String, _ parameters: String = "dbname=app"
    ) throws -> ExternalProgram.Result {
        try Programs.psql(
            port: router.port, "SELECT current_user", user: user, database: parameters, password: password)
    }

    // MARK: Rules

    private func router(_ rules: String, ident: String = "# none\n") throws -> RouterProcess {
        let certificates = try Certificates.get()
        var configuration = try RouterConfiguration(
            cluster: Stage.cluster(),
            overrides: [
                "auth": [
                    "method": "\"hba\"", "hba_file": "\"hba.conf\"", "ident_file": "\"ident.conf\"",
                ],
                "tls": [
                    "certificate": "\"\(certificates.path("server.crt"))\"",
                    "key": "\"\(certificates.path("server.key"))\"", "ca": "\"\(certificates.path("ca.crt"))\"",
                ],
            ])
        configuration.tables["users.app"] = ["password": "\"app\""]
        configuration.tables["listen"]?["unix_socket_dir"] = "\".\""
        configuration.tables["listen"]?["unix_socket_mode"] = "\"0700\""
        return try RouterProcess.start(configuration, files: ["hba.conf": rules, "ident.conf": ident])
    }

    @Test func rules() throws {
        let router = try router(
            """
            host    postgres app all reject
            hostssl all      app all scram-sha-256
            host    all      postgres samehost md5

            """)
        try eventually("the router to serve") {
            try Self.ask(router, "app", "app", "dbname=app sslmode=require").output == "app\n"
        }
        let plain = try Self.ask(router, "app", "app", "dbname=app sslmode=disable")
        #expect(plain.status == 2 && plain.errors.contains("no access rule fits host \"127.0.0.1\", user \"app\""))
        let rejected = try Self.ask(router, "app", "app", "dbname=postgres sslmode=require")
        #expect(rejected.status == 2 && rejected.errors.contains("the access rules reject"))
        #expect(try Self.ask(router, "postgres", "postgres", "dbname=app sslmode=disable").output == "postgres\n")
        #expect(try Self.ask(router, "postgres", "wrong", "dbname=app sslmode=disable").status == 2)
    }

    @Test func certificatesWithAMap() throws {
        let certificates = try Certificates.get()
        let router = try router("hostssl all all all cert map=m\n", ident: "m /^loc(al)host$ app\nm app postgres\n")
        func ask(_ certificate: String, _ user: String) throws -> ExternalProgram.Result {
            let (own, key) = (certificates.path("\(certificate).crt"), certificates.path("\(certificate).key"))
            return try Self.ask(router, user, "none", "dbname=app sslmode=require sslcert=\(own) sslkey=\(key)")
        }
        try eventually("the router to serve") { try ask("server", "app").output == "app\n" }
        #expect(try ask("app", "postgres").output == "postgres\n")
        #expect(try ask("app", "app").errors.contains("certificate authentication failed"))
    }

    @Test func peers() throws {
        let me = try ExternalProgram("/usr/bin/id", ["-un"]).succeed().trimmingCharacters(in: .whitespacesAndNewlines)
        let router = try router("local all all peer map=m\n", ident: "m \(me) app\n")
        func ask(_ user: String) throws -> WireClient {
            let client = try WireClient(silentTo: .unixSocket("\(router.directory)/.s.PGSQL.\(router.port)"))
            try client.send(.raw(FrontendMessage.startup([("user", user), ("database", "app")])))
            try client.logIn()
            return client
        }
        try eventually("the router to serve") { (try? ask("app").value("SELECT current_user")) == "app" }
        let file = "\(router.directory)/.s.PGSQL.\(router.port)"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        #expect { try ask("postgres") } throws: { ($0 as? WireClient.ServerError)?.sqlState == "28000" }
    }

    // MARK: Users that the servers know

    private func asking(_ overrides: [String: [String: String]] = [:]) throws -> RouterProcess {
        let auth = ["auth": ["method": "\"scram-sha-256\"", "query_user": "\"postgres\""]]
        var configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: auth.merging(overrides) { $0.merging($1) { $1 } })
        configuration.tables["users.app"] = nil
        return try RouterProcess.start(configuration)
    }

    @Test func theServersKnowTheUser() throws {
        let router = try asking()
        try eventually("the user to be found") { try Self.ask(router, "app", "app").output == "app\n" }
        let wrong = try Self.ask(router, "app", "wrong")
        let unknown = try Self.ask(router, "nosuch", "wrong")
        #expect(wrong.status == 2 && wrong.errors.contains("password authentication failed for user \"app\""))
        #expect(unknown.errors.replacing("nosuch", with: "app") == wrong.errors)
        // The name is a value of the query, not a part of it.
        #expect(try Self.ask(router, "app' OR 'x'='x", "app").status == 2)
    }

    @Test func passwordsThatChangeAndExpire() throws {
        let name = SharedCluster.tableName("role")
        try Stage.run("SELECT 1")
        let direct = try WireClient(direct: Stage.cluster().primary, user: "postgres")
        try direct.succeed("CREATE ROLE \(name) LOGIN PASSWORD 'first'")
        defer { _ = try? direct.query("DROP OWNED BY \(name); DROP ROLE \(name)") }
        let router = try asking()
        try eventually("the user to be found") { try Self.ask(router, name, "first").output == "\(name)\n" }
        try direct.succeed("ALTER ROLE \(name) PASSWORD 'second'")
        #expect(try Self.ask(router, name, "first").status == 2)
        #expect(try Self.ask(router, name, "second").output == "\(name)\n")
        // CVE-2025-2291.
        try direct.succeed("ALTER ROLE \(name) VALID UNTIL 'yesterday'")
        #expect(try Self.ask(router, name, "second").status == 2)
        try direct.succeed("ALTER ROLE \(name) VALID UNTIL 'infinity' NOLOGIN")
        #expect(try Self.ask(router, name, "second").status == 2)
        try direct.succeed("ALTER ROLE \(name) LOGIN PASSWORD NULL")
        #expect(try Self.ask(router, name, "second").status == 2)
    }

    /// CVE-2025-12819: what a client brings has no influence on the look-up.
    @Test func aSearchPathDoesNotReachTheQuery() throws {
        let schema = SharedCluster.tableName("trap")
        let direct = try WireClient(direct: Stage.cluster().primary, user: "postgres")
        try direct.succeed("CREATE SCHEMA \(schema)")
        let columns = "rolname text, rolpassword text, rolvaliduntil timestamptz, rolcanlogin bool"
        try direct.succeed("CREATE TABLE \(schema).pg_authid (\(columns))")
        try direct.succeed("INSERT INTO \(schema).pg_authid VALUES ('app', 'stolen', NULL, true)")
        defer { _ = try? direct.query("DROP SCHEMA \(schema) CASCADE") }
        let router = try asking()
        try eventually("the user to be found") { try Self.ask(router, "app", "app").output == "app\n" }
        let parameters = "dbname=app options='-c search_path=\(schema),pg_catalog'"
        #expect(try Self.ask(router, "app", "stolen", parameters).status == 2)
    }

    @Test func aQueryOfOnesOwn() throws {
        let table = SharedCluster.tableName("accounts")
        let direct = try WireClient(direct: Stage.cluster().primary, user: "postgres")
        let secret = try direct.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'") ?? ""
        try direct.succeed("CREATE TABLE public.\(table) AS SELECT 'app'::text AS name, '\(secret)'::text AS secret")
        defer { _ = try? direct.query("DROP TABLE public.\(table)") }
        let router = try asking([
            "auth": [
                "query": "\"SELECT name, secret FROM public.\(table) WHERE name = $1\"", "query_database": "\"app\"",
            ]
        ])
        try eventually("the user to be found") { try Self.ask(router, "app", "app").output == "app\n" }
        try direct.succeed("DELETE FROM public.\(table)")
        #expect(try Self.ask(router, "app", "app").status == 2)
    }

    @Test func nobodyCanBeAsked() throws {
        let router = try asking(["auth": ["query": "\"SELECT $1, 'x', 'y'\""]])
        try eventually("the mistake to be told") {
            let result = try Self.ask(router, "app", "app")
            return result.errors.contains("could not be looked up") && router.log.contains("one row of two columns")
        }
    }
}
