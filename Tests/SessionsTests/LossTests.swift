// What is a client told when its server is lost, in each state?

import Testing
import Wire

@testable import Sessions

/// What a client is told when its server is lost, and what it may do then.
struct LossTests {
    static let lost = "E(08006 the connection to the server was lost)"
    static let unknown = "E(08007 the connection to the server was lost before its answer came)"
    static let aborted = "E(25P02 current transaction is aborted, commands ignored until end of transaction block)"

    /// Sends and answers `before`, sends `pending`, and breaks the connection before anything of that is answered.
    private func lose(_ before: [Message], _ pending: [Message]) -> Rig {
        let rig = Rig.withClient()
        rig.send(before.bytes)
        rig.settle()
        rig.clients[0].received = []
        rig.send(pending.bytes)
        guard let server = rig.clients[0].server else {
            Issue.record("no server is attached")
            return rig
        }
        rig.lose(server)
        rig.settle()
        return rig
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var before: [Message] = []
        var pending: [Message]
        var gets: String
        var testDescription: String { name }
    }

    static let insert: [Message] = [.parse("", "INSERT 1"), .bind(""), .execute()]

    static let commit: [Message] = [.parse("", "COMMIT"), .bind(""), .execute()]

    static let cases = [
        Case(
            name: "read on the primary", pending: [.query("SELECT pg_backend_pid()")], gets: "\(lost) Z(I)"),
        Case(name: "write", pending: [.query("INSERT 1")], gets: "\(unknown) Z(I)"),
        Case(
            name: "two reads on the primary",
            pending: [.query("SELECT pg_backend_pid()"), .query("SELECT pg_backend_pid()")],
            gets: "\(lost) Z(I) \(lost) Z(I)"),
        Case(name: "extended write", pending: insert + [.sync], gets: "\(unknown) Z(I)"),
        Case(name: "write without Sync", pending: insert + [.flush], gets: lost),
        Case(
            name: "COMMIT without Sync", before: [.query("BEGIN"), .query("INSERT 1")],
            pending: commit + [.flush], gets: unknown),
        Case(
            name: "transaction without Sync",
            pending: [.parse("", "BEGIN"), .bind(""), .execute()] + insert + commit + [.flush], gets: unknown),
        Case(
            name: "write behind a BEGIN in one text", pending: [.query("BEGIN; INSERT 1")], gets: "\(unknown) Z(E)"),
        Case(
            name: "write in a transaction", before: [.query("BEGIN"), .query("SELECT 1")],
            pending: [.query("INSERT 1")],
            gets: "\(lost) Z(E)"),
        Case(
            name: "first write of a transaction", before: [.query("BEGIN")], pending: [.query("INSERT 1")],
            gets: "\(lost) Z(E)"),
        Case(
            name: "batch in a transaction", before: [.query("BEGIN"), .query("INSERT 1")], pending: insert + [.flush],
            gets: lost),
        Case(
            name: "idle in a transaction", before: [.query("BEGIN"), .query("INSERT 1")], pending: [], gets: ""),
        Case(
            name: "COMMIT", before: [.query("BEGIN"), .query("INSERT 1")], pending: [.query("COMMIT")],
            gets: "\(unknown) Z(I)"),
        Case(
            name: "ROLLBACK of reads", before: [.query("BEGIN"), .query("SELECT 1")], pending: [.query("ROLLBACK")],
            gets: "\(lost) Z(I)"),
        Case(
            name: "COMMIT, then BEGIN", before: [.query("BEGIN"), .query("INSERT 1")],
            pending: [.query("COMMIT"), .query("BEGIN"), .query("INSERT 2")],
            gets: "\(unknown) Z(E) \(unknown) Z(E) \(unknown) Z(E)"),
        Case(
            name: "several statements with a COMMIT", before: [.query("BEGIN"), .query("INSERT 1")],
            pending: [.query("INSERT 2; COMMIT")], gets: "\(unknown) Z(E)"),
        Case(
            name: "COPY", before: [.query("COPY t FROM STDIN")], pending: [.copyData("x")], gets: "\(unknown) Z(I)"),
    ]

    @Test(arguments: cases)
    func tells(_ example: Case) {
        let rig = lose(example.before, example.pending)
        #expect(rig.taken() == example.gets)
        #expect(rig.clients[0].closing == nil)
        rig.end(0, .goodbye)
        #expect(rig.table.retainedCount == 0)
    }

    @Test func aLostTransactionAcceptsOnlyItsEnd() {
        let rig = lose([.query("BEGIN"), .query("INSERT 1")], [])
        rig.play(
            0,
            // The client was told of nothing yet.
            Turn(.query("INSERT 2"), gets: "\(Self.lost) Z(E)"),
            Turn(.query("INSERT 2"), gets: "\(Self.aborted) Z(E)"),
            Turn(.parse("", "INSERT 2"), .bind(""), .execute(), .sync, gets: "\(Self.aborted) Z(E)"),
            Turn(.query("ROLLBACK TO s"), gets: "\(Self.aborted) Z(E)"),
            Turn(.sync, gets: "Z(E)"),
            Turn(.query("COMMIT"), gets: "C(ROLLBACK) Z(I)"),
            Turn(.query("INSERT 3"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "p1 Q(INSERT 3)"))
        #expect(rig.committed == ["INSERT 3"])
    }

    @Test func theRestOfACutBatchIsDropped() {
        let rig = lose([.query("BEGIN"), .query("INSERT 1")], Self.insert + [.flush])
        #expect(rig.taken() == Self.lost)
        rig.play(
            0,
            Turn(.parse("", "INSERT 2"), .bind(""), .execute(), gets: ""),
            Turn(.sync, gets: "Z(E)"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)"))
    }

    @Test func theRestOfACutQueryIsDropped() {
        let rig = Rig.withClient(settings: SessionSettings(maxReadableText: 20))
        rig.grantsPins = true
        let query = Message.query("INSERT INTO t VALUES ('a text that is long')").bytes
        rig.send(Array(query[..<30]))
        rig.settle()
        let server = rig.clients[0].server
        #expect(server != nil)
        // Too long to be read: the session is pinned, so that it ends with its server.
        if let server { rig.lose(server) }
        #expect(rig.clients[0].closing == .stateLost)
    }

    @Test func aBatchThatWasNotSentFindsAnotherServer() {
        let rig = Rig.withClient(parameters: [StartupParameter("work_mem", "1MB")])
        rig.send(Message.query("INSERT 1").bytes)
        #expect(rig.clients[0].session.awaiting == .settings)
        rig.lose(0)
        rig.settle()
        #expect(rig.taken() == "C(INSERT 0 1) Z(I)")
        #expect(rig.servers[1].model.committed == ["INSERT 1"])
    }

    /// What was only parsed and described is parsed and described elsewhere.
    @Test(arguments: ["", "a"])
    func preparationsAreNotLost(_ name: String) {
        let cases: [([Message], String)] = [
            ([.bind(name), .execute(), .sync], "2 D(SELECT 1) C(SELECT 1) Z(I)"), ([.sync], "Z(I)"),
            ([.describeStatement(name), .sync], "t T(c) Z(I)"),
        ]
        for (rest, answer) in cases {
            let rig = Rig.withClient()
            rig.say(.parse(name, "SELECT 1"), .describeStatement(name), .flush)
            #expect(rig.taken() == "1 t T(c)")
            if let server = rig.clients[0].server { rig.lose(server) }
            rig.settle()
            rig.send(rest.bytes)
            rig.settle()
            #expect(rig.taken() == answer)
        }
    }

    @Test func aMoveGoesOn() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"))
        rig.clients[0].received = []
        rig.send(Message.query("SELECT pg_current_wal_lsn()").bytes)
        #expect(rig.clients[0].session.awaiting == .move)
        rig.lose(0)
        rig.settle()
        #expect(rig.taken() == "T(c) D(SELECT pg_current_wal_lsn()) C(SELECT 1) Z(T)")
    }

    @Test func aPinnedSessionEnds() {
        let rig = Rig.withClient()
        rig.say(.query("LISTEN a"))
        rig.lose(0)
        #expect(rig.clients[0].closing == .stateLost)
    }

    @Test func aCutMessageEndsTheSession() {
        let rig = Rig.withClient()
        rig.send(Message.query("SELECT 1").bytes)
        rig.deliver(0, 40)
        #expect(rig.servers[0].session.isInsideForwardedMessage == true)
        rig.lose(0)
        #expect(rig.clients[0].closing == .stateLost)
    }

    @Test func anErrorThatWasToldIsNotToldAgain() {
        let rig = Rig.withClient()
        rig.say(.parse("", "SELECT nosuch"), .bind(""), .flush)
        #expect(rig.taken() == "E(42P01 relation \"nosuch\" does not exist)")
        rig.lose(0)
        rig.say(.execute(), .sync)
        #expect(rig.taken() == "Z(I)")
    }

    /// A transaction that was lost while its client was silent is not committed in silence.
    @Test(arguments: [
        ("COMMIT", "\(lost) Z(I)"), ("COMMIT AND CHAIN", "\(lost) Z(I)"), ("ROLLBACK", "C(ROLLBACK) Z(I)"),
    ])
    func theEndOfALostTransaction(_ end: String, _ answer: String) {
        for messages in [[Message.query(end)], [.parse("", end), .bind(""), .execute(), .sync]] {
            let rig = lose([.query("BEGIN"), .query("INSERT 1")], [])
            for message in messages { rig.say(message) }
            let isExtended = messages.count > 1
            let parsed = isExtended ? (answer.hasPrefix("E") ? "" : "1 2 ") : ""
            #expect(rig.taken() == parsed + answer)
            rig.addServer(isReplica: false)
            rig.say(.query("INSERT 2"))
            #expect(rig.taken() == "C(INSERT 0 1) Z(I)")
        }
    }

    private func answer(_ messages: [Message], _ fatal: String, at prefix: String = "INSERT") -> String {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].model.failing = (prefix, ErrorFields(.fatal, fatal, "terminating connection"))
        for message in messages { rig.say(message) }
        return rig.taken()
    }

    /// Behind its result the work may be stored.
    @Test(arguments: [
        [Message.query("INSERT 1")], [.parse("", "INSERT 1"), .bind(""), .execute(), .sync],
    ])
    func shutdownsBehindAResult(_ messages: [Message]) {
        let rig = Rig.withClient()
        rig.send(messages.bytes)
        var answer = rig.servers[0].unread
        let ready = answer.suffix(6)
        #expect(ready.first == Backend.readyForQuery)
        answer.removeLast(6)
        answer += ErrorFields(.fatal, "57P01", "terminating connection").encoded
        rig.servers[0].unread = answer
        rig.deliver(0, answer.count)
        rig.lose(0)
        rig.settle()
        #expect(rig.taken().hasSuffix("C(INSERT 0 1) \(Self.unknown) Z(I)"))
        #expect(rig.servers.count == 1 && rig.servers[0].model.journal == ["INSERT 1"])
    }

    /// What takes effect outside of the transaction is not run again.
    @Test func shutdownsUnderWhatIsNotRolledBack() {
        #expect(answer([.query("COPY t TO PROGRAM 'cat'")], "57P01", at: "COPY") == "\(Self.unknown) Z(I)")
    }

    /// One statement that was rolled back as its server was shut down is run again.
    @Test func shutdowns() {
        #expect(answer([.query("INSERT 1")], "57P01") == "C(INSERT 0 1) Z(I)")
        #expect(answer([.parse("", "INSERT 1"), .bind(""), .execute(), .sync], "57P01") == "1 2 C(INSERT 0 1) Z(I)")
        #expect(answer([.query("INSERT 1")], "57P02") == "\(Self.unknown) Z(I)")
        #expect(answer([.query("INSERT 1; INSERT 2")], "57P01") == "\(Self.unknown) Z(I)")
        #expect(answer([.query("BEGIN"), .query("INSERT 1")], "57P01").hasSuffix("\(Self.lost) Z(E)"))
    }
}
