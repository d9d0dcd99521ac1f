// How does another thread tell a worker something?
public import Locks

/// Messages for one thread from any thread, in order per sender. The reader registers `descriptor` with its poller
/// (`addReadable`) and drains at each event of it; a message that comes while others wait causes no system call.
public final class Mailbox<Message: Sendable>: Sendable {
    /// Has an event whenever the mailbox was empty and no longer is.
    public let descriptor: Descriptor
    @usableFromInline let messages = Lock<[Message]>([])

    public init() throws(ReactorError) {
        descriptor = try EventCounter.open()
    }

    deinit {
        Socket.close(descriptor)
    }

    /// Adds a message and wakes the reader if there was none.
    @inlinable public func post(_ message: Message) {
        let wasEmpty = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if wasEmpty { EventCounter.raise(descriptor) }
    }

    /// Replaces the content of `batch` by all messages, oldest first. Its memory serves for the next ones.
    @inlinable public func drain(into batch: inout [Message]) {
        batch.removeAll(keepingCapacity: true)
        messages.withLock { swap(&$0, &batch) }
    }
}

/// The eventfd behind a mailbox. It is never read: each raise is an edge, and the count has 64 bits.
@usableFromInline enum EventCounter {
    @usableFromInline static func open() throws(ReactorError) -> Descriptor {
        let outcome = SystemCalls.createEventCounter()
        if let failure = outcome.failure { throw .failed(operation: "eventfd", subject: "", failure) }
        return outcome.descriptor
    }

    @usableFromInline static func raise(_ descriptor: Descriptor) {
        // A full counter, after 2^64 messages, is set back so that the raise is an edge again.
        if SystemCalls.raiseEventCounter(descriptor).failure == .wouldBlock {
            _ = SystemCalls.resetEventCounter(descriptor)
            _ = SystemCalls.raiseEventCounter(descriptor)
        }
    }
}
