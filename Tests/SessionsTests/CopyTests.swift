// Does COPY pass both ways, and what happens when it fails or the client leaves?

import Testing
import Wire

@testable import Sessions

/// COPY, whose messages belong to no batch.
struct CopyTests {
    private static let extended: [Message] = [.parse("", "COPY t FROM STDIN"), .bind(""), .execute()]

    private func gets(_ messages: [Message], inPieces: Bool = false) -> (String, Rig) {
        let rig = Rig.withClient()
        for message in messages {
            rig.send(message.bytes)
            if inPieces { rig.settle() }
        }
        rig.settle()
        return (rig.taken(), rig)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var says: [Message]
        var gets: String
        var committed: [String]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "simple", says: [.query("COPY t FROM STDIN"), .copyData("a"), .copyData("b"), .copyDone],
            gets: "G C(COPY 2) Z(I)", committed: ["copy 2"]),
        Case(
            name: "simple, given up", says: [.query("COPY t FROM STDIN"), .copyData("a"), .copyFail("no")],
            gets: "G E(57014 COPY from stdin failed) Z(I)", committed: []),
        Case(
            name: "simple, bad data, the rest comes late",
            says: [.query("COPY t FROM STDIN"), .copyData("bad"), .copyData("a"), .copyDone, .query("SELECT 1")],
            gets: "G E(22P04 bad data) Z(I) T(c) D(SELECT 1) C(SELECT 1) Z(I)", committed: []),
        Case(
            name: "extended", says: extended + [.copyData("a"), .copyDone, .sync], gets: "1 2 G C(COPY 1) Z(I)",
            committed: ["copy 1"]),
        Case(
            name: "extended, with libpq's early Sync", says: extended + [.sync, .copyData("a"), .copyDone, .sync],
            gets: "1 2 G C(COPY 1) Z(I)", committed: ["copy 1"]),
        Case(
            name: "extended, early Sync, bad data",
            says: extended + [.sync, .copyData("bad"), .copyData("a"), .copyDone, .sync, .query("INSERT 1")],
            gets: "1 2 G E(22P04 bad data) Z(I) C(INSERT 0 1) Z(I)", committed: ["INSERT 1"]),
        Case(
            name: "extended, early Sync, no COPY",
            says: [
                .parse("", "COPY nosuch FROM STDIN"), .bind(""), .execute(), .sync, .copyData("a"), .copyDone, .sync,
            ],
            gets: "E(42P01 relation \"nosuch\" does not exist) Z(I) Z(I)", committed: []),
        Case(name: "out", says: [.query("COPY t TO STDOUT")], gets: "H d c C(COPY 1) Z(I)", committed: []),
        Case(
            name: "stray", says: [.copyData("a"), .copyDone, .query("SELECT 1")],
            gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", committed: []),
        Case(
            name: "another request instead of data", says: extended + [.flush, .query("SELECT 1"), .sync],
            gets: "1 2 G E(08P01 unexpected message type during COPY from stdin) Z(I)", committed: []),
    ]

    @Test(arguments: cases)
    func pipelined(_ example: Case) {
        let (answers, rig) = gets(example.says)
        #expect(answers == example.gets)
        #expect(rig.committed == example.committed)
        #expect(rig.allServersAreFree)
    }

    @Test(arguments: cases)
    func step(_ example: Case) {
        let (answers, rig) = gets(example.says, inPieces: true)
        #expect(answers == example.gets)
        #expect(rig.committed == example.committed)
        #expect(rig.allServersAreFree)
    }

    /// Between CopyDone and Sync the data is neither committed nor given up: the server belongs to the client.
    @Test func theServerIsKeptUntilTheSync() {
        let rig = Rig.withClient()
        rig.addClient()
        for message in Self.extended + [.sync, .copyData("a"), .copyDone] { rig.say(message) }
        #expect(rig.taken() == "1 2 G C(COPY 1)")
        #expect(rig.servers[0].client == 0)
        rig.say(.query("INSERT 1"), by: 1)
        #expect(rig.servers[0].model.committed == [])
        rig.end(0, .goodbye)
        #expect(rig.servers[0].isLost)
    }

    @Test func aLargeCopyDataPassesInPieces() {
        let rig = Rig.withClient()
        rig.say(.query("COPY t FROM STDIN"))
        let bytes = Message.copyData(String(repeating: "x", count: 10_000)).bytes
        for start in stride(from: 0, to: bytes.count, by: 1_000) {
            rig.send(Array(bytes[start..<min(start + 1_000, bytes.count)]))
            #expect(rig.clients[0].input.isEmpty)
        }
        rig.say(.copyDone)
        #expect(rig.taken() == "G C(COPY 1) Z(I)")
    }
}
