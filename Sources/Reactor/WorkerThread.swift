// Who starts and ends a thread?
import CLinux
import Synchronization

/// A thread with a name. Whoever starts it joins it; one that is never joined is left to itself.
public final class WorkerThread: Sendable {
    public let name: String
    private let thread: pthread_t
    private let isJoined = Atomic<Bool>(false)

    /// Starts a thread that runs `body` and ends with it. The kernel shows the first 15 bytes of `name`.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(ReactorError) {
        let (thread, failure) = SystemCalls.startThread(name: name, body)
        if let failure { throw .failed(operation: "pthread_create", subject: name, failure) }
        self.name = name
        self.thread = thread
    }

    deinit {
        if !isJoined.load(ordering: .relaxed) { SystemCalls.detachThread(thread) }
    }

    /// Waits until the thread has ended. Once, from another thread.
    public func join() {
        let wasJoined = isJoined.exchange(true, ordering: .relaxed)
        precondition(!wasJoined, "a thread is joined once")
        SystemCalls.joinThread(thread)
    }
}
