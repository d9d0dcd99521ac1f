// Does COPY work both ways, in both protocols, and when it fails?

import TestSupport
import Testing

@Suite struct CopyTests {
    private static func data(_ text: String) -> FrontendMessage { .copyData(Array(text.utf8)) }

    static let conversations = [
        Conversation(
            "in, by a simple query",
            .init([.query("COPY {t} FROM STDIN"), data("2\ttwo\n"), data("3\tth"), data("ree\n"), .copyDone]),
            .init([.query("COPY {t} TO STDOUT")])),
        Conversation(
            "in, with text around it",
            .init(
                [
                    .query("SELECT 1; COPY {t} (x) FROM STDIN; SELECT count(*) FROM {t}"), data("2\n3\n"), .copyDone,
                ])),
        Conversation(
            "two in one query",
            .init(
                [
                    .query("COPY {t} (x) FROM STDIN; COPY {t} (x) FROM STDIN"), data("2\n"), .copyDone, data("3\n"),
                    .copyDone,
                ]), .init([.query("SELECT x FROM {t} ORDER BY x")])),
        Conversation(
            "in, given up by the client",
            .init([.query("COPY {t} FROM STDIN"), data("2\ttwo\n"), .copyFail("changed my mind")]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, with a bad row",
            .init([.query("COPY {t} FROM STDIN"), data("nonsense\ttwo\n"), data("3\tthree\n"), .copyDone]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, with a row that exists",
            .init([.query("COPY {t} FROM STDIN"), data("1\tagain\n"), .copyDone]),
            .init([.query("INSERT INTO {t} VALUES (2)"), .query("COPY {t} TO STDOUT")])),
        Conversation("in, refused", .init([.query("COPY nosuchtable FROM STDIN")]), .init([.query("SELECT 1")])),
        Conversation(
            "in, in a transaction",
            .init([.query("BEGIN"), .query("COPY {t} FROM STDIN"), data("2\ttwo\n"), .copyDone]),
            .init([.query("SELECT count(*) FROM {t}"), .query("ROLLBACK"), .query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, failing in a transaction",
            .init([.query("BEGIN"), .query("COPY {t} FROM STDIN"), data("x\tx\n"), .copyDone]),
            .init([.query("SELECT 1"), .query("ROLLBACK"), .query("SELECT 2")])),
        Conversation(
            "in, by the extended protocol",
            .init([.parse("COPY {t} FROM STDIN"), .bind(), .execute(), data("2\ttwo\n"), .copyDone, .sync]),
            .init([.query("COPY {t} TO STDOUT")])),
        Conversation(
            "in, as libpq sends it: a Sync before the data",
            .init(
                [
                    .parse("COPY {t} FROM STDIN"), .bind(), .describePortal(), .execute(), .sync, data("2\ttwo\n"),
                    .copyDone, .sync,
                ], ready: 1),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, by the extended protocol, with a bad row",
            .init([.parse("COPY {t} FROM STDIN"), .bind(), .execute(), data("x\tx\n"), .copyDone, .sync]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, by the extended protocol, given up",
            .init([.parse("COPY {t} FROM STDIN"), .bind(), .execute(), data("2\tx\n"), .copyFail("no"), .sync]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "in, by the extended protocol, with more behind it",
            .init(
                [.parse("COPY {t} FROM STDIN"), .bind(), .execute(), data("2\ttwo\n"), .copyDone]
                    + FrontendMessage.extended("SELECT count(*) FROM {t}") + [.sync])),
        Conversation(
            "in, as a named statement",
            .init([.parse("COPY {t} (x) FROM STDIN", name: "c"), .sync]),
            .init([.bind(statement: "c"), .execute(), data("2\n"), .copyDone, .sync]),
            .init([.bind(statement: "c"), .execute(), data("3\n"), .copyDone, .sync]),
            .init([.query("SELECT count(*) FROM {t}")])),
        Conversation(
            "data that nobody asked for",
            .init([data("2\ttwo\n"), .copyDone, .query("SELECT count(*) FROM {t}")]),
            .init([.copyFail("x"), .query("SELECT 1")])),
        Conversation(
            "out", .init([.query("COPY {t} TO STDOUT")]),
            .init([.query("COPY {t} (y, x) TO STDOUT (FORMAT csv, HEADER)")]),
            .init([.query("COPY (SELECT generate_series(1, 100)) TO STDOUT")]),
            .init([.query("COPY {t} TO STDOUT; COPY {t} TO STDOUT; SELECT 1")])),
        Conversation(
            "out, by the extended protocol",
            .init([.parse("COPY {t} TO STDOUT"), .bind(), .describePortal(), .execute(), .sync]),
            .init(
                FrontendMessage.extended("COPY {t} TO STDOUT") + FrontendMessage.extended("SELECT 1") + [.sync])),
        Conversation(
            "out, failing on its way",
            .init([.query("COPY (SELECT 10 / (5 - n) FROM generate_series(1, 10) n) TO STDOUT")]),
            .init([.query("SELECT 1")]),
            .init([
                .parse("COPY (SELECT 10 / (5 - n) FROM generate_series(1, 10) n) TO STDOUT"), .bind(), .execute(),
                .sync,
            ]),
            .init([.query("SELECT 2")])),
        Conversation("out, of a write", .init([.query("COPY (DELETE FROM {t} RETURNING x) TO STDOUT")])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check()
    }

    @Test func muchDataBothWays() throws {
        let table = try Stage.makeTable("x int, y text")
        let client = try Stage.client()
        let block = Array((0..<1000).map { "\($0)\t\(String(repeating: "y", count: 100))\n" }.joined().utf8)
        try client.send(.query("COPY \(table) FROM STDIN"))
        for _ in 0..<100 { try client.send(.copyData(block)) }
        try client.send(.copyDone)
        #expect(try client.readUntilReady().contains { $0.tag == "COPY 100000" })
        try client.send(.query("COPY \(table) TO STDOUT"))
        var bytes = 0
        var message = try client.receive()
        while message.kind != .readyForQuery {
            if message.kind == .copyData { bytes += message.body.count }
            message = try client.receive()
        }
        #expect(bytes == block.count * 100)
    }

    /// An error of the server comes while the client is still sending.
    @Test func anErrorWhileTheDataAreSent() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        for _ in 0..<3 {
            try client.send(.query("COPY \(table) FROM STDIN"), Self.data("nonsense\n"))
            for _ in 0..<200 { try client.send(.copyData(Array(repeating: UInt8(ascii: "1"), count: 10_000))) }
            try client.send(.copyDone)
            #expect(try client.readUntilReady().errors == ["22P02"])
            #expect(try client.value("SELECT 1") == "1")
        }
    }
}
