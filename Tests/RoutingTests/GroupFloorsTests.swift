// Do groups keep their floors, and does nobody fall below what was forgotten?

import Routing
import Testing

@Suite struct GroupFloorsTests {
    @Test func eachHasItsOwn() {
        var floors = GroupFloors()
        floors.raise("a", to: Floor(sample: 5))
        floors.raise("b", to: Floor(sample: 3))
        floors.raise("a", to: Floor(sample: 4))
        #expect(floors.floor(of: "a") == Floor(sample: 5) && floors.floor(of: "b") == Floor(sample: 3))
        #expect(floors.floor(of: "c") == .none)
    }

    @Test func whatIsForgottenHoldsForAll() {
        var floors = GroupFloors()
        for number in 0...UInt64(GroupFloors.limit) { floors.raise("g\(number)", to: Floor(sample: number)) }
        #expect(floors.count <= GroupFloors.limit)
        #expect(floors.minimum > .none)
        for number in stride(from: 0, through: UInt64(GroupFloors.limit), by: 1_000) {
            #expect(floors.floor(of: "g\(number)") >= Floor(sample: number))
        }
        #expect(floors.floor(of: "new") == floors.minimum)
        floors.raise("new", to: Floor(sample: 1))
        #expect(floors.floor(of: "new") == floors.minimum)
    }
}
