// What may an operator choose about the log?

/// How much is logged; each level includes those after it.
public enum LogLevel: String, Sendable, CaseIterable {
    case debug
    case info
    case notice
    case warning
    case error
}

/// How a line of the log looks.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, message, then `key=value`.
    case text
    /// For programs: one JSON object a line.
    case json
}

public struct LogSettings: Equatable, Sendable {
    public var level: LogLevel
    public var format: LogFormat

    public init(level: LogLevel = .info, format: LogFormat = .text) {
        self.level = level
        self.format = format
    }
}
