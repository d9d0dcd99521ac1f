// How long does one operation take, and how often does it allocate?

import CMeasuring

/// Something that is done over and over in the same way.
protocol Operation: ~Copyable {
    var name: String { get }
    /// Does it `count` times; the result depends on each of them, so that none can be left out.
    mutating func run(_ count: Int) -> Int
}

/// What one operation costs, in processor time of the thread.
struct Measurement {
    static let batches = 15
    static let batchNanoseconds: UInt = 10_000_000

    var name: String
    /// Of the quickest batch: what the operation takes when nobody disturbs it.
    var least: Double
    var median: Double
    /// Allocations of the batch that allocated least, for each operation.
    var allocations: Double

    /// Runs the operation in batches of equal size, the first of which only warms up.
    @inline(never)
    init(_ operation: inout some Operation & ~Copyable) {
        name = operation.name
        var count = 1
        while true {
            let start = measuring_nanoseconds()
            Measurement.keep(operation.run(count))
            if measuring_nanoseconds() - start >= Measurement.batchNanoseconds { break }
            count *= 2
        }
        var times: [Double] = []
        times.reserveCapacity(Measurement.batches)
        var fewest = UInt.max
        for _ in 0..<Measurement.batches {
            let allocations = measuring_allocations()
            let start = measuring_nanoseconds()
            Measurement.keep(operation.run(count))
            let elapsed = measuring_nanoseconds() - start
            fewest = min(fewest, measuring_allocations() - allocations)
            times.append(Double(elapsed) / Double(count))
        }
        times.sort()
        least = times[0]
        median = times[times.count / 2]
        allocations = Double(fewest) / Double(count)
    }

    /// The optimiser cannot know that nobody looks at the value.
    @inline(never)
    private static func keep(_ value: Int) {
        if value == .min { print(value) }
    }

    /// Whether the counter sees what the Swift runtime allocates; without that a zero would say nothing.
    static func countsAllocations() -> Bool {
        let before = measuring_allocations()
        var growing: [Int] = []
        for value in 0..<100 { growing.append(value) }
        keep(growing.count)
        return measuring_allocations() > before
    }
}
