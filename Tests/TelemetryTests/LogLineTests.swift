// Is an event of the log one line that people and programs can read?

import Foundation
import Logging
import Testing

@testable import Telemetry

@Suite struct LogLineTests {
    static func line(
        _ message: String, level: Logger.Level = .info, _ metadata: Logger.Metadata = [:]
    ) -> LogLine {
        LogLine(
            time: Date(timeIntervalSince1970: 1_700_000_000.25), level: level, label: "proxy", message: message,
            metadata: metadata)
    }

    struct Case: Sendable {
        var message: String
        var metadata: Logger.Metadata = [:]
        var text: String
        var json: String
    }

    static let cases = [
        Case(message: "listening", text: "listening", json: #""message":"listening"}"#),
        Case(
            message: "up", metadata: ["port": "6432", "node": "a b"], text: #"up node="a b" port=6432"#,
            json: #""message":"up","node":"a b","port":"6432"}"#),
        Case(
            message: "two\nlines\r\u{1B}[31m", text: #"two\nlines\r\u001b[31m"#,
            json: #""message":"two\nlines\r\u001b[31m"}"#),
        Case(
            message: #"a "quoted" \ word"#, text: #"a "quoted" \ word"#,
            json: #""message":"a \"quoted\" \\ word"}"#),
        Case(
            message: "empty", metadata: ["a": "", "q": "\""], text: #"empty a="" q="\"""#,
            json: #""message":"empty","a":"","q":"\""}"#),
        Case(
            message: "clash", metadata: ["level": "7"], text: "clash level=7",
            json: #""message":"clash","level_":"7"}"#),
        Case(message: "é\u{2028}\u{85}", text: #"é\u2028\u0085"#, json: #""message":"é\u2028\u0085"}"#),
    ]

    @Test(arguments: cases) func renders(_ item: Case) {
        let line = Self.line(item.message, item.metadata)
        #expect(line.rendered(as: .text) == "2023-11-14T22:13:20.250Z INFO    \(item.text)\n")
        let head = #"{"time":"2023-11-14T22:13:20.250Z","level":"info","logger":"proxy","#
        #expect(line.rendered(as: .json) == head + item.json + "\n")
    }

    @Test func jsonIsReadByOthers() throws {
        let line = Self.line(String(decoding: 0...255, as: UTF8.self), ["k\n\"": "\u{0}\u{7F}"])
        let object = try JSONSerialization.jsonObject(with: Data(line.rendered(as: .json).utf8))
        #expect((object as? [String: String])?.count == 5)
    }

    @Test func isBounded() {
        var metadata: Logger.Metadata = [:]
        for number in 0..<1000 { metadata["key\(number)"] = .string(String(repeating: "x", count: 10_000)) }
        let line = Self.line(String(repeating: "y", count: 1 << 20), metadata)
        for format in LogFormat.allCases {
            let rendered = line.rendered(as: format)
            #expect(rendered.utf8.count < 40_000)
            #expect(rendered.contains("968"))
            #expect(rendered.count { $0 == "\n" } == 1)
        }
    }
}
