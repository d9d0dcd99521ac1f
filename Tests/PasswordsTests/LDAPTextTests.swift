// Can no user's name mean anything but itself to a directory?

import Authentication
import Locks
import Testing

@testable import Passwords

struct LDAPTextTests {
    @Test(arguments: [
        ("alice", "alice"), ("a*", "a\\2a"), ("a)(uid=*", "a\\29\\28uid=\\2a"), ("a\\b", "a\\5cb"), ("é", "\\c3\\a9"),
    ]) func filters(_ name: String, _ escaped: String) {
        #expect(LDAPCheck.escapedInFilter(name) == escaped)
        var settings = LDAPSettings()
        #expect(LDAPCheck.filter(settings, name) == "(uid=\(escaped))")
        settings.filter = "(&(cn=$username)(objectClass=person))"
        #expect(LDAPCheck.filter(settings, name) == "(&(cn=\(escaped))(objectClass=person))")
    }

    @Test(arguments: [
        ("alice", "alice"), ("a,ou=x", "a\\,ou\\=x"), (" a", "\\ a"), ("a ", "a\\ "), ("a+b", "a\\+b"),
        ("", nil), ("a\0b", nil),
    ] as [(String, String?)]) func names(_ name: String, _ escaped: String?) {
        #expect(LDAPCheck.escapedInName(name) == escaped)
    }

    /// An empty password is an anonymous bind, which every directory allows.
    @Test(arguments: [[], [0], Array("a\0b".utf8), [0xff, 0xfe]] as [[UInt8]]) func badPasswords(_ password: [UInt8]) {
        let question = PasswordQuestion(.ldap(LDAPSettings()), user: "alice", password: password, host: nil)
        #expect(PasswordChecker.verdict(on: question) == .wrong)
    }

    @Test func nobodyThere() {
        var settings = LDAPSettings()
        settings.url = "ldap://127.0.0.1:1"
        settings.prefix = "uid="
        let question = PasswordQuestion(.ldap(settings), user: "alice", password: Array("x".utf8), host: nil)
        guard case .failed = PasswordChecker.verdict(on: question) else {
            Issue.record("nobody was asked")
            return
        }
    }
}
