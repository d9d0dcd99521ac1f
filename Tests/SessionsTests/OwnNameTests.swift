// Are statements of the protocol known to SQL by the names that the client gave?

import Testing
import Wire

@testable import Sessions

/// SQL and protocol share one namespace.
struct OwnNameTests {
    private func prepared() -> Rig {
        let rig = Rig.withClient()
        rig.say(.parse("s", "SELECT 1"), .sync)
        rig.clients[0].received = []
        return rig
    }

    @Test func deallocatedAmongOthers() {
        let rig = prepared()
        rig.play(
            0,
            Turn(
                .query("DEALLOCATE s; SELECT 2"), gets: "C(DEALLOCATE) T(c) D(SELECT 2) C(SELECT 1) Z(I)",
                "acquire sessionState", "pin sql prepare", "p0 P(s: SELECT 1) Q(DEALLOCATE s; SELECT 2)",
                "p0 Q(state)", "p0 Q(DISCARD ALL)"),
            Turn(
                .bind("s"), .execute(), .sync, gets: "E(26000 prepared statement \"s\" does not exist) Z(I)",
                "acquire write", "p0 B(pointsman_refused) S"),
            Turn(
                .parse("s", "SELECT 3"), .bind("s"), .execute(), .sync, gets: "1 2 D(SELECT 3) C(SELECT 1) Z(I)",
                "acquire replicaSafe", "r0 P(pointsman_000000000002: SELECT 3) B(pointsman_000000000002) E() S"))
    }

    /// What the client does not have is the server's to look for.
    @Test func anUnknownNamePinsNobody() {
        let rig = prepared()
        rig.say(.query("DEALLOCATE x; SELECT 2"))
        #expect(rig.taken() == "E(26000 prepared statement \"x\" does not exist) Z(I)")
        #expect(rig.clients[0].session.isPinned == false)
    }

    /// A Parse ahead of the text that fails takes the text with it, and what comes behind is not lost.
    @Test func theParseFails() {
        let rig = prepared()
        rig.addServer(isReplica: false)
        rig.say(.parse("t", "SELECT nosuch2"), .sync)
        rig.clients[0].received = []
        rig.send(Message.query("BEGIN").bytes + Message.query("SELECT 1/0").bytes)
        rig.send(Message.query("DEALLOCATE s; SELECT 2").bytes + Message.query("ROLLBACK").bytes)
        rig.settle()
        #expect(rig.taken().hasSuffix("Z(E) C(ROLLBACK) Z(I)"))
        #expect(rig.problems.isEmpty)
        rig.say(.bind("s"), .execute(), .sync)
        #expect(rig.taken() == "2 D(SELECT 1) C(SELECT 1) Z(I)")
    }

    /// What a list of statements is to show depends on the answers to what was sent before.
    @Test func aListBehindAFailure() {
        let rig = Rig.withClient(.writer)
        rig.say(.parse("s", "SELECT 3"), .sync)
        rig.clients[0].received = []
        let failing: [Message] = [
            .parse("", "SELECT nosuch"), .closeStatement("s"), .parse("s", "SELECT 4"), .sync,
            .query("SELECT name FROM pg_prepared_statements"),
        ]
        rig.send(failing.bytes)
        rig.settle()
        rig.clients[0].received = []
        rig.say(.bind("s"), .execute(), .sync)
        #expect(rig.taken() == "2 D(SELECT 3) C(SELECT 1) Z(I)")
        #expect(rig.problems.isEmpty)
    }

    @Test func whatIsPreparedInAPinnedSessionHasItsName() {
        let rig = Rig.withClient()
        rig.say(.query("LISTEN a"))
        rig.play(
            0,
            Turn(.parse("s", "SELECT 1"), .sync, gets: "1 Z(I)", "p0 P(s: SELECT 1) S"),
            Turn(
                .parse("s", "SELECT 2"), .sync, gets: "E(42P05 prepared statement \"s\" already exists) Z(I)",
                "p0 P(s: SELECT 2) S"),
            Turn(.bind("s"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(I)", "p0 B(s) E() S"),
            Turn(.closeStatement("s"), .sync, gets: "3 Z(I)", "p0 C(S s) S"),
            Turn(
                .bind("s"), .execute(), .sync, gets: "E(26000 prepared statement \"s\" does not exist) Z(I)",
                "p0 B(s) E() S"))
        rig.say(.query("DISCARD ALL"))
        rig.clients[0].received = []
        rig.say(.parse("s", "SELECT 1"), .bind("s"), .execute(), .sync)
        #expect(rig.taken() == "1 2 D(SELECT 1) C(SELECT 1) Z(I)")
    }
}
