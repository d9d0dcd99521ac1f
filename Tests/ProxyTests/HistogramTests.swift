// Do durations fall into the ranges that their bounds promise?

import Testing

@testable import Proxy

struct HistogramTests {
    @Test func ranges() {
        for range in 0..<Histogram.rangeCount - 1 {
            guard let bound = Histogram.bound(of: range) else {
                Issue.record("range \(range) has no bound")
                return
            }
            var histogram = Histogram()
            histogram.note(bound - 1)
            histogram.note(bound)
            #expect(histogram.counts[range] == 1 && histogram.counts[range + 1] == 1)
            #expect(histogram.sum == 2 * bound - 1)
        }
        var histogram = Histogram()
        histogram.note(0)
        histogram.note(.max / 2)
        #expect(histogram.counts[0] == 1 && histogram.counts[Histogram.rangeCount - 1] == 1)
        #expect(Histogram.bound(of: Histogram.rangeCount - 1) == nil)
        var sum = histogram
        sum.add(histogram)
        #expect(sum.counts[0] == 2 && sum.sum == .max - 1)
    }

    @Test func calendar() {
        #expect(CalendarTime(secondsSince1970: 0).description == "1970-01-01 00:00:00")
        #expect(CalendarTime(secondsSince1970: 951_782_399).description == "2000-02-28 23:59:59")
        #expect(CalendarTime(secondsSince1970: 951_782_400).description == "2000-02-29 00:00:00")
        #expect(CalendarTime(secondsSince1970: 1_078_012_800).description == "2004-02-29 00:00:00")
        #expect(CalendarTime(secondsSince1970: 4_107_542_399).description == "2100-02-28 23:59:59")
        #expect(CalendarTime(secondsSince1970: 4_107_542_400).description == "2100-03-01 00:00:00")
    }

    @Test func averages() {
        var old = StatsFigures()
        old.queries = 100
        old.queryTime = 1000
        var new = old
        new.queries = 700
        new.queryTime = 4000
        new.received = 6000
        let average = new.average(since: old, seconds: 60)
        #expect(average.queries == 10 && average.queryTime == 5 && average.received == 100)
        #expect(average.transactionTime == 0)
    }
}
