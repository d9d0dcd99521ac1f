// How does a worker notice that time has passed, without setting a timer for each wait?

/// A descriptor with an event in each interval. The reader registers it with its poller (`addReadable`), calls
/// `acknowledge` at each event, and can wait for events without a time limit, which spares the kernel a timer for each
/// wait.
public final class Ticker: Sendable {
    public let descriptor: Descriptor

    /// - Parameter nanoseconds: the interval, at least 1.
    public init(nanoseconds: UInt64) throws(ReactorError) {
        precondition(nanoseconds > 0, "an interval has a length")
        let outcome = SystemCalls.openTicker(nanoseconds: nanoseconds)
        if let failure = outcome.failure { throw .failed(operation: "timerfd_create", subject: "", failure) }
        descriptor = outcome.descriptor
    }

    /// Lets time go on towards the next event. Intervals that went by meanwhile are not made up for.
    public func acknowledge() {
        // Linux starts the next interval when the count of the past ones is read.
        _ = SystemCalls.resetEventCounter(descriptor)
    }

    /// Another interval, at least 1 nanosecond, which begins now.
    public func setInterval(nanoseconds: UInt64) {
        precondition(nanoseconds > 0, "an interval has a length")
        let outcome = SystemCalls.setTicker(descriptor, nanoseconds: nanoseconds)
        precondition(outcome.failure == nil, "a timer that is open can be set")
    }

    deinit {
        Socket.close(descriptor)
    }
}
