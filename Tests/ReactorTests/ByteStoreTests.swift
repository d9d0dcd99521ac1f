// Are kept bytes in one piece, in order, in memory that is given back?
import Testing

@testable import Reactor

@Suite struct ByteStoreTests {
    @Test func ownsNothingWhileEmpty() {
        let pool = BlockPool()
        var store = ByteStore(pool: pool)
        check(store.span.isEmpty)
        check(store.append([UInt8]()))
        #expect(pool.borrowed == 0)
        check(store.append([1, 2, 3]))
        check(store.append([4].span))
        #expect([UInt8](store.span) == [1, 2, 3, 4])
        store.consume(3)
        #expect([UInt8](store.span) == [4])
        #expect(pool.borrowed == BlockPool.smallestBlock)
        store.consume(1)
        check(store.isEmpty)
        #expect(pool.borrowed == 0)
    }

    @Test func resetForgetsEverything() {
        let pool = BlockPool()
        var store = ByteStore(pool: pool)
        check(store.append([UInt8](repeating: 1, count: 10_000)))
        store.consume(10)
        store.reset()
        #expect(store.count == 0)
        #expect(pool.borrowed == 0)
        check(store.append([5]))
        #expect([UInt8](store.span) == [5])
    }

    @Test func aRefusalChangesNothing() {
        let pool = BlockPool(limit: 16 << 10)
        var store = ByteStore(pool: pool)
        check(store.append([UInt8](repeating: 1, count: 4096)))
        check(!store.append([UInt8](repeating: 2, count: 16 << 10)))
        #expect(pool.refusals == 1)
        #expect([UInt8](store.span) == [UInt8](repeating: 1, count: 4096))
        check(!store.append([UInt8](repeating: 2, count: 20 << 20)))
        #expect(store.count == 4096)
    }

    @Test func aStoreThatGoesAwayGivesItsBlockBack() {
        let pool = BlockPool()
        do {
            var store = ByteStore(pool: pool)
            check(store.append([1]))
        }
        #expect(pool.borrowed == 0)
    }

    @Test func reusesItsBlockWhileBytesComeAndGo() {
        let pool = BlockPool()
        var store = ByteStore(pool: pool)
        let piece = [UInt8](repeating: 7, count: 1000)
        check(store.append(piece))
        for _ in 0..<10_000 {
            check(store.append(piece))
            store.consume(1000)
        }
        #expect(pool.peak == BlockPool.smallestBlock)
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>) func agreesWithAnArray(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pool = BlockPool()
        var store = ByteStore(pool: pool)
        var model: [UInt8] = []
        for _ in 0..<500 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<10:
                let bytes = random.bytes(Int.random(in: 0...3000, using: &random))
                check(store.append(bytes))
                model += bytes
            case 10..<19:
                let size = Int.random(in: 0...model.count, using: &random)
                store.consume(size)
                model.removeFirst(size)
            default:
                store.reset()
                model = []
            }
            #expect(store.count == model.count, "seed \(seed)")
            #expect([UInt8](store.span) == model, "seed \(seed)")
            #expect((pool.borrowed == 0) == model.isEmpty, "seed \(seed)")
        }
    }

    @Test func consumingMoreThanIsThereStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var store = ByteStore(pool: BlockPool())
            _ = store.append([1])
            store.consume(2)
        }
    }
}

@Suite struct BlockPoolTests {
    @Test(arguments: [
        (0, 0), (1, 0), (4096, 0), (4097, 1), (8192, 1), (8193, 2), (65536, 4), (65537, 5), (1 << 30, 18),
    ])
    func sizes(room: Int, index: Int) {
        #expect(BlockPool.sizeIndex(of: room) == index)
        #expect(BlockPool.smallestBlock << index >= room)
    }

    @Test func countsAndKeepsSpares() {
        let pool = BlockPool(limit: 1 << 20, spareLimit: 8 << 10)
        func use(_ size: Int) {
            var store = ByteStore(pool: pool)
            check(store.append([UInt8](repeating: 1, count: size)))
        }
        use(100)
        #expect((pool.spare, pool.borrowed, pool.peak) == (4 << 10, 0, 4 << 10))
        use(100)
        #expect(pool.spare == 4 << 10)
        use(8000)  // 4 KiB and 8 KiB are more than may be kept
        #expect((pool.spare, pool.peak) == (4 << 10, 8 << 10))
    }

    @Test func largeBlocksAreNotKept() {
        let pool = BlockPool(limit: 1 << 30, spareLimit: 1 << 30)
        do {
            var store = ByteStore(pool: pool)
            check(store.append([UInt8](repeating: 1, count: 100_000)))
            #expect(pool.borrowed == 128 << 10)
        }
        #expect(pool.spare == 0)
    }
}
