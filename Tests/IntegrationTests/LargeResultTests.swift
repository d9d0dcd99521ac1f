// Does the router's memory stay small whatever passes through it?

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct LargeResultTests {
    /// What one busy connection may take: its buffers, not its results.
    private let allowed = 24 << 20

    private func peak(_ router: RouterProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(router.pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(kibibytes) * 1024
    }

    @Test func aGibibyteToASlowReader() throws {
        let router = try Stage.startRouter()
        let before = try peak(router)
        let client = try router.client()
        let other = try router.client()
        try client.send(.query("SELECT repeat('x', 1048576) FROM generate_series(1, 1024)"))
        // Nothing is read yet: the result waits in the server, others are served.
        for _ in 0..<200 { #expect(try other.value("SELECT 1") == "1") }
        var bytes = 0
        var rows = 0
        var message = try client.receive()
        while message.kind != .readyForQuery {
            if message.kind == .dataRow {
                bytes += message.body.count
                rows += 1
                if rows % 100 == 0 { #expect(try other.value("SELECT 1") == "1") }
            }
            message = try client.receive()
        }
        #expect(bytes > 1 << 30)
        #expect(try peak(router) - before < allowed)
    }

    @Test func aGreatCopyOut() throws {
        let router = try Stage.startRouter()
        let before = try peak(router)
        let client = try router.client()
        try client.send(.query("COPY (SELECT repeat('x', 10000) FROM generate_series(1, 20000)) TO STDOUT"))
        var bytes = 0
        var message = try client.receive()
        while message.kind != .readyForQuery {
            if message.kind == .copyData { bytes += message.body.count }
            message = try client.receive()
        }
        #expect(bytes > 200_000_000)
        #expect(try peak(router) - before < allowed)
    }

    @Test func aGreatParameter() throws {
        let router = try Stage.startRouter()
        let before = try peak(router)
        let client = try router.client()
        let text = String(repeating: "x", count: 30_000_000)
        #expect(try client.extended("SELECT length($1::text)", [text]).value == "30000000")
        #expect(try peak(router) - before < allowed)
    }

    @Test func aGreatCopyInToAServerThatWaits() throws {
        let router = try Stage.startRouter()
        let table = try Stage.makeTable("x text")
        let client = try router.client()
        let before = try peak(router)
        try client.send(.query("COPY \(table) FROM STDIN"))
        let row = FrontendMessage.copyData(Array(repeating: UInt8(ascii: "x"), count: 1 << 20) + [10])
        for _ in 0..<100 { try client.send(row) }
        try client.send(.copyDone)
        #expect(try client.readUntilReady().contains { $0.tag == "COPY 100" })
        #expect(try peak(router) - before < allowed)
        try Stage.run("DROP TABLE \(table)")
    }

    /// A value larger than every buffer, through each kind of statement.
    @Test func oneGreatRow() throws {
        let client = try Stage.client()
        let answer = try client.extended("SELECT repeat('x', 50000000), 7")
        #expect(answer.rows.first?.first??.utf8.count == 50_000_000)
        #expect(answer.rows.first?.last == "7")
        let error = try client.query("SELECT \(String(repeating: "1 +", count: 100_000)) x")
        #expect(error.errors.count == 1)
        #expect(try client.value("SELECT 1") == "1")
    }
}
