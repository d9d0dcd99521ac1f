// Which addresses has a host name? Asked off the workers, so that a silent name server delays nobody else.
import Dispatch
import Locks

/// Limits of a `Resolver`.
public struct ResolverSettings: Equatable, Sendable {
    /// Look-ups under way at the same time.
    public var maxConcurrent = 4
    /// Questions that may wait for an answer.
    public var maxWaiters = 4096
    /// Names whose answers are kept.
    public var maxKnown = 1024
    /// How long addresses are good.
    public var answerLifetime: Duration = .seconds(15)
    /// How long a failure is good.
    public var failureLifetime: Duration = .seconds(1)

    public init() {}
}

/// Why a name could not be resolved.
public enum ResolverFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The look-up's own sentence.
    case notResolved(name: String, reason: String)
    /// As many questions wait as may.
    case tooManyWaiting(name: String, limit: Int)
    /// The resolver has been stopped.
    case stopped(name: String)

    public var description: String {
        switch self {
        case .notResolved(let name, let reason):
            "cannot resolve \"\(name)\": \(reason)"
        case .tooManyWaiting(let name, let limit):
            "cannot resolve \"\(name)\": \(limit) look-ups wait for an answer already"
        case .stopped(let name):
            "cannot resolve \"\(name)\": the program is stopping"
        }
    }
}

/// Answers questions for host names on threads of its own. Equal questions share one look-up; answers are kept for a
/// while.
public final class Resolver: Sendable {
    public typealias Answer = Result<[String], ResolverFailure>
    /// Receives an answer, on any thread; must not block.
    public typealias Receiver = @Sendable (Answer) -> Void

    private struct State {
        var table: LookupTable<(name: String, receive: Receiver)>
        var isStopped = false
    }

    private let settings: ResolverSettings
    private let lookUp: @Sendable (String) -> Answer
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let state: Lock<State>
    private let threads = DispatchQueue(label: "pointsman.lookups", attributes: .concurrent)

    /// - Parameters:
    ///   - clock: tells when kept answers are too old.
    ///   - lookUp: the numeric addresses of a name, in the order in which to try them; may block.
    public init(
        settings: ResolverSettings = ResolverSettings(),
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        lookUp: @escaping @Sendable (String) -> Answer
    ) {
        self.settings = settings
        self.clock = clock
        self.lookUp = lookUp
        state = Lock(State(table: LookupTable(settings: settings)))
    }

    /// Asks for the addresses of a name. `receive` is called exactly once: before this returns when the answer is known
    /// or the question is refused, else on a thread of the resolver.
    public func resolve(_ name: String, _ receive: @escaping Receiver) {
        let now = clock()
        let (answer, start): (Answer?, String?) = state.withLock { state in
            if state.isStopped { return (.failure(.stopped(name: name)), nil) }
            switch state.table.asked(name, (name, receive), now: now) {
            case .answer(let answer): return (answer, nil)
            case .wait(let start): return (nil, start)
            case .refuse: return (.failure(.tooManyWaiting(name: name, limit: settings.maxWaiters)), nil)
            }
        }
        if let answer { receive(answer) }
        if let start { threads.async { self.run(start) } }
    }

    /// Questions refused because too many were waiting.
    public var refusals: UInt64 {
        state.withLock { $0.table.refusals }
    }

    /// Answers all who wait with `stopped`, and everybody who asks later. Look-ups under way end by themselves.
    public func stop() {
        let waiting = state.withLock { state in
            state.isStopped = true
            return state.table.stop()
        }
        for (name, receive) in waiting { receive(.failure(.stopped(name: name))) }
    }

    /// Looks up names until none is queued.
    private func run(_ first: String) {
        var name: String? = first
        while let current = name {
            let answer = lookUp(current)
            let now = clock()
            let (waiting, next) = state.withLock { $0.table.finished(current, answer, now: now) }
            for (_, receive) in waiting { receive(answer) }
            name = next
        }
    }
}
