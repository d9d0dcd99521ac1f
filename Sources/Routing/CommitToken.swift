// What must a session of any process see that was committed elsewhere?

/// A place in the history of a cluster, as a client carries it from one session to another: `system/timeline/LSN`.
public struct CommitToken: Equatable, Sendable, CustomStringConvertible {
    public var systemIdentifier: UInt64
    public var timeline: UInt32
    public var lsn: LSN

    public init(systemIdentifier: UInt64, timeline: UInt32, lsn: LSN) {
        self.systemIdentifier = systemIdentifier
        self.timeline = timeline
        self.lsn = lsn
    }

    /// nil: the text is no token.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let system = Self.number(parts[0], UInt64.self),
            let timeline = Self.number(parts[1], UInt32.self), let lsn = LSN(String(parts[2]))
        else { return nil }
        self.init(systemIdentifier: system, timeline: timeline, lsn: lsn)
    }

    public var description: String { "\(systemIdentifier)/\(timeline)/\(lsn)" }

    private static func number<Number: FixedWidthInteger>(_ text: Substring, _: Number.Type) -> Number? {
        guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        return Number(text)
    }
}

/// Where the primary was when it was asked last.
public struct SampledPosition: Equatable, Sendable {
    public var systemIdentifier: UInt64
    public var timeline: UInt32
    /// The newest sample of this primary on this timeline; 0 = none.
    public var sample: UInt64
    /// The end of its log then.
    public var lsn: LSN

    public init(systemIdentifier: UInt64, timeline: UInt32, sample: UInt64, lsn: LSN) {
        self.systemIdentifier = systemIdentifier
        self.timeline = timeline
        self.sample = sample
        self.lsn = lsn
    }

    /// What stands for all that was committed before the newest sample; nil: that does not prove the floor.
    public func token(covering floor: Floor) -> CommitToken? {
        guard sample > 0, sample >= floor.sample else { return nil }
        return CommitToken(systemIdentifier: systemIdentifier, timeline: timeline, lsn: lsn)
    }

    /// What a token means for the reads of a session.
    public enum Meaning: Equatable, Sendable {
        case floor(Floor)
        /// It comes from a timeline that is not known here yet.
        case notKnownYet
        /// It comes from another cluster.
        case foreign(systemIdentifier: UInt64)
    }

    /// - Parameter startedSample: the number of the last sample begun, read after the token was received.
    public func meaning(of token: CommitToken, startedSample: UInt64) -> Meaning {
        guard token.systemIdentifier == systemIdentifier else { return .foreign(systemIdentifier: systemIdentifier) }
        guard token.timeline <= timeline else { return .notKnownYet }
        // What was written on an earlier timeline and is not lost lies before everything on this one.
        let isContained = sample > 0 && (token.timeline < timeline || token.lsn <= lsn)
        return .floor(isContained ? Floor(sample: sample) : Floor(startedSample: startedSample))
    }
}
