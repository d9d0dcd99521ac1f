// Does `pointsman demo` show what it promises, and does it leave nothing behind?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct DemoTests {
    private let ports: [Int]
    private let program: String

    init() throws {
        ports = try (0..<3).map { _ in try LoopbackPort.free() }
        program = try Repository.program()
    }

    private var arguments: [String] {
        ["demo", "--port", "\(ports[0])", "--reader-port", "\(ports[1])", "--writer-port", "\(ports[2])"]
    }

    @Test func showsAndEndsByItself() throws {
        let result = try ExternalProgram(program, arguments + ["--for", "1s"]).run(limit: .seconds(180))
        #expect(result.status == 0, "\(result.errors)")
        let lines = [
            "1. Reads are", "2. Writes go", "3. A read sees", "200 of 200 reads", "4. A transaction",
            "5. A failover", "200 of 200 rows",
        ]
        for line in lines {
            #expect(result.output.contains(line), "\(result.output)")
        }
        let directory = try directory(in: result.output)
        #expect(!FileManager.default.fileExists(atPath: directory))
        #expect(LoopbackPort.listening().isDisjoint(with: ports))
    }

    @Test(arguments: zip([SIGINT, SIGTERM, SIGKILL], [0, 0, 137] as [Int32]))
    func leavesNothing(_ signal: Int32, _ status: Int32) throws {
        let file = NSTemporaryDirectory() + "/pointsman-demo-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: file) }
        let script = ["-c", "program=$0 file=$1; shift; exec \"$program\" \"$@\" >\"$file\"", program, file]
        let demo = try ExternalProgram("/bin/sh", script + arguments).start()
        // It has said how to end it: the signal that comes at once must not be lost.
        var output = ""
        try waitUntil("the demonstration to stay up", limit: .seconds(120), every: .milliseconds(1)) {
            output = try String(contentsOfFile: file, encoding: .utf8)
            return output.contains("until Ctrl-C") || !demo.isRunning
        }
        guard output.contains("until Ctrl-C") else {
            Issue.record("\(output)\n\(try demo.finish().errors)")
            return
        }
        let directory = try directory(in: output)
        #expect(FileManager.default.fileExists(atPath: directory))

        _ = kill(demo.pid, signal)
        #expect(try demo.finish(limit: .seconds(30)).status == status)
        try eventually("the keeper to clean up") {
            !FileManager.default.fileExists(atPath: directory)
                && LoopbackPort.listening().isDisjoint(with: ports)
        }
    }

    @Test func aPortInUseIsTheOperatorsMistake() throws {
        let taken = try SharedCluster.get().primary.port
        let others = ["--reader-port", "\(ports[1])", "--writer-port", "\(ports[2])"]
        let result = try ExternalProgram(program, ["demo", "--port", "\(taken)"] + others).run(limit: .seconds(30))
        #expect(result.status == 1 && result.errors.contains("port \(taken) is in use"))
    }

    /// Another router that has come first in the meantime is not taken for the demonstration's own.
    @Test func aPortThatIsTakenMeanwhile() throws {
        let file = NSTemporaryDirectory() + "/pointsman-demo-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: file) }
        let script = ["-c", "program=$0 file=$1; shift; exec \"$program\" \"$@\" >\"$file\"", program, file]
        let demo = try ExternalProgram("/bin/sh", script + arguments + ["--for", "1s"]).start()
        try waitUntil("the demonstration to begin", limit: .seconds(60), every: .milliseconds(1)) {
            (try? String(contentsOfFile: file, encoding: .utf8))?.contains("Pointsman demo") == true || !demo.isRunning
        }
        let other = try RouterProcess.start(
            cluster: SharedCluster.get(), overrides: ["listen": ["port": "\(ports[0])"]])
        let result = try demo.finish(limit: .seconds(120))
        other.stop()
        #expect(result.status == 1)
        #expect(result.errors.contains("127.0.0.1:\(ports[0]): another process listens there already"))
        let output = try String(contentsOfFile: file, encoding: .utf8)
        #expect(!output.contains("1. Reads are"), "\(output)")
    }

    @Test(arguments: [["--for", "5x"], ["--for", "-1"], ["--port", "0"], ["--port", "6433"], ["--unknown"]])
    func usage(_ arguments: [String]) throws {
        let result = try ExternalProgram(program, ["demo"] + arguments).run(limit: .seconds(30))
        #expect(result.status == 2 && result.output.isEmpty && !result.errors.isEmpty)
    }

    private func directory(in output: String) throws -> String {
        let match = try #require(output.firstMatch(of: /PostgreSQL .* in (\/[^ ,]+), ready/))
        return String(match.1)
    }
}
