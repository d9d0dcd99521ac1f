// Does `classify` answer each statement with one line, whatever bytes it is given and as soon as it can?

import Foundation
import TestSupport
import Testing

@Suite struct ClassifyTests {
    @Test func oneLineForEachStatement() throws {
        let run = try Pointsman.run(
            "classify", "--format", "route",
            input: "SELECT 1\nINSERT INTO t VALUES (1)\nselect nextval('s')\n\nTABLE t\n-- nothing\nSELECT 'a")
        #expect(run.status == 0)
        #expect(run.lines == ["replica", "primary", "primary", run.lines[3], "replica", run.lines[5], "primary"])
        #expect(run.errors.isEmpty)
    }

    /// What a session would do, not what the words are.
    @Test(arguments: [
        ("/* pointsman: role=primary */ SELECT 1", "primary  replica-safe: The comment asks for the role 'primary'."),
        ("/* pointsman: consistency=primary */ SELECT 1", "primary  replica-safe: The consistency is 'primary'."),
        ("/* pointsman: role=replica */ SELECT pg_is_in_recovery()", "replica  "),
        ("/* pointsman: role=replica */ INSERT INTO t VALUES (1)", "nowhere  write: ERROR 25006, cannot execute"),
        ("PREPARE p AS SELECT 1", "replica  replica-safe"), ("PREPARE p AS DELETE FROM t", "primary  "),
        ("SELECT currval('s')", "nowhere  primary-only read: ERROR 55000, currval and lastval"),
        ("EXPLAIN ROUTE", "nowhere  replica-safe: ERROR 42601, EXPLAIN ROUTE needs a statement"),
    ])
    func asASession(_ statement: String, _ beginning: String) throws {
        let run = try Pointsman.run("classify", input: statement + "\n")
        #expect(run.output.hasPrefix(beginning), "\(run.output)")
    }

    @Test func text() throws {
        let run = try Pointsman.run("classify", input: "SELECT 1\nUPDATE t SET a = 1\nSELECT my_function(1)\n")
        #expect(run.status == 0)
        #expect(run.lines.count == 3)
        #expect(run.lines[0].hasPrefix("replica  replica-safe: "))
        #expect(run.lines[1].hasPrefix("primary  write: "))
        #expect(run.lines[2].hasPrefix("primary  write: ") && run.lines[2].contains("my_function"))
    }

    @Test func json() throws {
        let run = try Pointsman.run(
            "classify", "--format", "json", input: "SELECT 1\nSELECT \"my\tfunction\"(1); SET x = 1")
        let objects = try run.lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        #expect(objects.map { $0["target"] as? String } == ["replica", "primary"])
        #expect(objects.map { $0["class"] as? String } == ["replica-safe", "session state"])
        #expect(objects.map { $0["statements"] as? Int } == [1, 2])
        #expect((objects[1]["effects"] as? [String])?.contains("session state") == true)
        #expect(objects.allSatisfy { ($0["reason"] as? String)?.isEmpty == false && $0["rule"] is String })
        #expect(objects[0]["pins"] as? [String] == [])
    }

    @Test func separatedByZeroBytes() throws {
        let run = try Pointsman.run(
            "classify", "--format", "route", "--input", "nul", input: "SELECT\n1\0DELETE\nFROM t\0SELECT 2")
        #expect(run.lines == ["replica", "primary", "replica"])
    }

    @Test func asJSONStrings() throws {
        let run = try Pointsman.run(
            "classify", "--format", "route", "--input", "json",
            input: #"""
                "SELECT 1\n-- \u00e9"
                  "INSERT INTO t VALUES ('\"')"
                "SELECT 1"
                """#)
        #expect(run.status == 0)
        #expect(run.lines == ["replica", "primary", "replica"])
    }

    @Test(arguments: ["", "SELECT 1", "[\"SELECT 1\"]", "\"a", "5", "\"a\" \"b\"", "\"\\ud800\""])
    func notAJSONString(_ line: String) throws {
        let run = try Pointsman.run(
            "classify", "--format", "route", "--input", "json", input: "\"SELECT 1\"\n\(line)\n\"SELECT 2\"\n")
        #expect(run.status == 1)
        #expect(run.lines == ["replica"])
        #expect(run.errors == "pointsman: standard input: line 2: expected a JSON string\n")
    }

    @Test func nothing() throws {
        #expect(try Pointsman.run("classify") == Pointsman(status: 0, output: "", errors: ""))
    }

    /// Any bytes give a line each, and the lines are text.
    @Test(arguments: ["text", "json", "route"]) func anyBytes(_ format: String) throws {
        var input: [UInt8] = []
        for byte in UInt8.min...UInt8.max where byte != 10 {
            input += [UInt8](repeating: byte, count: 3) + Array(" SELECT ".utf8) + [byte, 10]
        }
        let run = try Pointsman.run(["classify", "--format", format], input: input)
        #expect(run.status == 0)
        #expect(run.lines.count == 255)
        #expect(run.lines.allSatisfy { $0.contains("primary") || $0.contains("replica") })
    }

    @Test func veryLongLines() throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 5 << 20)
        let input = Array("SELECT '".utf8) + long + Array("'\nSELECT 1 -- ".utf8) + long + [10] + long
        let run = try Pointsman.run(["classify", "--format", "route"], input: input)
        #expect(run.status == 0)
        // A read that cannot be kept to be run again.
        #expect(run.lines == ["primary", "primary", "primary"])
        let text = try Pointsman.run(["classify"], input: Array("SELECT ".utf8) + long + Array("()".utf8))
        #expect(text.output.utf8.count < 1000)
    }

    @Test func manyLines() throws {
        let input = Array(String(repeating: "SELECT 1\n", count: 100_000).utf8)
        let run = try Pointsman.run(["classify", "--format", "route"], input: input)
        #expect(run.output == String(repeating: "replica\n", count: 100_000))
    }

    /// The answer to a statement does not wait for the next one.
    @Test func answersAtOnce() throws {
        let process = try Pointsman.process(["classify", "--format", "route"])
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let watchdog = DispatchWorkItem { [pid = process.processIdentifier] in kill(pid, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: watchdog)
        for (statement, answer) in [
            ("SELECT 1\n", "replica\n"), ("DELETE FROM t\n", "primary\n"), ("TABLE t\n", "replica\n"),
        ] {
            try input.fileHandleForWriting.write(contentsOf: Data(statement.utf8))
            #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == answer)
        }
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        watchdog.cancel()
        #expect(process.terminationStatus == 0)
    }

    @Test func settingsApply() throws {
        let statements = "SELECT 1\nSELECT inet_server_port()\n"
        let unset = try Pointsman.run("classify", "--format", "route", input: statements)
        #expect(unset.lines == ["replica", "replica"])
        let primary = try Pointsman.run("classify", "--format", "text", "--config", "full.toml", input: statements)
        #expect(primary.lines.allSatisfy { $0.hasPrefix("primary  ") })
        #expect(primary.lines.first?.contains("consistency is 'primary'") == true)

        let text = try Repository.text("Fixtures/settings/minimal.toml") + "\n[routing]\nnode_functions = \"primary\"\n"
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).toml").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let node = try Pointsman.run("classify", "--format", "route", "--config", path, input: statements)
        #expect(node.lines == ["replica", "primary"])
        let why = try Pointsman.run("classify", "--config", path, input: "SELECT inet_server_port()\n")
        #expect(why.output == "primary  primary-only read: The node_functions are 'primary'. (inet_server_port)\n")
    }

    @Test func unreadableInput() throws {
        let process = try Pointsman.process(["classify"])
        let errors = Pipe()
        process.standardInput = FileHandle(forReadingAtPath: "/")
        process.standardError = errors
        #expect(try Pointsman.finish(process) == 1)
        let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text == "pointsman: standard input cannot be read\n")
    }

    /// A reader that has seen enough ends the program as any other filter, without a word.
    @Test func readerThatLeaves() throws {
        let process = try Pointsman.process(["classify", "--format", "route"])
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = FileHandle(forReadingAtPath: "/dev/zero")
        process.arguments = ["classify", "--format", "route", "--input", "nul"]
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        _ = output.fileHandleForReading.availableData
        try output.fileHandleForReading.close()
        let watchdog = DispatchWorkItem { [pid = process.processIdentifier] in kill(pid, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 30, execute: watchdog)
        process.waitUntilExit()
        watchdog.cancel()
        #expect(process.terminationReason == .uncaughtSignal)
        #expect(process.terminationStatus == SIGPIPE)
        #expect(try errors.fileHandleForReading.readToEnd() ?? Data() == Data())
    }
}
