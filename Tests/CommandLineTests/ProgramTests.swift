// Does the program end as its contract says: 0 fine, 1 the operator's mistake in a clear line, 2 usage?

import Foundation
import TestSupport
import Testing

@Suite struct ProgramTests {
    @Test(arguments: [
        ["--help"], ["help"], ["run", "--help"], ["check", "--help"], ["classify", "-h"], ["demo", "-h"], [],
    ])
    func help(_ arguments: [String]) throws {
        let run = try Pointsman.run(arguments)
        #expect(run.status == 0)
        #expect(run.output.contains("USAGE: pointsman"))
        #expect(run.errors.isEmpty)
    }

    @Test func version() throws {
        let run = try Pointsman.run("--version")
        #expect(run.status == 0)
        #expect(run.output.wholeMatch(of: /pointsman \d+\.\d+\.\d+\n/) != nil)
    }

    static let wrongUsage: [[String]] = [
        ["bogus"], ["--bogus"], ["run"], ["check"], ["check", "--config"], ["check", "--config", "a", "b"],
        ["classify", "--input", "xml"], ["classify", "--format", "yaml"], ["classify", "SELECT 1"],
        ["run", "--config", "a", "--config"], ["check", "--conifg", "minimal.toml"],
    ]

    @Test(arguments: wrongUsage) func usage(_ arguments: [String]) throws {
        let run = try Pointsman.run(arguments)
        #expect(run.status == 2)
        #expect(run.errors.contains("Usage: pointsman"))
        #expect(run.output.isEmpty)
    }

    @Test func checkAcceptsAFaultlessFile() throws {
        let run = try Pointsman.run("check", "--config", "full.toml")
        #expect(run.status == 0)
        let counts = "6 clusters, 4 nodes and those that are found out, 2 databases, 4 users"
        #expect(run.output == "full.toml: fine (\(counts))\n")
        #expect(run.errors.isEmpty)
    }

    @Test(arguments: ["wrong-types", "contract", "users", "syntax", "empty"])
    func checkReportsEveryMistake(_ name: String) throws {
        let run = try Pointsman.run("check", "--config", "\(name).toml")
        #expect(run.status == 1)
        #expect(run.errors == (try Repository.text("Fixtures/settings/\(name).errors")))
        #expect(run.output.isEmpty)
    }

    @Test(arguments: [["run"], ["check"], ["classify"]]) func missingSettings(_ command: [String]) throws {
        let run = try Pointsman.run(command + ["--config", "no-such-file.toml"])
        #expect(run.status == 1)
        #expect(run.errors == "no-such-file.toml: no such file: no-such-file.toml\n")
    }

    /// A node that cannot be asked is told with what to do, one line for each.
    @Test func checkOfNodesThatAreNotThere() throws {
        let nowhere = "127.0.0.1:1"
        let text = try Repository.text("Fixtures/settings/minimal.toml")
            .replacing("10.0.0.1:5432", with: "\(nowhere)\", \"nosuch.invalid:5432")
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).toml").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try Pointsman.run("check", "--config", path).status == 0)
        let run = try Pointsman.run("check", "--config", path, "--connect")
        #expect(run.status == 1)
        #expect(run.lines.count == 3, "\(run)")
        #expect(run.lines[1].hasPrefix("main: \(nowhere): cannot be asked: "), "\(run.output)")
        #expect(run.lines[1].hasSuffix("; does PostgreSQL run there, on that port?"))
        #expect(run.lines[2].hasPrefix("main: nosuch.invalid:5432: cannot be asked: "), "\(run.output)")
    }

    @Test func runReportsTheSameMistakes() throws {
        let run = try Pointsman.run("run", "--config", "wrong-types.toml")
        #expect(run.status == 1)
        #expect(run.errors == (try Repository.text("Fixtures/settings/wrong-types.errors")))
    }
}
