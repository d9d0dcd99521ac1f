// Has a worker not come back from its work for so long that its clients notice?

import Locks
import Logging
import Reactor

/// Compares what workers say of themselves with the time. Workers look for events at every tick, hence one that has not
/// done so for `limit` hangs.
struct StallWatch {
    enum Finding: Equatable {
        case stalled(worker: Int, nanoseconds: UInt64, WorkerWork)
        /// A worker that was reported works again.
        case recovered(worker: Int)
    }

    /// Longest time that a batch of events may take.
    static let limit: UInt64 = 1_000_000_000
    /// Looks are this far apart.
    static let period: UInt64 = 500_000_000
    /// If the time between two looks is longer than this, the whole process did not run, and nobody is to blame.
    static let longestGap: UInt64 = 2 * period

    /// For each worker the batch that was reported.
    private var reported: [UInt64?]
    private var lastLook: UInt64
    /// Since when the process has run without a gap.
    private var runsSince: UInt64

    init(workerCount: Int, now: UInt64) {
        reported = Array(repeating: nil, count: workerCount)
        lastLook = now
        runsSince = now
    }

    /// - Parameter present: for each worker when its batch began and what it does; nil for one that has ended.
    mutating func look(_ present: [(since: UInt64, work: WorkerWork)?], now: UInt64) -> [Finding] {
        if now > lastLook, now - lastLook > Self.longestGap { runsSince = now }
        lastLook = now
        var findings: [Finding] = []
        for (worker, batch) in present.enumerated() {
            let since = batch?.since
            if let former = reported[worker] {
                guard former != since else { continue }
                reported[worker] = nil
                findings.append(.recovered(worker: worker))
            }
            guard let batch else { continue }
            let start = max(batch.since, runsSince)
            guard now > start, now - start > Self.limit else { continue }
            reported[worker] = batch.since
            findings.append(.stalled(worker: worker, nanoseconds: now - start, batch.work))
        }
        return findings
    }
}

/// The thread that looks, and tells the log.
final class StallReporter: Sendable {
    private let stop: Mailbox<Void>
    private let thread: Lock<WorkerThread?>

    init(pulses: [WorkerPulse], logger: Logger) throws(ReactorError) {
        let stop = try Mailbox<Void>()
        self.stop = stop
        thread = Lock(
            try WorkerThread(name: "stalls") {
                do throws(ReactorError) {
                    try Self.run(pulses: pulses, logger: logger, until: stop)
                } catch {
                    logger.error("stalls of workers are not reported: \(error)")
                }
            })
    }

    /// Ends the thread; returns when it has ended.
    func end() {
        stop.post(())
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
    }

    private static func run(pulses: [WorkerPulse], logger: Logger, until stop: Mailbox<Void>) throws(ReactorError) {
        let poller = try Poller(batch: 1)
        var tokens = TokenTable()
        if let failure = poller.addReadable(stop.descriptor, tokens.open(kind: 1)) {
            throw .failed(operation: "epoll_ctl", subject: "mailbox", failure)
        }
        var watch = StallWatch(workerCount: pulses.count, now: MonotonicClock.now())
        // An interrupted wait looks earlier, which does no harm.
        while poller.wait(milliseconds: Int32(StallWatch.period / 1_000_000)) == 0 {
            for finding in watch.look(pulses.map(\.present), now: MonotonicClock.now()) { tell(finding, logger) }
        }
    }

    private static func tell(_ finding: StallWatch.Finding, _ logger: Logger) {
        switch finding {
        case .stalled(let worker, let nanoseconds, let work):
            logger.warning(
                "a worker has stalled for \(nanoseconds / 1_000_000) ms while it was busy with \(work)",
                metadata: ["worker": "\(worker)"])
        case .recovered(let worker):
            logger.warning("a worker that had stalled goes on", metadata: ["worker": "\(worker)"])
        }
    }
}
