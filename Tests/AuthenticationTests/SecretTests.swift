// Are secrets read, written, derived and hidden as PostgreSQL and PgBouncer do?

import Authentication
import Testing

struct SecretTests {
    /// Salts and keys that PostgreSQL 15 stored for these passwords, with 4096 iterations.
    static let stored: [(password: String, salt: String, keys: String)] = [
        (
            "pencil",
            "zL3LiUMRhZRtjuVjzqeX1w==",
            "bwUYbIax2Fa7nr/Ke5KpbYqmfYJJRGGegHRRRHB3+bw=:DU8QxljraCvBKdWst65voM6AI859rvPvOztR3l1JXUc="
        ),
        (
            "a",
            "d3PuZDDQktT25dO9XXI9Jw==",
            "QLRybYeRNHuwWy9mFKcS3wMTThQZ/X+PcuLtDAvKrA4=:4d6ICdvEAVVjop80owALeYu2idX4Lof4VgWePRka/IA="
        ),
        (
            "with space and \"quotes\"",
            "Jg9mouFO7zAHF4kfa0MwQQ==",
            "REp+ds2U3DK4Zh/gJACIkhvIyzQ5p5KODLrr/Fjpsec=:sZk+6L5dfbwNRnMNSSux0JF9PL7hJOEHW5EwNvNzSMQ="
        ),
        (
            "md5looksalike",
            "zopmEw+yMCdLVa+LxkthXg==",
            "2nZMpxf9OSj/cZaiBH9eWWcAsVTuIynP878W/15zP70=:9JcMKvZqR8o4nO5G2tLaWvmChKZpAFlQV62Lhv9wGTg="
        ),
        (
            "p\u{e4}ssword",
            "SxJgQMWsKnmhm8dRoNuWJg==",
            "OfUTuokxNe/AJP2ag5yOX22dwTk1lZPLMSZjanExeVM=:eEevBvvQP80ojJzLw0e7I+MSXGXI+OXAkOIop/BULps="
        ),
        (
            "pa\u{308}ssword",
            "PXpdzq3ujM+uJxNekoksow==",
            "IoldIIjp+N2LNhrMbT247f1gVUuEjRaCpmbpj3gjhy8=:LM5B5LtHz4fwWLE28RnNG7h/j49SmQEPWVsybFpUQOs="
        ),
        (
            "\u{2168}",
            "aZhEqDHPqPnBriSiqXG1OA==",
            "FMBdpz1FSS4lwxZ3kbmB6IUxlg+h9qUaaKsIla0016c=:K/wiM5ASKkpda53CIL2zdUQNrXuvDzPb3dKpJPQt/eU="
        ),
        (
            "\u{aa}",
            "g/KYV69aFci8+Aepqq81IQ==",
            "BJTwzvbpYVmgdC6RWej1jSrJbq6Y6CYHgVfwJ8ZHsWY=:0NSuaC2vOomQNgQRjGhVqzz4VMgghYgd74CK3JazoJM="
        ),
        (
            "a\u{ad}b",
            "7lEbeoadZ15SCFvEIvVVXA==",
            "K7Ah442brwKHbmxOnhg7AiFyDcsD1m+MVXz4WTOA6L0=:hA06Xfpqto3ddpovT5BFHheTIEMiSg6ZNRTICVtZWK0="
        ),
        (
            "\u{a0}x",
            "7AdN8bHqlcmyBkBqlpvOJg==",
            "lWtc0A41dqA7EhsxMjVoJUiL1l0QOk9wnyrh8rhqZmw=:4EL0TqWlTO7M+l6nNwnUgvx50vOa5T15wy2YMdGMero="
        ),
        (
            "I\u{ad}X",
            "bDvJt3VSCx+O9WTHHykeWw==",
            "2IExFpVdAaGLObMc0O3dXL5Qb2SuhCgX3R2wjKBs2RQ=:rthDlA0eJ/h+Vc6e9mPmXkMyfDuTVMtruEZNNttrnP4="
        ),
        (
            "\u{fb01}",
            "I/VBL3MIfiPZkpDmW7Lb3g==",
            "BIDJEajGxMkaTrIntSJFRSdsEPQ4KAfhEPbvn8CtWng=:KM/UaLzTxtKS0EWS67u8HJ2Jsc1/dG33+O7fwdwEWQs="
        ),
        (
            "\u{5d0}1",
            "LJqNpjtdI8Tt1z9xK6yVkQ==",
            "YfvNPWdT/7GkZYWucFh+XgNNBlgzr3LKqg1jAvewz8s=:m17zNx8YgNv8bEwImsq3uqcSgtbVuggtOb1V8dpbvJw="
        ),
        (
            "\u{5d0}\u{5d1}",
            "WbpUi7ZiiPCC6fjBmM8nBA==",
            "4LoECYUVmc9X8fZ3OqK1aQcB+xqTuxiQzPvXTsFT8Yo=:a+TE7CckDhKkaAHZuJipmH/fIy7kXrF1YbmPYOF5MsE="
        ),
        (
            "\u{5d0}a",
            "U0E5gp7xMPh1weHg6mgVnA==",
            "XLxdlkZDKZPpRw0JFkXsPNuxAGVc5oaJbSkVAXqx0eU=:4fr/w4T6EV22blV3RxnaqrBXQzpFge+/qiysEdX8D10="
        ),
        (
            "\u{2603}",
            "oswbrymKEIACL1EFsem58A==",
            "YY9Kll6QvpSXV3JesnnGgBwToPEvvCYCBv4m1F3X13o=:9y/Wb/SjDFNEB4aHLnDZ92e/HaVu3lrvuzwF0+NNc6A="
        ),
        (
            "\u{1f642}",
            "QyPJ42kbtBk7oi5jHavEEA==",
            "QLR6Xc6oTeI0w2tfr/MSaO+2AScwzYdNZdDmopZacZM=:Ii1gcox/5uzQHRMzd4GrW3poZnMxDZZ/E0sCYaqN5No="
        ),
        (
            "\u{200d}x",
            "I7mpvxxW2syvyrz6UwZpxQ==",
            "/tfhXXrqsZcDE7tVBCnOUWCgsoVhVDPh2yXmRD5QW4c=:/FqmqYQo9m9WC0RLXgSrchuTVoJ8DRab0huZ80pPVQA="
        ),
        (
            "\u{ff21}\u{ff22}\u{ff23}",
            "EU9B933/69n9JJDj+t+OFw==",
            "m6nRVpXIe+cVBBa9g8/cXMFLawvx7m95F3VAIGy+jPI=:Mc4UdU+NCkMQ7dYAYmEKZH8QLrieoSTeDxpjzTx3OLM="
        ),
        (
            "a\u{85}",
            "P6nTgGfTemit95NpDmTGVQ==",
            "E+94fU3ZqlfrjDXSQY9KQjjzcWRNcYQB3MnWIH7CSAg=:kkglyrUDZDUCQgcu9wnZFr4+XeucQOJGHdQwGyrLwQw="
        ),
        (
            String(repeating: "q", count: 1000),
            "Oy7bFsWjKR/tISS4v+t9wg==",
            "5D1QQaaCQZqZIs3ZySPxtKGKRxI+npTakYRDliNlAOU=:WCm1uZFAIul5kyqwO1FLfNAXEvnJBxzlaI7JP8YuPE0="
        ),
        (
            "\u{212b}",
            "mudMRrfY8Iz1v6Eeu+f6LA==",
            "Lr1dCYltfn4B8pjU/4V/INlPks7YoAU235FI+2fNwj0=:e4vfFS4+mTK2wbAkvaElKnfsv67L2ZauPHmrwf5jdcw="
        ),
    ]

    @Test(arguments: stored)
    func secretsOfPostgreSQL(password: String, salt: String, keys: String) throws {
        let text = "SCRAM-SHA-256$4096:\(salt)$\(keys)"
        let secret = try #require(SCRAMSecret(parsing: text))
        #expect(secret.iterations == 4096)
        #expect(secret.text == text)
        #expect(SCRAMSecret(password: password, salt: secret.salt, iterations: 4096) == secret)
        #expect(Secret(parsing: text) == .scram(secret))
        #expect(SCRAMSecret(password: password + "x", salt: secret.salt, iterations: 4096) != secret)
    }

    @Test(arguments: [
        ("", SecretKind.unusable), ("secret", .plain), ("md5", .plain), ("md54a0a68b43b6cd5cf266fa02f196e2371", .md5),
        ("md54A0A68B43B6CD5CF266FA02F196E2371", .plain), ("md54a0a68b43b6cd5cf266fa02f196e237", .plain),
        ("md54a0a68b43b6cd5cf266fa02f196e23711", .plain), ("md54a0a68b43b6cd5cf266fa02f196e237g", .plain),
        ("MD54a0a68b43b6cd5cf266fa02f196e2371", .plain), ("SCRAM-SHA-256", .plain), ("scram-sha-256$4096:", .plain),
    ])
    func kinds(text: String, kind: SecretKind) {
        #expect(Secret(parsing: text)?.kind == kind)
    }

    @Test func valuesOfSecrets() {
        #expect(Secret(parsing: "md54a0a68b43b6cd5cf266fa02f196e2371") == .md5("4a0a68b43b6cd5cf266fa02f196e2371"))
        #expect(Secret(parsing: " p ") == .plain(" p "))
        // The same letter, encoded differently: not the same password.
        #expect(Secret.plain("\u{e4}") != .plain("a\u{308}"))
        #expect(Secret.plain("a") != .md5("a"))
        #expect(Secret.unusable == .unusable)
    }

    static let key = String(repeating: "A", count: 43) + "="

    @Test(arguments: [
        "SCRAM-SHA-256$", "SCRAM-SHA-256$4096", "SCRAM-SHA-256$4096:AAAA", "SCRAM-SHA-256$4096:AAAA$",
        "SCRAM-SHA-256$4096:AAAA$\(key)", "SCRAM-SHA-256$4096:AAAA$\(key):", "SCRAM-SHA-256$4096:$\(key):\(key)",
        "SCRAM-SHA-256$:AAAA$\(key):\(key)", "SCRAM-SHA-256$0:AAAA$\(key):\(key)",
        "SCRAM-SHA-256$-1:AAAA$\(key):\(key)", "SCRAM-SHA-256$+1:AAAA$\(key):\(key)",
        "SCRAM-SHA-256$2147483648:AAAA$\(key):\(key)", "SCRAM-SHA-256$99999999999999999999:AAAA$\(key):\(key)",
        "SCRAM-SHA-256$4096:AAA$\(key):\(key)", "SCRAM-SHA-256$4096:AAAA$AAAA:\(key)",
        "SCRAM-SHA-256$4096:AAAA$\(key):AAAA", "SCRAM-SHA-256$4096:AAAA$\(key):\(key):",
        "SCRAM-SHA-256$4096:A A=$\(key):\(key)",
        "SCRAM-SHA-256$4096:AAAA$\(key):\(key)$", "SCRAM-SHA-256$4096:AAAA$\(key):\(key) ",
        "SCRAM-SHA-256$4096:AAAA:AAAA$\(key):\(key)",
    ])
    func malformed(text: String) {
        #expect(SCRAMSecret(parsing: text) == nil)
        #expect(Secret(parsing: text) == nil)
    }

    @Test func cutOffAnywhere() {
        let whole = "SCRAM-SHA-256$4096:AAAA$\(Self.key):\(Self.key)"
        #expect(SCRAMSecret(parsing: whole) != nil)
        for length in 0..<whole.count { #expect(SCRAMSecret(parsing: String(whole.prefix(length))) == nil) }
    }

    @Test func zeroBytes() {
        #expect(Secret(parsing: "a\0b") == nil)
    }

    /// Nothing secret reaches a log by accident.
    @Test func secretsAreNotPrinted() throws {
        let plain = Secret.plain("hush")
        let scram = Secret.scram(SCRAMSecret(password: "hush", salt: [1], iterations: 1))
        let keys = SCRAMKeys(clientKey: Array("hush".utf8), serverKey: [], salt: [], iterations: 1)
        var dumped = ""
        for value in [plain as Any, scram, Secret.md5("hush"), keys] {
            dump(value, to: &dumped)
            dumped += "\(value) \(String(reflecting: value))\n"
        }
        #expect(!dumped.contains("hush") && !dumped.contains("104"))
        #expect(plain.description == "plain secret")
    }
}
