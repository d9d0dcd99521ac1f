// What is remembered of one node between its answers?

/// A node as the settings name it.
public struct NodeDefinition: Equatable, Sendable {
    public var id: NodeID
    /// `host:port`, or the directory of a Unix socket with the port.
    public var address: String
    /// Share of the reads.
    public var weight: Int
    /// In the router's own zone, or none is configured.
    public var isNear: Bool
    /// Whether it may answer reads as a replica.
    public var isBalanced: Bool

    public init(id: NodeID, address: String, weight: Int = 1, isNear: Bool = true, isBalanced: Bool = true) {
        precondition(weight >= 1, "a weight is at least 1")
        self.id = id
        self.address = address
        self.weight = weight
        self.isNear = isNear
        self.isBalanced = isBalanced
    }
}

/// The facts about one node, and what follows from them alone.
struct NodeRecord: Equatable, Sendable {
    var definition: NodeDefinition
    /// It has left the cluster: it is neither asked nor counted.
    var isRemoved = false

    /// The last answer; what it says holds only while `failure` is nil.
    var report: ProbeReport?
    /// When the question to that answer was sent.
    var probeSentAt: UInt64 = 0
    var answeredAt: UInt64 = 0
    /// The last failure since the last answer.
    var failure: ProbeFailure?
    var failures = 0
    /// Answered and not given up since.
    var isUp = false
    /// Whether the node has answered or failed at least once, or will not do either.
    var isHeard: Bool { report != nil || failure != nil || isRemoved }

    /// Number of the last probe begun.
    var lastStarted: UInt64 = 0
    /// Answers to this probe and to earlier ones come too late.
    var ignoredThrough: UInt64 = 0

    var incarnation: UInt64 = 0
    /// The timeline that this standby was last seen streaming, in this life of its postmaster.
    var lineage: UInt32?
    /// What it had received on `lineage` when it was last seen streaming.
    var provenLSN = LSN(0)
    /// From where it streamed `lineage`.
    var sender: String?
    /// Whom it followed when it was last seen streaming, in this life of its postmaster.
    var proof: LineageProof?
    /// When it was first heard in its present life and role, without an interruption since.
    var lifeSeenAt: UInt64 = 0

    /// Whether `report` may still be used for coverage: not after a connection was lost.
    var mayCover = false
    var coveredSample: UInt64 = 0
    /// Whether it has replayed all that the primary had flushed at the newest sample.
    var hasNewest = false
    /// Its data contain everything flushed before this instant; nil = not known.
    var completeAsOf: UInt64?

    /// Writable, and lost against another node; until it is a replica or on a higher timeline than any before.
    var isFenced = false
    var isForeign = false
    var isDrained = false
    var isPrivilegeMissing = false

    init(_ definition: NodeDefinition) { self.definition = definition }

    var isWritable: Bool { isUp && !isForeign && report?.isInRecovery == false }

    /// The timeline that the node is on as far as is known: proven by streaming, or else the control file's, which is
    /// a lower bound.
    var timeline: UInt32 {
        guard let report else { return 0 }
        guard report.isInRecovery else { return report.timeline ?? 0 }
        return max(lineage ?? 0, report.lowestTimeline)
    }

    // MARK: Facts

    /// Takes an answer; returns whether the node was restarted since the last one.
    mutating func accept(_ new: ProbeReport, probe: Probe, at now: UInt64) -> Bool {
        let restarted = report.map { $0.postmasterStartTime != new.postmasterStartTime } ?? false
        let isContinued = failure == nil && report?.isInRecovery == new.isInRecovery && !restarted && !wentBack(new)
        if !isContinued { lifeSeenAt = now }
        if restarted || wentBack(new) { beginLife() }
        if restarted && failure == nil { incarnation += 1 }
        if new.isInRecovery {
            if new.isStreaming, let streamed = new.timeline {
                if lineage != streamed { provenLSN = LSN(0) }
                lineage = streamed
                sender = new.sender
                provenLSN = max(provenLSN, new.receiveLSN ?? LSN(0))
            }
        } else {
            beginLife()
        }
        report = new
        probeSentAt = probe.sentAt
        answeredAt = now
        ignoredThrough = probe.sample
        failure = nil
        failures = 0
        isUp = true
        mayCover = true
        return restarted
    }

    /// Nothing that was known of the data is known any more.
    private mutating func beginLife() {
        lineage = nil
        provenLSN = LSN(0)
        sender = nil
        proof = nil
        coveredSample = 0
        completeAsOf = nil
    }

    /// A crash inside a running postmaster makes a standby start again from an earlier position.
    private func wentBack(_ new: ProbeReport) -> Bool {
        guard let report, report.isInRecovery, new.isInRecovery else { return false }
        return (new.replayLSN ?? LSN(0)) < (report.replayLSN ?? LSN(0))
    }

    /// Takes a failure; `limit` = how many in a row make the node down. Returns whether it went down by this one.
    mutating func fail(_ reason: ProbeFailure, limit: Int) -> Bool {
        if failure == nil { dropCoverage() }
        failure = reason
        failures += 1
        let wasUp = isUp
        if reason.isDefinite || failures >= limit { isUp = false }
        return wasUp && !isUp
    }

    /// What the node had replayed may be gone: its process may be another one by now.
    mutating func dropCoverage() {
        incarnation += 1
        mayCover = false
        coveredSample = 0
        ignoredThrough = max(ignoredThrough, lastStarted)
    }

    // MARK: Conclusions

    /// Whether a replica names this node as the one that it streams from.
    func isNamed(_ sender: String) -> Bool { definition.address == sender || report?.serverAddress == sender }

    /// Whether it said in its last answer, after which nothing failed, that it streams.
    var isStreaming: Bool { failure == nil && report?.isInRecovery == true && report?.isStreaming == true }

    /// Whether it is a replica that streams from the other node, on that one's timeline.
    func streams(from other: NodeRecord) -> Bool {
        guard isStreaming, let sender else { return false }
        return lineage == other.timeline && other.isNamed(sender)
    }

    /// How far the replica has certainly replayed the log of `timeline`.
    ///
    /// While it streams that timeline, all that it has replayed belongs to it. Without a stream it may have changed
    /// to another timeline through the archive; then only what it had received counts.
    func replayedLSN(on timeline: UInt32) -> LSN? {
        guard let report, report.isInRecovery, mayCover, lineage == timeline, let replayed = report.replayLSN else {
            return nil
        }
        return report.isStreaming ? replayed : min(replayed, provenLSN)
    }
}
