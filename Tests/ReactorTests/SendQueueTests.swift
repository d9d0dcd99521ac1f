// Do bytes that could not be sent arrive later, in order, from bounded memory that is given back?
import Testing

@testable import Reactor

@Suite struct SendQueueTests {
    @Test func ownsNothingWhileEmpty() throws {
        try withPair { one, other in
            let pool = BlockPool()
            var queue = SendQueue(pool: pool)
            check(queue.isEmpty)
            #expect(queue.flush(to: one) == .all)
            check(queue.append([UInt8]()))
            #expect(pool.borrowed == 0)
            check(queue.append([1, 2, 3]))
            check(queue.append([9, 4, 5, 9], 1..<3))
            check(queue.append([6].span))
            #expect(queue.count == 6)
            #expect(pool.borrowed == BlockPool.smallestBlock)
            #expect(queue.flush(to: one) == .all)
            check(queue.isEmpty)
            #expect(pool.borrowed == 0)
            #expect(drain(other) == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test func sendsStraightWhileNothingWaits() throws {
        try withPair { one, other in
            let pool = BlockPool()
            var queue = SendQueue(pool: pool)
            #expect(queue.send([1, 2].span, to: one) == .all)
            #expect(pool.peak == 0)
            shrinkSendBuffer(one)
            let filled = fill(one)
            #expect(queue.send([3, 4].span, to: one) == .partial(0))
            #expect(queue.count == 2)
            #expect(drain(other).count == filled + 2)
            // Room again, but the order must hold: what waits goes first.
            #expect(queue.send([5].span, to: one) == .partial(0))
            #expect(queue.count == 3)
            #expect(queue.flush(to: one) == .all)
            #expect(drain(other) == [3, 4, 5])
        }
    }

    @Test func aClosedPeerIsAValue() throws {
        let (one, other) = try Socket.pair()
        defer { Socket.close(one) }
        Socket.close(other)
        let pool = BlockPool()
        var queue = SendQueue(pool: pool)
        #expect(queue.send([1].span, to: one) == .failed(.brokenPipe))
        check(queue.append([1]))
        #expect(queue.flush(to: one) == .failed(.brokenPipe))
        #expect(queue.count == 1)
        queue.reset()
        #expect(pool.borrowed == 0)
    }

    @Test func aRefusalChangesNothing() throws {
        try withPair { one, other in
            let pool = BlockPool(limit: 12 << 10)
            var queue = SendQueue(pool: pool)
            let first = [UInt8](repeating: 1, count: 4000)
            check(queue.append(first))
            // The rest of the first block, then 8 KiB at most.
            check(!queue.append([UInt8](repeating: 2, count: 9000)))
            #expect(pool.refusals == 1)
            #expect(queue.count == 4000)
            #expect(pool.borrowed == 4 << 10)
            check(queue.append([UInt8](repeating: 3, count: 8 << 10)))
            #expect(queue.flush(to: one) == .all)
            #expect(drain(other) == first + [UInt8](repeating: 3, count: 8 << 10))
        }
    }

    @Test func aRefusalInTheMiddleGivesBackWhatWasBorrowed() {
        let pool = BlockPool(limit: 100 << 10)
        var queue = SendQueue(pool: pool)
        // A block of 64 KiB fits, a second one does not.
        check(!queue.append([UInt8](repeating: 1, count: 150_000)))
        #expect(pool.refusals == 1)
        #expect(pool.peak == 64 << 10)
        #expect(pool.borrowed == 0)
        check(queue.append([UInt8](repeating: 1, count: 64 << 10)))
    }

    @Test func sendTellsOfTheLimit() throws {
        try withPair { one, _ in
            shrinkSendBuffer(one)
            let pool = BlockPool(limit: 4 << 10)
            var queue = SendQueue(pool: pool)
            #expect(queue.send([UInt8](repeating: 1, count: 1 << 20).span, to: one) == .failed(.noBufferSpace))
            #expect(pool.refusals == 1)
            #expect(pool.borrowed == 0)
        }
    }

    @Test func aQueueThatGoesAwayGivesItsBlocksBack() {
        let pool = BlockPool()
        do {
            var queue = SendQueue(pool: pool)
            check(queue.append([UInt8](repeating: 1, count: 300_000)))
            #expect(pool.borrowed >= 300_000)
        }
        #expect(pool.borrowed == 0)
    }

    /// 48 MiB to a reader that takes little at a time: nothing lost, memory in proportion to what waits, and time that
    /// does not grow with the square of the queue.
    @Test func aLongQueueDrainsToASlowReader() throws {
        try withPair { one, other in
            let pool = BlockPool(limit: 64 << 20)
            var queue = SendQueue(pool: pool)
            shrinkSendBuffer(one)
            let pieceSize = 60_000
            let pieces = (48 << 20) / pieceSize
            var random = SeededRandom(seed: 1)
            let piece = random.bytes(pieceSize)
            let twice = piece + piece
            for number in 0..<pieces {
                let sent = number == 0 ? queue.send(piece.span, to: one) : queue.append(piece) ? .partial(0) : .all
                guard case .partial = sent else {
                    Issue.record("piece \(number): \(sent)")
                    return
                }
            }
            #expect(queue.count > 40 << 20)
            // All blocks but the first and the last are full.
            #expect(pool.borrowed <= queue.count + 2 * SendQueue.largestBlock)

            let buffer = ReadBuffer()
            var position = 0
            let deadline = MonotonicClock.now() + 3 * patience
            while position < pieces * pieceSize && MonotonicClock.now() < deadline {
                guard case .bytes = buffer.receive(from: other) else {
                    Issue.record("nothing to read at \(position)")
                    return
                }
                check(repeats(twice, at: position, buffer.span), "wrong bytes after \(position)")
                position += buffer.count
                _ = queue.flush(to: one)
                #expect(pool.borrowed <= queue.count + 2 * SendQueue.largestBlock)
            }
            #expect(position == pieces * pieceSize)
            check(queue.isEmpty)
            #expect(pool.borrowed == 0)
            #expect(pool.spare <= pool.spareLimit)
        }
    }

    @Test(arguments: 1...15 as ClosedRange<UInt64>) func deliversEverythingInOrder(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        try withPair { one, other in
            shrinkSendBuffer(one)
            let pool = BlockPool(spareLimit: 64 << 10)
            let buffer = ReadBuffer(capacity: Int.random(in: 1...20_000, using: &random))
            var queue = SendQueue(pool: pool)
            var expected: [UInt8] = []
            var received: [UInt8] = []
            for _ in 0..<200 {
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    let bytes = random.bytes(Int.random(in: 0...30_000, using: &random))
                    check(queue.append(bytes))
                    expected += bytes
                case 1:
                    let bytes = random.bytes(Int.random(in: 0...100, using: &random))
                    let start = Int.random(in: 0...bytes.count, using: &random)
                    check(queue.append(bytes, start..<bytes.count))
                    expected += bytes[start...]
                case 2:
                    let bytes = random.bytes(Int.random(in: 1...5_000, using: &random))
                    _ = queue.send(bytes.span, to: one)
                    expected += bytes
                default:
                    _ = queue.flush(to: one)
                    if case .bytes = buffer.receive(from: other) { received.append(buffer.span) }
                }
            }
            let deadline = MonotonicClock.now() + patience
            while queue.flush(to: one) != .all && MonotonicClock.now() < deadline { received += drain(other, buffer) }
            received += drain(other, buffer)
            #expect(received == expected, "seed \(seed)")
            #expect(pool.borrowed == 0, "seed \(seed)")
        }
    }
}
