// Which bytes still have to be sent, after the kernel took no more?
import CLinux
import Glibc

/// Unsent bytes of one connection, first in, first out. Owns no memory while empty; belongs to its pool's thread.
@safe public struct SendQueue: ~Copyable {
    /// Pieces that one system call sends.
    static let gatherLimit = 16
    /// A long queue is made of blocks with this much room.
    static let largestBlock = 64 << 10

    /// Bytes waiting.
    public private(set) var count = 0
    private let pool: BlockPool
    private var first: Block?
    private var last: Block?
    /// Bytes of the first block that are sent already.
    private var sent = 0
    /// Bytes of the last block that are in use; all others are full.
    private var used = 0

    public init(pool: BlockPool) {
        self.pool = pool
        unsafe first = nil
        unsafe last = nil
    }

    deinit {
        unsafe giveBack(first)
    }

    @inlinable public var isEmpty: Bool { count == 0 }

    /// Sends the bytes at once when nothing waits before them, and queues what the kernel does not take.
    /// `partial` counts what was taken of these bytes; `failed(noBufferSpace)` means that the pool's limit is reached:
    /// the stream has a hole then, so close the connection.
    public mutating func send(_ bytes: Span<UInt8>, to descriptor: Descriptor) -> Sent {
        var taken = 0
        if count == 0 {
            switch Socket.send(bytes, to: descriptor) {
            case .all: return .all
            case .partial(let count): taken = count
            case .failed(let failure): return .failed(failure)
            }
        }
        return append(bytes.extracting(taken..<bytes.count)) ? .partial(taken) : .failed(.noBufferSpace)
    }

    /// Queues all of the bytes, or none and returns false when the pool's limit is reached.
    public mutating func append(_ bytes: Span<UInt8>) -> Bool {
        // The span's owner keeps the bytes during the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// Queues all of the bytes, or none and returns false when the pool's limit is reached.
    public mutating func append(_ bytes: [UInt8]) -> Bool {
        append(bytes.span)
    }

    /// Queues a part of the bytes, or none and returns false when the pool's limit is reached.
    public mutating func append(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        append(bytes.span.extracting(range))
    }

    /// Sends until the queue is empty (`all`) or the kernel takes no more (`partial`, with the bytes it took).
    public mutating func flush(to descriptor: Descriptor) -> Sent {
        var total = 0
        while count > 0 {
            let (outcome, offered) = gatherAndSend(descriptor)
            switch Socket.sent(outcome, of: offered) {
            case .all:
                drop(offered)
                total += offered
            case .partial(let taken):
                drop(taken)
                return .partial(total + taken)
            case .failed(let failure):
                return .failed(failure)
            }
        }
        return .all
    }

    /// Forgets everything.
    public mutating func reset() {
        drop(count)
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return true }
        let room = unsafe last.map { unsafe $0.capacity - used } ?? 0
        let inLast = min(room, bytes.count)
        // All blocks are borrowed before a byte is copied, so that a refusal changes nothing.
        var chain: Block?
        guard unsafe borrow(&chain, room: bytes.count - inLast) else { return false }
        if let last = unsafe last, inLast > 0 {
            // `inLast` bytes fit behind `used`.
            unsafe (last.bytes + used).update(from: source, count: inLast)
            used += inLast
        }
        var copied = inLast
        var next = unsafe chain
        while let block = unsafe next {
            let size = unsafe min(block.capacity, bytes.count - copied)
            unsafe block.bytes.update(from: source + copied, count: size)
            copied += size
            used = size
            if let last = unsafe last { unsafe last.next = block } else { unsafe first = block }
            unsafe last = block
            unsafe next = block.next
        }
        count += bytes.count
        return true
    }

    /// Makes a chain of blocks with room for `size` bytes; false, with nothing borrowed, when the pool refuses one.
    private func borrow(_ chain: inout Block?, room size: Int) -> Bool {
        var tail: Block?
        var missing = size
        while missing > 0 {
            // A queue that is long already gets large blocks, a short one small ones.
            let wanted = min(max(missing, count), SendQueue.largestBlock)
            guard let block = unsafe pool.borrow(room: wanted) else {
                unsafe giveBack(chain)
                return false
            }
            if let tail = unsafe tail { unsafe tail.next = block } else { unsafe chain = block }
            unsafe tail = block
            unsafe missing -= min(missing, block.capacity)
        }
        return true
    }

    private func giveBack(_ chain: Block?) {
        var next = unsafe chain
        while let block = unsafe next {
            unsafe next = block.next
            unsafe pool.giveBack(block)
        }
    }

    private func gatherAndSend(_ descriptor: Descriptor) -> (outcome: SystemCalls.Outcome, offered: Int) {
        // The pieces live on the stack during the call and point into blocks of this queue.
        unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: SendQueue.gatherLimit) { pieces in
            var offered = 0
            var number = 0
            var next = unsafe first
            while let block = unsafe next, number < SendQueue.gatherLimit {
                let start = number == 0 ? sent : 0
                let following = unsafe block.next
                let end = unsafe following == nil ? used : block.capacity
                unsafe pieces.initializeElement(
                    at: number, to: iovec(iov_base: block.bytes + start, iov_len: end - start))
                offered += end - start
                number += 1
                unsafe next = following
            }
            let filled = unsafe UnsafeMutableBufferPointer(rebasing: pieces[..<number])
            return unsafe (SystemCalls.send(descriptor, gathering: filled), offered)
        }
    }

    /// Forgets the first `size` bytes and gives back the blocks they were in.
    private mutating func drop(_ size: Int) {
        count -= size
        var remaining = size
        while let block = unsafe first {
            let following = unsafe block.next
            let end = unsafe following == nil ? used : block.capacity
            guard remaining >= end - sent else {
                sent += remaining
                return
            }
            remaining -= end - sent
            sent = 0
            unsafe first = following
            unsafe pool.giveBack(block)
        }
        unsafe last = nil
        used = 0
    }
}
