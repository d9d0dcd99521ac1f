// Where do received bytes land? In one scratch buffer per worker, so that idle connections own none.

/// The bytes of the last receive, good until the next one.
@safe public final class ReadBuffer {
    public static let defaultCapacity = 64 << 10

    public let capacity: Int
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    /// Bytes in the buffer; never more than the capacity. Exclusivity need not be checked: the buffer belongs to one
    /// thread, and each access is a single load or store.
    @safe @exclusivity(unchecked) @usableFromInline var filled = 0

    public init(capacity: Int = defaultCapacity) {
        precondition(capacity > 0, "a buffer has room")
        self.capacity = capacity
        // Owned until deinit; initialised whole, so that every byte below the capacity may be read.
        unsafe base = .allocate(capacity: capacity)
        unsafe base.initialize(repeating: 0, count: capacity)
    }

    deinit {
        unsafe base.deallocate()
    }

    /// The bytes in the buffer. The buffer is reused: whoever holds the span across a receive sees the new bytes.
    @inlinable public var span: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            // Owner: this object, which the span's borrow keeps alive; bounds: `filled` ≤ capacity, all initialised.
            let span = unsafe Span(_unsafeStart: base, count: filled)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    @inlinable public var count: Int { filled }

    /// Whether the last receive filled the buffer, so that more may wait in the socket. After a short receive nothing
    /// does, except the end of the stream, of which an event tells.
    @inlinable public var isFull: Bool { filled == capacity }

    /// Replaces the content by what the socket has, up to the capacity, with one system call.
    public func receive(from descriptor: Descriptor) -> Received {
        filled = 0
        return receiveMore(from: descriptor)
    }

    /// Replaces the content by `prefix`, such as the start of a message that came before, followed by what the socket
    /// has. The answer counts the new bytes alone; `span` has all. The prefix must be shorter than the capacity.
    public func receive(from descriptor: Descriptor, after prefix: Span<UInt8>) -> Received {
        begin(with: prefix)
        return receiveMore(from: descriptor)
    }

    /// Replaces the content by `prefix` followed by what `body` writes into the room behind it; it returns how many
    /// bytes that were.
    public func fill(after prefix: Span<UInt8>, _ body: (inout MutableSpan<UInt8>) -> Int) {
        begin(with: prefix)
        // `filled` < capacity, all bytes are initialised, and nobody else writes during the call.
        let room = unsafe UnsafeMutableBufferPointer(start: base + filled, count: capacity - filled)
        var span = unsafe MutableSpan(_unsafeElements: room)
        let count = body(&span)
        precondition(count >= 0 && count <= capacity - filled, "no more was written than there was room for")
        filled += count
    }

    private func begin(with prefix: Span<UInt8>) {
        precondition(prefix.count < capacity, "a prefix leaves room to receive")
        // The prefix fits. Should it be part of this buffer: copyMemory allows overlaps.
        unsafe prefix.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(base).copyMemory(from: start, byteCount: source.count)
        }
        filled = prefix.count
    }

    private func receiveMore(from descriptor: Descriptor) -> Received {
        // `filled` < capacity: at least one byte of room, so that 0 means the end of the stream.
        let room = unsafe UnsafeMutableRawBufferPointer(start: base + filled, count: capacity - filled)
        let raw = unsafe SystemCalls.receive(descriptor, into: room).raw
        if raw > 0 {
            filled += raw
            return .bytes(raw)
        }
        if raw == 0 { return .closed }
        let failure = Errno(rawValue: Int32(-raw))
        return failure == .wouldBlock ? .wouldBlock : .failed(failure)
    }
}
