// Are prepared statements known on every server under the client's own names?

import Testing
import Wire

@testable import Sessions

/// Prepared statements on servers that are shared.
struct StatementTests {
    private static let s1 = "pointsman_000000000001"

    @Test func aKnownStatementIsNotParsedAgain() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.play(
            0,
            Turn(.parse("a", "INSERT 1"), .sync, gets: "1 Z(I)", "acquire write", "p0 P(\(Self.s1): INSERT 1) S"),
            Turn(.bind("a"), .execute(), .sync, gets: "2 C(INSERT 0 1) Z(I)", "acquire write", "p0 B(\(Self.s1)) E() S")
        )
        rig.play(
            1,
            Turn(
                .parse("b", "INSERT 1"), .bind("b"), .execute(), .sync, gets: "1 2 C(INSERT 0 1) Z(I)", "acquire write",
                "p0 B(\(Self.s1)) E() S"))
    }

    /// A reply of ours stands where the server's would have stood.
    @Test func repliesKeepTheirOrder() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "INSERT 1"), .sync)
        rig.say(.closeStatement("a"), .sync)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .parse("", "INSERT 2"), .bind(""), .execute(), .parse("a", "INSERT 1"), .closeStatement("x"),
                .bind("a"),
                .execute(), .closeStatement("a"), .sync,
                gets: "1 2 C(INSERT 0 1) 1 3 2 C(INSERT 0 1) 3 Z(I)", "acquire write",
                "p0 P(: INSERT 2) B() E() B(\(Self.s1)) E() S"))
    }

    @Test func anotherServerIsToldTheStatement() {
        let rig = Rig.withClient()
        rig.play(
            0,
            Turn(
                .parse("a", "SELECT 1"), .bind("a"), .execute(), .sync, gets: "1 2 D(SELECT 1) C(SELECT 1) Z(I)",
                "acquire replicaSafe", "r0 P(\(Self.s1): SELECT 1) B(\(Self.s1)) E() S"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .bind("a"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) P(\(Self.s1): SELECT 1) B(\(Self.s1)) E() S"))
    }

    @Test func theLeastRecentlyUsedIsClosed() {
        let rig = Rig.withClient(settings: SessionSettings(maxPreparedStatements: 2))
        for (name, text) in [("a", "INSERT 1"), ("b", "INSERT 2")] { rig.say(.parse(name, text), .sync) }
        rig.say(.bind("a"), .execute(), .sync)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .parse("c", "INSERT 3"), .bind("c"), .sync, gets: "1 2 Z(I)", "acquire write",
                "p0 P(pointsman_000000000003: INSERT 3) C(S pointsman_000000000002) B(pointsman_000000000003) S"),
            Turn(
                .bind("b"), .execute(), .sync, gets: "2 C(INSERT 0 1) Z(I)", "acquire write",
                "p0 P(pointsman_000000000002: INSERT 2) C(S \(Self.s1)) B(pointsman_000000000002) E() S"))
        #expect(rig.servers[0].session.prepared.count == 2)
    }

    // MARK: Errors

    @Test func unknownAndDuplicateNames() {
        let unknown = "E(26000 prepared statement \"x\" does not exist)"
        let refusal = "p0 B(pointsman_refused) S"
        let rig = Rig.withClient()
        rig.play(
            0,
            Turn(.bind("x"), .execute(), .sync, gets: "\(unknown) Z(I)", "acquire write", refusal),
            Turn(.describeStatement("x"), .sync, gets: "\(unknown) Z(I)", "acquire write", refusal),
            Turn(
                .bind(""), .sync, gets: "E(26000 unnamed prepared statement does not exist) Z(I)", "acquire write",
                refusal),
            Turn(.parse("a", "INSERT 1"), .sync, gets: "1 Z(I)", "acquire write", "p0 P(\(Self.s1): INSERT 1) S"),
            Turn(
                .parse("a", "INSERT 2"), .sync, gets: "E(42P05 prepared statement \"a\" already exists) Z(I)",
                "acquire write", "p0 P(: INSERT 2) B(pointsman_refused) S"),
            Turn(
                .parse("a", "SELECT nosuch"), .sync, gets: "E(42P01 relation \"nosuch\" does not exist) Z(I)",
                "acquire replicaSafe", "r0 P(: SELECT nosuch) B(pointsman_refused) S",
                "again: refused(sqlState: \"42P01\")", "acquire replicaSafe on the primary: refusal",
                "p0 P(: SELECT nosuch) B(pointsman_refused) S"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .bind("x"), .sync, gets: "\(unknown) Z(E)", "acquire write",
                "p0 P(: BEGIN) B() E() C(P ) B(pointsman_refused) S"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "p0 Q(ROLLBACK)"))
    }

    @Test func afterAFailedParseNothingIsKnown() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT nosuch"), .parse("b", "INSERT 1"), .bind("b"), .execute(), .sync)
        #expect(rig.taken() == "E(42P01 relation \"nosuch\" does not exist) Z(I)")
        #expect(rig.clients[0].session.statementCount == 0)
        #expect(rig.servers[0].session.prepared.count == 0)
        #expect(rig.servers[0].model.statements.isEmpty)
    }

    /// The second batch is sent before the first is known to have failed.
    @Test func aPipelinedBatchWaitsForWhatItRestsOn() {
        let rig = Rig.withClient()
        rig.send(
            [Message.bind("x"), .parse("a", "INSERT 1"), .sync, .parse("a", "INSERT 1"), .bind("a"), .execute(), .sync]
                .bytes)
        rig.settle()
        #expect(
            rig.taken()
                == "E(26000 prepared statement \"x\" does not exist) Z(I) 1 2 C(INSERT 0 1) Z(I)")
    }

    /// The Close that the second batch was scanned with is skipped; the name is still taken.
    @Test func aScannedBatchIsScannedAgainWhenNamesChange() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.send([Message.execute("x"), .closeStatement("a"), .sync, .parse("a", "BEGIN"), .bind("a")].bytes)
        rig.settle()
        rig.say(.execute(), .sync)
        #expect(
            rig.taken()
                == "E(34000 portal \"x\" does not exist) Z(I) E(42P05 prepared statement \"a\" already exists) Z(I)")
    }

    /// Another name, the same text, hence the same statement on the server.
    @Test func aPipelinedParseDoesNotRestOnASkippedOne() {
        let rig = Rig.withClient()
        rig.send(
            [Message.query("INSERT 0"), .bind("x"), .parse("a", "INSERT 1"), .sync].bytes
                + [Message.parse("b", "INSERT 1"), .bind("b"), .execute(), .sync].bytes)
        rig.settle()
        #expect(rig.taken().hasSuffix("does not exist) Z(I) 1 2 C(INSERT 0 1) Z(I)"))
    }

    @Test func aSkippedUnnamedParseLeavesTheNamedOne() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "INSERT 1"), .sync)
        rig.say(.parse("", "SELECT nosuch"), .parse("", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.say(.bind("a"), .execute(), .sync)
        #expect(rig.taken() == "2 C(INSERT 0 1) Z(I)")
    }

    // MARK: The unnamed statement

    @Test func theUnnamedStatementOutlivesSync() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.parse("", "INSERT 1"), .sync)
        rig.say(.parse("", "INSERT 2"), .bind(""), .execute(), .sync, by: 1)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .bind(""), .execute(), .sync, gets: "2 C(INSERT 0 1) Z(I)", "acquire write",
                "p0 P(: INSERT 1) B() E() S"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "acquire replicaSafe", "r0 Q(SELECT 1)"),
            Turn(
                .bind(""), .execute(), .sync, gets: "E(26000 unnamed prepared statement does not exist) Z(I)",
                "acquire write", "p0 B(pointsman_refused) S"))
        #expect(rig.servers[0].model.committed == ["INSERT 2", "INSERT 1"])
    }

    @Test func aSimpleQueryDropsAParseThatIsNotConfirmed() {
        let rig = Rig.withClient()
        rig.send(
            [Message.query("INSERT 0"), .parse("", "INSERT 1"), .sync, .query("INSERT 2"), .bind(""), .sync].bytes)
        rig.settle()
        #expect(rig.taken().hasSuffix("E(26000 unnamed prepared statement does not exist) Z(I)"))
    }

    // MARK: Row shapes

    @Test func aChangedShapeIsToldAsPostgreSQLDoes() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .sync)
        rig.say(.query("BEGIN"), .query("INSERT 1"))
        rig.clients[0].received = []
        rig.servers[1].model.column = "other"
        rig.play(
            0,
            Turn(
                .bind("a"), .execute(), .sync, gets: "E(0A000 cached plan must not change result type) Z(E)",
                "p0 P(\(Self.s1): SELECT 1) D(S \(Self.s1)) H", "p0 B(pointsman_refused) S"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "p0 Q(ROLLBACK)"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .describeStatement("a"), .bind("a"), .execute(), .sync,
                gets: "t T(other) 2 D(SELECT 1) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) D(S \(Self.s1)) B(\(Self.s1)) E() S"))
    }

    @Test func anEqualShapeIsNoObstacle() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .sync)
        rig.say(.query("BEGIN"))
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .bind("a"), .execute(), .sync, gets: "2 D(SELECT 1) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) P(\(Self.s1): SELECT 1) D(S \(Self.s1)) H", "p0 B(\(Self.s1)) E() S"))
    }

    /// Whoever parses anew after a change of definitions must not meet the old statement for ever.
    @Test func aRefusedStatementIsParsedAnew() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.parse("a", "SELECT 1"), .sync)
        rig.servers[0].model.column = "other"
        rig.say(.bind("a"), .execute(), .sync)
        #expect(rig.taken() == "1 Z(I) E(0A000 cached plan must not change result type) Z(I)")
        rig.play(
            1,
            Turn(
                .parse("b", "SELECT 1"), .bind("b"), .execute(), .sync, gets: "1 2 D(SELECT 1) C(SELECT 1) Z(I)",
                "acquire replicaSafe", "r0 C(S \(Self.s1)) P(\(Self.s1): SELECT 1) B(\(Self.s1)) E() S"))
    }

    // MARK: DEALLOCATE and reserved names

    @Test func deallocate() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "INSERT 1"), .parse("Quoted", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(.query("DEALLOCATE A"), gets: "C(DEALLOCATE) Z(I)"),
            Turn(
                .parse("", "DEALLOCATE \"Quoted\""), .bind(""), .execute(), .sync, gets: "1 2 C(DEALLOCATE) Z(I)"),
            Turn(
                .query("DEALLOCATE a"), gets: "E(26000 prepared statement \"a\" does not exist) Z(I)",
                "acquire sessionState", "p0 Q(DEALLOCATE a)"))
        #expect(rig.table.retainedCount == 0)
    }

    @Test func deallocateAmongOthers() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.play(
            0,
            Turn(
                .parse("", "DEALLOCATE a"), .bind(""), .execute(), .parse("", "INSERT 2"), .bind(""), .execute(), .sync,
                gets: "1 2 C(DEALLOCATE) 1 2 C(INSERT 0 1) Z(I)", "acquire sessionState",
                "p0 P(: DEALLOCATE a) B() P(a: ) E() H", "p0 P(: INSERT 2) B() E() S"),
            Turn(
                .bind("a"), .sync, gets: "E(26000 prepared statement \"a\" does not exist) Z(I)", "acquire write",
                "p0 B(pointsman_refused) S"))
    }

    @Test func deallocateAllAheadOfAParse() {
        let rig = Rig.withClient()
        rig.say(.query("LISTEN a"), .parse("a", "INSERT 1"), .sync)
        rig.clients[0].received = []
        rig.send(
            [
                Message.query("SELECT nosuch"), .query("DEALLOCATE ALL"), .parse("a", "INSERT 1"), .bind("a"),
                .execute(), .sync,
            ]
            .bytes)
        rig.settle()
        #expect(rig.taken().hasSuffix("C(DEALLOCATE ALL) Z(I) 1 2 C(INSERT 0 1) Z(I)"))
    }

    @Test func reservedNames() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.parse("a", "INSERT 1"), .sync)
        let error = "E(26000 prepared statement \"\(Self.s1)\" does not exist)"
        let refusal = "p0 B(pointsman_refused) S"
        rig.play(
            1,
            Turn(.query("DEALLOCATE \(Self.s1)"), gets: "\(error) Z(I)", "acquire sessionState", refusal),
            Turn(
                .parse("", "DEALLOCATE \(Self.s1)"), .bind(""), .sync, gets: "1 \(error) Z(I)", "acquire sessionState",
                "p0 P(: DEALLOCATE \(Self.s1)) B(pointsman_refused) S"),
            Turn(.bind(Self.s1), .sync, gets: "\(error) Z(I)", "acquire write", refusal),
            Turn(.closeStatement(Self.s1), .sync, gets: "3 Z(I)"),
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen",
                "p0 Q(LISTEN a)"),
            Turn(.bind(Self.s1), .sync, gets: "\(error) Z(I)", refusal),
            Turn(.closeStatement(Self.s1), .sync, gets: "3 Z(I)", "p0 S"),
            Turn(
                .parse(Self.s1, "INSERT 2"), .bind(Self.s1), .execute(), .sync, gets: "1 2 C(INSERT 0 1) Z(I)",
                "p0 P(pointsman_000000000003: INSERT 2) B(pointsman_000000000003) E() S"))
        #expect(rig.servers[0].model.statements[Self.s1] != nil)
    }

    // MARK: Sizes

    @Test func aLargeBindPassesInPieces() {
        let rig = Rig.withClient(settings: SessionSettings(maxBufferedBatch: 100))
        rig.say(.parse("a", "INSERT 1"), .sync)
        rig.clients[0].received = []
        let bytes = [Message.bind("a", padding: 5_000), .execute(), .sync].bytes
        for start in stride(from: 0, to: bytes.count, by: 50) {
            rig.send(Array(bytes[start..<min(start + 50, bytes.count)]))
            #expect(rig.clients[0].input.count < 200)
        }
        rig.settle()
        #expect(rig.taken() == "2 C(INSERT 0 1) Z(I)")
    }

    @Test func aParseThatIsTooLongEndsTheConnection() {
        let rig = Rig.withClient(settings: SessionSettings(maxReadableText: 100))
        rig.send(Array(Message.parse("", "SELECT '" + String(repeating: "x", count: 70_000)).bytes[..<66_000]))
        #expect(rig.clients[0].closing == .error(.textTooLong(limit: 100)))
    }
}
