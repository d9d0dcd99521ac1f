// How does a test run the program with something on its standard input?

import Foundation
import TestSupport

/// One finished run of the program.
struct Pointsman: Equatable {
    var status: Int32
    var output: String
    var errors: String

    var lines: [Substring] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }

    /// Runs the program to its end with `input` on standard input.
    static func run(_ arguments: [String], input: [UInt8] = []) throws -> Pointsman {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let paths = ["input", "output", "errors"].map { directory.appendingPathComponent($0).path }
        try Data(input).write(to: URL(fileURLWithPath: paths[0]))
        for path in paths[1...] { _ = FileManager.default.createFile(atPath: path, contents: nil) }

        let process = try process(arguments)
        process.standardInput = FileHandle(forReadingAtPath: paths[0])
        process.standardOutput = FileHandle(forWritingAtPath: paths[1])
        process.standardError = FileHandle(forWritingAtPath: paths[2])
        let status = try finish(process)
        let texts = try paths.map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
        return Pointsman(status: status, output: texts[1], errors: texts[2])
    }

    static func run(_ arguments: String..., input: String = "") throws -> Pointsman {
        try run(arguments, input: Array(input.utf8))
    }

    /// A process of the program that has not been started.
    static func process(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Repository.program())
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: Repository.path("Fixtures/settings"))
        process.environment = ["PROBE_PASSWORD": "from the environment", "EMPTY": ""]
        return process
    }

    /// Starts the process and waits for its end; one that takes too long is killed. A signal counts as 128 + itself.
    static func finish(_ process: Process, within seconds: Double = 60) throws -> Int32 {
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        if ended.wait(timeout: .now() + seconds) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
            throw SupportError("the program took longer than \(seconds) s: \(process.arguments ?? [])")
        }
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }
}
