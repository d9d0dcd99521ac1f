// How much may the reading of catalogs take?

/// The bounds of what one cluster's catalogs cost.
enum CatalogLimits {
    /// Databases of one cluster of which something is known; the one that was used longest ago makes room.
    static let databases = 64
    /// Connections that read at the same time.
    static let connections = 4
    /// A catalog of more objects is not read.
    static let objects = 1_000_000
    /// How long connecting may take.
    static let connectSeconds: UInt64 = 10
    /// How long an answer may let nothing be heard, and how long the server may work on it.
    static let answerSeconds: UInt64 = 30
    /// A connection is kept that long for the next reading: changes of a catalog come in groups.
    static let restSeconds: UInt64 = 5
    /// The shortest time between two readings, however often they are asked for; more if a reading takes longer.
    static let gapNanoseconds: UInt64 = 20_000_000
    /// The time until the next attempt after one that failed.
    static let retryNanoseconds: UInt64 = 1_000_000_000
    /// Knowledge that could not be confirmed for that many intervals is given up.
    static let staleIntervals: UInt64 = 4
}
