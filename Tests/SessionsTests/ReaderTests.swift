// What does the reader port let through?

import Testing
import Wire

@testable import Sessions

/// The reader port: replicas only, reads only.
struct ReaderTests {
    private static let readOnly =
        "r0 Q(SELECT pg_catalog.set_config(E'default_transaction_read_only',E'on',false))"
    private static let refusal = "E(25006 cannot execute this statement on the reader port) Z(I)"

    @Test(arguments: [
        "INSERT 1", "CREATE TABLE x ()", "LISTEN a", "SELECT pg_advisory_lock(1)", "SELECT 1 FOR UPDATE",
        "SELECT 1; INSERT 1", "COMMIT PREPARED 'x'", "SET a.b = 1; INSERT 1", "RESET ALL; LISTEN a",
    ])
    func refuses(_ text: String) {
        Rig.withClient(.reader).play(
            0,
            Turn(.query(text), gets: Self.refusal),
            Turn(.parse("", text), .bind(""), .execute(), .sync, gets: Self.refusal))
    }

    @Test(arguments: ["BEGIN READ WRITE", "START TRANSACTION READ WRITE"])
    func refusesReadWrite(_ text: String) {
        Rig.withClient(.reader).play(
            0, Turn(.query(text), gets: "E(0A000 cannot set transaction read-write mode on the reader port) Z(I)"))
    }

    @Test func transactionsAreReadOnly() {
        Rig.withClient(.reader).play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire replicaSafe",
                Self.readOnly, "r0 P(: BEGIN READ ONLY) B() E() C(P ) Q(SELECT 1)"),
            Turn(
                .query("INSERT 1"), gets: "E(25006 cannot execute this statement on the reader port) Z(E)",
                "r0 B(pointsman_refused) S"),
            Turn(.query("COMMIT"), gets: "C(ROLLBACK) Z(I)", "r0 Q(COMMIT)"))
    }

    @Test func unknownStatement() {
        Rig.withClient(.reader).play(
            0,
            Turn(
                .bind("x"), .execute(), .sync, gets: "E(26000 prepared statement \"x\" does not exist) Z(I)",
                "acquire replicaSafe", Self.readOnly, "r0 B(pointsman_refused) S"))
    }

    @Test func flush() {
        Rig.withClient(.reader).play(
            0,
            Turn(
                .parse("a", "SELECT 1"), .describeStatement("a"), .flush, gets: "1 t T(c)", "acquire replicaSafe",
                Self.readOnly, "r0 P(pointsman_000000000001: SELECT 1) D(S pointsman_000000000001) H"),
            Turn(
                .bind("a"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(I)",
                "r0 B(pointsman_000000000001) E() S"))
    }

    /// What comes in the middle of a batch that a Flush has opened is looked at, too, and a Query is no exception.
    @Test(arguments: [
        ("INSERT 1", "25006 cannot execute this statement on the reader port"),
        ("SELECT pg_advisory_lock(1)", "25006 cannot execute this statement on the reader port"),
        ("BEGIN READ WRITE", "0A000 cannot set transaction read-write mode on the reader port"),
        ("BEGIN; INSERT 1", "25006 cannot execute this statement on the reader port"),
        ("SET transaction_read_only = off", "0A000 cannot set transaction read-write mode on the reader port"),
    ])
    func aQueryWithinABatch(_ text: String, _ error: String) {
        let rig = Rig.withClient(.reader)
        rig.say(.parse("", "SELECT 1"), .bind(""), .execute(), .flush)
        rig.play(0, Turn(.query(text), gets: "E(\(error)) Z(I)", "r0 B(pointsman_refused) S"))
    }

    /// On a replica that stands for a transaction of the split port, too.
    @Test func aQueryWithinABatchOfATransaction() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ"), .query("SELECT 1"))
        rig.say(.parse("", "SELECT 1"), .bind(""), .execute(), .flush)
        rig.play(
            0, Turn(.query("SELECT pg_advisory_lock(1)"), gets: TransactionTests.refusal, "r0 B(pointsman_refused) S"))
    }

    /// The last command of a batch does not speak for the others.
    @Test func severalCommands() {
        Rig.withClient(.reader).play(
            0,
            Turn(
                .parse("", "INSERT 1"), .bind(""), .execute(), .parse("", "SHOW datestyle"), .bind(""), .execute(),
                .sync,
                gets: Self.refusal))
    }

    @Test func whatComesBehindAFlushIsLookedAt() {
        Rig.withClient(.reader).play(
            0,
            Turn(
                .parse("", "SELECT 1"), .bind(""), .execute(), .flush, gets: "1 2 D(SELECT 1) C(SELECT 1)",
                "acquire replicaSafe", Self.readOnly, "r0 P(: SELECT 1) B() E() H"),
            Turn(
                .parse("", "SELECT pg_advisory_lock(1)"), .bind(""), .execute(), .sync, gets: "1 " + Self.refusal,
                "r0 P(: SELECT pg_advisory_lock(1)) B(pointsman_refused) S"))
    }
}
