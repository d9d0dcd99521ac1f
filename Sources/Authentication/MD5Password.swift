// How does an MD5 password answer a challenge?

internal import OpenSSL

/// PostgreSQL's MD5 passwords.
enum MD5Password {
    /// The 32 digits that PostgreSQL stores; nil where the system forbids MD5.
    static func stored(password: [UInt8], user: String) -> [UInt8]? {
        hex(password + Array(user.utf8))
    }

    /// The answer (`md5` and 32 digits) to a challenge; nil where the system forbids MD5.
    static func answer(stored: [UInt8], salt: [UInt8]) -> [UInt8]? {
        hex(stored + salt).map { Array("md5".utf8) + $0 }
    }

    private static func hex(_ message: [UInt8]) -> [UInt8]? {
        let digits = Array("0123456789abcdef".utf8)
        return Digest.md5(message).map { $0.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] } }
    }
}
