// Where do tests find the repository's files and the built program?

import Foundation

/// Places in the working copy that the tests were built from.
public enum Repository {
    /// The directory of `Package.swift`.
    public static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// The full path of a file named from the root.
    public static func path(_ relative: String) -> String { root + "/" + relative }

    /// The text of a file named from the root.
    public static func text(_ relative: String) throws -> String {
        try String(contentsOfFile: path(relative), encoding: .utf8)
    }

    /// The built `pointsman`: what POINTSMAN names, else the one beside the running test bundle.
    public static func program() throws -> String {
        if let named = ProcessInfo.processInfo.environment["POINTSMAN"] { return named }
        let beside = CommandLine.arguments.compactMap(buildDirectory).map { $0 + "/pointsman" }
        guard let found = beside.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw SupportError("no pointsman beside the test bundle in \(CommandLine.arguments); build it first")
        }
        return found
    }

    /// The arguments that run the router with a settings file, by whomever the tests are run.
    public static func run(_ settings: String) -> [String] {
        ["run", "--config", settings] + (geteuid() == 0 ? ["--user", "root"] : [])
    }

    /// `/a/b` for `/a/b/pointsmanPackageTests.xctest`.
    private static func buildDirectory(ofArgument argument: String) -> String? {
        guard let end = argument.range(of: ".xctest") else { return nil }
        let bundle = argument[..<end.lowerBound]
        return bundle.lastIndex(of: "/").map { String(bundle[..<$0]) }
    }
}

/// A test's surroundings are not as needed; the sentence says how.
public struct SupportError: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
