// Is every batch counted once, and are the counters of several workers added up?

import Routing
import SQL
import Sessions
import Testing

@testable import Proxy

struct RouteCountersTests {
    private func object(_ name: String, _ note: StaticReason = .volatileFunction) -> DecisiveObject {
        DecisiveObject(note: note, name: Array(name.utf8))
    }

    @Test func reasonsByPlace() {
        var counters = RouteCounters()
        for _ in 0..<3 { counters.count(.replicaSafe, .replica) }
        counters.count(.noReplicaUp, .primary)
        counters.count(.readerPort, .replica)
        counters.count(.readerPort, .primary)
        var sum = RouteCounters()
        sum.add(counters)
        sum.add(counters)
        #expect(sum[.replicaSafe, .replica] == 6)
        #expect(sum[.replicaSafe, .primary] == 0)
        #expect(sum[.readerPort, .primary] == 2)
        let rows = sum.rows { _ in "" }
        #expect(rows.map { $0[4] } == ["6", "2", "2", "2"])
        #expect(rows.first?[0] == "replica")
    }

    @Test func objectsOfOneDatabaseAreOneRow() {
        var counters = RouteCounters()
        counters.count(object("f"), group: 0)
        counters.count(object("f"), group: 1)
        counters.count(object("f"), group: 2, times: 5)
        counters.count(object("g", .writingFunction), group: 0)
        let rows = counters.rows { $0 < 2 ? "app" : "other" }
        #expect(rows.map { $0[2] } == ["f", "f", "g"])
        #expect(rows.map { $0[3] } == ["other", "app", "app"])
        #expect(rows.map { $0[4] } == ["5", "2", "1"])
        #expect(rows[0][5] == "would be balanced if declared STABLE, which it may be if it writes nothing")
    }

    @Test func pins() {
        var counters = RouteCounters()
        counters.count([.listen, .setting])
        counters.count(.listen)
        counters.count(.listen)
        #expect(counters.rows { _ in "" }.map { [$0[0], $0[1], $0[4]] } == [
            ["pinned", "listen", "2"], ["pinned", "setting, listen", "1"],
        ])
    }

    @Test func theTableOfObjectsIsBounded() {
        var counters = RouteCounters()
        for number in 0..<1_000 { counters.count(object("f\(number)"), group: 0) }
        counters.count(object("f0"), group: 0)
        #expect(counters.objects.count == RouteCounters.objectLimit)
        #expect(counters.otherObjects == 1_000 - UInt64(RouteCounters.objectLimit))
        #expect(counters.rows { _ in "" }.last?[4] == "\(counters.otherObjects)")
    }
}
