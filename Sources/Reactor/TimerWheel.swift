// Which deadlines have passed? Thousands of coarse ones, most of them cancelled long before.

/// Deadlines in coarse ticks. Pure: time is an argument, in nanoseconds of any clock that never goes back. A timer
/// fires up to one tick after its deadline, never before it.
public struct TimerWheel: Sendable {
    /// Names a scheduled timer, to cancel it. One that fired or was cancelled names nothing any more.
    public struct Handle: Hashable, Sendable {
        let index: UInt32
        let generation: UInt32
    }

    public static let defaultTick: UInt64 = 10_000_000
    /// Buckets; a timer further away than so many ticks stays in its bucket until its round comes.
    static let bucketCount = 4096
    private static let none = UInt32.max

    private struct Entry {
        var id: UInt64
        var tick: UInt64
        var next: UInt32
        var previous: UInt32
        var generation: UInt32
        var isScheduled: Bool
    }

    /// Timers scheduled now.
    public private(set) var count = 0
    private let tickLength: UInt64
    /// All ticks up to this one have fired.
    private var currentTick: UInt64
    /// First entry of each bucket.
    private var buckets: [UInt32]
    /// One bit for each bucket that is not empty.
    private var occupied: [UInt64]
    private var entries: [Entry]
    /// First of the unused entries, linked by `next`.
    private var free: UInt32

    /// - Parameters:
    ///   - now: the time from which on it is advanced.
    ///   - tick: nanoseconds.
    ///   - capacity: timers to make room for now; the wheel grows when more are scheduled.
    public init(now: UInt64, tick: UInt64 = defaultTick, capacity: Int = 0) {
        precondition(tick > 0, "a tick takes time")
        tickLength = tick
        currentTick = now / tick
        buckets = Array(repeating: TimerWheel.none, count: TimerWheel.bucketCount)
        occupied = Array(repeating: 0, count: TimerWheel.bucketCount / 64)
        entries = []
        entries.reserveCapacity(capacity)
        free = TimerWheel.none
    }

    /// Lets `advance` report `id` once `deadline` has passed; at the next tick if it has passed already.
    public mutating func schedule(_ id: UInt64, at deadline: UInt64) -> Handle {
        // Rounded up, so that it is never early.
        let exact = deadline / tickLength + (deadline % tickLength == 0 ? 0 : 1)
        let tick = max(exact, currentTick + 1)
        let bucket = Int(tick % UInt64(TimerWheel.bucketCount))
        let index = takeEntry()
        let generation = entries[Int(index)].generation
        let following = buckets[bucket]
        entries[Int(index)] = Entry(
            id: id, tick: tick, next: following, previous: TimerWheel.none, generation: generation, isScheduled: true)
        if following != TimerWheel.none { entries[Int(following)].previous = index }
        buckets[bucket] = index
        occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
        count += 1
        return Handle(index: index, generation: generation)
    }

    /// Takes a timer back; returns false when it has fired or was cancelled already.
    @discardableResult
    public mutating func cancel(_ handle: Handle) -> Bool {
        let index = Int(handle.index)
        guard index < entries.count, entries[index].isScheduled, entries[index].generation == handle.generation else {
            return false
        }
        remove(handle.index)
        return true
    }

    /// Appends the ids of all timers whose deadline has passed by `now`, in no particular order, and forgets them.
    public mutating func advance(to now: UInt64, expired: inout [UInt64]) {
        let target = now / tickLength
        guard target > currentTick else { return }
        // After a long pause each bucket is looked at once.
        let steps = min(target - currentTick, UInt64(TimerWheel.bucketCount))
        let start = currentTick + 1
        currentTick = target
        if count == 0 { return }
        for step in 0..<steps {
            let bucket = Int((start + step) % UInt64(TimerWheel.bucketCount))
            var index = buckets[bucket]
            while index != TimerWheel.none {
                let entry = entries[Int(index)]
                if entry.tick <= target {
                    expired.append(entry.id)
                    remove(index)
                }
                index = entry.next
            }
        }
    }

    /// Milliseconds from `now` until a timer may have to fire, rounded up, for `Poller.wait`: -1 when there is none.
    /// May be too early for timers that are many ticks away, never too late.
    public func millisecondsToNext(now: UInt64) -> Int32 {
        guard count > 0 else { return -1 }
        let deadline = (currentTick + ticksToOccupiedBucket()) * tickLength
        guard deadline > now else { return 0 }
        return Int32(clamping: (deadline - now + 999_999) / 1_000_000)
    }

    /// Ticks from the current one to the first bucket with a timer, 1 up to the number of buckets.
    private func ticksToOccupiedBucket() -> UInt64 {
        let first = Int((currentTick + 1) % UInt64(TimerWheel.bucketCount))
        var word = first / 64
        var bits = occupied[word] & (UInt64.max << UInt64(first % 64))
        for _ in 0...occupied.count {
            if bits != 0 {
                let bucket = word * 64 + bits.trailingZeroBitCount
                let distance = (bucket - first + TimerWheel.bucketCount) % TimerWheel.bucketCount
                return UInt64(distance) + 1
            }
            word = (word + 1) % occupied.count
            bits = occupied[word]
        }
        preconditionFailure("a scheduled timer is in a bucket")
    }

    private mutating func takeEntry() -> UInt32 {
        guard free != TimerWheel.none else {
            precondition(entries.count < Int(TimerWheel.none), "fewer than 2^32 timers")
            let none = TimerWheel.none
            entries.append(Entry(id: 0, tick: 0, next: none, previous: none, generation: 0, isScheduled: false))
            return UInt32(entries.count - 1)
        }
        let index = free
        free = entries[Int(index)].next
        return index
    }

    /// Takes a scheduled entry out of its bucket and makes it free.
    private mutating func remove(_ index: UInt32) {
        let entry = entries[Int(index)]
        if entry.next != TimerWheel.none { entries[Int(entry.next)].previous = entry.previous }
        if entry.previous != TimerWheel.none {
            entries[Int(entry.previous)].next = entry.next
        } else {
            let bucket = Int(entry.tick % UInt64(TimerWheel.bucketCount))
            buckets[bucket] = entry.next
            if entry.next == TimerWheel.none { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        }
        entries[Int(index)].isScheduled = false
        entries[Int(index)].generation &+= 1
        entries[Int(index)].next = free
        free = index
        count -= 1
    }
}
