// Which open file of the process is meant?

/// A file descriptor. A plain number: whoever opened it closes it, once, with `Socket.close`.
public struct Descriptor: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32

    @inlinable public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    public var description: String { "descriptor \(rawValue)" }
}
