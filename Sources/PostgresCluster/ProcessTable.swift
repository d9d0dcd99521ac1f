// Which processes has a process started, and which of them have ended?

import Foundation

enum ProcessTable {
    /// The direct children of a process that live now.
    static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { parentOf($0) == parent }
    }

    /// The exit status of a child that has ended without anybody taking note of it, 128 and the signal if that ended
    /// it; else nil.
    static func status(ofEnded pid: Int32) -> Int32? {
        guard let columns = columns(of: pid), columns.first == "Z", columns.count > 49, let status = Int32(columns[49])
        else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    private static func parentOf(_ pid: Int32) -> Int32? {
        columns(of: pid).flatMap { $0.count > 1 ? Int32($0[1]) : nil }
    }

    /// `/proc/PID/stat` from its third column on; the second is the program's name in parentheses and may contain
    /// anything.
    private static func columns(of pid: Int32) -> [Substring]? {
        guard let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = line.lastIndex(of: ")")
        else { return nil }
        return line[line.index(after: end)...].split(whereSeparator: \.isWhitespace)
    }
}
