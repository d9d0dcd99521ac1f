// What does a pool order in each situation that has a rule of its own?

import Pooling
import Testing

struct PoolMachineTests {
    @Test func firstClientGetsANewServer() {
        let pool = PoolTranscript()
        #expect(pool.acquire(1) == ["connect at 0"])
        #expect(pool.connected(7) == ["assign 7 to 1 at 0"])
        #expect(pool.release(7) == [])
        #expect(pool.acquire(2) == ["assign 7 to 2 at 0"])
    }

    @Test func aPoolIsSettledUnlessSomebodyWaitsOrAConnectionDoes() {
        let pool = PoolTranscript { $0.size = 1 }
        #expect(pool.isSettled)
        _ = pool.acquire(1)
        #expect(!pool.isSettled)
        _ = pool.connected(7)
        #expect(pool.isSettled)
        _ = pool.acquire(2)
        #expect(!pool.isSettled)
        _ = pool.release(7)
        #expect(pool.isSettled)
        _ = pool.lost(7)
        _ = pool.acquire(3)
        _ = pool.connectFailed(isFinal: false, 111)
        #expect(!pool.isSettled)
    }

    @Test func idleServersAreUsedLastFirst() {
        let pool = PoolTranscript()
        pool.open(1...3)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        #expect(pool.release(1) == [])
        #expect(pool.release(2) == [])
        #expect(pool.acquire(3) == ["assign 2 to 3 at 0"])
        #expect(pool.acquire(4) == ["assign 1 to 4 at 0"])
        #expect(pool.acquire(5) == ["assign 3 to 5 at 0"])
    }

    @Test func aReleasedServerComesBeforeTheConnection() {
        let pool = PoolTranscript()
        pool.open(1...1)
        _ = pool.acquire(1)
        #expect(pool.acquire(2) == ["connect at 0"])
        #expect(pool.release(1) == ["assign 1 to 2 at 0"])
        #expect(pool.connected(2) == [])
        #expect(pool.acquire(3) == ["assign 2 to 3 at 0"])
    }

    @Test func waitersAreServedInOrderOfArrivalOverAllWorkers() {
        let pool = PoolTranscript { $0.size = 1 }
        pool.open(1...1)
        _ = pool.acquire(1)
        #expect(pool.acquire(2, at: 1) == [])
        #expect(pool.acquire(3, at: 0) == [])
        #expect(pool.release(1) == ["hand over 1 from 0 to 1 for 2"])
        #expect(pool.arrived(1) == ["assign 1 to 2 at 1"])
        #expect(pool.release(1) == ["hand over 1 from 1 to 0 for 3"])
        #expect(pool.machine.counters.sizeLimitHits == 2)
    }

    @Test func aWaiterMayBeOvertakenForALimitedTime() {
        let pool = PoolTranscript {
            $0.size = 1
            $0.maxOvertaking = .milliseconds(10)
        }
        pool.open(1...1)
        _ = pool.acquire(1)
        _ = pool.acquire(2, at: 1)
        _ = pool.acquire(3, at: 0)
        _ = pool.acquire(4, at: 0)
        pool.wait(.milliseconds(9))
        #expect(pool.release(1) == ["assign 1 to 3 at 0"])
        pool.wait(.milliseconds(1))
        #expect(pool.release(1) == ["hand over 1 from 0 to 1 for 2"])
        #expect(pool.machine.counters.overtakings == 1)
    }

    @Test func anIdleServerOfAnotherWorkerIsHandedOver() {
        let pool = PoolTranscript { $0.size = 2 }
        pool.open(1...2)
        // The one that rested longest.
        #expect(pool.acquire(1, at: 1) == ["hand over 2 from 0 to 1 for 1"])
        #expect(pool.machine.gauges(now: pool.now).inTransit == 1)
        #expect(pool.arrived(2) == ["assign 2 to 1 at 1"])
    }

    @Test func aWorkerWithoutServerOpensOneWhileItBorrows() {
        let pool = PoolTranscript { $0.size = 2 }
        pool.open(1...1)
        #expect(pool.acquire(1, at: 1) == ["connect at 1", "hand over 1 from 0 to 1 for 1"])
        #expect(pool.arrived(1) == ["assign 1 to 1 at 1"])
        #expect(pool.connected(2, at: 1) == [])
        #expect(pool.acquire(2, at: 1) == ["assign 2 to 2 at 1"])
    }

    @Test func sizeIsExact() {
        let pool = PoolTranscript(workers: 3) {
            $0.size = 2
            $0.maxConnecting = 9
        }
        #expect(pool.acquire(1, at: 0) == ["connect at 0"])
        #expect(pool.acquire(2, at: 1) == ["connect at 1"])
        #expect(pool.acquire(3, at: 2) == [])
        #expect(pool.machine.counters.sizeLimitHits == 1)
        #expect(pool.connected(1, at: 0) == ["assign 1 to 1 at 0"])
        #expect(pool.lost(1) == ["connect at 2"])
    }

    @Test func aClosingServerCountsUntilItIsGone() {
        let pool = PoolTranscript { $0.size = 1 }
        pool.open(1...1)
        #expect(pool.drain() == ["close 1 at 0: recycled"])
        #expect(pool.acquire(1) == [])
        #expect(pool.lost(1) == ["connect at 0 epoch 1"])
    }

    @Test func attemptsAreBounded() {
        let pool = PoolTranscript { $0.maxConnecting = 2 }
        #expect(pool.acquire(1) == ["connect at 0"])
        #expect(pool.acquire(2, at: 1) == ["connect at 1"])
        #expect(pool.acquire(3) == [])
        #expect(pool.acquire(4) == [])
        #expect(pool.machine.counters.connectLimitHits == 2)
        #expect(pool.connected(1) == ["assign 1 to 1 at 0", "connect at 0"])
        #expect(pool.connected(2, at: 1) == ["assign 2 to 2 at 1", "connect at 0"])
    }

    @Test func tooManyWaiters() {
        let pool = PoolTranscript {
            $0.size = 1
            $0.maxWaiters = 1
        }
        _ = pool.acquire(1)
        #expect(pool.acquire(2) == ["refuse 2 at 0: tooManyWaiters(limit: 1)"])
        _ = pool.connected(1)
        #expect(pool.acquire(3) == [])
        #expect(pool.machine.counters.refusedByWaiterLimit == 1)
    }

    @Test func waitsEnd() {
        let pool = PoolTranscript {
            $0.size = 1
            $0.waitTimeout = .seconds(2)
        }
        pool.open(1...1)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        pool.wait(.seconds(1))
        _ = pool.acquire(3, at: 1)
        #expect(pool.machine.gauges(now: pool.now).longestWaitNanoseconds == 1_000_000_000)
        pool.wait(.milliseconds(999))
        #expect(pool.expire() == [])
        pool.wait(.milliseconds(1))
        #expect(pool.expire() == ["timeout 2 at 0"])
        #expect(pool.cancel(2) == .tooLate)
        #expect(pool.release(1) == ["hand over 1 from 0 to 1 for 3"])
        pool.wait(.seconds(1))
        // A server on its way does not prolong the wait.
        #expect(pool.expire() == ["timeout 3 at 1"])
        #expect(pool.arrived(1) == [])
        #expect(pool.acquire(4, at: 1) == ["assign 1 to 4 at 1"])
    }

    @Test func vanishedClients() {
        let pool = PoolTranscript { $0.size = 1 }
        pool.open(1...1)
        _ = pool.acquire(1)
        _ = pool.acquire(2, at: 1)
        _ = pool.acquire(3, at: 1)
        _ = pool.acquire(4, at: 0)
        #expect(pool.cancel(2) == .cancelled)
        #expect(pool.release(1) == ["hand over 1 from 0 to 1 for 3"])
        #expect(pool.cancel(3) == .cancelled)
        #expect(pool.arrived(1) == ["hand over 1 from 1 to 0 for 4"])
        #expect(pool.arrived(1) == ["assign 1 to 4 at 0"])
        #expect(pool.cancel(4) == .tooLate)
        #expect(pool.release(1) == [])
        #expect(pool.machine.counters.cancelledWaits == 2)
        #expect(pool.machine.counters.lateCancels == 1)
    }

    @Test func aServerLostOnItsWayPutsTheClientBackInItsPlace() {
        let pool = PoolTranscript { $0.size = 2 }
        pool.open(1...2)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        _ = pool.acquire(3, at: 1)
        _ = pool.acquire(4, at: 0)
        #expect(pool.release(1) == ["hand over 1 from 0 to 1 for 3"])
        #expect(pool.lost(1) == ["connect at 1"])
        #expect(pool.release(2) == ["hand over 2 from 0 to 1 for 3"])
        #expect(pool.arrived(2) == ["assign 2 to 3 at 1"])
    }

    @Test func reserve() {
        let pool = PoolTranscript {
            $0.size = 1
            $0.reserveSize = 1
            $0.reserveTimeout = .seconds(5)
        }
        pool.open(1...1)
        _ = pool.acquire(1)
        #expect(pool.acquire(2) == [])
        pool.wait(.milliseconds(4999))
        #expect(pool.expire() == [])
        #expect(pool.acquire(3) == [])
        pool.wait(.milliseconds(1))
        #expect(pool.expire() == ["connect at 0"])
        #expect(pool.connected(2) == ["assign 2 to 2 at 0"])
        pool.wait(.seconds(5))
        // Client 3 has waited long enough, but the reserve is used up.
        #expect(pool.expire() == [])
        #expect(pool.release(2) == ["assign 2 to 3 at 0"])
        #expect(pool.release(2) == [])
        pool.wait(.seconds(5))
        #expect(pool.expire() == ["close 2 at 0: surplus"])
        #expect(pool.machine.counters.reserveUses == 1)
    }

    @Test func idleServersAreClosedDownToTheMinimum() {
        let pool = PoolTranscript {
            $0.minSize = 1
            $0.idleTimeout = .seconds(60)
        }
        pool.open(1...3)
        pool.wait(.seconds(59))
        _ = pool.acquire(1)
        _ = pool.release(1)
        #expect(pool.expire() == [])
        pool.wait(.seconds(1))
        #expect(pool.expire() == ["close 3 at 0: idle", "close 2 at 0: idle"])
        pool.wait(.seconds(60))
        #expect(pool.expire() == [])
    }

    @Test func theMinimumIsOpenedAheadOfDemandAtAllWorkers() {
        let pool = PoolTranscript {
            $0.minSize = 3
            $0.maxConnecting = 2
        }
        #expect(pool.expire() == ["connect at 0", "connect at 1"])
        #expect(pool.connected(1, at: 0) == [])
        #expect(pool.expire() == ["connect at 0"])
        #expect(pool.connected(2, at: 1) == [])
        #expect(pool.connected(3, at: 0) == [])
        #expect(pool.expire() == [])
    }

    @Test func livesEndOneAfterTheOther() {
        let pool = PoolTranscript {
            $0.lifetime = .seconds(1000)
            $0.idleTimeout = .zero
        }
        pool.open(1...20)
        var closed: [Int] = []
        for _ in 0..<1000 {
            pool.wait(.seconds(1))
            closed.append(pool.expire().count)
            if pool.now < 801_000_000_000 { #expect(closed.last == 0) }
        }
        #expect(closed.reduce(0, +) == 20)
        #expect(closed.max() ?? 0 <= 1)
    }

    @Test func aBusyServerIsClosedAtTheEndOfItsLifeWhenItIsReleased() {
        let pool = PoolTranscript { $0.lifetime = .seconds(10) }
        pool.open(1...1)
        _ = pool.acquire(1)
        pool.wait(.seconds(10))
        #expect(pool.expire() == [])
        #expect(pool.release(1) == ["close 1 at 0: lifetime"])
        #expect(pool.lost(1) == [])
        #expect(pool.isEmpty)
    }

    @Test func aSmallerSizeTakesEffect() {
        let pool = PoolTranscript { $0.size = 3 }
        pool.open(1...3)
        for client in 1...3 { _ = pool.acquire(client) }
        _ = pool.acquire(4)
        #expect(pool.update { $0.size = 1 } == [])
        #expect(pool.release(1) == ["close 1 at 0: surplus"])
        #expect(pool.lost(1) == [])
        #expect(pool.release(2) == ["close 2 at 0: surplus"])
        #expect(pool.lost(2) == [])
        #expect(pool.release(3) == ["assign 3 to 4 at 0"])
        #expect(pool.update { $0.size = 2 } == [])
        #expect(pool.acquire(5) == ["connect at 0"])
    }

    @Test func aLargerSizeServesThoseWhoWait() {
        let pool = PoolTranscript { $0.size = 1 }
        _ = pool.acquire(1)
        _ = pool.acquire(2, at: 1)
        #expect(pool.update { $0.size = 2 } == ["connect at 1"])
    }
}
