// Does every question get one answer, equal questions share a look-up, and do the limits hold?
import Dispatch
import Locks
import Testing

@testable import Lookups

@Suite struct LookupTableTests {
    private let start = ContinuousClock.now
    private typealias Table = LookupTable<Int>

    private func settings(_ change: (inout ResolverSettings) -> Void = { _ in }) -> ResolverSettings {
        var settings = ResolverSettings()
        settings.answerLifetime = .seconds(10)
        settings.failureLifetime = .seconds(1)
        change(&settings)
        return settings
    }

    @Test func equalQuestionsShareALookUp() {
        var table = Table(settings: settings())
        #expect(describe(table.asked("a", 1, now: start)) == "start a")
        #expect(describe(table.asked("a", 2, now: start)) == "wait")
        #expect(describe(table.asked("b", 3, now: start)) == "start b")
        let done = table.finished("a", .success(["10.0.0.1"]), now: start)
        #expect(done.waiters == [1, 2])
        #expect(done.next == nil)
    }

    @Test func answersAndFailuresAreKeptForTheirTime() {
        var table = Table(settings: settings())
        _ = table.asked("good", 1, now: start)
        _ = table.finished("good", .success(["10.0.0.1"]), now: start)
        _ = table.asked("bad", 1, now: start)
        _ = table.finished("bad", .failure(.notResolved(name: "bad", reason: "no")), now: start)
        #expect(describe(table.asked("good", 2, now: start + .milliseconds(9999))) == "10.0.0.1")
        #expect(describe(table.asked("good", 2, now: start + .seconds(10))) == "start good")
        #expect(describe(table.asked("bad", 2, now: start + .milliseconds(999))) == "cannot resolve \"bad\": no")
        #expect(describe(table.asked("bad", 2, now: start + .seconds(1))) == "start bad")
    }

    @Test func noLifetimeKeepsNothing() {
        var table = Table(settings: settings { $0.answerLifetime = .zero })
        _ = table.asked("a", 1, now: start)
        _ = table.finished("a", .success([]), now: start)
        #expect(describe(table.asked("a", 1, now: start)) == "start a")
    }

    @Test func moreNamesThanThreadsQueueUpInOrder() {
        var table = Table(settings: settings { $0.maxConcurrent = 2 })
        #expect(describe(table.asked("a", 1, now: start)) == "start a")
        #expect(describe(table.asked("b", 2, now: start)) == "start b")
        #expect(describe(table.asked("c", 3, now: start)) == "wait")
        #expect(describe(table.asked("d", 4, now: start)) == "wait")
        #expect(describe(table.asked("c", 5, now: start)) == "wait")
        #expect(table.finished("b", .success([]), now: start).next == "c")
        #expect(table.finished("c", .success([]), now: start).waiters == [3, 5])
        #expect(table.finished("a", .success([]), now: start).next == nil)
        #expect(describe(table.asked("e", 6, now: start)) == "start e")
        #expect(describe(table.asked("f", 7, now: start)) == "wait")
    }

    @Test func tooManyQuestionsAreRefusedAndCounted() {
        var table = Table(settings: settings { $0.maxWaiters = 2 })
        _ = table.asked("a", 1, now: start)
        _ = table.asked("a", 2, now: start)
        #expect(describe(table.asked("a", 3, now: start)) == "refuse")
        #expect(describe(table.asked("b", 3, now: start)) == "refuse")
        #expect(table.refusals == 2)
        _ = table.finished("a", .success(["1.1.1.1"]), now: start)
        #expect(describe(table.asked("b", 3, now: start)) == "start b")
    }

    @Test func theNumberOfKeptNamesIsLimited() {
        var table = Table(settings: settings { $0.maxKnown = 3 })
        for name in ["a", "b", "c", "d"] {
            _ = table.asked(name, 1, now: start)
            _ = table.finished(name, .success([name]), now: start)
        }
        #expect(describe(table.asked("d", 1, now: start)) == "d")
        #expect(describe(table.asked("a", 1, now: start)) == "start a")
    }

    @Test func stoppingReturnsAllWhoWait() {
        var table = Table(settings: settings { $0.maxConcurrent = 1 })
        _ = table.asked("a", 1, now: start)
        _ = table.asked("b", 2, now: start)
        #expect(Set(table.stop()) == [1, 2])
        let late = table.finished("a", .success([]), now: start)
        #expect(late.waiters == [])
        #expect(late.next == nil)
    }

    private func describe(_ verdict: Table.Verdict) -> String {
        switch verdict {
        case .answer(.success(let addresses)): addresses.joined(separator: " ")
        case .answer(.failure(let failure)): failure.description
        case .wait(let name?): "start \(name)"
        case .wait(nil): "wait"
        case .refuse: "refuse"
        }
    }
}

@Suite struct ResolverTests {
    /// Collects answers and wakes a test that waits for a number of them.
    private final class Answers: Sendable {
        private let all = Lock<[Resolver.Answer]>([])
        private let arrived = DispatchSemaphore(value: 0)

        func receive(_ answer: Resolver.Answer) {
            all.withLock { $0.append(answer) }
            arrived.signal()
        }

        /// The answers after `count` more have come, or after ten seconds.
        func wait(_ count: Int) -> [Resolver.Answer] {
            let deadline = DispatchTime.now() + 10
            for _ in 0..<count where arrived.wait(timeout: deadline) == .timedOut { break }
            return all.withLock { $0 }
        }
    }

    /// A manual clock.
    private final class Clock: Sendable {
        let now = Lock(ContinuousClock.now)
        func read() -> ContinuousClock.Instant { now.withLock { $0 } }
        func advance(_ duration: Duration) { now.withLock { $0 += duration } }
    }

    @Test func answersAndKeepsTheAnswer() {
        let clock = Clock()
        let counted = Counted()
        let resolver = Resolver(clock: clock.read) { name in
            counted.count()
            return name == "db" ? .success(["10.0.0.1", "::1"]) : .failure(.notResolved(name: name, reason: "unknown"))
        }
        let answers = Answers()
        resolver.resolve("db", answers.receive)
        #expect(answers.wait(1) == [.success(["10.0.0.1", "::1"])])
        resolver.resolve("db", answers.receive)
        #expect(answers.wait(1).count == 2)
        #expect(counted.value == 1)
        clock.advance(.seconds(3600))
        resolver.resolve("db", answers.receive)
        #expect(answers.wait(1).count == 3)
        #expect(counted.value == 2)
        resolver.resolve("nobody", answers.receive)
        #expect(answers.wait(1).last == .failure(.notResolved(name: "nobody", reason: "unknown")))
    }

    @Test func aSilentNameServerDelaysNobodyElse() {
        let gate = DispatchSemaphore(value: 0)
        let resolver = Resolver { name in
            if name == "slow" { gate.wait() }
            return .success([name])
        }
        let slow = Answers()
        let fast = Answers()
        resolver.resolve("slow", slow.receive)
        for number in 0..<20 { resolver.resolve("fast\(number)", fast.receive) }
        #expect(fast.wait(20).count == 20)
        #expect(slow.wait(0).isEmpty)
        gate.signal()
        #expect(slow.wait(1) == [.success(["slow"])])
    }

    @Test func refusesAndCountsWhatIsTooMuch() {
        let gate = DispatchSemaphore(value: 0)
        var settings = ResolverSettings()
        settings.maxWaiters = 2
        settings.maxConcurrent = 1
        let resolver = Resolver(settings: settings) { name in
            gate.wait()
            return .success([name])
        }
        let answers = Answers()
        resolver.resolve("a", answers.receive)
        resolver.resolve("b", answers.receive)
        let refused = Answers()
        resolver.resolve("c", refused.receive)
        #expect(refused.wait(1) == [.failure(.tooManyWaiting(name: "c", limit: 2))])
        #expect(resolver.refusals == 1)
        gate.signal()
        gate.signal()
        #expect(answers.wait(2) == [.success(["a"]), .success(["b"])])
    }

    @Test func stoppingAnswersEverybodyOnce() {
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        var settings = ResolverSettings()
        settings.maxConcurrent = 1
        let resolver = Resolver(settings: settings) { name in
            gate.wait()
            ended.signal()
            return .success([name])
        }
        let answers = Answers()
        resolver.resolve("a", answers.receive)
        resolver.resolve("a", answers.receive)
        resolver.resolve("b", answers.receive)
        resolver.stop()
        let expected: Set<Resolver.Answer> = [.failure(.stopped(name: "a")), .failure(.stopped(name: "b"))]
        #expect(Set(answers.wait(3)) == expected)
        resolver.resolve("c", answers.receive)
        #expect(answers.wait(1).last == .failure(.stopped(name: "c")))
        gate.signal()
        #expect(ended.wait(timeout: .now() + 10) == .success)
        #expect(answers.wait(0).count == 4)
    }

    @Test func manyThreadsAskAtOnce() {
        let resolver = Resolver { .success([$0]) }
        let answers = Answers()
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for number in 0..<200 { resolver.resolve("name\(number % 50)", answers.receive) }
        }
        #expect(answers.wait(1600).count == 1600)
    }
}

private final class Counted: Sendable {
    private let number = Lock(0)
    var value: Int { number.withLock { $0 } }
    func count() { number.withLock { $0 += 1 } }
}
