// Do texts that differ only in their literals have the same fingerprint, and others not?

import Testing

@testable import SQL

struct FingerprintTests {
    private func fingerprint(_ text: String) -> Fingerprint {
        Fingerprint(of: Array(text.utf8).span, settings: LexerSettings())
    }

    @Test(arguments: [
        ("SELECT 1", "SELECT 22"), ("SELECT 'a'", "SELECT 'it''s'"), ("SELECT a FROM t", "select  A\nfrom T -- x"),
        ("SELECT $1", "SELECT $2"), ("SELECT $$a$$", "SELECT E'b'"), ("SELECT f(1, 'x')", "SELECT f(2, 'y')"),
    ])
    func alike(_ left: String, _ right: String) {
        #expect(fingerprint(left) == fingerprint(right))
    }

    @Test(arguments: [
        ("SELECT 1", "SELECT 'a'"), ("SELECT a", "SELECT b"), ("SELECT \"A\"", "SELECT \"a\""),
        ("SELECT ab", "SELECT a b"), ("SELECT 1", "SELECT 1, 2"), ("SELECT a + b", "SELECT a - b"), ("", "SELECT 1"),
        ("SELECT f(1)", "SELECT f(1"),
    ])
    func different(_ left: String, _ right: String) {
        #expect(fingerprint(left) != fingerprint(right))
    }
}
