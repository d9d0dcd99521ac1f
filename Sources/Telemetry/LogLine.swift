// How does one event of the log become one line?

import FoundationEssentials
import Logging

/// One event, with everything that a line tells of it.
struct LogLine {
    var time: Date
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata

    /// A message beyond this is cut off.
    static let longestMessage = 4096
    /// A key or value beyond this is cut off.
    static let longestField = 512
    /// Further metadata is left out; the line says so.
    static let mostFields = 32

    /// The line with its ending newline. Nothing in it can start a second line.
    func rendered(as format: LogFormat) -> String {
        switch format {
        case .text: text
        case .json: json
        }
    }

    private var text: String {
        var line = "\(timestamp) \(Self.padded(level)) "
        line += Self.plain(message, limit: Self.longestMessage)
        for (key, value) in fields {
            let shown = Self.plain(value, limit: Self.longestField)
            line += " \(Self.plain(key, limit: Self.longestField))="
            line += Self.needsQuotes(shown) ? Self.quoted(value, limit: Self.longestField) : shown
        }
        return line + "\n"
    }

    private var json: String {
        var line = #"{"time":"\#(timestamp)","level":"\#(level.rawValue)","logger":"#
        line += Self.quoted(label, limit: Self.longestField)
        line += #","message":"# + Self.quoted(message, limit: Self.longestMessage)
        for (key, value) in fields {
            let name = Self.reserved.contains(key) ? "\(key)_" : key
            line += ",\(Self.quoted(name, limit: Self.longestField)):\(Self.quoted(value, limit: Self.longestField))"
        }
        return line + "}\n"
    }

    private static let reserved: Set<String> = ["time", "level", "logger", "message"]

    /// Metadata in the order of its keys.
    private var fields: [(String, String)] {
        var fields = metadata.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        if fields.count > Self.mostFields {
            let left = fields.count - Self.mostFields
            fields.removeLast(left)
            fields.append(("metadata_left_out", "\(left)"))
        }
        return fields
    }

    /// UTC with milliseconds: `2026-11-23T01:53:44.123Z`.
    private var timestamp: String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func padded(_ level: Logger.Level) -> String {
        let name = level.rawValue.uppercased()
        return name + String(repeating: " ", count: max(0, 7 - name.count))
    }

    private static func needsQuotes(_ text: String) -> Bool {
        text.isEmpty || text.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\\" }
    }

    /// Control characters escaped, cut off at `limit` characters.
    private static func plain(_ text: String, limit: Int) -> String {
        escaped(text, limit: limit, quotes: false)
    }

    /// A JSON string, its quotes included.
    private static func quoted(_ text: String, limit: Int) -> String {
        "\"" + escaped(text, limit: limit, quotes: true) + "\""
    }

    private static func escaped(_ text: String, limit: Int, quotes: Bool) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + "…" }
            count += 1
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"" where quotes: result += "\\\""
            case "\\" where quotes: result += "\\\\"
            case _ where isUnprintable(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Control characters and what some programs take for a line end.
    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }
}
