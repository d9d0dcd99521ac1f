// How are digests, keyed digests and password keys computed, and how are secrets compared?
//
// Each unsafe call hands libcrypto the elements of Swift arrays for the time of the call: it reads inputs within the
// counts given with them and writes outputs of a size that the algorithm fixes, for which the array was made.

internal import COpenSSL

/// Digests of whole messages.
public enum Digest {
    /// The 32 bytes of SHA-256.
    public static func sha256(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let isDone = unsafe EVP_Digest(message, message.count, &digest, nil, EVP_sha256(), nil) == 1
        precondition(isDone, "libcrypto has no SHA-256")
        return digest
    }

    /// The 16 bytes of MD5; nil where the system's policy (FIPS) forbids MD5.
    public static func md5(_ message: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 16)
        let isDone = unsafe EVP_Digest(message, message.count, &digest, nil, EVP_md5(), nil) == 1
        return isDone ? digest : nil
    }
}

/// Digests that only the owner of a key can compute (RFC 2104).
public enum HMAC {
    /// The 32 bytes of HMAC-SHA-256.
    public static func sha256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        precondition(key.count <= Int32.max, "a key of more than 2 GiB")
        var code = [UInt8](repeating: 0, count: 32)
        let isDone =
            unsafe COpenSSL.HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, nil) != nil
        precondition(isDone, "libcrypto has no HMAC-SHA-256")
        return code
    }
}

/// Keys derived from passwords, slow on purpose (RFC 8018).
public enum PBKDF2 {
    /// The 32 bytes of PBKDF2-HMAC-SHA-256; about 0.3 µs for each of the iterations, of which there is at least one.
    public static func sha256(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        precondition(iterations > 0 && iterations <= Int32.max, "PBKDF2 needs between one and 2^31 - 1 iterations")
        precondition(password.count <= Int32.max && salt.count <= Int32.max, "a password or salt of more than 2 GiB")
        var key = [UInt8](repeating: 0, count: 32)
        let isDone = unsafe password.withUnsafeBytes { bytes in
            unsafe PKCS5_PBKDF2_HMAC(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), salt, Int32(salt.count),
                Int32(iterations), EVP_sha256(), 32, &key) == 1
        }
        precondition(isDone, "libcrypto has no PBKDF2 with SHA-256")
        return key
    }
}

/// Whether two secrets are equal, in a time that depends on their lengths only.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
