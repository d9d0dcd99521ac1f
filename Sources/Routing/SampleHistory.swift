// Which of the primary's past positions has a replica reached?

/// One look at the primary's positions.
struct Sample: Equatable, Sendable {
    var number: UInt64
    /// The end of the last record before the insert position.
    var lsn: LSN
    /// How far the log was flushed: what lies behind cannot have been streamed. Hint bits and the like may stay there
    /// for a while on an idle primary, so ages are measured by this position; floors are not, because asynchronous
    /// commits may lie there too.
    var flushed: LSN
    /// When the question was sent, in monotonic nanoseconds: all that was committed before is contained.
    var sentAt: UInt64
}

/// The samples of one reign of one primary, by number and by position.
///
/// When it is full, old samples are thinned out: the older, the wider apart. They serve to measure the lag of replicas
/// that are far behind, where a fraction of the age will do.
struct SampleHistory: Equatable, Sendable {
    /// The largest number of samples kept.
    static let capacity = 1024
    /// How many of the newest are always kept.
    private static let denseCount = 256
    /// Two neighbours are no farther apart than this part of their age, if they were taken no farther apart: some 700
    /// span a month.
    private static let precision: UInt64 = 32
    /// How many are kept at most when it is thinned out, so that this is not done for every sample.
    private static let countAfterThinning = 960

    private(set) var samples: [Sample] = []

    var newest: Sample? { samples.last }

    /// Whether the positions are not behind the newest ones; otherwise the history is void and must be cleared first.
    func continues(with sample: Sample) -> Bool {
        samples.last.map { $0.lsn <= sample.lsn && $0.flushed <= sample.flushed } ?? true
    }

    /// Adds a sample. Of several with the same positions only the newest is kept: who has reached them covers it.
    mutating func append(_ sample: Sample) {
        precondition(continues(with: sample), "a sample behind the newest one belongs to another history")
        if let last = samples.last {
            precondition(last.number < sample.number, "samples are numbered in the order in which they are begun")
            if last.lsn == sample.lsn, last.flushed == sample.flushed {
                samples[samples.count - 1] = sample
                return
            }
        }
        if samples.count == Self.capacity { thinOut() }
        samples.append(sample)
    }

    mutating func clear() { samples.removeAll(keepingCapacity: true) }

    /// The newest sample whose changes are all contained in a log that was replayed up to `lsn`.
    func covered(by lsn: LSN) -> Sample? { last { $0.lsn <= lsn } }

    /// The newest sample all of whose flushed changes are contained.
    func complete(by lsn: LSN) -> Sample? { last { $0.flushed <= lsn } }

    /// The last sample that meets a condition which holds for a beginning of the list.
    private func last(where isMet: (Sample) -> Bool) -> Sample? {
        var low = 0
        var high = samples.count
        while low < high {
            let middle = (low + high) / 2
            if isMet(samples[middle]) { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : samples[low - 1]
    }

    private mutating func thinOut() {
        guard let newest = samples.last else { return }
        var kept = Array(samples.suffix(Self.denseCount).reversed())
        let old = samples.dropLast(Self.denseCount)
        for index in old.indices.reversed() {
            guard kept.count < Self.countAfterThinning else { break }
            let age = Self.distance(old[index], newest)
            // A sample may go when its neighbours are near enough to each other.
            let isNeeded =
                index == old.startIndex
                || Self.distance(old[index - 1], kept[kept.count - 1]) > age / Self.precision
            if isNeeded { kept.append(old[index]) }
        }
        samples = kept.reversed()
    }

    private static func distance(_ older: Sample, _ newer: Sample) -> UInt64 {
        newer.sentAt - min(older.sentAt, newer.sentAt)
    }
}
