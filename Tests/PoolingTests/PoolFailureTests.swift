// What does a pool order when connections fail, servers are replaced, and pinned sessions hold servers?

import Pooling
import Testing

struct PoolFailureTests {
    @Test func aFinalFailureTurnsEveryoneAwayIfThereIsNoServer() {
        let pool = PoolTranscript { $0.retryDelay = .milliseconds(100) }
        _ = pool.acquire(1)
        _ = pool.acquire(2, at: 1)
        #expect(
            pool.connectFailed(isFinal: true, 28)
                == ["refuse 1 at 0: connectFailed(28)", "refuse 2 at 1: connectFailed(28)"])
        // Another attempt at once would fail in the same way.
        #expect(pool.acquire(3) == ["refuse 3 at 0: connectFailed(28)"])
        #expect(pool.connectFailed(at: 1, isFinal: true, 28) == [])
        pool.wait(.milliseconds(100))
        #expect(pool.acquire(4) == ["connect at 0"])
        #expect(pool.acquire(5) == [])
        #expect(pool.connected(1) == ["assign 1 to 4 at 0", "connect at 0"])
    }

    @Test func aFinalFailureHarmsNobodyWhileThereAreServers() {
        let pool = PoolTranscript()
        pool.open(1...1)
        _ = pool.acquire(1)
        #expect(pool.acquire(2) == ["connect at 0"])
        #expect(pool.connectFailed(isFinal: true, 53) == [])
        #expect(pool.acquire(3) == [])
        #expect(pool.release(1) == ["assign 1 to 2 at 0"])
    }

    @Test func attemptsAreRepeatedAfterGrowingPauses() {
        let pool = PoolTranscript {
            $0.retryDelay = .milliseconds(100)
            $0.maxRetryDelay = .milliseconds(300)
            $0.waitTimeout = .seconds(10)
        }
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        _ = pool.acquire(3)
        // Attempts that were made together count as one failure, and after it one is made at a time.
        #expect(pool.connectFailed(isFinal: false, 5) == [])
        #expect(pool.connectFailed(isFinal: false, 5) == [])
        #expect(pool.connectFailed(isFinal: false, 6) == [])
        #expect(pool.machine.lastFailure == 6)
        for pause in [100, 200, 300, 300] {
            pool.wait(.milliseconds(pause - 1))
            #expect(pool.expire() == [])
            pool.wait(.milliseconds(1))
            #expect(pool.expire() == ["connect at 0"])
            #expect(pool.connectFailed(isFinal: false, 5) == [])
        }
        pool.wait(.milliseconds(300))
        _ = pool.expire()
        #expect(pool.connected(1) == ["assign 1 to 1 at 0", "connect at 0", "connect at 0"])
        #expect(pool.machine.lastFailure == nil)
    }

    @Test func aSuccessEndsThePauseAfterAnothersFailure() {
        let pool = PoolTranscript { $0.maxConnecting = 2 }
        for client in 1...3 { _ = pool.acquire(client) }
        #expect(pool.connectFailed(isFinal: false, 5) == [])
        #expect(pool.connected(1) == ["assign 1 to 1 at 0", "connect at 0", "connect at 0"])
    }

    @Test func aTimeoutTellsTheLastFailure() {
        let pool = PoolTranscript { $0.waitTimeout = .seconds(1) }
        _ = pool.acquire(1)
        _ = pool.connectFailed(isFinal: false, 5)
        pool.wait(.seconds(1))
        #expect(pool.expire() == ["timeout 1 at 0 after failure 5"])
    }

    @Test func aProbeEndsThePause() {
        let pool = PoolTranscript()
        _ = pool.acquire(1)
        _ = pool.connectFailed(isFinal: false, 5)
        #expect(pool.retryNow() == ["connect at 0"])
    }

    @Test func waitersMayBeTurnedAway() {
        let pool = PoolTranscript { $0.size = 1 }
        pool.open(1...1)
        #expect(pool.acquire(1, at: 1) == ["hand over 1 from 0 to 1 for 1"])
        #expect(pool.acquire(2) == [])
        #expect(pool.turnAway(9) == ["refuse 1 at 1: turnedAway(9)", "refuse 2 at 0: turnedAway(9)"])
        #expect(pool.arrived(1) == [])
        #expect(pool.acquire(3, at: 1) == ["assign 1 to 3 at 1"])
    }

    @Test func drain() {
        let pool = PoolTranscript { $0.size = 4 }
        pool.open(1...3)
        _ = pool.acquire(1)
        #expect(pool.acquire(2, at: 1) == ["connect at 1", "hand over 3 from 0 to 1 for 2"])
        #expect(pool.drain() == ["close 2 at 0: recycled"])
        #expect(pool.lost(2) == ["connect at 1 epoch 1"])
        // What was on its way, in use or being opened is closed when it comes.
        #expect(pool.arrived(3) == ["close 3 at 1: recycled"])
        #expect(pool.lost(3) == [])
        #expect(pool.connected(4, at: 1, epoch: 0) == ["close 4 at 1: recycled"])
        #expect(pool.release(1) == ["close 1 at 0: recycled"])
        #expect(pool.connected(5, at: 1, epoch: 1) == ["assign 5 to 2 at 1"])
        #expect(pool.release(5) == [])
    }

    @Test func failuresOfAnEarlierEpochSayNothing() {
        let pool = PoolTranscript()
        _ = pool.acquire(1)
        #expect(pool.drain() == ["connect at 0 epoch 1"])
        #expect(pool.connectFailed(epoch: 0, isFinal: true, 28) == [])
        #expect(pool.connected(1, epoch: 1) == ["assign 1 to 1 at 0"])
    }

    @Test func theEndOfAPool() {
        let pool = PoolTranscript { $0.size = 3 }
        pool.open(1...2)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        #expect(pool.acquire(3, at: 1) == ["connect at 1"])
        #expect(pool.closeAll() == ["refuse 3 at 1: poolClosed"])
        #expect(pool.acquire(4) == ["refuse 4 at 0: poolClosed"])
        #expect(pool.release(1) == ["close 1 at 0: poolClosed"])
        #expect(pool.lost(1) == [])
        #expect(pool.lost(2) == [])
        #expect(!pool.isEmpty)
        #expect(pool.connected(3, at: 1) == ["close 3 at 1: poolClosed"])
        #expect(pool.lost(3) == [])
        #expect(pool.isEmpty)
    }

    @Test(arguments: [
        (20, PinLimit.percent(50), 10), (20, .percent(0), 0), (1, .percent(50), 1), (3, .percent(50), 1),
        (20, .percent(100), 20), (20, .count(3), 3), (20, .count(0), 0), (20, .count(-1), 0),
    ])
    func pinLimit(size: Int, limit: PinLimit, number: Int) {
        var settings = PoolSettings()
        settings.size = size
        settings.maxPinned = limit
        #expect(settings.pinLimit == number)
    }

    @Test func pins() {
        let pool = PoolTranscript {
            $0.size = 4
            $0.maxPinned = .count(2)
        }
        pool.open(1...3)
        for client in 1...3 { _ = pool.acquire(client) }
        #expect(pool.pin(1) == true)
        #expect(pool.pin(1) == true)
        // A client that waits for a server to pin has its place already.
        #expect(pool.acquire(4, pinned: true) == ["connect at 0"])
        #expect(pool.pin(2) == false)
        #expect(pool.acquire(5, pinned: true) == ["refuse 5 at 0: tooManyPinned(limit: 2)"])
        #expect(pool.cancel(4) == .cancelled)
        #expect(pool.pin(2) == true)
        #expect(pool.release(1) == [])
        #expect(pool.pin(3) == true)
        #expect(pool.lost(3) == [])
        #expect(pool.acquire(6, pinned: true) == ["assign 1 to 6 at 0"])
        #expect(pool.pin(1) == true)
        pool.machine.unpin(.init(rawValue: 2))
        #expect(pool.machine.gauges(now: pool.now).pinned == 1)
        #expect(pool.machine.counters.refusedByPinLimit == 2)
    }

    /// Workers' clocks differ a little: an instant may lie before one that the pool knows.
    @Test func clocksOutOfOrder() {
        let pool = PoolTranscript { $0.size = 1 }
        pool.open(1...1)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        pool.now -= 500
        #expect(pool.release(1) == ["assign 1 to 2 at 0"])
        #expect(pool.machine.counters.waitedNanoseconds == 0)
        _ = pool.release(1)
        pool.now -= 500
        #expect(pool.expire() == [])
    }

    @Test func hugeDurations() {
        let pool = PoolTranscript {
            $0.waitTimeout = .seconds(Int64.max)
            $0.idleTimeout = .seconds(Int64.max)
            $0.lifetime = .seconds(Int64.max)
            $0.retryDelay = .seconds(Int64.max)
        }
        pool.open(1...1)
        pool.wait(.seconds(1_000_000))
        #expect(pool.expire() == [])
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        #expect(pool.connectFailed(isFinal: false, 1) == [])
        #expect(pool.expire() == [])
    }
}
