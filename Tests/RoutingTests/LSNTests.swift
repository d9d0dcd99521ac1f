// Are positions read, written and compared as PostgreSQL means them?

import Testing

@testable import Routing

@Suite struct LSNTests {
    @Test(arguments: [
        ("0/0", 0), ("0/16B3748", 0x16B_3748), ("16/B374D848", 0x16_B374_D848), ("ffffffff/FFFFFFFF", UInt64.max),
        ("1/00000002", 0x1_0000_0002),
    ])
    func reads(text: String, value: UInt64) {
        #expect(LSN(text) == LSN(value))
    }

    @Test(arguments: ["", "/", "0/", "/0", "0", "0/0/0", "0/g", "0/-1", "+1/0", "0/123456789", " 0/0", "0x1/0"])
    func refuses(text: String) {
        #expect(LSN(text) == nil)
    }

    @Test(arguments: ["0/0", "0/16B3748", "16/B374D848", "FFFFFFFF/FFFFFFFF"])
    func writesWhatItReads(text: String) {
        #expect(LSN(text)?.description == text)
    }

    /// 8 KiB pages, 16 MiB segments: an insert position just behind a header means the end of the page before it.
    @Test(arguments: [
        ("0/4002018", "0/4002000"), ("0/4000028", "0/4000000"), ("0/4002028", "0/4002028"),
        ("0/4000018", "0/4000000"), ("0/4002000", "0/4002000"), ("0/4002019", "0/4002019"),
        ("0/4003000", "0/4003000"), ("0/0", "0/0"),
    ])
    func endOfLastRecord(insert: String, end: String) throws {
        #expect(try #require(LSN(insert)).endOfLastRecord(layout: WALLayout()) == LSN(end))
    }

    @Test func otherLayouts() throws {
        let layout = WALLayout(pageSize: 16384, segmentSize: 1 << 20)
        #expect(LSN(16384 + 24).endOfLastRecord(layout: layout) == LSN(16384))
        #expect(LSN(8192 + 24).endOfLastRecord(layout: layout) == LSN(8192 + 24))
        #expect(LSN((1 << 20) + 40).endOfLastRecord(layout: layout) == LSN(1 << 20))
        #expect(WALLayout(pageSize: 0, segmentSize: 0) == WALLayout())
    }

    @Test func floorsOnlyRise() {
        var floor = Floor.none
        floor.raise(startedSample: 0)
        #expect(floor.sample == 1)
        floor.raise(startedSample: 9)
        floor.raise(startedSample: 4)
        #expect(floor == Floor(startedSample: 9))
        #expect(floor.sample == 10)
        floor.raise(to: Floor(sample: 3))
        #expect(floor.sample == 10)
    }

    @Test func countsSamples() {
        let counter = SampleCounter()
        #expect(counter.started == 0)
        #expect(counter.begin() == 1)
        #expect(counter.begin() == 2)
        #expect(counter.started == 2)
    }

    @Test func durationsBecomeNanoseconds() {
        #expect(Duration.milliseconds(1).clampedNanoseconds == 1_000_000)
        #expect(Duration.seconds(-1).clampedNanoseconds == 0)
        #expect(Duration.seconds(Int64.max).clampedNanoseconds == .max)
    }
}
