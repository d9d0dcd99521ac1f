// Which messages make a PREPARE of SQL follow its client?

import Testing
import Wire

@testable import Sessions

struct PreparedInSQLTests {
    private let prepared = Turn(
        .query("PREPARE q AS SELECT 1"), gets: "C(PREPARE) Z(I)", "acquire replicaSafe", "r0 Q(PREPARE q AS SELECT 1)")
    private let rows = "T(c) D(SELECT 1) C(SELECT 1) Z(I)"

    @Test func isSentAheadOnce() {
        let rig = Rig.withClient()
        rig.play(
            0, prepared,
            Turn(.query("EXECUTE q"), gets: rows, "acquire replicaSafe", "r0 Q(EXECUTE q)"))
        rig.takesLast = true
        rig.addServer(isReplica: true)
        rig.play(
            0,
            Turn(
                .query("EXECUTE q"), gets: rows, "acquire replicaSafe",
                "r1 P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)"),
            Turn(.query("EXECUTE q"), gets: rows, "acquire replicaSafe", "r1 Q(EXECUTE q)"))
        #expect(rig.clients[0].session.isPinned == false)
    }

    @Test func whatWritesIsExecutedOnThePrimary() {
        Rig.withClient().play(
            0,
            Turn(
                .query("PREPARE w AS INSERT INTO t VALUES (1)"), gets: "C(PREPARE) Z(I)", "acquire primaryOnlyRead",
                "p0 Q(PREPARE w AS INSERT INTO t VALUES (1))"),
            Turn(.query("EXECUTE w"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "p0 Q(EXECUTE w)"))
    }

    /// Its failure is the client's to read, and the EXECUTE behind it is not run.
    @Test func fails() {
        let rig = Rig.withClient()
        rig.play(0, prepared)
        rig.takesLast = true
        rig.addServer(isReplica: true)
        rig.servers[rig.servers.count - 1].model.failing = ("PREPARE", ErrorFields(.error, "54023", "too much"))
        rig.play(
            0,
            Turn(
                .query("EXECUTE q"), gets: "E(54023 too much) Z(I)", "acquire replicaSafe",
                "r1 P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)", "r1 S"),
            Turn(
                .query("EXECUTE q"), gets: rows, "acquire replicaSafe",
                "r1 P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)"))
    }

    @Test func aReplicaThatRefusesItIsAskedNoMore() {
        let rig = Rig.withClient()
        rig.play(0, prepared)
        rig.takesLast = true
        rig.addServer(isReplica: true)
        rig.servers[rig.servers.count - 1].model.failing = (
            "PREPARE", ErrorFields(.error, "42P01", "relation \"t\" does not exist")
        )
        rig.play(
            0,
            Turn(
                .query("EXECUTE q"), gets: rows, "acquire replicaSafe",
                "r1 P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)", "again: refused(sqlState: \"42P01\")",
                "r1 S",
                "acquire replicaSafe on the primary: refusal",
                "p0 P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)", "lesson 42P01"))
    }

    /// Two clients with one text share what the server has; one with another text does not see it.
    @Test func strangers() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.addClient()
        rig.play(0, prepared)
        rig.play(
            1,
            Turn(
                .query("EXECUTE q"), gets: "E(26000 prepared statement \"q\" does not exist) Z(I)",
                "acquire replicaSafe", "r0 C(S q) Q(EXECUTE q)"),
            Turn(
                .query("PREPARE q AS SELECT 1"), gets: "C(PREPARE) Z(I)", "acquire replicaSafe",
                "r0 Q(PREPARE q AS SELECT 1)"))
        rig.play(0, Turn(.query("EXECUTE q"), gets: rows, "acquire replicaSafe", "r0 Q(EXECUTE q)"))
        rig.play(
            2,
            Turn(
                .query("PREPARE q AS SELECT 2"), gets: "C(PREPARE) Z(I)", "acquire replicaSafe",
                "r0 C(S q) Q(PREPARE q AS SELECT 2)"))
    }

    /// What is not understood, or changes the session, may look at names.
    @Test func nobodyElseSeesTheName() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.play(
            0,
            Turn(
                .query("PREPARE w AS INSERT INTO t VALUES (1)"), gets: "C(PREPARE) Z(I)", "acquire primaryOnlyRead",
                "p0 Q(PREPARE w AS INSERT INTO t VALUES (1))"))
        rig.play(
            1,
            Turn(
                .query("INSERT INTO t VALUES (2)"), gets: "C(INSERT 0 1) Z(I)", "acquire write",
                "p0 C(S w) Q(INSERT INTO t VALUES (2))"))
        rig.play(
            0,
            Turn(
                .query("EXECUTE w"), gets: "C(INSERT 0 1) Z(I)", "acquire write",
                "p0 P(: PREPARE w AS INSERT INTO t VALUES (1)) B() E() C(P ) Q(EXECUTE w)"))
        rig.play(
            1,
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen",
                "p0 C(S w) Q(DISCARD SEQUENCES)",
                "p0 Q(LISTEN a)"))
    }

    /// The server reads the text, and then refuses the name, which it need not have had before.
    @Test func aNameThatIsTaken() {
        let rig = Rig.withClient()
        rig.play(0, prepared)
        rig.takesLast = true
        rig.addServer(isReplica: true)
        rig.play(
            0,
            Turn(
                .query("PREPARE q AS SELECT 2"), gets: "E(42P05 prepared statement \"q\" already exists) Z(I)",
                "acquire replicaSafe", "r1 P(q: ) Q(PREPARE q AS SELECT 2)"),
            Turn(
                .query("EXECUTE q"), gets: rows, "acquire replicaSafe",
                "r1 C(S q) P(: PREPARE q AS SELECT 1) B() E() C(P ) Q(EXECUTE q)"))
    }

    @Test func onlySoManyStayOnAServer() {
        Rig.withClient(settings: SessionSettings(maxPreparedStatements: 1)).play(
            0, prepared,
            Turn(
                .query("PREPARE r AS SELECT 2"), gets: "C(PREPARE) Z(I)", "acquire replicaSafe",
                "r0 Q(PREPARE r AS SELECT 2)"),
            Turn(
                .query("EXECUTE q"), gets: rows, "acquire replicaSafe", "r0 Q(EXECUTE q)"))
    }

    /// It means what it means under settings that no other server has.
    @Test(arguments: ["SET LOCAL work_mem = 5", "SELECT f(1)"])
    func behindSettingsOfATransaction(_ text: String) {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query(text))
        rig.say(.query("PREPARE q AS SELECT 1"))
        #expect(rig.clients[0].session.isPinned == true)
    }
}
