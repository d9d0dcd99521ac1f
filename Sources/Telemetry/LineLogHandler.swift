// Where do log events go?

import Foundation
import Locks
import Logging

/// Writes each event as one line to a file, standard error as a rule; lines of several threads never mix.
struct LineLogHandler: LogHandler {
    /// Taken for each line; its value says nothing. A Void has no bytes, and ThreadSanitizer would take accesses to it
    /// for accesses to what stands at its address.
    private static let output = Lock(false)

    let label: String
    let format: LogFormat
    let file: FileHandle
    var logLevel: Logger.Level
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, settings: LogSettings, file: FileHandle = .standardError) {
        self.label = label
        self.format = settings.format
        self.file = file
        self.logLevel = settings.level.loggerLevel
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let provided = metadataProvider?.get() ?? [:]
        var line = LogLine(
            time: .distantPast, level: event.level, label: label, message: event.message.description,
            metadata: metadata.merging(provided) { $1 }.merging(event.metadata ?? [:]) { $1 })
        Self.output.withLock { _ in
            // Under the lock, so that the times of the lines go up.
            line.time = .now
            // A log that cannot be written has nowhere to report it; the work it tells of goes on.
            try? file.write(contentsOf: Data(line.rendered(as: format).utf8))
        }
    }
}

extension LogLevel {
    /// The level of the log API.
    var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

/// The log of the process.
public enum ProcessLog {
    /// Sends everything that is logged in this process to standard error; at most once in a process, before any log.
    public static func start(_ settings: LogSettings) {
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, settings: settings) }
    }
}
