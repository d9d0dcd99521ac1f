// Does a session foresee what it then does, and change nothing by looking?

import Routing
import Testing
import Wire

@testable import Sessions

/// EXPLAIN ROUTE in every place of a conversation.
struct ProspectTests {
    private static func answer(_ course: String, _ status: String = "I") -> String {
        "T(course) D(\(course)) C(EXPLAIN) Z(\(status))"
    }

    @Test(arguments: [
        ("SELECT 1", "replicaSafe"), ("INSERT 1", "write"), ("SELECT 1 FOR UPDATE", "lockedRead"), ("BEGIN", "here"),
        ("LISTEN a", "sessionState"), ("COMMIT", "transactionControl"), ("SELECT 1; INSERT 1", "write"),
        ("COMMIT AND CHAIN", "transactionControl"),
        ("SELECT currval('s')", "refused 55000"), ("EXPLAIN ROUTE SELECT 1", "here"),
        ("explain /* */ route", "refused 42601"), ("SELECT 1; EXPLAIN ROUTE SELECT 1", "refused 0A000"),
    ])
    func outsideOfTransactions(_ text: String, _ course: String) {
        Rig.withClient().play(
            0,
            Turn(.query("EXPLAIN ROUTE \(text)"), gets: Self.answer(course)),
            Turn(.query("/* why */ explain Route \(text)"), gets: Self.answer(course)))
    }

    @Test func extended() {
        Rig.withClient().play(
            0,
            Turn(
                .parse("", "EXPLAIN ROUTE INSERT 1"), .bind(""), .describePortal(), .execute(), .sync,
                gets: "1 2 T(course) D(write) C(EXPLAIN) Z(I)"),
            // As drivers do that prepare first.
            Turn(
                .parse("a", "EXPLAIN ROUTE SELECT 1"), .describeStatement("a"), .sync, gets: "1 t T(course) Z(I)"),
            Turn(.bind("a"), .execute(), .sync, gets: "2 D(replicaSafe) C(EXPLAIN) Z(I)"),
            Turn(.parse("b", "EXPLAIN ROUTE SELECT 1"), .describeStatement("b"), .flush, gets: "1 t T(course)"),
            Turn(.bind("b"), .execute(), .sync, gets: "2 D(replicaSafe) C(EXPLAIN) Z(I)"),
            Turn(.closeStatement("a"), .sync, gets: "3 Z(I)"))
    }

    @Test func inTransactions() {
        Rig.withClient().play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("transactionControl", "T")),
            Turn(.query("EXPLAIN ROUTE COMMIT"), gets: Self.answer("here", "T")),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) Q(SELECT 1)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("stays", "T")),
            Turn(.query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "p0 Q(INSERT 1)"),
            Turn(
                .query("SELECT nosuch"), gets: "E(42P01 relation \"nosuch\" does not exist) Z(E)",
                "p0 Q(SELECT nosuch)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("refused 25P02", "E")),
            Turn(.query("EXPLAIN ROUTE ROLLBACK"), gets: Self.answer("stays", "E")),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "p0 Q(ROLLBACK)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("replicaSafe")))
    }

    @Test func readOnlyTransactions() {
        let snapshot = "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ"
        for (begin, course) in [("BEGIN READ ONLY", "moves"), (snapshot, "refused 25006")] {
            let rig = Rig.withClient()
            rig.say(.query(begin), .query("EXPLAIN ROUTE SELECT 1"))
            #expect(rig.taken(0) == "C(BEGIN) Z(T) " + Self.answer("replicaSafe", "T"))
            rig.say(.query("SELECT 1"), .query("EXPLAIN ROUTE INSERT 1"), .query("EXPLAIN ROUTE SELECT 1"))
            let read = "T(c) D(SELECT 1) C(SELECT 1) Z(T) "
            #expect(rig.taken(0) == read + Self.answer(course, "T") + " " + Self.answer("stays", "T"))
            #expect(rig.problems == [])
        }
    }

    @Test func pinned() {
        Rig.withClient().play(
            0,
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen", "p0 Q(LISTEN a)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("stays")))
    }

    @Test func theReaderPort() {
        Rig.withClient(.reader).play(
            0,
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("replicaSafe")),
            Turn(.query("EXPLAIN ROUTE INSERT 1"), gets: Self.answer("refused 25006")))
    }

    private static let refusal = "E(0A000 EXPLAIN ROUTE must be a statement of its own)"

    /// With work for a server in the same batch nothing of it is run.
    @Test func notAlone() {
        Rig.withClient().play(
            0,
            Turn(
                .parse("", "INSERT 1"), .bind(""), .execute(), .parse("", "EXPLAIN ROUTE SELECT 1"), .bind(""),
                .execute(), .sync, gets: "\(Self.refusal) Z(I)"),
            Turn(
                .parse("", "EXPLAIN ROUTE SELECT 1"), .bind(""), .execute(), .bind(""), .execute(), .sync,
                gets: "\(Self.refusal) Z(I)"),
            Turn(.query("SELECT 1; EXPLAIN ROUTE SELECT 1"), gets: "\(Self.refusal) Z(I)"),
            Turn(.parse("", "EXPLAIN ROUTE SELECT 1"), .bind(""), .execute(), .flush, gets: Self.refusal),
            Turn(.sync, gets: "Z(I)"))
    }

    /// In a transaction it fails that, as PostgreSQL's own mistakes do.
    @Test func notAloneInATransaction() {
        Rig.withClient().play(
            0,
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen", "p0 Q(LISTEN a)"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)", "p0 Q(BEGIN)"),
            Turn(
                .query("SELECT 1; EXPLAIN ROUTE SELECT 1"), gets: "\(Self.refusal) Z(E)", "p0 B(pointsman_refused) S"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "p0 Q(ROLLBACK)"))
    }

    /// A batch of which more comes than is kept cannot be answered as a whole.
    @Test func tooLarge() {
        let rig = Rig()
        rig.addClient(settings: SessionSettings(maxBufferedBatch: 256))
        let text = "EXPLAIN ROUTE SELECT '" + String(repeating: "a", count: 200) + "'"
        rig.say(.parse("", text), .bind("", padding: 100), .execute(), .sync)
        #expect(rig.taken(0) == "\(Self.refusal) Z(I)")
        // The Bind is not there yet.
        rig.say(.parse("", text), .bind("", padding: 500), .execute(), .sync)
        #expect(rig.taken(0) == "\(Self.refusal) Z(I)")
        #expect(rig.lines == [])
    }

    /// Nothing is lost by asking alone what was refused among others.
    @Test func aloneBehindARefusal() {
        Rig.withClient().play(
            0,
            Turn(.query("SELECT 1; EXPLAIN ROUTE SELECT 1"), gets: "\(Self.refusal) Z(I)"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("replicaSafe")))
    }

    @Test func nothingToExplain() {
        let error = "E(42601 EXPLAIN ROUTE needs a statement)"
        Rig.withClient().play(
            0,
            Turn(.query("EXPLAIN ROUTE"), gets: "\(error) Z(I)"),
            Turn(.query("EXPLAIN ROUTE ; -- nothing"), gets: "\(error) Z(I)"),
            Turn(.parse("", "EXPLAIN ROUTE"), .bind(""), .execute(), .sync, gets: "\(error) Z(I)"),
            Turn(.parse("", "EXPLAIN ROUTE"), .describeStatement(""), .sync, gets: "\(error) Z(I)"),
            Turn(.query("EXPLAIN ROUTE EXPLAIN ROUTE"), gets: Self.answer("refused 42601")),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("EXPLAIN ROUTE"), gets: "\(error) Z(E)"),
            Turn(.query("EXPLAIN ROUTE"), gets: "\(error) Z(E)"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)"),
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen", "p0 Q(LISTEN a)"),
            Turn(.query("EXPLAIN ROUTE"), gets: "\(error) Z(I)", "p0 B(pointsman_refused) S"),
            Turn(.query("EXPLAIN ROUTE SELECT 1"), gets: Self.answer("stays")))
    }

    /// What a transaction that has left its replica is asked for is decided like the first statement of one.
    @Test(arguments: [
        ("SELECT currval('s')", "refused 55000"), ("SELECT lastval()", "refused 55000"),
        ("/* pointsman: role=replica */ INSERT 1", "refused 25006"), ("INSERT 1", "moves"),
        ("SELECT 1 FOR UPDATE", "moves"), ("SET TRANSACTION READ WRITE", "refused"),
    ])
    func behindAMove(_ text: String, _ course: String) {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"))
        _ = rig.taken(0)
        rig.say(.query("EXPLAIN ROUTE \(text)"))
        let foreseen = rig.taken(0)
        rig.lines = []
        rig.say(.query(text))
        let happened = Self.course(rig.lines, rig.taken(0), foreseen: foreseen)
        #expect(foreseen == Self.answer(happened, "T"))
        if course != "refused" { #expect(happened == course) }
    }

    /// What the port objects to goes before what the replica objects to.
    @Test func objectionsOfTheReaderPort() {
        for (text, error) in [
            ("SET TRANSACTION READ WRITE", "0A000 cannot set transaction read-write mode on the reader port"),
            ("INSERT 1", "25006 cannot execute this statement on the reader port"),
        ] {
            let rig = Rig.withClient(.reader)
            rig.say(.query("BEGIN"), .query("SAVEPOINT a"))
            _ = rig.taken(0)
            rig.say(.query("EXPLAIN ROUTE \(text)"))
            #expect(rig.taken(0) == Self.answer("refused \(error.prefix(5))", "T"))
            rig.say(.query(text))
            #expect(rig.taken(0) == "E(\(error)) Z(E)")
        }
    }

    private static let statements = [
        "SELECT 1", "SELECT 1", "SELECT 1", "INSERT INTO t VALUES (1)", "SELECT nosuch", "SELECT a FROM t", "BEGIN",
        "BEGIN READ ONLY", "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ", "COMMIT", "COMMIT", "ROLLBACK",
        "ROLLBACK AND CHAIN", "SAVEPOINT s", "ROLLBACK TO s", "LISTEN a", "DISCARD ALL", "RESET ALL",
        "SELECT 1 FOR UPDATE", "SELECT pg_backend_pid()", "SELECT 1; SELECT 2", "BEGIN; INSERT INTO t VALUES (3)",
        "SET pointsman.role = replica", "SET pointsman.role = primary", "RESET pointsman.role",
        "SET pointsman.role = none", "SHOW pointsman.role", "/* pointsman: role=replica */ SELECT 1", "DEALLOCATE p",
        "DEALLOCATE ALL", "SHOW datestyle", "SET TRANSACTION READ ONLY", "SELECT currval('s')",
        "SELECT lastval()", "SET TRANSACTION READ WRITE", "EXPLAIN ROUTE SELECT 1", "EXPLAIN ROUTE",
        "/* pointsman: role=replica */ INSERT INTO t VALUES (4)", "/* pointsman: role=primary */ SELECT 1",
        "SELECT 1; EXPLAIN ROUTE SELECT 1",
    ]

    /// Random conversations: what is foreseen is what happens, and looking changes nothing.
    @Test(arguments: [ListenerKind.split, .reader, .writer])
    func foresight(_ port: ListenerKind) {
        for seed in 0..<400 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let rig = Rig.withClient(port)
            rig.say(.parse("p", "SELECT 2"), .sync)
            for _ in 0..<12 {
                let text = Self.statements.randomElement(using: &random) ?? ""
                rig.lines = []
                _ = rig.taken(0)
                rig.say(.query("EXPLAIN ROUTE \(text)"))
                let foreseen = rig.taken(0)
                #expect(rig.lines == [], "seed \(seed), \(text)")
                rig.say(.query(text))
                let course = Self.course(rig.lines, rig.taken(0), foreseen: foreseen)
                #expect(foreseen.hasPrefix("T(course) D(\(course)) "), "seed \(seed), \(text): \(rig.lines)")
                #expect(rig.problems == [], "seed \(seed)")
            }
        }
    }

    /// What has happened, in the words of what was foreseen.
    private static func course(_ lines: [String], _ reply: String, foreseen: String) -> String {
        if foreseen.contains("D(refused ") {
            return reply.hasPrefix("E(") ? "refused \(reply.dropFirst(2).prefix(5))" : "not refused"
        }
        let acquired = lines.first { $0.hasPrefix("acquire ") }
        if lines.contains("move") { return acquired == nil ? "here" : "moves" }
        if let line = acquired, line.hasPrefix("acquire ") { return String(line.dropFirst("acquire ".count)) }
        return lines.isEmpty ? "here" : "stays"
    }
}
