// Does each settings file of the fixtures give exactly the mistakes that stand beside it?

import Foundation
import Testing

@testable import Settings

/// The settings files and their expected mistakes; a file without a `.errors` beside it is free of mistakes.
enum Fixture {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/settings").path

    static let environment = ["PROBE_PASSWORD": "from the environment", "EMPTY": ""]

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return files.filter { $0.hasSuffix(".toml") }.sorted()
    }()

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
    }

    static func read(_ name: String) throws -> Configuration {
        try read(text: text(name), file: name)
    }

    static func read(text: String, file: String = "test.toml") throws(SettingsError) -> Configuration {
        try Configuration.read(text, file: file, directory: directory, environment: environment)
    }

    /// The mistakes of a text as they are printed.
    static func mistakes(_ text: String, file: String = "test.toml") -> String {
        do throws(SettingsError) {
            _ = try read(text: text, file: file)
            return ""
        } catch {
            return "\(error)\n"
        }
    }
}

@Suite struct FixtureTests {
    @Test func thereAreFixtures() {
        #expect(Fixture.names.count > 10)
    }

    /// With WRITE_EXPECTED=1 in the environment the expectations are written anew instead, for review.
    @Test(arguments: Fixture.names) func mistakes(_ name: String) throws {
        let found = Fixture.mistakes(try Fixture.text(name), file: name)
            .replacing("\(Fixture.directory)/", with: "")
        let path = "\(Fixture.directory)/\(name.dropLast(5)).errors"
        if ProcessInfo.processInfo.environment["WRITE_EXPECTED"] == "1" {
            try? FileManager.default.removeItem(atPath: path)
            if !found.isEmpty { try found.write(toFile: path, atomically: true, encoding: .utf8) }
        }
        let expected = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        #expect(found == expected)
    }
}

@Suite struct DamagedFileTests {
    /// A settings file with a few bytes changed is read or refused; nothing else happens to the process.
    @Test func damage() throws {
        let texts = try Fixture.names.map(Fixture.text)
        let pieces = [
            "", "[", "]", "{", "}", "=", "\"", "'", "\n", "\r", ".", ",", "#", "\\", "é", "\u{0}", "[[", "\"\"\"",
        ]
        for seed in UInt64(0)..<1000 {
            var random = SeededGenerator(state: seed)
            var bytes = Array((texts.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                let end = min(bytes.count, place + Int.random(in: 0...3, using: &random))
                bytes.replaceSubrange(place..<end, with: (pieces.randomElement(using: &random) ?? "").utf8)
            }
            for mistake in Fixture.mistakes(String(decoding: bytes, as: UTF8.self)).split(separator: "\n") {
                let isPlaced = ["test.toml:", "userlist.txt:", "hba.conf:", "ident.conf:"].contains {
                    mistake.contains($0)
                }
                #expect(isPlaced, "seed \(seed)")
            }
        }
    }
}
