// When does a worker count as stalled?

import Testing

@testable import Proxy

struct StallWatchTests {
    private static let second: UInt64 = 1_000_000_000

    /// Looks at the usual pace up to an instant, given when each worker's batch began; what the looks found.
    private static func look(
        _ watch: inout StallWatch, from start: UInt64, to end: UInt64, _ batches: [UInt64?], _ work: WorkerWork
    ) -> [StallWatch.Finding] {
        var findings: [StallWatch.Finding] = []
        for now in stride(from: start, through: end, by: Int(StallWatch.period)) {
            findings += watch.look(batches.map { $0.map { (since: $0, work: work) } }, now: now)
        }
        return findings
    }

    @Test func aStallIsReportedOnceAndItsEnd() {
        let start = 10 * Self.second
        var watch = StallWatch(workerCount: 2, now: start)
        #expect(Self.look(&watch, from: start, to: start + Self.second, [start, start], .logins) == [])
        let later = start + Self.second + StallWatch.period
        #expect(
            Self.look(&watch, from: later, to: later, [start, later], .logins)
                == [.stalled(worker: 0, nanoseconds: later - start, .logins)])
        #expect(Self.look(&watch, from: later, to: later + Self.second, [start, later], .logins) == [])
        let end = later + Self.second
        #expect(Self.look(&watch, from: end, to: end, [end, end], .upkeep) == [.recovered(worker: 0)])
        #expect(Self.look(&watch, from: end, to: end + Self.second, [end, end], .upkeep) == [])
    }

    /// A worker that goes from one long batch to the next has stalled twice.
    @Test func everyStallIsReported() {
        let start = Self.second
        var watch = StallWatch(workerCount: 1, now: start)
        _ = Self.look(&watch, from: start, to: start + 2 * Self.second, [start], .messages)
        let second = start + 2 * Self.second
        let end = second + Self.second + StallWatch.period
        #expect(
            Self.look(&watch, from: second, to: end, [second], .upkeep)
                == [.recovered(worker: 0), .stalled(worker: 0, nanoseconds: end - second, .upkeep)])
    }

    /// The process was stopped, or the machine slept: the workers are given time to get going again.
    @Test func aPauseOfTheWholeProcessIsNobodysFault() {
        let start = Self.second
        var watch = StallWatch(workerCount: 1, now: start)
        let end = start + 60 * Self.second
        #expect(Self.look(&watch, from: end, to: end + Self.second, [start], .connections) == [])
        let late = end + Self.second + StallWatch.period
        #expect(
            Self.look(&watch, from: late, to: late, [start], .connections)
                == [.stalled(worker: 0, nanoseconds: late - end, .connections)])
    }

    @Test func aWorkerThatHasEndedDoesNotStall() {
        let start = Self.second
        var watch = StallWatch(workerCount: 1, now: start)
        #expect(Self.look(&watch, from: start, to: start + 5 * Self.second, [nil], .connections) == [])
    }

    @Test func thePulseTellsTheBatchAndItsWork() throws {
        let pulse = WorkerPulse(now: 0x1234)
        #expect(try #require(pulse.present) == (0x1230, .connections))
        for work in WorkerWork.allCases {
            pulse.turn(to: work, now: 0x5678)
            #expect(try #require(pulse.present) == (0x5670, work))
        }
        pulse.beat(now: 0x9999)
        #expect(try #require(pulse.present) == (0x9990, .connections))
        pulse.end()
        #expect(pulse.present == nil)
    }
}
