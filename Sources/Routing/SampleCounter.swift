// What is the number of the last sample that was begun?

public import Synchronization

/// The number of the last sample begun, shared by all threads of one cluster.
///
/// The one shared number that session consistency needs: the prober takes the next one just before it asks a node,
/// and a worker reads it after it received an acknowledgement and before it forwards it. A copy sent by message would
/// be too old, hence an atomic, and hence the only class of this module.
public final class SampleCounter: Sendable {
    @usableFromInline let number = Atomic<UInt64>(0)

    public init() {}

    /// The number of the last sample begun; 0 = none yet. One load.
    @inlinable public var started: UInt64 { number.load(ordering: .sequentiallyConsistent) }

    /// Takes the next number. To be called before the question is sent.
    public func begin() -> UInt64 {
        let begun = number.add(1, ordering: .sequentiallyConsistent).newValue
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return begun
    }
}
