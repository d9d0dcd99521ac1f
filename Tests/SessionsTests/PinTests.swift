// What pins a session, and what happens when the pool refuses?

import SQL
import Testing
import Wire

@testable import Sessions

/// What makes a session keep its server, and what the server must be told before.
struct PinTests {
    @Test func listen() {
        Rig.withClient().play(
            0,
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen",
                "p0 Q(LISTEN a)"),
            Turn(.query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "p0 Q(SELECT 1)"),
            Turn(.query("DISCARD ALL"), gets: "C(DISCARD ALL) Z(I)", "p0 Q(DISCARD ALL)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "acquire replicaSafe", "r0 Q(SELECT 1)"))
    }

    /// What takes state away lets the server be asked, and the session go when nothing is left.
    @Test func aPinEnds() {
        let row = "T(c) D(SELECT 1) C(SELECT 1) Z(I)"
        Rig.withClient().play(
            0,
            Turn(
                .query("LISTEN a"), gets: "C(LISTEN) Z(I)", "acquire sessionState", "pin listen", "p0 Q(LISTEN a)"),
            Turn(.query("DISCARD TEMP"), gets: "C(DISCARD TEMP) Z(I)", "p0 Q(DISCARD TEMP)", "p0 Q(state)"),
            Turn(.query("SELECT 1"), gets: row, "p0 Q(SELECT 1)"),
            Turn(.query("SELECT 1/0"), gets: "T(c) E(22012 division by zero) Z(I)", "p0 Q(SELECT 1/0)"),
            Turn(
                .query("UNLISTEN a"), gets: "C(UNLISTEN) Z(I)", "p0 Q(UNLISTEN a)", "p0 Q(state)",
                "p0 Q(DISCARD ALL)"),
            Turn(.query("SELECT 1"), gets: row, "acquire replicaSafe", "r0 Q(SELECT 1)"))
    }

    @Test func thereIsAQuestionForWhatCanBeAskedFor() {
        // Statements are asked for by name and text.
        #expect(PinReasons(PinReasons.conditions.map(\.reason)).union(.sqlPrepare) == .inspectable)
    }

    /// A pin that was taken for what is then undone.
    @Test func anUndonePinEnds() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"))
        rig.say(.query("LISTEN a"))
        #expect(rig.clients[0].session.isPinned == true)
        rig.say(.query("ROLLBACK"))
        #expect(rig.clients[0].session.isPinned == false)
        #expect(rig.servers[0].isFree)
        rig.say(.query("LISTEN a; SELECT nosuch"))
        #expect(rig.clients[0].session.isPinned == false)
    }

    /// What was prepared meanwhile goes along, under a name that is shared, and a server that cannot tell keeps its
    /// session.
    @Test func statementsLeaveWithTheSession() {
        let rig = Rig.withClient()
        rig.say(.query("LISTEN a"))
        rig.say(.parse("s", "SELECT 1"), .parse("t", "SELECT 2"), .sync)
        rig.servers[0].model.failing = ("SELECT '*", ErrorFields(.error, "57014", "canceled"))
        rig.say(.query("UNLISTEN a"))
        #expect(rig.clients[0].session.isPinned == true)
        rig.say(.query("DEALLOCATE t"))
        #expect(rig.clients[0].session.isPinned == false)
        rig.clients[0].received = []
        rig.say(.bind("s"), .execute(), .sync)
        #expect(rig.taken() == "2 D(SELECT 1) C(SELECT 1) Z(I)")
        rig.say(.bind("t"), .execute(), .sync)
        #expect(rig.taken() == "E(26000 prepared statement \"t\" does not exist) Z(I)")
        #expect(rig.problems.isEmpty)
    }

    @Test func extendedPinsAheadOfTheBatch() {
        Rig.withClient().play(
            0,
            Turn(
                .parse("", "LISTEN a"), .bind(""), .execute(), .sync, gets: "1 2 C(LISTEN) Z(I)",
                "acquire sessionState", "pin listen", "p0 P(: LISTEN a) B() E() S"))
    }

    /// A simple Query in the middle of a batch would commit its first half.
    @Test func aPinInTheMiddleIsPartOfTheBatch() {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].session.remembersSequences = true
        rig.play(
            0,
            Turn(
                .parse("", "INSERT 1"), .bind(""), .execute(), .flush, gets: "1 2 C(INSERT 0 1)", "acquire write",
                "p0 P(: INSERT 1) B() E() H"),
            Turn(
                .parse("", "LISTEN a"), .bind(""), .execute(), .parse("", "SELECT nosuch"), .sync,
                gets: "1 2 C(LISTEN) E(42P01 relation \"nosuch\" does not exist) Z(I)", "p0 P(: LISTEN a)",
                "pin listen",
                "p0 P(: DISCARD SEQUENCES) B() E() C(P )", "p0 P(: LISTEN a) B() E() H",
                "p0 P(: SELECT nosuch) S", "p0 Q(state)", "p0 Q(DISCARD ALL)"))
        #expect(rig.servers[0].model.committed == [])
    }

    /// A server that reads over everything up to a Sync is not asked for anything.
    @Test(arguments: [false, true])
    func aPinBehindAnError(_ isLate: Bool) {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].session.remembersSequences = true
        rig.send([Message.parse("", "SELECT 1/0"), .bind(""), .execute(), .query("INSERT 1")].bytes)
        if isLate { rig.settle() }
        rig.send([Message.parse("", "LISTEN a"), .bind(""), .execute(), .sync, .query("INSERT 2")].bytes)
        rig.settle()
        #expect(rig.taken() == "1 2 E(22012 division by zero) Z(I) C(INSERT 0 1) Z(I)")
        #expect(rig.committed == ["INSERT 2"])
        #expect(rig.clients[0].session.isPinned == false)
        #expect(rig.allServersAreFree)
        #expect(rig.problems.isEmpty)
    }

    /// What comes behind a text that begins a transaction and is refused must not run outside of that.
    @Test(arguments: ["BEGIN; LISTEN a", "LISTEN a; START TRANSACTION; INSERT 1", "begin; SET SEED = 0.5"])
    func refusedWithItsBegin(_ text: String) {
        let rig = Rig.withClient()
        rig.grantsPins = false
        rig.send([Message.query(text), .query("INSERT 2"), .query("ROLLBACK")].bytes)
        rig.settle()
        let aborted = "E(25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)"
        #expect(
            rig.taken() == "E(53300 too many pinned sessions in this pool) Z(E) \(aborted) C(ROLLBACK) Z(I)")
        #expect(rig.committed == [])
        rig.say(.query("LISTEN a; COMMIT"))
        #expect(rig.taken() == "E(53300 too many pinned sessions in this pool) Z(I)")
    }

    @Test(arguments: [false, true])
    func refused(_ isExtended: Bool) {
        let rig = Rig.withClient()
        rig.grantsPins = false
        let error = "E(53300 too many pinned sessions in this pool) Z(I)"
        if isExtended {
            rig.play(
                0,
                Turn(
                    .parse("", "LISTEN a"), .bind(""), .execute(), .sync, gets: error, "acquire sessionState",
                    "pin listen", "p0 B(pointsman_refused) S"))
        } else {
            rig.play(
                0,
                Turn(.query("LISTEN a"), gets: error, "acquire sessionState", "pin listen", "p0 B(pointsman_refused) S")
            )
        }
        #expect(rig.servers[0].client == nil)
    }

    @Test func theClearingFails() {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].session.remembersSequences = true
        rig.servers[0].model.failing = ("DISCARD", ErrorFields(.error, "57014", "canceled"))
        rig.say(.query("LISTEN a"))
        #expect(rig.taken() == "E(57014 canceled) Z(I)")
        #expect(!rig.servers[0].model.journal.contains("LISTEN a"))
        #expect(rig.clients[0].session.isPinned == false)
    }

    @Test func aTextTooLongToReadPins() {
        let rig = Rig.withClient(settings: SessionSettings(maxReadableText: 50))
        let query = Message.query("SELECT '" + String(repeating: "x", count: 100) + "'").bytes
        rig.send(Array(query[..<60]))
        rig.settle()
        #expect(
            rig.lines.prefix(2) == ["acquire write", "pin too large to read"], "\(rig.lines)")
        rig.send(Array(query[60...]))
        rig.settle()
        #expect(rig.taken().hasSuffix("C(SELECT 1) Z(I)"))
        #expect(rig.clients[0].session.isPinned == true)
    }

    @Test func sequences() {
        let error = "E(55000 currval and lastval are not yet defined in this session) Z(I)"
        Rig.withClient().play(
            0,
            Turn(.query("SELECT currval('s')"), gets: error),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "acquire replicaSafe", "r0 Q(SELECT 1)"),
            Turn(
                .query("INSERT 1"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "pin sequence",
                "p0 Q(INSERT 1)"),
            Turn(
                .query("SELECT lastval()"), gets: "T(c) D(SELECT lastval()) C(SELECT 1) Z(I)", "p0 Q(SELECT lastval())")
        )
    }

    /// A server that others have used is cleared ahead of the first write of a transaction, and then may be asked.
    @Test func sequencesInATransaction() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        rig.play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) P(: DISCARD SEQUENCES) B() E() C(P ) Q(INSERT 1)"),
            Turn(
                .query("SELECT lastval()"), gets: "T(c) D(SELECT lastval()) C(SELECT 1) Z(T)",
                "p0 Q(SELECT lastval())"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)", "p0 Q(COMMIT)"),
            // From the next write on the session keeps its server.
            Turn(
                .query("INSERT 2"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "pin sequence",
                "p0 Q(DISCARD SEQUENCES)", "p0 Q(INSERT 2)"))
        #expect(rig.servers.count == 1)
    }

    @Test func nobodyElsesSequencesInATransaction() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        rig.say(.query("BEGIN"), .query("SELECT 1"))
        rig.clients[0].received = []
        rig.say(.query("SELECT currval('s')"))
        #expect(rig.taken() == "E(55000 currval and lastval are not yet defined in this session) Z(E)")
        rig.say(.query("ROLLBACK"))
        #expect(rig.clients[0].server == nil)
    }

    /// Some send both in one text.
    @Test(arguments: [false, true])
    func sequencesInOneBatch(_ isExtended: Bool) {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        let clearing = "P(: DISCARD SEQUENCES) B() E() C(P )"
        if isExtended {
            rig.play(
                0,
                Turn(
                    .parse("", "INSERT 1"), .bind(""), .execute(), .parse("", "SELECT lastval()"), .bind(""),
                    .execute(), .sync,
                    gets: "1 2 C(INSERT 0 1) 1 2 D(SELECT lastval()) C(SELECT 1) Z(I)", "acquire write",
                    "p0 \(clearing) P(: INSERT 1) B() E() P(: SELECT lastval()) B() E() S"))
        } else {
            let text = "INSERT 1; SELECT lastval()"
            rig.play(
                0,
                Turn(
                    .query(text), gets: "C(INSERT 0 1) T(c) D(SELECT lastval()) C(SELECT 1) Z(I)", "acquire write",
                    "p0 \(clearing) Q(\(text))"))
        }
    }

    /// Ahead of a BEGIN it is awaited: behind it no BEGIN could choose its isolation.
    @Test func sequencesInOneTextWithBegin() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        let text = "BEGIN; INSERT 1; SELECT lastval(); COMMIT"
        rig.play(
            0,
            Turn(
                .query(text), gets: "C(BEGIN) C(INSERT 0 1) T(c) D(SELECT lastval()) C(SELECT 1) C(COMMIT) Z(I)",
                "acquire transactionControl", "p0 Q(DISCARD SEQUENCES)", "p0 Q(\(text))"))
    }

    /// A text that may leave a failed transaction behind it is not cleared for.
    @Test func sequencesBehindAnEnd() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        rig.say(.query("BEGIN"), .query("SELECT 1/0"))
        rig.clients[0].received = []
        rig.say(.query("ROLLBACK; INSERT 1; SELECT lastval()"))
        #expect(rig.taken() == "E(55000 currval and lastval are not yet defined in this session) Z(E)")
    }

    /// What follows the end of a transaction at once is in none.
    @Test func behindTheEndOfATransactionNothingIsCleared() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        rig.say(.query("BEGIN"), .query("SELECT 1"))
        rig.lines = []
        rig.send(Message.query("COMMIT").bytes + Message.query("VACUUM").bytes)
        rig.settle()
        #expect(!rig.lines.contains { $0.contains("DISCARD") } && rig.problems.isEmpty, "\(rig.lines)")
        #expect(rig.servers[0].model.journal.suffix(2) == ["COMMIT", "VACUUM"])
    }

    /// What might be asked after a write is no reason to refuse it.
    @Test func noRoomForAPinOfSequences() {
        let rig = Rig.withClient()
        rig.grantsPins = false
        rig.say(.query("SELECT lastval()"))
        rig.clients[0].received = []
        rig.say(.query("INSERT 1"))
        #expect(rig.taken() == "C(INSERT 0 1) Z(I)")
        #expect(rig.lines.last == "p0 Q(INSERT 1)")
    }

    /// State that needs no pin still must not reach the next client.
    @Test func tracesAreCleared() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query("INSERT 1"), .query("UNLISTEN *"), .query("COMMIT"))
        #expect(rig.lines.last == "p0 Q(DISCARD ALL)")
        #expect(rig.servers[0].isFree)
    }

    @Test func answeredWithoutServer() {
        let rig = Rig.withClient()
        for (text, tag) in [
            ("DISCARD ALL", "DISCARD ALL"), ("RESET ALL", "RESET"), ("DEALLOCATE ALL", "DEALLOCATE ALL"),
            ("DISCARD PLANS", "DISCARD PLANS"), ("DISCARD TEMP", "DISCARD TEMP"), ("UNLISTEN *", "UNLISTEN"),
            ("DISCARD SEQUENCES", "DISCARD SEQUENCES"), ("CLOSE ALL", "CLOSE CURSOR ALL"), ("-- nothing", ""),
        ] {
            rig.say(.query(text))
            #expect(rig.taken() == (tag.isEmpty ? "I Z(I)" : "C(\(tag)) Z(I)"))
        }
        #expect(rig.lines == [])
    }

    // MARK: Settings

    @Test func settingsAreToldOnce() {
        let rig = Rig.withClient(parameters: [StartupParameter("work_mem", "1MB")])
        rig.addClient()
        let difference = "p0 Q(SELECT pg_catalog.set_config(E'work_mem',E'1MB',false))"
        rig.play(
            0,
            Turn(.query("INSERT 1"), gets: "C(INSERT 0 1) Z(I)", "acquire write", difference, "p0 Q(INSERT 1)"),
            Turn(.query("INSERT 2"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "p0 Q(INSERT 2)"))
        rig.play(
            1,
            Turn(
                .query("INSERT 3"), gets: "C(INSERT 0 1) Z(I)", "acquire write", "p0 Q(RESET \"work_mem\";)",
                "p0 Q(INSERT 3)"))
    }

    @Test func settingsRefused() {
        let rig = Rig.withClient(parameters: [StartupParameter("work_mem", "much")])
        rig.addServer(isReplica: false)
        rig.servers[0].model.failing = ("SELECT", ErrorFields(.error, "22023", "invalid value"))
        rig.say(.query("INSERT 1"))
        #expect(rig.taken() == "E(22023 invalid value) Z(I)")
        #expect(rig.servers[0].model.journal == [])
        #expect(rig.servers[0].isFree)
    }

    @Test func resetAllKeepsWhatTheClientBrought() {
        let rig = Rig.withClient(parameters: [StartupParameter("work_mem", "1MB")])
        rig.say(.query("LISTEN a"))
        rig.play(
            0,
            Turn(
                .query("RESET ALL"), gets: "C(RESET) Z(I)", "p0 Q(RESET ALL)", "p0 Q(restoring)",
                "p0 Q(SELECT v.n, pg_catalog.current_setting(v.n, true), s.source FROM (VALUES"
                    + " (E'work_mem'::pg_catalog.text)) AS v (n) LEFT JOIN pg_catalog.pg_settings AS s"
                    + " ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) v.n UNION ALL state)"),
            Turn(
                .query("SELECT 1"), gets: "T(c) D(SELECT 1) C(SELECT 1) Z(I)", "p0 Q(SELECT 1)"))
    }
}
