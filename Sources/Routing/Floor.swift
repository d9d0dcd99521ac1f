// How new must the data be that a session may read?

/// The number of the first sample that proves a session's last write; 0 = none. A replica may serve the session when
/// the newest sample that it covers is not below its floor.
public struct Floor: Equatable, Comparable, Sendable {
    public private(set) var sample: UInt64

    /// Any data will do.
    public static let none = Floor(sample: 0)

    public init(sample: UInt64 = 0) { self.sample = sample }

    /// The floor of work that was acknowledged when `startedSample` was the number of the last sample begun. Only a
    /// sample that is begun later is certain to contain it.
    public init(startedSample: UInt64) { sample = startedSample + 1 }

    /// Notes an acknowledgement; a floor never sinks.
    public mutating func raise(startedSample: UInt64) { raise(to: Floor(startedSample: startedSample)) }

    /// The higher of both.
    public mutating func raise(to other: Floor) { sample = max(sample, other.sample) }

    public static func < (left: Floor, right: Floor) -> Bool { left.sample < right.sample }
}
