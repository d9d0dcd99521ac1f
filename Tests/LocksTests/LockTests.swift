// Is a value behind a lock changed by one thread at a time?

import Dispatch
import Locks
import Testing

struct LockTests {
    private struct Account: Sendable {
        var left = 0
        var right = 0
    }

    @Test func threadsTakeTurns() {
        let account = Lock(Account())
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<10_000 {
                account.withLock { account in
                    account.left += 1
                    account.right -= 1
                }
            }
        }
        let sums = account.withLock { ($0.left, $0.right) }
        #expect(sums == (80_000, -80_000))
    }

    @Test func errorsLeaveTheLockOpen() {
        struct Failure: Error {}
        let number = Lock(1)
        #expect(throws: Failure.self) {
            try number.withLock { number in
                number = 2
                throw Failure()
            }
        }
        #expect(number.withLock { $0 } == 2)
    }
}
