// Do timers fire in time, never early, and not after they were cancelled?
import Testing

@testable import Reactor

@Suite struct TimerWheelTests {
    private static let tick = TimerWheel.defaultTick

    @Test func firesAtTheFirstTickPastTheDeadline() {
        var wheel = TimerWheel(now: 0)
        var expired: [UInt64] = []
        _ = wheel.schedule(7, at: 25_000_000)
        wheel.advance(to: 24_999_999, expired: &expired)
        #expect(expired == [])
        wheel.advance(to: 29_999_999, expired: &expired)
        #expect(expired == [])
        wheel.advance(to: 30_000_000, expired: &expired)
        #expect(expired == [7])
        #expect(wheel.count == 0)
        wheel.advance(to: 1_000_000_000_000, expired: &expired)
        #expect(expired == [7])
    }

    @Test func aDeadlineOnTheTickIsNotLate() {
        var wheel = TimerWheel(now: 0)
        var expired: [UInt64] = []
        _ = wheel.schedule(1, at: 30_000_000)
        wheel.advance(to: 29_999_999, expired: &expired)
        #expect(expired == [])
        wheel.advance(to: 30_000_000, expired: &expired)
        #expect(expired == [1])
    }

    @Test func aPastDeadlineFiresAtTheNextTick() {
        var wheel = TimerWheel(now: 1_000_000_000)
        var expired: [UInt64] = []
        _ = wheel.schedule(1, at: 5)
        wheel.advance(to: 1_000_000_000, expired: &expired)
        #expect(expired == [])
        wheel.advance(to: 1_010_000_000, expired: &expired)
        #expect(expired == [1])
    }

    @Test func aCancelledTimerIsGone() {
        var wheel = TimerWheel(now: 0)
        var expired: [UInt64] = []
        let handle = wheel.schedule(1, at: 10_000_000)
        let other = wheel.schedule(2, at: 10_000_000)
        #expect(wheel.count == 2)
        check(wheel.cancel(handle))
        check(!wheel.cancel(handle))
        wheel.advance(to: 10_000_000, expired: &expired)
        #expect(expired == [2])
        check(!wheel.cancel(other))
        // The entry is reused; the old handle still means nothing.
        let third = wheel.schedule(3, at: 20_000_000)
        check(!wheel.cancel(handle))
        check(!wheel.cancel(other))
        check(wheel.cancel(third))
    }

    @Test func timeThatStandsStillOrGoesBackFiresNothing() {
        var wheel = TimerWheel(now: 500_000_000)
        var expired: [UInt64] = []
        _ = wheel.schedule(1, at: 510_000_000)
        wheel.advance(to: 0, expired: &expired)
        wheel.advance(to: 500_000_000, expired: &expired)
        #expect(expired == [])
        wheel.advance(to: 510_000_000, expired: &expired)
        #expect(expired == [1])
    }

    /// A deadline several rounds away shares its bucket with near ones.
    @Test func farDeadlinesWaitForTheirRound() {
        let round = UInt64(TimerWheel.bucketCount) * Self.tick
        var wheel = TimerWheel(now: 0)
        var expired: [UInt64] = []
        _ = wheel.schedule(3, at: 3 * round + Self.tick)
        _ = wheel.schedule(1, at: round + Self.tick)
        _ = wheel.schedule(0, at: Self.tick)
        wheel.advance(to: Self.tick, expired: &expired)
        #expect(expired == [0])
        wheel.advance(to: round, expired: &expired)
        #expect(expired == [0])
        wheel.advance(to: round + Self.tick, expired: &expired)
        #expect(expired == [0, 1])
        wheel.advance(to: 3 * round, expired: &expired)
        #expect(expired == [0, 1])
        wheel.advance(to: 100 * round, expired: &expired)
        #expect(expired == [0, 1, 3])
    }

    @Test(
        arguments: [
            (10_000_000, 0, 10), (10_000_001, 0, 20), (15_000_000, 9_999_999, 11), (1_000_000_000, 0, 1000), (0, 0, 10),
            (20_000_000, 19_999_999, 1), (20_000_000, 20_000_000, 0), (20_000_000, 50_000_000, 0),
        ] as [(UInt64, UInt64, Int32)])
    func tellsHowLongToWait(deadline: UInt64, now: UInt64, milliseconds: Int32) {
        var wheel = TimerWheel(now: 0)
        #expect(wheel.millisecondsToNext(now: now) == -1)
        let handle = wheel.schedule(1, at: deadline)
        #expect(wheel.millisecondsToNext(now: now) == milliseconds)
        wheel.cancel(handle)
        #expect(wheel.millisecondsToNext(now: now) == -1)
    }

    /// A random schedule against a plain list of deadlines, with steps of every size.
    @Test(arguments: 1...25 as ClosedRange<UInt64>) func agreesWithAList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let tick = UInt64.random(in: 1...20, using: &random)
        var now = UInt64.random(in: 0...1_000_000, using: &random)
        var wheel = TimerWheel(now: now, tick: tick, capacity: 8)
        var model: [(id: UInt64, due: UInt64, handle: TimerWheel.Handle)] = []
        var nextID: UInt64 = 0
        let horizons: [UInt64] = [tick, 100 * tick, 5000 * tick, 40_000 * tick]
        for _ in 0..<1500 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let horizon = horizons.randomElement(using: &random) ?? tick
                let deadline = now + UInt64.random(in: 0...horizon, using: &random)
                // The first multiple of the tick that is neither before the deadline nor already past.
                let due = max((deadline + tick - 1) / tick, now / tick + 1) * tick
                model.append((nextID, due, wheel.schedule(nextID, at: deadline)))
                nextID += 1
            case 5..<7:
                guard !model.isEmpty else { continue }
                let gone = model.remove(at: Int.random(in: model.indices, using: &random))
                check(wheel.cancel(gone.handle), "seed \(seed)")
                check(!wheel.cancel(gone.handle), "seed \(seed)")
            case 7:
                let wait = wheel.millisecondsToNext(now: now)
                #expect((wait == -1) == model.isEmpty, "seed \(seed)")
                if let earliest = model.map(\.due).min() {
                    #expect(UInt64(wait) <= (earliest - now + 999_999) / 1_000_000, "seed \(seed): never too late")
                }
            default:
                let horizon = horizons.randomElement(using: &random) ?? tick
                now += UInt64.random(in: 0...horizon / 4, using: &random)
                var expired: [UInt64] = []
                wheel.advance(to: now, expired: &expired)
                let due = model.filter { $0.due <= now / tick * tick }.map(\.id)
                model.removeAll { $0.due <= now / tick * tick }
                #expect(expired.sorted() == due.sorted(), "seed \(seed)")
            }
            #expect(wheel.count == model.count, "seed \(seed)")
        }
    }
}
