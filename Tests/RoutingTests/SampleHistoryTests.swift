// Does the history of samples answer right, and stay small?

import Testing

@testable import Routing

@Suite struct SampleHistoryTests {
    private func history(_ positions: [(UInt64, UInt64)]) -> SampleHistory {
        var history = SampleHistory()
        for (number, lsn) in positions {
            history.append(Sample(number: number, lsn: LSN(lsn), flushed: LSN(lsn), sentAt: number * 10))
        }
        return history
    }

    @Test(
        arguments: [(0, nil), (99, nil), (100, 2), (101, 2), (199, 2), (200, 7), (300, 9), (9999, 9)]
            as [(UInt64, UInt64?)])
    func covered(position: UInt64, number: UInt64?) {
        let history = history([(2, 100), (7, 200), (9, 300)])
        #expect(history.covered(by: LSN(position))?.number == number)
    }

    @Test func idlePrimaryKeepsOneSample() {
        let history = history((1...5000).map { ($0, 100) })
        #expect(history.samples.count == 1)
        #expect(history.covered(by: LSN(100))?.number == 5000)
        #expect(history.newest?.sentAt == 50_000)
    }

    /// Floors go by the insert position, ages by what was flushed.
    @Test func twoPositions() {
        var history = history([(1, 100)])
        for (number, lsn, flushed) in [(2, 200, 100), (3, 200, 150), (4, 200, 200)] as [(UInt64, UInt64, UInt64)] {
            history.append(Sample(number: number, lsn: LSN(lsn), flushed: LSN(flushed), sentAt: number))
        }
        #expect([99, 100, 150, 199, 200].map { history.covered(by: LSN($0))?.number } == [nil, 1, 1, 1, 4])
        #expect([99, 100, 150, 199, 200].map { history.complete(by: LSN($0))?.number } == [nil, 2, 3, 3, 4])
    }

    @Test func continuity() {
        let history = history([(1, 100)])
        func next(_ lsn: UInt64, _ flushed: UInt64) -> Sample {
            Sample(number: 2, lsn: LSN(lsn), flushed: LSN(flushed), sentAt: 0)
        }
        #expect(history.continues(with: next(100, 100)))
        #expect(history.continues(with: next(101, 100)))
        #expect(!history.continues(with: next(99, 100)))
        #expect(!history.continues(with: next(101, 99)))
        #expect(SampleHistory().continues(with: next(0, 0)))
    }

    /// However many samples come, the number kept is bounded, recent ones stay dense, and no answer claims too much.
    @Test func staysSmall() {
        var history = SampleHistory()
        for number in 1...200_000 as ClosedRange<UInt64> {
            history.append(Sample(number: number, lsn: LSN(number * 10), flushed: LSN(number * 10), sentAt: number))
            if number % 997 == 0 {
                #expect(history.samples.count <= SampleHistory.capacity)
                for back in 0..<min(number, 256) {
                    #expect(history.covered(by: LSN((number - back) * 10))?.number == number - back)
                }
            }
        }
        for position in stride(from: 10, through: 2_000_000, by: 7919) as StrideThrough<UInt64> {
            let found = history.covered(by: LSN(position))?.number ?? 0
            let exact = position / 10
            #expect(found <= exact)
            #expect(exact - found <= (200_000 - exact) / 30 + 1, "no farther off than a fraction of the age")
        }
    }

    @Test func burstsWithoutTimeStaySmall() {
        var history = SampleHistory()
        for number in 1...5000 as ClosedRange<UInt64> {
            history.append(Sample(number: number, lsn: LSN(number), flushed: LSN(number), sentAt: 5))
            #expect(history.samples.count <= SampleHistory.capacity)
        }
        #expect(history.covered(by: LSN(4999))?.number == 4999)
    }
}
