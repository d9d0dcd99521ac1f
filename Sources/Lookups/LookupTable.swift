// Which names are known, being asked for, or waiting? The decisions of the resolver, without a clock or a thread.

/// What is known about names, and who waits for what. Time is an argument.
struct LookupTable<Waiter> {
    typealias Answer = Result<[String], ResolverFailure>

    /// What to do with a question.
    enum Verdict {
        /// It is answered already.
        case answer(Answer)
        /// The waiter is kept until `finished`; with a name, that name is to be looked up now.
        case wait(start: String?)
        /// The limit is reached.
        case refuse
    }

    private struct Known {
        let answer: Answer
        let end: ContinuousClock.Instant
    }

    private let settings: ResolverSettings
    private var known: [String: Known] = [:]
    /// Who waits for a name that is being looked up or queued.
    private var waiters: [String: [Waiter]] = [:]
    /// Names that nobody looks up yet, oldest first.
    private var queue: [String] = []
    private var running = 0
    private var waiterCount = 0
    /// Questions refused because too many were waiting.
    private(set) var refusals: UInt64 = 0

    init(settings: ResolverSettings) {
        self.settings = settings
    }

    /// Somebody asks for a name.
    mutating func asked(_ name: String, _ waiter: Waiter, now: ContinuousClock.Instant) -> Verdict {
        if let entry = known[name] {
            if now < entry.end { return .answer(entry.answer) }
            known[name] = nil
        }
        guard waiterCount < settings.maxWaiters else {
            refusals += 1
            return .refuse
        }
        waiterCount += 1
        if waiters[name] != nil {
            waiters[name]?.append(waiter)
            return .wait(start: nil)
        }
        waiters[name] = [waiter]
        guard running < settings.maxConcurrent else {
            queue.append(name)
            return .wait(start: nil)
        }
        running += 1
        return .wait(start: name)
    }

    /// A look-up ended. Returns who waited for it, and the name to look up next, if any.
    mutating func finished(
        _ name: String, _ answer: Answer, now: ContinuousClock.Instant
    ) -> (waiters: [Waiter], next: String?) {
        remember(name, answer, now: now)
        let waiting = waiters.removeValue(forKey: name) ?? []
        waiterCount -= waiting.count
        let next = queue.isEmpty ? nil : queue.removeFirst()
        if next == nil { running -= 1 }
        return (waiting, next)
    }

    /// Forgets all who wait, and returns them.
    mutating func stop() -> [Waiter] {
        let all = waiters.values.flatMap { $0 }
        waiters = [:]
        queue = []
        waiterCount = 0
        return all
    }

    private mutating func remember(_ name: String, _ answer: Answer, now: ContinuousClock.Instant) {
        let lifetime =
            switch answer {
            case .success: settings.answerLifetime
            case .failure: settings.failureLifetime
            }
        guard lifetime > .zero else { return }
        if known.count >= settings.maxKnown {
            known = known.filter { now < $0.value.end }
            // All of them are fresh: forgetting them costs a look-up each, growing without end costs more.
            if known.count >= settings.maxKnown { known = [:] }
        }
        known[name] = Known(answer: answer, end: now + lifetime)
    }
}
