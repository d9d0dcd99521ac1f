// Where do random bytes that nobody can foresee come from?

internal import COpenSSL

/// libcrypto's generator, seeded by the kernel.
public enum SecureRandom {
    /// New random bytes. A generator that fails ends the process: nothing secret can be done without it.
    public static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int32.max, "an impossible number of random bytes")
        var bytes = [UInt8](repeating: 0, count: count)
        // libcrypto writes `count` bytes into the array, which has that size, and keeps no pointer to it.
        let isDone = unsafe RAND_bytes(&bytes, Int32(count)) == 1
        precondition(isDone, "libcrypto's random generator failed")
        return bytes
    }
}
