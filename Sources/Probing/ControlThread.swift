// How does a piece of control work get a thread of its own?

import Glibc

/// A thread that runs one closure.
struct ControlThread: Sendable {
    private let handle: pthread_t

    /// Nil when the system has no thread left.
    init?(name: String, _ body: @escaping @Sendable () -> Void) {
        // The box is retained for the new thread, which takes it over and releases it.
        let box = unsafe Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                SystemCalls.nameThread(body.name)
                body.run()
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            unsafe box.release()
            return nil
        }
        handle = thread
    }

    /// Waits for the end. To be called at most once, and not after `detach`.
    func join() { _ = pthread_join(handle, nil) }

    /// Nobody will wait for the end.
    func detach() { _ = pthread_detach(handle) }

    private final class Body: Sendable {
        /// At most 15 bytes, the kernel's limit.
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
