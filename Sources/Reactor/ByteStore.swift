// Which received bytes have to be kept: the start of a message, or a batch that may have to be repeated?

/// Bytes in one piece that grow at the end and are consumed at the start. Owns no memory while empty; belongs to its
/// pool's thread.
@safe public struct ByteStore: ~Copyable {
    /// Bytes kept.
    public private(set) var count = 0
    private let pool: BlockPool
    private var block: Block?
    /// Where the bytes begin in the block.
    private var start = 0

    public init(pool: BlockPool) {
        self.pool = pool
        unsafe block = nil
    }

    deinit {
        if let block = unsafe block { unsafe pool.giveBack(block) }
    }

    @inlinable public var isEmpty: Bool { count == 0 }

    /// The bytes kept.
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            guard let block = unsafe block else { return Span() }
            // Owner: this value, which the span borrows, so that nothing can change meanwhile; from `start` on, `count`
            // bytes are initialised.
            let span = unsafe Span(_unsafeStart: block.bytes + start, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Keeps all of the bytes, or none and returns false when the pool's limit is reached.
    public mutating func append(_ bytes: Span<UInt8>) -> Bool {
        if bytes.isEmpty { return true }
        guard makeRoom(for: bytes.count), let block = unsafe block else { return false }
        // `makeRoom` saw to the bounds; the source is another's memory, or `self` could not be changed now.
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            unsafe (block.bytes + start + count).update(from: base, count: source.count)
        }
        count += bytes.count
        return true
    }

    /// Keeps all of the bytes, or none and returns false when the pool's limit is reached.
    public mutating func append(_ bytes: [UInt8]) -> Bool {
        append(bytes.span)
    }

    /// Forgets the first `size` bytes.
    public mutating func consume(_ size: Int) {
        precondition(size >= 0 && size <= count, "only bytes that are there can be consumed")
        start += size
        count -= size
        if count == 0 { reset() }
    }

    /// Forgets everything.
    public mutating func reset() {
        if let block = unsafe block { unsafe pool.giveBack(block) }
        unsafe block = nil
        start = 0
        count = 0
    }

    /// Room for `size` more bytes behind the kept ones: there already, by moving these to the front, or in a larger
    /// block.
    private mutating func makeRoom(for size: Int) -> Bool {
        guard let old = unsafe block else {
            unsafe block = pool.borrow(room: size)
            return unsafe block != nil
        }
        let capacity = unsafe old.capacity
        if start + count + size <= capacity { return true }
        // Moving is only worth it when at least as many bytes were consumed as are moved: each byte moves once then.
        if start >= count && count + size <= capacity {
            unsafe old.bytes.update(from: old.bytes + start, count: count)
            start = 0
            return true
        }
        guard let new = unsafe pool.borrow(room: max(count + size, 2 * count)) else { return false }
        unsafe new.bytes.update(from: old.bytes + start, count: count)
        unsafe pool.giveBack(old)
        unsafe block = new
        start = 0
        return true
    }
}
