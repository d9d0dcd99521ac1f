// Which processes has a process started?

import Foundation

enum ProcessTable {
    /// The direct children of a process that live now.
    static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { parentOf($0) == parent }
    }

    /// The fourth column of `/proc/PID/stat`; the second is the program's name in parentheses and may contain anything.
    private static func parentOf(_ pid: Int32) -> Int32? {
        guard let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = line.lastIndex(of: ")")
        else { return nil }
        let columns = line[line.index(after: end)...].split(separator: " ")
        return columns.count > 1 ? Int32(columns[1]) : nil
    }
}
