// Are transactions begun late, moved and refused as they should be?

import Testing
import Wire

@testable import Sessions

/// BEGIN is answered at once and sent with the first statement.
struct TransactionTests {
    @Test func simple() {
        Rig.withClient().play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) Q(SELECT 1)"),
            Turn(.query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "p0 Q(INSERT 1)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "p0 Q(COMMIT)"))
    }

    @Test func extended() {
        Rig.withClient().play(
            0,
            Turn(.parse("", "BEGIN"), .bind(""), .describePortal(), .execute(), .sync, gets: "1 2 n C(BEGIN) Z(T)"),
            Turn(
                .parse("", "INSERT 1"), .bind(""), .execute(), .sync, gets: "1 2 C(INSERT 0 1) Z(T)",
                "acquire transactionControl", "p0 P(: BEGIN) B() E() C(P ) P(: INSERT 1) B() E() S"),
            Turn(
                .parse("", "COMMIT"), .bind(""), .execute(), .sync, gets: "1 2 C(COMMIT) Z(I)",
                "p0 P(: COMMIT) B() E() S"))
    }

    @Test func spelling() {
        Rig.withClient().play(
            0,
            Turn(.query("/* go */ start transaction"), gets: "C(START TRANSACTION) Z(T)"),
            Turn(.query("END"), gets: "C(COMMIT) Z(I)"),
            Turn(.query("BEGIN WORK"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("ABORT"), gets: "C(ROLLBACK) Z(I)"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("COMMIT AND CHAIN"), gets: "C(COMMIT) Z(T)"),
            Turn(.query(" ; "), gets: "I Z(T)"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)"))
    }

    @Test func modesAreMerged() {
        Rig.withClient().play(
            0,
            Turn(.query("BEGIN READ ONLY"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"), gets: "C(SET) Z(T)"),
            Turn(.query("SET TRANSACTION NOT DEFERRABLE"), gets: "C(SET) Z(T)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire replicaSafe",
                "r0 P(: BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE) B() E() C(P ) Q(SELECT 1)"))
    }

    @Test func notLazy() {
        Rig.withClient(settings: SessionSettings(lazyBegin: false)).play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)", "acquire transactionControl", "p0 Q(BEGIN)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "p0 Q(COMMIT)"))
    }

    @Test func writesAndSerializableOpenOnThePrimary() {
        for begin in ["BEGIN", "BEGIN READ WRITE", "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY"] {
            let rig = Rig.withClient()
            rig.say(.query(begin), .query("SELECT 1"))
            #expect(rig.lines.first == "acquire transactionControl")
        }
    }

    @Test func readOnlyStaysOnItsReplicaToTheEnd() {
        Rig.withClient().play(
            0,
            Turn(.query("BEGIN READ ONLY"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire replicaSafe",
                "r0 P(: BEGIN READ ONLY) B() E() C(P ) Q(SELECT 1)"),
            Turn(.query("SAVEPOINT s"), gets: "C(SAVEPOINT) Z(T)", "r0 Q(SAVEPOINT s)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "r0 Q(COMMIT)"))
    }

    @Test func movesToThePrimary() {
        Rig.withClient().play(
            0,
            Turn(
                .query("BEGIN READ ONLY"), .query("SELECT 1"), gets: "C(BEGIN) Z(T) T(c) D(SELECT 1) C(SELECT 1) Z(T)",
                "acquire replicaSafe", "r0 P(: BEGIN READ ONLY) B() E() C(P ) Q(SELECT 1)"),
            Turn(
                .parse("", "SELECT pg_current_wal_lsn()"), .bind(""), .execute(), .sync,
                gets: "1 2 D(SELECT pg_current_wal_lsn()) C(SELECT 1) Z(T)", "move", "r0 Q(ROLLBACK)",
                "acquire primaryOnlyRead",
                "p0 P(: BEGIN READ ONLY) B() E() C(P ) P(: SELECT) B() E() C(P ) "
                    + "P(: SELECT pg_current_wal_lsn()) B() E() S"),
            Turn(
                .query("INSERT 1"), gets: "E(25006 cannot execute INSERT in a read-only transaction) Z(E)",
                "p0 Q(INSERT 1)"))
    }

    static let refusal =
        "E(25006 cannot execute this statement in a read-only transaction that runs on a replica) Z(E)"

    /// Each statement of a READ COMMITTED transaction sees what the session must see by then; others keep theirs.
    @Test func aReplicaThatIsBehindIsLeft() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"))
        rig.addServer(isReplica: true)
        rig.replicasAreBehind = true
        rig.say(.query("SELECT 2"), .query("COMMIT"))
        #expect(rig.lines.filter { $0 == "move" }.count == 1)
        #expect(rig.servers[0].model.journal.contains("ROLLBACK") && rig.problems.isEmpty)
        rig.lines = []
        rig.say(.query("BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ"), .query("SELECT 3"), .query("SELECT 4"))
        #expect(!rig.lines.contains("move"))
    }

    @Test(arguments: ["BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ", "BEGIN READ ONLY; SAVEPOINT s"])
    func whatCannotMoveIsRefused(_ beginning: String) {
        let rig = Rig.withClient()
        let parts = beginning.split(separator: ";").map { String($0) }
        rig.say(.query(parts[0]), .query("SELECT 1"))
        for part in parts.dropFirst() { rig.say(.query(part)) }
        rig.play(
            0,
            Turn(.query("SELECT pg_current_wal_lsn()"), gets: Self.refusal, "r0 B(pointsman_refused) S"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "r0 Q(ROLLBACK)"))
    }

    /// Rows that are still to be fetched are on the replica.
    @Test func anOpenPortalCannotMove() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY"), .parse("", "SELECT 1"), .bind("", portal: "p"), .execute("p"), .sync)
        rig.play(
            0,
            Turn(.query("SELECT pg_current_wal_lsn()"), gets: Self.refusal, "r0 B(pointsman_refused) S"))
    }

    @Test func whatComesBehindAFlushIsLookedAt() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ"), .query("SELECT 1"))
        rig.play(
            0,
            Turn(
                .parse("", "SELECT 2"), .bind(""), .execute(), .flush, gets: "1 2 D(SELECT 2) C(SELECT 1)",
                "r0 P(: SELECT 2) B() E() H"),
            Turn(
                .parse("", "SELECT pg_current_wal_lsn()"), .bind(""), .execute(), .sync, gets: "1 " + Self.refusal,
                "r0 P(: SELECT pg_current_wal_lsn()) B(pointsman_refused) S"))
    }

    // MARK: Failures

    @Test func firstStatementFails() {
        Rig.withClient().play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("SELECT nosuch"), gets: "E(42P01 relation \"nosuch\" does not exist) Z(E)",
                "acquire transactionControl", "p0 P(: BEGIN) B() E() C(P ) Q(SELECT nosuch)"),
            Turn(.query("COMMIT"), gets: "C(ROLLBACK) Z(I)", "p0 Q(COMMIT)"))
    }

    /// What was sent behind a BEGIN that fails must not run on its own.
    @Test(arguments: [false, true])
    func beginFails(_ isExtended: Bool) {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].model.failing = ("BEGIN", ErrorFields(.error, "57014", "canceled"))
        var messages: [Message] = [.query("BEGIN")]
        for text in ["INSERT 1", "INSERT 2", "COMMIT", "INSERT 3"] {
            messages += isExtended ? [.parse("", text), .bind(""), .execute(), .sync] : [.query(text)]
        }
        rig.send(messages.bytes)
        rig.settle()
        let aborted = "E(25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)"
        let prefix = isExtended ? "1 2 " : ""
        #expect(
            rig.taken()
                == "C(BEGIN) Z(T) E(57014 canceled) Z(E) \(aborted) \(prefix)C(ROLLBACK) Z(I) "
                + "\(prefix)C(INSERT 0 1) Z(I)"
        )
        #expect(rig.servers[0].model.committed == ["INSERT 3"])
    }

    /// A refused batch that begins a transaction leaves a failed one: what was sent behind must not be committed.
    @Test(arguments: [false, true])
    func refusedWithItsBegin(_ isAttached: Bool) {
        let aborted =
            "E(25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)"
        let refused = "E(55000 currval and lastval are not yet defined in this session) Z(E)"
        let begin: [Message] = [
            .parse("", "BEGIN"), .bind(""), .execute(), .parse("", "SELECT lastval()"), .bind(""), .execute(), .sync,
        ]
        let rig = Rig.withClient(.writer)
        rig.addServer(isReplica: false)
        rig.servers[0].session.remembersSequences = true
        let first: [Message] = isAttached ? [.query("INSERT 1")] : []
        rig.send((first + begin + [.query("INSERT 2"), .query("COMMIT")]).bytes)
        rig.settle()
        #expect(rig.taken() == (isAttached ? "C(INSERT 0 1) Z(I) " : "") + "\(refused) \(aborted) C(ROLLBACK) Z(I)")
        #expect(rig.committed == (isAttached ? ["INSERT 1"] : []))
    }

    @Test func refusedTextWithItsBegin() {
        let rig = Rig.withClient()
        rig.refusesServers = ErrorFields(.error, "57P03", "no primary")
        rig.play(
            0,
            Turn(.query("BEGIN; INSERT 1"), gets: "E(57P03 no primary) Z(E)"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)"),
            Turn(.query("INSERT 1; COMMIT"), gets: "E(57P03 no primary) Z(I)"),
            Turn(
                .parse("", "BEGIN"), .bind(""), .execute(), .parse("", "INSERT 1"), .bind(""), .execute(), .sync,
                gets: "E(57P03 no primary) Z(E)"))
    }

    @Test func refusedWithoutServer() {
        let rig = Rig.withClient()
        rig.refusesServers = ErrorFields(.error, "57P03", "no primary")
        rig.play(
            0,
            Turn(.query("INSERT 1"), gets: "E(57P03 no primary) Z(I)"),
            Turn(.parse("", "INSERT 1"), .bind(""), .execute(), .flush, gets: "E(57P03 no primary)"),
            Turn(.parse("", "INSERT 1"), .sync, gets: "Z(I)"),
            Turn(.query("BEGIN"), .query("INSERT 1"), gets: "C(BEGIN) Z(T) E(57P03 no primary) Z(E)"),
            Turn(
                .query("SELECT 1"),
                gets: "E(25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)"),
            Turn(.closeStatement("x"), .sync, gets: "3 Z(E)"),
            Turn(.parse("", "ROLLBACK"), .bind(""), .execute(), .sync, gets: "1 2 C(ROLLBACK) Z(I)"))
    }
}
