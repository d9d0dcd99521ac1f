// Which signal was sent to the process? Read from a descriptor, so that no code runs inside a signal handler.
import CLinux
import Glibc

/// The signals the program knows.
public enum Signal: CaseIterable, Hashable, Sendable {
    case terminate
    case interrupt
    case quit
    case hangup
    case user1
    case user2
    case child
    case brokenPipe

    public var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .quit: SIGQUIT
        case .hangup: SIGHUP
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        case .child: SIGCHLD
        case .brokenPipe: SIGPIPE
        }
    }

    /// "SIGTERM" and so on.
    public var name: String {
        switch self {
        case .terminate: "SIGTERM"
        case .interrupt: "SIGINT"
        case .quit: "SIGQUIT"
        case .hangup: "SIGHUP"
        case .user1: "SIGUSR1"
        case .user2: "SIGUSR2"
        case .child: "SIGCHLD"
        case .brokenPipe: "SIGPIPE"
        }
    }

    /// Lets the whole process ignore the signal; programs it starts ignore it, too. Meant for `brokenPipe`.
    public func ignore() {
        SystemCalls.ignoreSignal(number)
    }

    /// Sends the signal to the process itself, for its `SignalWaiter` to find.
    public func send() {
        SystemCalls.sendSignal(number)
    }

    /// Gives the signal its default action, even if whoever started the process ignores it.
    public func restore() {
        SystemCalls.restoreSignal(number)
    }
}

/// Takes signals away from their default action and hands them out one by one.
///
/// Open it in the main thread before any other thread is started: threads inherit the blocking, and a signal that one
/// thread does not block gets its default action. Programs that are started inherit the blocking as well.
public final class SignalWaiter: Sendable {
    /// Readable while a signal waits; for a `Poller`.
    public let descriptor: Descriptor
    private let signals: [Signal]

    public init(_ signals: [Signal]) throws(ReactorError) {
        let outcome = SystemCalls.openSignals(signals.map(\.number))
        if let failure = outcome.failure { throw .failed(operation: "signalfd", subject: "", failure) }
        descriptor = outcome.descriptor
        self.signals = signals
    }

    deinit {
        Socket.close(descriptor)
    }

    /// The next signal that was sent already, or nil.
    public func next() -> Signal? {
        let outcome = SystemCalls.readSignal(descriptor)
        guard outcome.failure == nil else { return nil }
        return signals.first { Int($0.number) == outcome.raw }
    }

    /// Waits for the next signal.
    public func wait() -> Signal {
        while true {
            if let signal = wait(milliseconds: -1) { return signal }
        }
    }

    /// Waits for the next signal; nil when the time is over first. Negative: for ever.
    public func wait(milliseconds: Int32) -> Signal? {
        let start = MonotonicClock.now()
        var remaining = milliseconds
        while true {
            if let signal = next() { return signal }
            if milliseconds >= 0 {
                let elapsed = (MonotonicClock.now() - start) / 1_000_000
                guard elapsed < UInt64(milliseconds) else { return nil }
                remaining = milliseconds - Int32(elapsed)
            }
            _ = SystemCalls.waitReadable(descriptor, milliseconds: remaining)
        }
    }
}
