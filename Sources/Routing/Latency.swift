// How long do reads take on a node, going by the last ones?

/// The peak of late, which fades: a slow answer counts at once, fast ones little by little.
public struct Latency: Equatable, Sendable {
    /// Nanoseconds; 0 = no read was answered yet.
    public private(set) var nanoseconds: UInt64 = 0
    private var notedAt: UInt64 = 0

    /// After this time without slow answers, in nanoseconds, three quarters of what a slow one has added are gone.
    public static let memory: UInt64 = 5_000_000_000

    public init() {}

    public mutating func note(_ duration: UInt64, at now: UInt64) {
        defer { notedAt = now }
        guard nanoseconds > duration else {
            nanoseconds = duration
            return
        }
        let elapsed = min(now > notedAt ? now - notedAt : 0, Self.memory)
        let excess = nanoseconds - duration
        // At least a little with each answer, so that many fast ones count although no time passes between them.
        let faded = max(Self.part(excess, elapsed), excess / 64)
        nanoseconds -= min(faded, excess)
    }

    /// What is expected now: a node that was slow and has got nothing since is tried again in the end.
    public func expected(at now: UInt64) -> UInt64 {
        let elapsed = min(now > notedAt ? now - notedAt : 0, 1_000 * Self.memory)
        let (high, low) = nanoseconds.multipliedFullWidth(by: Self.memory)
        return (Self.memory + 3 * elapsed).dividingFullWidth((high, low)).quotient
    }

    private static func part(_ excess: UInt64, _ elapsed: UInt64) -> UInt64 {
        let (high, low) = excess.multipliedFullWidth(by: elapsed)
        return (Self.memory + elapsed / 3).dividingFullWidth((high, low)).quotient
    }
}
