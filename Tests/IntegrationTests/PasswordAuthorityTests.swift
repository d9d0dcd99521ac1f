// Do real authorities decide about passwords: a directory (slapd), and services of PAM?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct PasswordAuthorityTests {
    private static func ask(
        _ router: RouterProcess, _ user: String, _ password: String
    ) throws -> ExternalProgram.Result {
        try Programs.psql(port: router.port, "SELECT current_user", user: user, password: password)
    }

    private func router(_ auth: [String: String], _ others: [String: [String: String]] = [:]) throws -> RouterProcess {
        var configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["auth": auth].merging(others) { $1 })
        // Only the directory knows this one, and the servers.
        configuration.tables["users.app"] = nil
        return try RouterProcess.start(configuration)
    }

    // MARK: LDAP

    private static let directory = Result { try DirectoryServer() }

    private func check(_ router: RouterProcess) throws {
        try eventually("the right password to be taken") { try Self.ask(router, "app", "app").output == "app\n" }
        let wrong = try Self.ask(router, "app", "wrong")
        #expect(wrong.status == 2 && wrong.errors.contains("password authentication failed for user \"app\""))
        let unknown = try Self.ask(router, "nosuch", "app")
        #expect(unknown.errors.replacing("nosuch", with: "app") == wrong.errors)
        // No name means another one's entry, and no empty password is an anonymous bind.
        for name in ["*", "a*", "app)(uid=*", "app,ou=people"] {
            #expect(try Self.ask(router, name, "app").status == 2, "\(name)")
        }
        #expect(try Self.ask(router, "app", "").status == 2)
    }

    @Test func aNameThatIsMade() throws {
        let server = try Self.directory.get()
        try check(
            router(
                ["method": "\"ldap\""],
                ["auth.ldap": [
                    "url": "\"\(server.url)\"", "prefix": "\"uid=\"", "suffix": "\",ou=people,dc=example\"",
                ]]))
    }

    @Test func aNameThatIsLookedFor() throws {
        let server = try Self.directory.get()
        try check(
            router(
                ["method": "\"ldap\""],
                ["auth.ldap": [
                    "url": "\"\(server.url)\"", "base_dn": "\"dc=example\"", "bind_dn": "\"cn=admin,dc=example\"",
                    "bind_password": "\"admin\"",
                ]]))
    }

    @Test func byARule() throws {
        let server = try Self.directory.get()
        let rule = "host all all all ldap ldapserver=127.0.0.1 ldapport=\(server.port) ldapbasedn=\"dc=example\" "
            + "ldapsearchfilter=\"(uid=$username)\"\n"
        var configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["auth": ["method": "\"hba\"", "hba_file": "\"hba.conf\""]])
        configuration.tables["users.app"] = nil
        try check(RouterProcess.start(configuration, files: ["hba.conf": rule]))
    }

    @Test func nobodyThere() throws {
        let port = try LoopbackPort.free()
        let router = try router(
            ["method": "\"ldap\""],
            ["auth.ldap": ["url": "\"ldap://127.0.0.1:\(port)\"", "prefix": "\"uid=\"", "suffix": "\",dc=example\""]])
        #expect(try Self.ask(router, "app", "app").status == 2)
        try eventually("the reason to be in the log") { router.log.contains("a password could not be checked") }
    }

    // MARK: PAM

    /// Services of PAM are files that only root can make.
    @Test(arguments: [("pam_permit.so", true), ("pam_deny.so", false)])
    func services(_ module: String, _ isRight: Bool) throws {
        guard geteuid() == 0 else { return }
        let service = "pointsman-test-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let path = "/etc/pam.d/\(service)"
        try "auth required \(module)\naccount required pam_permit.so\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let router = try router(["method": "\"pam\"", "pam_service": "\"\(service)\""])
        if isRight {
            try eventually("the password to be taken") { try Self.ask(router, "app", "app").output == "app\n" }
        } else {
            let refused = try Self.ask(router, "app", "app")
            #expect(refused.status == 2 && refused.errors.contains("password authentication failed"))
        }
    }
}

/// A directory with one entry, `uid=app,ou=people,dc=example`, whose password is `app`.
private final class DirectoryServer: Sendable {
    let port: Int
    private let process: Process
    private let keeper: ProcessKeeper

    var url: String { "ldap://127.0.0.1:\(port)" }

    init() throws {
        port = try LoopbackPort.free()
        let directory = "/tmp/pointsman-directory-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: directory + "/data", withIntermediateDirectories: true)
        keeper = try ProcessKeeper(directory: directory)
        let settings = """
            include /etc/ldap/schema/core.schema
            include /etc/ldap/schema/cosine.schema
            include /etc/ldap/schema/inetorgperson.schema
            modulepath /usr/lib/ldap
            moduleload back_mdb
            pidfile \(directory)/slapd.pid
            database mdb
            suffix "dc=example"
            rootdn "cn=admin,dc=example"
            rootpw admin
            directory \(directory)/data
            """
        let entries = """
            dn: dc=example
            objectClass: dcObject
            objectClass: organization
            o: example
            dc: example

            dn: ou=people,dc=example
            objectClass: organizationalUnit
            ou: people

            dn: uid=app,ou=people,dc=example
            objectClass: inetOrgPerson
            uid: app
            cn: App
            sn: App
            userPassword: app

            """
        try settings.write(toFile: directory + "/slapd.conf", atomically: true, encoding: .utf8)
        try entries.write(toFile: directory + "/entries.ldif", atomically: true, encoding: .utf8)
        try ExternalProgram("/usr/sbin/slapadd", ["-f", directory + "/slapd.conf", "-l", directory + "/entries.ldif"])
            .succeed()
        process = ExternalProgram(
            "/usr/sbin/slapd", ["-f", directory + "/slapd.conf", "-h", "ldap://127.0.0.1:\(port)", "-d", "0"]
        ).process()
        try process.run()
        let port = port
        try eventually("the directory to listen") { (try? StreamSocket(port: port)) != nil }
    }
}
