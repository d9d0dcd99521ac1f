// Where do random bytes that nobody can foresee come from?

internal import COpenSSL
internal import Locks

/// libcrypto's generator, seeded by the kernel.
public enum SecureRandom {
    /// So much is made at a time: what the generator does for each call costs more than the bytes.
    private static let stockSize = 512

    /// Bytes that were made and given to nobody.
    private static let stock = Lock<[UInt8]>([])

    /// New random bytes. A generator that fails ends the process: nothing secret can be done without it.
    public static func bytes(_ count: Int) -> [UInt8] {
        guard count <= stockSize / 8 else { return made(count) }
        return stock.withLock { stock in
            if stock.count < count { stock = made(stockSize) }
            let bytes = [UInt8](stock.suffix(count))
            stock.removeLast(count)
            return bytes
        }
    }

    /// Four of them.
    public static func word() -> UInt32 {
        stock.withLock { stock in
            if stock.count < 4 { stock = made(stockSize) }
            return (0..<4).reduce(0) { word, _ in word << 8 | UInt32(stock.removeLast()) }
        }
    }

    private static func made(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int32.max, "an impossible number of random bytes")
        var bytes = [UInt8](repeating: 0, count: count)
        // libcrypto writes `count` bytes into the array, which has that size, and keeps no pointer to it.
        let isDone = unsafe RAND_bytes(&bytes, Int32(count)) == 1
        precondition(isDone, "libcrypto's random generator failed")
        return bytes
    }
}
