// How are others asked whether passwords are right, without anybody else having to wait?

public import Authentication
import Locks
import Synchronization
public import Reactor

/// Threads that ask PAM and LDAP, which take as long as they like.
public final class PasswordChecker: Sendable {
    public typealias Receiver = @Sendable (PasswordVerdict) -> Void

    /// Questions that may wait; the next one fails.
    public static let limit = 1_000
    private static let threadCount = 4

    private struct State {
        var questions: [(question: PasswordQuestion, receive: Receiver)] = []
        var isStopped = false
    }

    private let state = Lock(State())
    private let wakeUps: [Mailbox<Bool>]
    private let threads = Lock<[WorkerThread]>([])
    private let next = Atomic<Int>(0)

    public init() throws(ReactorError) {
        var boxes: [Mailbox<Bool>] = []
        for _ in 0..<Self.threadCount { boxes.append(try Mailbox<Bool>()) }
        wakeUps = boxes
        var started: [WorkerThread] = []
        for box in boxes { started.append(try WorkerThread(name: "passwords") { [self] in try? run(box) }) }
        threads.withLock { $0 = started }
    }

    /// From any thread; the answer comes on another one.
    public func ask(_ question: PasswordQuestion, _ receive: @escaping Receiver) {
        let isTaken = state.withLock { state in
            guard !state.isStopped, state.questions.count < Self.limit else { return false }
            state.questions.append((question, receive))
            return true
        }
        guard isTaken else { return receive(.failed("too many passwords wait to be checked")) }
        wakeUps[next.add(1, ordering: .relaxed).newValue % wakeUps.count].post(true)
    }

    /// Ends the threads, when they have their answers.
    public func stop() {
        state.withLock { $0.isStopped = true }
        for box in wakeUps { box.post(false) }
        let all = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in all { thread.join() }
    }

    private func run(_ box: Mailbox<Bool>) throws(ReactorError) {
        let poller = try Poller(batch: 1)
        var tokens = TokenTable()
        if let failure = poller.addReadable(box.descriptor, tokens.open(kind: 1)) {
            throw .failed(operation: "epoll_ctl", subject: "mailbox", failure)
        }
        var calls: [Bool] = []
        while true {
            _ = poller.wait(milliseconds: -1)
            box.drain(into: &calls)
            calls.removeAll(keepingCapacity: true)
            while let (question, receive) = takeQuestion() { receive(Self.verdict(on: question)) }
            if state.withLock({ $0.isStopped }) { return }
        }
    }

    private func takeQuestion() -> (PasswordQuestion, Receiver)? {
        state.withLock { $0.questions.isEmpty ? nil : $0.questions.removeFirst() }
    }

    /// Blocks for as long as it takes.
    static func verdict(on question: PasswordQuestion) -> PasswordVerdict {
        // An empty password is an anonymous bind to LDAP, which everybody may make.
        guard !question.password.isEmpty, !question.password.contains(0) else { return .wrong }
        let password = String(decoding: question.password, as: UTF8.self)
        guard Array(password.utf8) == question.password else { return .wrong }
        switch question.authority {
        case .pam(let service):
            return PAMCheck.verdict(service: service, user: question.user, password: password, host: question.host)
        case .ldap(let settings):
            return LDAPCheck.verdict(settings, user: question.user, password: password)
        }
    }
}
