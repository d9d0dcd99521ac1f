// Which of the primary's past positions has a replica reached?

/// One look at the primary's insert position.
struct Sample: Equatable, Sendable {
    var number: UInt64
    /// The end of the last record before the insert position.
    var lsn: LSN
    /// When the question was sent, in monotonic nanoseconds: all that was committed before is contained.
    var sentAt: UInt64
}

/// The samples of one reign of one primary, by number and by position.
///
/// When it is full, every second sample of the older half goes: recent samples stay dense, old ones serve to measure
/// the lag of replicas that are far behind, where less precision will do.
struct SampleHistory: Equatable, Sendable {
    /// The largest number of samples kept.
    static let capacity = 1024

    private(set) var samples: [Sample] = []

    var newest: Sample? { samples.last }

    /// Whether the position is not behind the newest one; otherwise the history is void and must be cleared first.
    func continues(with lsn: LSN) -> Bool { samples.last.map { $0.lsn <= lsn } ?? true }

    /// Adds a sample. Of several at one position only the newest is kept: who has reached the position covers it.
    mutating func append(_ sample: Sample) {
        precondition(continues(with: sample.lsn), "a sample behind the newest one belongs to another history")
        if let last = samples.last {
            precondition(last.number < sample.number, "samples are numbered in the order in which they are begun")
            if last.lsn == sample.lsn {
                samples[samples.count - 1] = sample
                return
            }
        }
        if samples.count == Self.capacity { thinOut() }
        samples.append(sample)
    }

    mutating func clear() { samples.removeAll(keepingCapacity: true) }

    /// The newest sample whose position is not beyond `lsn`.
    func covered(by lsn: LSN) -> Sample? {
        var low = 0
        var high = samples.count
        while low < high {
            let middle = (low + high) / 2
            if samples[middle].lsn <= lsn { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : samples[low - 1]
    }

    private mutating func thinOut() {
        let half = samples.count / 2
        var kept = 0
        for index in samples.indices where index >= half || index.isMultiple(of: 2) {
            samples[kept] = samples[index]
            kept += 1
        }
        samples.removeLast(samples.count - kept)
    }
}
