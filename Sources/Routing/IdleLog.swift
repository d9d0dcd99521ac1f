// When has the primary to be asked to write out what its log holds only in memory?

/// What a transaction has put into the log without being one that writes (pruned pages, hint bits) stays in memory when
/// it fails, until something is committed behind it, or for some 15 seconds. No replica gets it before, and since an
/// asynchronous commit might be part of it, none covers the sample that somebody waits for.
struct IdleLog: Equatable, Sendable {
    /// PostgreSQL writes asynchronous commits out by itself after 200 ms (`wal_writer_delay`); this is a little more.
    static let patience: UInt64 = 300_000_000
    /// Each plea costs the primary a transaction ID.
    static let pause: UInt64 = 1_000_000_000

    private var flushed: LSN?
    private var mayPleadAt: UInt64 = 0

    /// - Parameter flushed: how far the log is flushed while replicas that have all of it are waited for.
    mutating func isStuck(at flushed: LSN?, now: UInt64) -> Bool {
        if self.flushed != flushed {
            self.flushed = flushed
            mayPleadAt = max(mayPleadAt, now + Self.patience)
        }
        guard flushed != nil, now >= mayPleadAt else { return false }
        mayPleadAt = now + Self.pause
        return true
    }
}

extension ClusterMachine {
    /// Whether the primary's next question has to make it flush its log, because a sample that is waited for would not
    /// be covered otherwise. To be called before each question to the primary.
    public mutating func needsFlush(for sample: UInt64, at now: UInt64) -> Bool {
        idleLog.isStuck(at: positionInWant(of: sample), now: now)
    }

    private func positionInWant(of sample: UInt64) -> LSN? {
        guard let newest = history.newest, newest.flushed < newest.lsn, sample <= newest.number else { return nil }
        let isAwaited = records.contains { $0.isUp && $0.hasNewest && $0.coveredSample < sample }
        return isAwaited ? newest.flushed : nil
    }
}
