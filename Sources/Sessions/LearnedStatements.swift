// Which statements have replicas lately refused, or died of?

public import SQL

/// What was learned from running statements, for a while. Bounded: the oldest knowledge makes room.
public struct LearnedStatements: Sendable {
    public enum Lesson: UInt8, Equatable, Sendable {
        /// A replica refused it, and the primary did not.
        case needsPrimary
        /// A backend died while it ran: it is not run again by itself.
        case endsBackends
    }

    private struct Key: Hashable {
        var catalog: CatalogID
        var fingerprint: Fingerprint
    }

    private struct Value {
        var lesson: Lesson
        /// Nanoseconds.
        var until: UInt64
    }

    /// At most so many statements.
    public static let limit = 1_024

    private var values: [Key: Value] = [:]
    /// Changes whenever an answer may change.
    public private(set) var generation: UInt64 = 0

    public init() {}

    public var isEmpty: Bool { values.isEmpty }

    public var count: Int { values.count }

    /// - Parameter until: when it is forgotten, in nanoseconds of the same clock as in `expire`.
    public mutating func learn(_ lesson: Lesson, of fingerprint: Fingerprint, in catalog: CatalogID, until: UInt64) {
        let key = Key(catalog: catalog, fingerprint: fingerprint)
        if values[key] == nil, values.count >= Self.limit {
            let oldest = values.min { $0.value.until < $1.value.until }
            if let oldest { values.removeValue(forKey: oldest.key) }
        }
        values[key] = Value(lesson: lesson, until: until)
        generation += 1
    }

    public func lesson(of fingerprint: Fingerprint, in catalog: CatalogID) -> Lesson? {
        values[Key(catalog: catalog, fingerprint: fingerprint)]?.lesson
    }

    /// Forgets what is too old.
    public mutating func expire(now: UInt64) {
        guard values.contains(where: { $0.value.until <= now }) else { return }
        values = values.filter { $0.value.until > now }
        generation += 1
    }
}
