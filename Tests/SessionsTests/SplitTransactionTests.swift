// Do the reads before the first write of a transaction run on a replica, and nothing that belongs together apart?

import Routing
import Testing
import Wire

@testable import Sessions

@Suite struct SplitTransactionTests {
    private func rig() -> Rig {
        let rig = Rig()
        rig.addClient(settings: SessionSettings(splitTransactions: true))
        return rig
    }

    private static let begun = Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)")
    private static let read = Turn(
        .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire replicaSafe",
        "r0 P(: BEGIN) B() E() C(P ) Q(SELECT 1)")
    private static let written = Turn(
        .query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "move", "r0 Q(ROLLBACK)", "acquire transactionControl",
        "p0 P(: BEGIN) B() E() C(P ) Q(INSERT 1)")

    @Test func readsThenWrites() {
        rig().play(
            0, Self.begun, Self.read,
            Turn(.query("SELECT 2"), gets: "T(c) D(SELECT 2) C(SELECT 1) Z(T)", "r0 Q(SELECT 2)"), Self.written,
            Turn(.query("SELECT 3"), gets: "T(c) D(SELECT 3) C(SELECT 1) Z(T)", "p0 Q(SELECT 3)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "p0 Q(COMMIT)"))
    }

    @Test func onlyReads() {
        rig().play(
            0, Self.begun, Self.read, Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "r0 Q(COMMIT)"), Self.begun,
            Self.read, Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "r0 Q(ROLLBACK)"))
    }

    @Test func writesFirst() {
        rig().play(
            0, Self.begun,
            Turn(
                .query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "acquire write",
                "p0 P(: BEGIN) B() E() C(P ) Q(INSERT 1)"),
            Turn(.query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "p0 Q(SELECT 1)"))
    }

    @Test func byMessages() {
        rig().play(
            0, Turn(.parse("", "BEGIN"), .bind(""), .execute(), .sync, gets: "1 2 C(BEGIN) Z(T)"),
            Turn(
                .parse("s", "SELECT 1"), .bind("s"), .execute(), .sync, gets: "1 2 D(SELECT 1) C(SELECT 1) Z(T)",
                "acquire replicaSafe",
                "r0 P(: BEGIN) B() E() C(P ) P(pointsman_000000000002: SELECT 1) B(pointsman_000000000002) E() S"),
            Turn(
                .parse("", "INSERT 1"), .bind(""), .execute(), .sync, gets: "1 2 C(INSERT 0 1) Z(T)", "move",
                "r0 Q(ROLLBACK)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) P(: INSERT 1) B() E() S"),
            Turn(
                .bind("s"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(T)",
                "p0 P(pointsman_000000000002: SELECT 1) B(pointsman_000000000002) E() S"))
    }

    /// What cannot be taken along begins on the primary, or goes there first.
    @Test(arguments: ["SAVEPOINT s", "DECLARE c CURSOR FOR SELECT 1", "SET LOCAL work_mem = '5MB'"])
    func roots(_ text: String) {
        let first = rig()
        first.say(.query("BEGIN"), .query(text))
        #expect(first.lines.first == "acquire transactionControl")
        let later = rig()
        later.say(.query("BEGIN"), .query("SELECT 1"))
        #expect(later.taken() == "C(BEGIN) Z(T) T(c) D(SELECT 1) C(SELECT 1) Z(T)")
        later.lines = []
        later.say(.query(text))
        #expect(later.lines.prefix(3) == ["move", "r0 Q(ROLLBACK)", "acquire transactionControl"])
        #expect(!later.taken().contains("E("))
    }

    @Test func portals() {
        for batch: [Message] in [
            [.parse("", "SELECT 1"), .bind("", portal: "p"), .execute("p"), .sync],
            // At most one row.
            [.parse("", "SELECT 1"), .bind(""), .raw(Array("E\0\0\0\u{9}\0\0\0\0\u{1}".utf8)), .sync],
        ] {
            let rig = rig()
            rig.say(.query("BEGIN"))
            rig.send(batch.flatMap(\.bytes))
            #expect(rig.lines.first == "acquire transactionControl")
        }
    }

    @Test(arguments: [
        "BEGIN READ WRITE", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE",
    ])
    func otherModes(_ begin: String) {
        let rig = rig()
        rig.say(.query(begin), .query("SELECT 1"))
        #expect(rig.lines.first == "acquire transactionControl")
    }

    /// It has not asked for a replica, so that is not asked about itself.
    @Test func whatDescribesTheNode() {
        let rig = rig()
        rig.play(
            0, Self.begun, Self.read,
            Turn(
                .query("SELECT pg_is_in_recovery()"),
                gets: "T(c) D(SELECT pg_is_in_recovery()) C(SELECT 1) Z(T)", "move", "r0 Q(ROLLBACK)",
                "acquire transactionControl", "p0 P(: BEGIN) B() E() C(P ) Q(SELECT pg_is_in_recovery())"))
    }

    /// Role and database may have another default than the client knows.
    @Test func theDefaultOfTheServer() {
        let rig = rig()
        rig.say(.query("BEGIN"))
        let committed = ServerSession(defaultIsolation: .readCommitted)
        let repeatable = ServerSession(defaultIsolation: .repeatableRead)
        #expect(rig.clients[0].session.mayBegin(on: committed) == true)
        #expect(rig.clients[0].session.mayBegin(on: repeatable) == false)
    }

    /// Answers that were given stay given when their replica is lost.
    @Test func aLostReplica() {
        let rig = rig()
        rig.play(0, Self.begun, Self.read)
        rig.lose(0)
        rig.lines = []
        rig.play(
            0,
            Turn(
                .query("SELECT 2"), gets: "T(c) D(SELECT 2) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) Q(SELECT 2)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "p0 Q(COMMIT)"))
    }
}
