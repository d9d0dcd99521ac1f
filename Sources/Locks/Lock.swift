// Which lock guards what threads share?

#if THREAD_SANITIZER
    internal import Foundation

    /// A value behind a lock: the build for ThreadSanitizer, which does not know the standard library's `Mutex` (its
    /// word is changed in code that is not instrumented) and takes every access under one for a race. It does know
    /// POSIX's mutex, which is what `NSLock` locks.
    ///
    /// Unchecked, because the compiler does not see that `value` is read and written under `lock` alone.
    public final class Lock<Value: ~Copyable>: @unchecked Sendable {
        private let lock = NSLock()
        private var value: Value

        public init(_ value: consuming sending Value) { self.value = value }

        public func withLock<Outcome, Failure: Error>(
            _ body: (inout Value) throws(Failure) -> Outcome
        ) throws(Failure) -> Outcome {
            lock.lock()
            defer { lock.unlock() }
            return try body(&value)
        }
    }
#else
    public import Synchronization

    /// A value behind a lock: the standard library's mutex, under the only name that other files may use for it.
    public struct Lock<Value: ~Copyable>: ~Copyable, Sendable {
        @usableFromInline let mutex: Mutex<Value>

        @inlinable public init(_ value: consuming sending Value) { mutex = Mutex(value) }

        /// Runs `body` while no other thread does; it must not take the same lock again.
        @inlinable public borrowing func withLock<Outcome, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Outcome
        ) throws(Failure) -> sending Outcome {
            try mutex.withLock(body)
        }
    }
#endif
