// Do events reach the file whole, and only those that were asked for?

import Foundation
import Logging
import Testing

@testable import Telemetry

@Suite struct LineLogHandlerTests {
    private func lines(settings: LogSettings, _ body: (Logger) -> Void) throws -> [Substring] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)").path
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try #require(FileHandle(forWritingAtPath: path))
        body(Logger(label: "test") { LineLogHandler(label: $0, settings: settings, file: file) })
        try file.close()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    }

    @Test(arguments: LogLevel.allCases) func obeysTheLevel(_ level: LogLevel) throws {
        let written = try lines(settings: LogSettings(level: level)) { log in
            for level in Logger.Level.allCases { log.log(level: level, "event") }
        }
        let expected = Logger.Level.allCases.filter { $0 >= level.loggerLevel }.map { $0.rawValue.uppercased() }
        #expect(written.map { String($0.split(separator: " ")[1]) } == expected)
    }

    @Test func metadataOfLoggerAndEventAreOne() throws {
        let written = try lines(settings: LogSettings()) { base in
            var log = base
            log[metadataKey: "node"] = "one"
            log[metadataKey: "worker"] = "1"
            log.info("event", metadata: ["node": "two"])
        }
        #expect(written.first?.hasSuffix("event node=two worker=1") == true)
    }

    @Test func linesOfSeveralThreadsDoNotMix() throws {
        let text = String(repeating: "x", count: 4000)
        let written = try lines(settings: LogSettings(format: .json)) { log in
            DispatchQueue.concurrentPerform(iterations: 200) { log.info("\(text)", metadata: ["n": "\($0)"]) }
        }
        #expect(written.count == 200)
        #expect(written.map { $0.prefix(34) } == written.map { $0.prefix(34) }.sorted(), "the times go up")
        #expect(written.allSatisfy { $0.hasPrefix("{\"time\"") && $0.hasSuffix("\"}") && $0.contains(text) })
    }
}
