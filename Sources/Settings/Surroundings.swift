// What does a settings file refer to outside itself?

import FoundationEssentials

/// The environment and the files that settings may name.
struct Surroundings: Sendable {
    /// Where relative names of files start.
    let directory: String
    let environment: [String: String]

    /// Larger files are no users files, keys or passwords.
    static let largestFile = 64 << 20

    /// The name of a file as it can be opened from anywhere.
    func path(of name: String) -> String {
        if name.hasPrefix("/") || directory.isEmpty { return name }
        return directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    /// The whole text of a file.
    func text(ofFile name: String) throws(UnreadableFile) -> String {
        try Self.text(ofFile: path(of: name))
    }

    /// Whether there is a file that may be read.
    static func checkFile(_ path: String) throws(UnreadableFile) {
        _ = try content(ofFile: path)
    }

    private static func content(ofFile path: String) throws(UnreadableFile) -> Data {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw UnreadableFile(reason: "no such file: \(printable(path, limit: 200))")
        }
        guard !isDirectory else {
            throw UnreadableFile(reason: "a directory, not a file: \(printable(path, limit: 200))")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw UnreadableFile(reason: "cannot be read (permissions?): \(printable(path, limit: 200))")
        }
        return data
    }

    static func text(ofFile path: String) throws(UnreadableFile) -> String {
        let data = try content(ofFile: path)
        guard data.count <= largestFile else {
            throw UnreadableFile(reason: "larger than \(largestFile >> 20) MiB: \(printable(path, limit: 200))")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw UnreadableFile(reason: "not UTF-8 text: \(printable(path, limit: 200))")
        }
        return text
    }
}

/// Why a file that the settings name is of no use.
struct UnreadableFile: Error, Equatable {
    let reason: String
}
