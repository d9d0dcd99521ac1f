// Which rule fits which connection, and is each mistake in a rules file told?

import Authentication
import Reactor
import Testing

@testable import Proxy

struct AccessRulesTests {
    /// Reads a rules file that may include the other files.
    private func read(_ text: String, maps: String = "", _ others: [String: String] = [:]) -> AccessFiles {
        let all = others.merging(["/etc/hba": text, "/etc/ident": maps]) { $1 }
        var files = AccessFiles(networks: { [Network("192.168.7.0/24")].compactMap { $0 } }) { path in
            all[path].map(Result.success) ?? .failure(AccessFileProblem("no such file: \(path)"))
        }
        if !maps.isEmpty { files.readMaps("/etc/ident") }
        files.readRules("/etc/hba")
        return files
    }

    private func request(
        _ from: String?, to local: String = "10.0.0.1", encrypted: Bool = false, database: String = "app",
        user: String = "alice", replication: Bool = false
    ) -> AccessRequest {
        AccessRequest(
            peer: from.flatMap { SocketAddress($0, port: 5) }.map { .tcp($0) } ?? .unix(nil),
            local: from == nil ? nil : SocketAddress(local, port: 6432), isEncrypted: encrypted, database: database,
            user: user, isPhysicalReplication: replication)
    }

    private func fits(_ rule: String, _ request: AccessRequest) -> Bool {
        let files = read(rule)
        #expect(files.mistakes == [])
        return files.rules.verdict(on: request) != nil
    }

    @Test func kinds() {
        let (unix, plain, encrypted) = (request(nil), request("10.1.2.3"), request("10.1.2.3", encrypted: true))
        for (kind, expected) in [
            ("local all all", [true, false, false]), ("host all all all", [false, true, true]),
            ("hostssl all all all", [false, false, true]), ("hostnossl all all all", [false, true, false]),
        ] {
            #expect([unix, plain, encrypted].map { fits("\(kind) trust", $0) } == expected, "\(kind)")
        }
    }

    @Test(arguments: [
        ("all", "10.1.2.3", true), ("10.1.0.0/16", "10.1.2.3", true), ("10.1.9.9/16", "10.1.2.3", true),
        ("10.2.0.0/16", "10.1.2.3", false), ("10.1.0.0 255.255.0.0", "10.1.2.3", true),
        ("10.1.0.0 255.255.255.0", "10.1.2.3", false), ("0.0.0.0/0", "10.1.2.3", true), ("::/0", "10.1.2.3", false),
        ("fd00::/8", "fd12::1", true), ("fd00:: ff00::", "fd12::1", true), ("fe00::/8", "fd12::1", false),
        ("samehost", "10.0.0.1", true), ("samehost", "10.0.0.2", false), ("samenet", "192.168.7.200", true),
        ("samenet", "192.168.8.1", false), ("10.1.2.3/32", "10.1.2.3", true),
    ]) func places(_ place: String, _ from: String, _ expected: Bool) {
        #expect(fits("host all all \(place) trust", request(from)) == expected)
    }

    @Test(arguments: [
        ("all", "app", "alice", true), ("app", "app", "alice", true), ("other", "app", "alice", false),
        ("other,app", "app", "alice", true), ("other, app", "app", "alice", true), ("sameuser", "alice", "alice", true),
        ("sameuser", "app", "alice", false), ("\"sameuser\"", "sameuser", "bob", true), ("\"all\"", "app", "x", false),
        ("/^app_[0-9]+$", "app_12", "x", true), ("/^app_[0-9]+$", "app_x", "x", false), ("@list", "two", "x", true),
        ("@list", "three", "x", false), ("replication", "app", "x", false),
    ]) func databases(_ databases: String, _ database: String, _ user: String, _ expected: Bool) {
        let files = read("host \(databases) all all trust", ["/etc/list": "one two # three\n\"four\""])
        #expect(files.mistakes == [])
        #expect((files.rules.verdict(on: request("1.2.3.4", database: database, user: user)) != nil) == expected)
    }

    @Test func replication() {
        let wanted = request("1.2.3.4", replication: true)
        #expect(!fits("host all all all trust", wanted) && fits("host replication all all trust", wanted))
    }

    @Test func theFirstOneCounts() {
        let files = read(
            """
            # nobody from there
            host all mallory all reject
            host all all 10.0.0.0/8 \\
                scram-sha-256   # goes on
            include more
            include_if_exists nosuch
            host all all all md5
            """, ["/etc/more": "host all bob all trust\n"])
        #expect(files.mistakes == [])
        func verdict(_ user: String, _ from: String) -> AccessRule.Verdict? {
            files.rules.verdict(on: request(from, user: user))
        }
        #expect(verdict("mallory", "10.0.0.9") == .reject)
        #expect(verdict("alice", "10.0.0.9") == .prove(.scramSHA256, map: nil))
        #expect(verdict("bob", "11.0.0.9") == .prove(.trust, map: nil))
        #expect(verdict("alice", "11.0.0.9") == .prove(.md5, map: nil))
        #expect(read("").rules.verdict(on: request("1.2.3.4")) == nil)
    }

    @Test(arguments: [
        ("m root postgres", "root", "postgres", true), ("m root postgres", "root", "alice", false),
        ("m root all", "root", "alice", true), ("m /^(.*)@example$ \\1", "alice@example", "alice", true),
        ("m /^(.*)@example$ \\1", "alice@example", "bob", false),
        ("m /^(.*)@example$ \\1", "alice@other", "alice", false),
        ("m root /^a", "root", "alice", true), ("m root /^b", "root", "alice", false),
    ]) func maps(_ line: String, _ proven: String, _ user: String, _ expected: Bool) {
        let files = read("local all all peer map=m", maps: line)
        #expect(files.mistakes == [])
        #expect(files.rules.allows(proven, as: user, map: "m") == expected)
        #expect(files.rules.allows(proven, as: proven, map: nil) && !files.rules.allows(proven, as: user, map: nil))
    }

    @Test(arguments: [
        "tcp all all all trust", "host all", "host all all", "host all all all", "host all all 10.0.0.1 md5",
        "host all all db.example md5", "host all all 10.0.0.0/33 md5", "host all all 10.0.0.0 255.0.255.0 md5",
        "host all +admins all md5", "host samerole all all md5", "host all all all gss", "host all all all ldap",
        "host all all all cert", "host all all all peer", "local all all peer map=nosuch", "host all all all md5 x=y",
        "host all \"alice all md5", "include nosuch", "include_dir /etc", "host all /( all md5",
        "host @nosuch all all md5",
    ]) func mistakes(_ text: String) {
        let files = read("# first\n\(text)\n")
        #expect(files.mistakes.count >= 1)
        #expect(files.mistakes.allSatisfy { $0.line == 2 })
    }

    @Test func othersAreAsked() {
        let files = read(
            """
            host all bob all pam pamservice=login
            host all carol all pam
            host all all all ldap ldapserver="one two" ldapport=1389 ldapbasedn="dc=a,dc=b" \
            ldapsearchattribute=cn ldaptls=1
            """)
        #expect(files.mistakes == [])
        var ldap = LDAPSettings()
        ldap.url = "ldap://one:1389 ldap://two:1389"
        ldap.usesStartTLS = true
        ldap.base = "dc=a,dc=b"
        ldap.attribute = "cn"
        let verdicts = ["bob", "carol", "alice"].map { files.rules.verdict(on: request("1.2.3.4", user: $0)) }
        #expect(verdicts == [.ask(.pam(service: "login")), .ask(.pam(service: "pointsman")), .ask(.ldap(ldap))])
    }

    @Test func ownNetworks() {
        #expect(Network.own().contains { SocketAddress("127.0.0.1", port: 0).map($0.contains) ?? false })
    }
}
