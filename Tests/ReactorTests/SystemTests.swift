// Do threads, signals, limits and the clock work?
import Glibc
import Testing

@testable import Reactor

@Suite struct SystemTests {
    @Test func theClockDoesNotGoBack() {
        var last = MonotonicClock.now()
        for _ in 0..<10_000 {
            let now = MonotonicClock.now()
            #expect(now >= last)
            last = now
        }
    }

    @Test func atLeastOneProcessorIsAllowed() {
        #expect(CPUCount.available >= 1)
        #expect(CPUCount.available <= sysconf(Int32(_SC_NPROCESSORS_CONF)))
    }

    /// The kernel's own account of the affinity mask, in hexadecimal: "Cpus_allowed:\t00000000,00000003".
    @Test func countsTheProcessorsOfTheMask() {
        var text = [UInt8](repeating: 0, count: 8192)
        let file = unsafe open("/proc/thread-self/status", O_RDONLY)
        let size = unsafe read(file, &text, text.count)
        close(file)
        let lines = String(decoding: text.prefix(max(0, size)), as: UTF8.self).split(separator: "\n")
        let mask = lines.first { $0.hasPrefix("Cpus_allowed:") }?.dropFirst("Cpus_allowed:".count)
        let bits = mask?.compactMap { $0.hexDigitValue?.nonzeroBitCount }.reduce(0, +)
        #expect(CPUCount.available == bits)
    }

    @Test func theDescriptorLimitRises() async {
        await #expect(processExitsWith: .success) {
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            _ = unsafe getrlimit(resource, &limit)
            let hard = limit.rlim_max
            limit.rlim_cur = 64
            let set = unsafe setrlimit(resource, &limit)
            #expect(set == 0)
            #expect(DescriptorLimit.raise() == Int(clamping: hard))
            _ = unsafe getrlimit(resource, &limit)
            #expect(limit.rlim_cur == hard)
        }
    }

    @Test func aThreadRunsUnderItsName() throws {
        let answer = try Mailbox<String>()
        let thread = try WorkerThread(name: "worker-with-a-long-name") {
            var text = [UInt8](repeating: 0, count: 64)
            let file = unsafe open("/proc/thread-self/comm", O_RDONLY)
            let size = unsafe read(file, &text, 64)
            close(file)
            answer.post(String(decoding: text.prefix(max(0, size)), as: UTF8.self))
        }
        thread.join()
        var answers: [String] = []
        answer.drain(into: &answers)
        #expect(thread.name == "worker-with-a-long-name")
        #expect(answers == ["worker-with-a-l\n"])
    }

    @Test func aThreadThatNobodyJoinsEndsByItself() throws {
        let answer = try Mailbox<Int>()
        let poller = try Poller()
        let token = Token(rawValue: 0)
        #expect(poller.addReadable(answer.descriptor, token) == nil)
        _ = try WorkerThread(name: "alone") { answer.post(1) }
        waitFor(poller, token)
    }

    @Test func joiningTwiceStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let thread = try WorkerThread(name: "twice") {}
            thread.join()
            thread.join()
        }
    }
}

@Suite struct SignalTests {
    @Test func signalsAreReportedOneByOne() async {
        await #expect(processExitsWith: .success) {
            let waiter = try SignalWaiter([.terminate, .hangup, .user1])
            let poller = try Poller()
            let token = Token(rawValue: 0)
            #expect(poller.addReadable(waiter.descriptor, token) == nil)
            #expect(waiter.next() == nil)
            #expect(waiter.wait(milliseconds: 0) == nil)
            // To this thread alone: others, which the test library started, do not block the signals.
            raise(SIGTERM)
            raise(SIGUSR1)
            waitFor(poller, token) { $0.isReadable }
            let both: Set<Signal?> = [waiter.next(), waiter.wait(milliseconds: 1000)]
            #expect(both == [.terminate, .user1])
            #expect(waiter.next() == nil)
            raise(SIGHUP)
            #expect(waiter.wait() == .hangup)
        }
    }

    @Test func waitingEndsWhenTheTimeIsOver() async {
        await #expect(processExitsWith: .success) {
            let waiter = try SignalWaiter([.user2])
            let start = MonotonicClock.now()
            #expect(waiter.wait(milliseconds: 30) == nil)
            #expect(MonotonicClock.now() - start >= 29_000_000)
        }
    }

    /// Threads started afterwards inherit the blocking: a signal sent to one of them is left for the waiter's thread to
    /// find, or stays pending, but does not end the process.
    @Test func laterThreadsBlockTheSignals() async {
        await #expect(processExitsWith: .success) {
            let waiter = try SignalWaiter([.terminate])
            try WorkerThread(name: "later") {
                raise(SIGTERM)
                if waiter.next() != .terminate { exit(3) }
            }.join()
        }
    }

    @Test func anIgnoredSignalDoesNothing() async {
        await #expect(processExitsWith: .success) {
            Signal.brokenPipe.ignore()
            raise(SIGPIPE)
        }
    }

    @Test func numbersAndNames() {
        #expect(Set(Signal.allCases.map(\.number)).count == Signal.allCases.count)
        #expect(Signal.terminate.number == SIGTERM)
        #expect(Signal.allCases.allSatisfy { $0.name.hasPrefix("SIG") })
    }
}
