// Is a users file read as PgBouncer reads it, and does each mistake show its line?

import Testing

@testable import Authentication

struct UsersFileTests {
    private static func mistake(_ line: Int, _ kind: UsersFileMistake.Kind) -> UsersFileMistake {
        UsersFileMistake(line: line, kind: kind)
    }

    @Test(
        arguments: [
            ("", []),
            ("\"alice\" \"secret\"", [("alice", "secret")]),
            ("\"alice\" \"secret\"\n\"bob\" \"b\"\n", [("alice", "secret"), ("bob", "b")]),
            ("\"alice\" \"secret\"\r\n\"bob\" \"b\"\r\n", [("alice", "secret"), ("bob", "b")]),
            ("\"alice\"\"secret\"", []),
            ("\"alice\"\t  \"secret\"", [("alice", "secret")]),
            ("  \"alice\" \"secret\"  ", [("alice", "secret")]),
            ("; \"alice\" \"secret\"\n# bob\n\n   \n  ;x\n\"c\" \"d\"", [("c", "d")]),
            ("\"al\"\"ice\" \"se\"\"cret\"\"\"", [("al\"ice", "se\"cret\"")]),
            ("\"alice\" \"secret\" \"more\" and more", [("alice", "secret")]),
            ("\"alice\" \"; no comment\"", [("alice", "; no comment")]),
            ("\"Älice\" \"geheim ß\"", [("Älice", "geheim ß")]),
            ("\u{feff}\"alice\" \"secret\"", [("alice", "secret")]),
            ("\"back\\slash\" \"\\n\"", [("back\\slash", "\\n")]),
        ] as [(String, [(String, String)])])
    func users(text: String, users: [(String, String)]) {
        var mistakes: [UsersFileMistake] = []
        let directory = UserDirectory(usersFile: text, mistakes: &mistakes)
        #expect(directory.count == users.count)
        for (name, secret) in users { #expect(directory.lookup(name) == .plain(secret)) }
        #expect(mistakes.isEmpty == (text != "\"alice\"\"secret\""))
        #expect(directory.lookup("nobody") == nil)
    }

    @Test(
        arguments: [
            ("alice secret", [mistake(1, .expectedUser)]),
            ("\n\n'alice' 'secret'", [mistake(3, .expectedUser)]),
            ("\"alice\"", [mistake(1, .expectedSecret)]),
            ("\"alice\" secret", [mistake(1, .expectedSecret)]),
            ("\"alice\" ; comment", [mistake(1, .expectedSecret)]),
            ("\"alice", [mistake(1, .unterminatedQuote)]),
            ("\"alice\" \"secret", [mistake(1, .unterminatedQuote)]),
            ("\"alice\" \"secret\"\"", [mistake(1, .unterminatedQuote)]),
            ("\"alice\nx\" \"secret\"", [mistake(1, .unterminatedQuote), mistake(2, .expectedUser)]),
            ("\"\" \"secret\"", [mistake(1, .emptyUser)]),
            ("\"al\0ice\" \"secret\"", [mistake(1, .zeroByte)]),
            ("\"alice\" \"sec\0ret\"", [mistake(1, .zeroByte)]),
            ("\"alice\" \"SCRAM-SHA-256$x\"", [mistake(1, .malformedSCRAM(user: "alice"))]),
            (
                "\"alice\" \"a\"\n\"bob\" \"b\"\n\"alice\" \"c\"",
                [mistake(3, .duplicate(user: "alice", firstLine: 1))]
            ),
            (
                "x\n\"ok\" \"ok\"\n\"y\"\n",
                [mistake(1, .expectedUser), mistake(3, .expectedSecret)]
            ),
        ] as [(String, [UsersFileMistake])])
    func mistakes(text: String, expected: [UsersFileMistake]) {
        var mistakes: [UsersFileMistake] = []
        _ = UserDirectory(usersFile: text, mistakes: &mistakes)
        #expect(mistakes == expected)
    }

    @Test func goodLinesCountInSpiteOfMistakes() {
        var mistakes: [UsersFileMistake] = []
        let directory = UserDirectory(usersFile: "x\n\"ok\" \"ok\"\n\"ok\" \"no\"", mistakes: &mistakes)
        #expect(directory.lookup("ok") == .plain("ok"))
        #expect(mistakes.count == 2)
        #expect(mistakes[1].description == "line 3: user \"ok\" stands on line 2 already")
    }

    @Test func mistakesNeverQuoteSecrets() {
        var mistakes: [UsersFileMistake] = []
        let text = "\"a\" \"SCRAM-SHA-256$hush\"\n\"b\" hush\n\"c\" \"hush\n\"d\" \"hush\"\n\"d\" \"hush\"\nhush"
        _ = UserDirectory(usersFile: text, mistakes: &mistakes)
        #expect(mistakes.count == 5)
        for mistake in mistakes { #expect(!mistake.description.contains("hush")) }
    }

    /// Names are bytes for PostgreSQL: letters that look alike are different users.
    @Test func namesAreBytes() {
        var directory = UserDirectory()
        directory.add("\u{e4}", .plain("composed"))
        directory.add("a\u{308}", .plain("decomposed"))
        #expect(directory.count == 2)
        #expect(directory.lookup("\u{e4}") == .plain("composed"))
        #expect(directory.lookup("a\u{308}") == .plain("decomposed"))
        #expect(directory.lookup("A\u{308}") == nil)
    }

    @Test(arguments: [
        ("", SecretKind.scram), ("\"a\" \"p\"", .md5),
        ("\"a\" \"md54a0a68b43b6cd5cf266fa02f196e2371\"", .md5),
        ("\"a\" \"SCRAM-SHA-256$1:AAAA$\(SecretTests.key):\(SecretTests.key)\"", .scram),
        ("\"a\" \"SCRAM-SHA-256$1:AAAA$\(SecretTests.key):\(SecretTests.key)\"\n\"b\" \"x\"\n\"c\" \"x\"", .md5),
    ])
    func commonestKind(text: String, kind: SecretKind) {
        var mistakes: [UsersFileMistake] = []
        #expect(UserDirectory(usersFile: text, mistakes: &mistakes).commonestKind == kind)
    }
}
