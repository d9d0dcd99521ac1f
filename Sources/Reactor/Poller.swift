// Which descriptors have news? One epoll instance per worker.
import CLinux
import Glibc

/// What epoll says of one descriptor.
public struct Event: Sendable {
    public let token: Token
    @usableFromInline let flags: UInt32

    @usableFromInline init(token: Token, flags: UInt32) {
        self.token = token
        self.flags = flags
    }

    /// Bytes, a waiting client, or the end of the stream: a receive or accept will tell.
    @inlinable public var isReadable: Bool { flags & Event.readable != 0 }
    /// A send will get somewhere, or tell why not.
    @inlinable public var isWritable: Bool { flags & Event.writable != 0 }
    /// The peer sends nothing more: receive until `closed` even after a short receive.
    @inlinable public var isPeerClosed: Bool { flags & Event.peerClosed != 0 }
    /// Both directions are over; receiving gives what is left, then the reason.
    @inlinable public var isHangup: Bool { flags & Event.hangup != 0 }

    // The numbers of <sys/epoll.h>, which inlinable code cannot import; `Poller.init` compares them. Computed, so that
    // they are constants there.
    @inlinable static var peerClosed: UInt32 { 0x2000 }
    @inlinable static var hangup: UInt32 { 0x8 | 0x10 }
    @inlinable static var readable: UInt32 { 0x1 | hangup | peerClosed }
    @inlinable static var writable: UInt32 { 0x4 | hangup }
}

/// An epoll instance. Connections are registered once, for everything, and reported when something changes
/// (edge-triggered): receive until a short receive or `wouldBlock`, send until `partial`, then wait for the next event.
@safe public final class Poller {
    /// Events that one `wait` can bring; more stay for the next.
    public static let defaultBatch = 256

    private let descriptor: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var eventCount = 0

    public init(batch: Int = defaultBatch) throws(ReactorError) {
        precondition(batch > 0, "a batch has room for an event")
        precondition(
            Event.hangup == EPOLLERR.rawValue | EPOLLHUP.rawValue && Event.peerClosed == EPOLLRDHUP.rawValue
                && Event.readable == EPOLLIN.rawValue | Event.hangup | Event.peerClosed
                && Event.writable == EPOLLOUT.rawValue | Event.hangup, "the numbers are those of <sys/epoll.h>")
        let created = SystemCalls.createPoller()
        if let failure = created.failure { throw .failed(operation: "epoll_create1", subject: "", failure) }
        descriptor = created.descriptor
        // Owned until deinit; every element is a plain value, written by the kernel before it is read.
        unsafe events = .allocate(capacity: batch)
        unsafe events.initialize(repeating: epoll_event())
    }

    deinit {
        unsafe events.deallocate()
        Socket.close(descriptor)
    }

    /// Registers a connection; what is true already (writable, say) is reported by the next `wait`.
    /// Closing the descriptor removes it.
    public func add(_ descriptor: Descriptor, _ token: Token) -> Errno? {
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        return SystemCalls.register(self.descriptor, descriptor, events: events, token: token).failure
    }

    /// Registers a `Mailbox` or other descriptor that is only ever read; edge-triggered, too.
    public func addReadable(_ descriptor: Descriptor, _ token: Token) -> Errno? {
        let events = EPOLLIN.rawValue | EPOLLET.rawValue
        return SystemCalls.register(self.descriptor, descriptor, events: events, token: token).failure
    }

    /// Registers a listening socket: reported for as long as someone waits, and not to all pollers that share it.
    public func add(_ listener: Listener, _ token: Token) -> Errno? {
        let events = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
        return SystemCalls.register(self.descriptor, listener.descriptor, events: events, token: token).failure
    }

    /// Deregisters a descriptor that stays open, such as one that moves to another poller or a listener that pauses.
    /// Events of it in the current batch are still there.
    public func remove(_ descriptor: Descriptor) -> Errno? {
        SystemCalls.deregister(self.descriptor, descriptor).failure
    }

    /// Waits for events; returns how many there are: 0 when the time is over or a signal came. Negative milliseconds:
    /// for ever.
    public func wait(milliseconds: Int32) -> Int {
        let outcome = unsafe SystemCalls.wait(descriptor, events, milliseconds: milliseconds)
        eventCount = max(0, outcome.raw)
        precondition(outcome.raw >= 0 || outcome.failure == .interrupted, "waiting on an open epoll instance")
        return eventCount
    }

    /// An event of the last `wait`. Its owner may be gone, closed by an earlier event: ask the `TokenTable`.
    public func event(_ index: Int) -> Event {
        precondition(index >= 0 && index < eventCount, "the event is one of the last wait's")
        // Below the count that the kernel filled, which is at most the capacity.
        let event = unsafe events[index]
        return unsafe Event(token: Token(rawValue: event.data.u64), flags: event.events)
    }
}
