// Do the computations agree with the examples of the standards?

import Testing

@testable import Authentication

struct SCRAMVectorTests {
    /// RFC 7677, section 3.
    @Test func rfc7677() throws {
        let exchange = try SCRAMServerExchange(
            clientFirst: .parse(Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8)),
            verifier: .password(
                Array("pencil".utf8), salt: #require(Base64.decode(Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)[...])),
                iterations: 4096),
            nonce: Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8))
        let serverFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        #expect(String(decoding: exchange.serverFirst, as: UTF8.self) == serverFirst)

        let withoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        var cache = DerivedKeysCache()
        let outcome = try exchange.verify(Array("\(withoutProof),p=\(proof)".utf8), cache: &cache)
        #expect(
            String(decoding: outcome.message, as: UTF8.self) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")

        let parsed = try SCRAMServerFirst.parse(
            Array(serverFirst.utf8), clientNonce: Array("rOprNGfwEbeRWgbNEkqO".utf8))
        let keys = DerivedKeys(password: Array("pencil".utf8), salt: parsed.salt, iterations: parsed.iterations)
        #expect(outcome.keys.clientKey == keys.clientKey)
        #expect(outcome.keys.serverKey == keys.serverKey)
        let authMessage = Array("n=user,r=rOprNGfwEbeRWgbNEkqO,\(serverFirst),\(withoutProof)".utf8)
        let ours = SCRAMProof.clientProof(clientKey: keys.clientKey, authMessage: authMessage)
        #expect(String(decoding: Base64.encode(ours), as: UTF8.self) == proof)
        #expect(
            SCRAMProof.clientKey(from: ours, storedKey: keys.storedKey, authMessage: authMessage) == keys.clientKey)
        #expect(SCRAMProof.clientKey(from: ours, storedKey: keys.storedKey, authMessage: authMessage + [0]) == nil)
    }

    /// RFC 4013, section 3, and what the rules say of further cases; `nil` stands for a password used as it is.
    @Test(
        arguments: [
            ("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX"),
            ("\u{7}", "\u{7}"), ("\u{627}1", nil), ("\u{627}1\u{628}", "\u{627}1\u{628}"), ("\u{627}a\u{628}", nil),
            ("a\u{a0}b", "a b"), ("a\u{3000}b", "a b"), ("\u{ad}", nil), ("\u{ad}\u{feff}", nil), ("\u{e000}", nil),
            ("\u{221}", nil), ("\u{1f642}", nil), ("ä\u{7}", nil), ("\u{fffd}", nil), ("\u{e0041}", nil),
            ("a\u{308}", "ä"),
            ("\u{200b}a", " a"), ("\u{2ff0}", nil), ("\u{10fffd}", nil), ("\u{fb01}", "fi"), ("\u{85}", nil),
            // As PostgreSQL 15 does, which looks for what is prohibited before it normalizes.
            ("\u{340}", nil), ("\u{fb1d}", "\u{5d9}\u{5b4}"), ("\u{fb2a}", "\u{5e9}\u{5c1}"), ("\u{1d31}", nil),
        ] as [(String, String?)])
    func saslPreparation(password: String, prepared: String?) {
        let bytes = Array(password.utf8)
        #expect(SASLPreparation.prepare(bytes) == prepared.map { Array($0.utf8) } ?? bytes)
    }

    @Test func passwordsThatAreNotUTF8() {
        for bytes in [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]] as [[UInt8]] {
            #expect(SASLPreparation.prepare(bytes) == bytes)
        }
        #expect(SASLPreparation.prepare([]) == [])
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)[...]) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "=Zg=", "Zm9v\n", " Zm9v", "Zm9-", "Zm9_", "Zh==",
        "Zm9=",
        "Zm=v", "Zg==AAAA", "Zm9vZ", "Zmäv",
    ])
    func malformedBase64(text: String) {
        #expect(Base64.decode(Array(text.utf8)[...]) == nil)
    }

    @Test func base64OfAllBytes() {
        let bytes = [UInt8](0...255)
        for start in 0..<3 {
            #expect(Base64.decode(Base64.encode(Array(bytes[start...]))[...]) == Array(bytes[start...]))
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("4096", 4096), ("4097", nil), ("", nil), ("01", nil), ("00", nil), ("-1", nil),
            ("+1", nil),
            (" 1", nil), ("1 ", nil), ("1a", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)])
    func decimal(text: String, number: Int?) {
        #expect(Decimal.parse(Array(text.utf8), upTo: 4096) == number)
    }
}
