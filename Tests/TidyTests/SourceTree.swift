// Which files does the repository have, and what do they say?

import Foundation
import TestSupport
import Testing

/// A text file of the repository.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Its path from the root.
    let path: String
    let lines: [String]
    /// The lines without comments and without the inside of string literals.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
        code = path.hasSuffix(".swift") ? CodeStripper.strip(lines) : []
    }

    /// `Sources/Wire/Frame.swift` → `Wire`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    var testDescription: String { path }
}

enum SourceTree {
    /// All Swift files of the modules.
    static let sources = swiftFiles(under: "Sources")
    /// All Swift files of the tests.
    static let tests = swiftFiles(under: "Tests")
    /// All text files of people and machines, but what Git and the build keep.
    static let everything = files(under: ".").filter { !$0.hasPrefix("./.git/") && !$0.hasPrefix("./.build") }
        .compactMap { file(String($0.dropFirst(2))) }

    /// Every file below a folder, by its path from the root, in order. Links to files count, folders behind links do
    /// not.
    static func files(under folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Repository.path(folder))) ?? []
        return names.sorted().flatMap { name -> [String] in
            let path = folder + "/" + name
            if name.hasPrefix(".build") || name == ".git" || name == "__pycache__" { return [] }
            return isFolder(path) ? files(under: path) : [path]
        }
    }

    static func folders(under folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Repository.path(folder))) ?? []
        return names.sorted().filter { isFolder(folder + "/" + $0) }
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Repository.path(path))
    }

    /// Nil for a file that is no UTF-8 text.
    static func file(_ path: String) -> SourceFile? {
        (try? Repository.text(path)).map { SourceFile(path: path, text: $0) }
    }

    private static func swiftFiles(under folder: String) -> [SourceFile] {
        files(under: folder).filter { $0.hasSuffix(".swift") }.compactMap(file)
    }

    private static func isFolder(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: Repository.path(path))
        return attributes?[.type] as? FileAttributeType == .typeDirectory
    }
}
