// How are durations spread?

/// Counts of durations in ranges that double: below 65.536 µs, below twice that, and so on up to 8.6 s, and the rest.
struct Histogram: Sendable {
    static let rangeCount = 19
    private static let firstBits = 16

    private(set) var counts = InlineArray<19, UInt64>(repeating: 0)
    /// Nanoseconds.
    private(set) var sum: UInt64 = 0

    /// Nanoseconds below which the durations of a range are; the last one has no bound.
    static func bound(of range: Int) -> UInt64? { range < rangeCount - 1 ? 1 << UInt64(firstBits + range) : nil }

    @inline(__always)
    mutating func note(_ nanoseconds: UInt64) {
        let range = UInt64.bitWidth - (nanoseconds >> UInt64(Self.firstBits)).leadingZeroBitCount
        counts[min(range, Self.rangeCount - 1)] &+= 1
        sum &+= nanoseconds
    }

    mutating func add(_ other: Histogram) {
        for range in 0..<Self.rangeCount { counts[range] &+= other.counts[range] }
        sum &+= other.sum
    }
}
