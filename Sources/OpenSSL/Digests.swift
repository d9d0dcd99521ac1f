// How are digests, keyed digests and password keys computed, and how are secrets compared?
//
// Each unsafe call hands libcrypto the elements of Swift arrays for the time of the call: it reads inputs within the
// counts given with them and writes outputs of a size that the algorithm fixes, for which the array was made.

internal import COpenSSL

/// libcrypto's implementations, looked up once: each look-up costs more than the digest of a short message.
private enum Implementation {
    // Never freed and never changed; libcrypto counts its own references to them atomically.
    nonisolated(unsafe) static let sha256: OpaquePointer? = unsafe EVP_MD_fetch(nil, "SHA2-256", nil)
    nonisolated(unsafe) static let md5: OpaquePointer? = unsafe EVP_MD_fetch(nil, "MD5", nil)
}

extension Array where Element == UInt8 {
    /// Zeros for libcrypto to write over. Arrays that are made with all their elements at once are not specialised, and
    /// cost three times as much.
    fileprivate init(zeros count: Int) {
        self = []
        append(addingCapacity: count) { (output: inout OutputSpan<UInt8>) in
            for _ in 0..<count { output.append(0) }
        }
    }
}

/// A SHA-256 digest that is made step by step, on the stack. libcrypto's general interface takes memory and locks for
/// each one, which made two thirds of the time that logins spent in it.
private struct SHA256: ~Copyable {
    private var state = SHA256_CTX()

    init() { check(unsafe SHA256_Init(&state)) }

    mutating func update(_ bytes: borrowing Span<UInt8>) {
        // libcrypto reads the bytes within the call.
        unsafe bytes.withUnsafeBytes { check(unsafe SHA256_Update(&state, $0.baseAddress, $0.count)) }
    }

    consuming func finish() -> [UInt8] {
        var digest: [UInt8] = []
        digest.append(addingCapacity: 32) { (output: inout OutputSpan<UInt8>) in
            // libcrypto writes 32 bytes within the call.
            unsafe output.withUnsafeMutableBufferPointer { bytes, count in
                check(unsafe SHA256_Final(bytes.baseAddress, &state))
                count = 32
            }
        }
        return digest
    }

    private func check(_ result: Int32) { precondition(result == 1, "libcrypto has no SHA-256") }
}

/// Digests of whole messages.
public enum Digest {
    /// The 32 bytes of SHA-256 over one part behind the other.
    public static func sha256(_ first: [UInt8], _ second: [UInt8] = []) -> [UInt8] {
        var digest = SHA256()
        digest.update(first.span)
        digest.update(second.span)
        return digest.finish()
    }

    /// The 16 bytes of MD5; nil where the system's policy (FIPS) forbids MD5.
    public static func md5(_ message: [UInt8]) -> [UInt8]? {
        guard let implementation = unsafe Implementation.md5 else { return nil }
        var digest = [UInt8](zeros: 16)
        let isDone = unsafe EVP_Digest(message, message.count, &digest, nil, implementation, nil) == 1
        return isDone ? digest : nil
    }
}

/// Digests that only the owner of a key can compute (RFC 2104).
public enum HMAC {
    private static let blockSize = 64

    /// The 32 bytes of HMAC-SHA-256.
    public static func sha256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        let key = key.count > blockSize ? Digest.sha256(key) : key
        var block = InlineArray<64, UInt8>(repeating: 0x36)
        for place in key.indices { block[place] ^= key[place] }
        var inner = SHA256()
        inner.update(block.span)
        inner.update(message.span)
        for place in block.indices { block[place] ^= 0x36 ^ 0x5c }
        var outer = SHA256()
        outer.update(block.span)
        outer.update(inner.finish().span)
        return outer.finish()
    }
}

/// Keys derived from passwords, slow on purpose (RFC 8018).
public enum PBKDF2 {
    /// The 32 bytes of PBKDF2-HMAC-SHA-256; about 0.3 µs for each of the iterations, of which there is at least one.
    public static func sha256(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        precondition(iterations > 0 && iterations <= Int32.max, "PBKDF2 needs between one and 2^31 - 1 iterations")
        precondition(password.count <= Int32.max && salt.count <= Int32.max, "a password or salt of more than 2 GiB")
        var key = [UInt8](zeros: 32)
        let isDone = unsafe password.withUnsafeBytes { bytes in
            unsafe PKCS5_PBKDF2_HMAC(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), salt, Int32(salt.count),
                Int32(iterations), Implementation.sha256, 32, &key) == 1
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
