// Is the repository finished: nothing put off, nothing that belongs to one machine, no folder without a reason?

import Foundation
import TestSupport
import Testing

@Suite struct TextTests {
    // Written in pieces, so that this file does not find itself.
    private static let postponed = ["TO" + "DO", "FIX" + "ME", "X" + "XX:", "for " + "now,", "for " + "now."]
    private static let machinePaths = ["/wo" + "rk/", "/tmp" + "/w/", "/ro" + "ot/", "/ho" + "me/"]

    @Test func nothingIsPutOff() {
        for file in SourceTree.everything where file.path != "LICENSE" {
            for (number, line) in zip(1..., file.lines) {
                for word in Self.postponed { #expect(!line.contains(word), "\(file.path):\(number) says \(word)") }
            }
        }
    }

    @Test func nothingBelongsToOneMachine() {
        for file in SourceTree.everything {
            for (number, line) in zip(1..., file.lines) {
                for path in Self.machinePaths {
                    // A path that continues another one, such as a URL's, is not a machine's.
                    let found = line.ranges(of: path).contains { range in
                        guard range.lowerBound > line.startIndex else { return true }
                        let before = line[line.index(before: range.lowerBound)]
                        return !(before.isLetter || before.isNumber || "._-*".contains(before))
                    }
                    #expect(!found, "\(file.path):\(number) names \(path)")
                }
            }
        }
    }

    /// Hidden files are the business of editors and tools.
    @Test func topLevel() throws {
        let allowed: Set<String> = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "Fixtures", "docs", "docker-compose.yml",
            "README.md", "LICENSE", "Makefile",
        ]
        let names = try FileManager.default.contentsOfDirectory(atPath: Repository.root)
        let visible = names.filter { !$0.hasPrefix(".") }
        #expect(Set(visible).isSubset(of: allowed), "\(Set(visible).subtracting(allowed))")
        for name in ["README.md", "LICENSE", "Makefile", "docker-compose.yml", ".ci/run"] {
            #expect(SourceTree.exists(name), "\(name) is missing")
        }
    }

    /// Files named on a command line must be executable.
    @Test(arguments: [".ci/run", ".ci/deps", "Fixtures/cluster/replica.sh"])
    func scriptsCanBeRun(_ path: String) {
        #expect(FileManager.default.isExecutableFile(atPath: Repository.path(path)))
    }
}
