// Where does a batch run that began with Parse, Describe and Flush?

import Testing
import Wire

@testable import Sessions

/// Parse and Describe with a Flush decide nothing: what is run decides.
struct PreparationTests {
    private static let s1 = "pointsman_000000000001"

    @Test func aReadStaysWhereItWasPrepared() {
        Rig.withClient().play(
            0,
            Turn(
                .parse("a", "SELECT 1"), .describeStatement("a"), .flush, gets: "1 t T(c)", "acquire replicaSafe",
                "r0 P(\(Self.s1): SELECT 1) D(S \(Self.s1)) H"),
            Turn(.bind("a"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(I)", "r0 B(\(Self.s1)) E() S"))
    }

    @Test func aWriteLeavesTheReplica() {
        let rig = Rig.withClient()
        rig.say(.parse("w", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .parse("a", "SELECT 1"), .describeStatement("a"), .flush, gets: "1 t T(c)", "acquire replicaSafe",
                "r0 P(pointsman_000000000002: SELECT 1) D(S pointsman_000000000002) H"),
            Turn(
                .bind("w"), .execute(), .sync, gets: "2 C(INSERT 0 1) Z(I)", "move", "r0 S", "acquire write",
                "p0 B(\(Self.s1)) E() S"),
            Turn(
                .bind("a"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(I)", "acquire replicaSafe",
                "r0 B(pointsman_000000000002) E() S"))
        #expect(rig.servers.allSatisfy { $0.session.isIdle })
    }

    @Test func anErrorInThePreparationIsToldOnce() {
        Rig.withClient().play(
            0,
            Turn(
                .parse("a", "SELECT nosuch"), .describeStatement("a"), .flush,
                gets: "E(42P01 relation \"nosuch\" does not exist)", "acquire replicaSafe",
                "r0 P(\(Self.s1): SELECT nosuch) D(S \(Self.s1)) H", "again: refused(sqlState: \"42P01\")", "r0 S",
                "acquire replicaSafe on the primary: refusal", "p0 P(\(Self.s1): SELECT nosuch) D(S \(Self.s1)) H"),
            Turn(.bind("a"), .execute(), .sync, gets: "Z(I)", "p0 S"),
            Turn(.query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "acquire replicaSafe", "r0 Q(SELECT 1)")
        )
    }

    @Test func aQueryBehindAPreparation() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .flush)
        rig.clients[0].received = []
        rig.say(.query("INSERT 1"))
        #expect(rig.taken() == "C(INSERT 0 1) Z(I)")
        #expect(rig.committed == ["INSERT 1"])
    }

    @Test func aPreparationAndNothingElse() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .flush)
        rig.say(.sync)
        #expect(rig.taken() == "1 t T(c) Z(I)")
        #expect(rig.allServersAreFree)
    }

    @Test func aTransactionMovesWithWhatItPrepared() {
        let rig = Rig.withClient()
        rig.say(.parse("n", "SELECT pg_current_wal_lsn()"), .sync)
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"))
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .parse("a", "SELECT 2"), .describeStatement("a"), .flush, gets: "1 t T(c)",
                "r0 P(pointsman_000000000002: SELECT 2) D(S pointsman_000000000002) H"),
            Turn(
                .bind("n"), .execute(), .sync, gets: "2 D(SELECT pg_current_wal_lsn()) C(SELECT 1) Z(T)", "move",
                "r0 Q(ROLLBACK)", "acquire primaryOnlyRead",
                "p0 P(: BEGIN READ ONLY) B() E() C(P ) P(: SELECT) B() E() C(P ) B(\(Self.s1)) E() S"))
    }

    /// The lock would be one on the replica alone.
    @Test func aReadThatMustNotBeBalancedLeavesToo() {
        let rig = Rig.withClient()
        rig.say(.parse("l", "SELECT pg_advisory_xact_lock(1)"), .sync)
        rig.say(.parse("a", "SELECT 1"), .flush)
        rig.clients[0].received = []
        rig.say(.bind("l"), .execute(), .sync)
        #expect(rig.taken().hasSuffix("C(SELECT 1) Z(I)"))
        #expect(rig.servers.filter { $0.model.isReplica }.allSatisfy { $0.model.journal.isEmpty })
    }
}
