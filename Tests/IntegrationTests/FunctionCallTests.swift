// Does the old function call of the protocol work, which libpq's large objects still use?

import Foundation
import TestSupport
import Testing

@Suite struct FunctionCallTests {
    static let conversations = [
        Conversation(
            "calls", .init([.functionCall(177, ["2", "3"])]),
            .init([.functionCall(870, ["ABC"]), .functionCall(870, [nil])]),
            .init([.query("SELECT 1")])),
        Conversation(
            "errors", .init([.functionCall(154, ["1", "0"])]), .init([.functionCall(1, [])]),
            .init([.functionCall(177, ["x", "3"]), .query("SELECT 1")])),
        Conversation(
            "in a transaction", .init([.query("BEGIN"), .functionCall(177, ["2", "3"])]),
            .init([.functionCall(154, ["1", "0"]), .functionCall(177, ["2", "3"]), .query("ROLLBACK")]),
            .init([.functionCall(177, ["2", "3"])])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check(times: 1)
    }

    /// `\lo_import` and `\lo_export` of psql are calls of lo_open, loread, lowrite and their kin.
    @Test func largeObjects() throws {
        let directory = NSTemporaryDirectory() + "/pointsman-lo-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let content = String(repeating: "large object ", count: 50_000)
        try Data(content.utf8).write(to: URL(fileURLWithPath: directory + "/in"))
        let result = try Programs.psql(
            port: Stage.router().port, "\\lo_import \(directory)/in", "\\lo_export :LASTOID \(directory)/out",
            "\\lo_unlink :LASTOID")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try String(contentsOfFile: directory + "/out", encoding: .utf8) == content)
    }
}
