// Does a client see nothing of what a replica refuses or breaks, and everything that is its own?

import SQL
import Testing
import Wire

@testable import Sessions

@Suite struct TrialTests {
    static let s1 = "pointsman_000000000001"
    static let rows = "T(c) D(SELECT 1) C(SELECT 1) Z(I)"

    /// A rig whose replica answers the next SELECT with an error.
    private func rig(
        _ sqlState: String, _ severity: ErrorFields.Severity = .error, _ listener: Routing = .split,
        settings: SessionSettings = .init()
    ) -> Rig {
        let rig = Rig()
        rig.addClient(listener == .split ? .split : .reader, settings: settings)
        rig.addServer(isReplica: true)
        rig.servers[0].model.failing = ("SELECT 1", ErrorFields(severity, sqlState, "no"))
        return rig
    }

    enum Routing { case split, reader }

    // MARK: Run again

    @Test(arguments: [
        "25006", "0A000", "55000", "XX000", "58P01", "42P01", "42703", "42883", "42704", "3F000", "42501", "22P02",
    ])
    func refusalsGoToThePrimary(_ sqlState: String) {
        for messages: [Message] in [
            [.query("SELECT 1")], [.parse("", "SELECT 1"), .bind(""), .describePortal(""), .execute(), .sync],
        ] {
            let rig = rig(sqlState)
            rig.send(messages.bytes)
            rig.settle()
            #expect(rig.taken() == (messages.count == 1 ? Self.rows : "1 2 \(Self.rows)"))
            #expect(rig.lines.contains("again: refused(sqlState: \"\(sqlState)\")"))
            #expect(rig.lines.contains("acquire replicaSafe on the primary: refusal"))
            #expect(rig.servers[1].model.journal == ["SELECT 1"] && rig.allServersAreFree && rig.problems.isEmpty)
        }
    }

    @Test(arguments: [
        ("40001", ErrorFields.Severity.error), ("40P01", .error), ("57P04", .fatal), ("57P01", .fatal),
        ("57P03", .fatal),
    ])
    func interruptionsGoToAnotherNode(_ sqlState: String, _ severity: ErrorFields.Severity) {
        let rig = rig(sqlState, severity)
        rig.addServer(isReplica: true)
        rig.takesLast = false
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == Self.rows)
        #expect(rig.lines.contains("again: interrupted(sqlState: \"\(sqlState)\")"))
        #expect(rig.servers.allSatisfy { $0.model.isReplica })
    }

    @Test func aStatementStaysPrepared() {
        let rig = rig("25006")
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .sync)
        #expect(rig.taken() == "1 t T(c) Z(I)")
        rig.say(.bind("a"), .execute(), .sync)
        #expect(rig.taken() == "2 D(SELECT 1) C(SELECT 1) Z(I)")
        #expect(rig.clients[0].session.statementCount == 1)
        rig.say(.parse("a", "SELECT 2"), .sync)
        #expect(rig.taken() == "E(42P05 prepared statement \"a\" already exists) Z(I)")
    }

    @Test func aStatementOfTheFailedBatchIsPreparedOnce() {
        let rig = rig("25006")
        rig.say(.parse("a", "SELECT 1"), .bind("a"), .execute(), .sync)
        #expect(rig.taken() == "1 2 D(SELECT 1) C(SELECT 1) Z(I)")
        rig.say(.closeStatement("a"), .parse("a", "SELECT 2"), .bind("a"), .execute(), .sync)
        #expect(rig.taken() == "3 1 2 D(SELECT 2) C(SELECT 1) Z(I)")
        #expect(rig.clients[0].session.statementCount == 1)
        rig.end(0, .goodbye)
        #expect(rig.table.retainedCount == 0)
    }

    /// BEGIN and the first statement are one trial; afterwards the transaction is on the primary.
    @Test func theFirstStatementOfAReadOnlyTransaction() {
        let rig = rig("42P01")
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"), .query("SELECT 2"), .query("COMMIT"))
        #expect(
            rig.taken()
                == "C(BEGIN) Z(T) T(c) D(SELECT 1) C(SELECT 1) Z(T) T(c) D(SELECT 2) C(SELECT 1) Z(T) C(COMMIT) Z(I)")
        #expect(rig.servers[1].model.journal == ["BEGIN READ ONLY", "SELECT 1", "SELECT 2", "COMMIT"])
        #expect(rig.allServersAreFree)
    }

    /// The results of the first command are less than PostgreSQL sends without need.
    @Test func aLaterCommandOfThePipeline() {
        let rig = rig("25006")
        rig.servers[0].model.failing = ("SELECT 2", ErrorFields(.error, "25006", "no"))
        rig.say(
            .parse("", "SELECT 1"), .bind(""), .execute(), .parse("", "SELECT 2"), .bind(""), .execute(), .sync)
        #expect(rig.taken() == "1 2 D(SELECT 1) C(SELECT 1) 1 2 D(SELECT 2) C(SELECT 1) Z(I)")
        rig.servers[0].model.failing = ("SELECT 4", ErrorFields(.error, "25006", "no"))
        rig.say(.query("SELECT 3; SELECT 4"))
        #expect(rig.taken() == "T(c) D(SELECT 3) C(SELECT 1) T(c) D(SELECT 4) C(SELECT 1) Z(I)")
    }

    @Test func pipelinedBatchesWait() {
        let rig = rig("25006")
        rig.say(.query("SELECT 1"), .query("SELECT a"), .query("INSERT 3"))
        #expect(rig.taken() == "\(Self.rows) T(c) D(SELECT a) C(SELECT 1) Z(I) C(INSERT 0 1) Z(I)")
        #expect(rig.committed == ["INSERT 3"] && rig.servers[0].model.journal == [])
        #expect(rig.servers[1].model.journal == ["SELECT 1", "SELECT a", "INSERT 3"])
    }

    /// What a server says that ends because of something else.
    @Test(arguments: ["57P01", "57P02"])
    func aWarningAheadOfTheEnd(_ sqlState: String) {
        let rig = Rig.withClient()
        rig.send([Message.query("SELECT 1")].bytes)
        rig.servers[0].unread = ErrorFields(.warning, sqlState, "ending").encoded
        rig.deliver(0, .max)
        rig.lose(0)
        rig.settle()
        #expect(rig.taken() == Self.rows)
        #expect(rig.lines.contains("again: interrupted(sqlState: \"\(sqlState)\")"))
        #expect(rig.table.learned.isEmpty)
    }

    @Test func noticesOfAFailedTryAreDropped() {
        let rig = Rig.withClient()
        rig.send([Message.query("SELECT 1")].bytes)
        let notice = ErrorFields(.notice, "00000", "reading").encoded
        rig.servers[0].unread = notice + ErrorFields(.error, "25006", "no").encoded
        rig.servers[0].unread.appendReadyForQuery(.idle)
        rig.settle()
        #expect(rig.taken() == Self.rows)
        rig.send([Message.query("SELECT a, b")].bytes)
        rig.servers[0].unread = notice + rig.servers[0].unread
        rig.settle()
        let taken = rig.taken()
        #expect(taken.hasPrefix("N") && taken.hasSuffix("T(c) D(SELECT a, b) C(SELECT 1) Z(I)"))
    }

    @Test func aCrashIsTriedOnce() {
        let rig = rig("25006")
        rig.servers[0].model.failing = nil
        rig.send([Message.query("SELECT 1")].bytes)
        rig.lose(0)
        rig.lose(1)
        #expect(rig.lines.filter { $0 == "again: crashed" }.count == 1)
        #expect(rig.taken() == "E(08006 the connection to the server was lost) Z(I)")

        // From now on not even once.
        rig.send([Message.query("select  1")].bytes)
        rig.lose(2)
        #expect(rig.taken() == "E(08006 the connection to the server was lost) Z(I)")
        rig.send([Message.query("SELECT a")].bytes)
        rig.lose(3)
        rig.settle()
        #expect(rig.taken() == "T(c) D(SELECT a) C(SELECT 1) Z(I)")
    }

    // MARK: Held back and released

    /// Up to the row nothing may be told: the error might still come.
    @Test func nothingIsToldBeforeTheFirstRow() {
        let rig = Rig.withClient()
        rig.send(
            [Message.parse("", "SELECT 1"), .bind(""), .describePortal(""), .execute(), .sync].bytes)
        let answer = rig.servers[0].unread
        var row = 0
        while case .frame(let header) = FrameScanner.scan(answer.span, at: row), header.type != Backend.dataRow {
            row += header.totalLength
        }
        for _ in 0..<row + 4 { rig.deliver(0, 1) }
        #expect(rig.clients[0].received.isEmpty)
        rig.deliver(0, 1)
        #expect(rig.clients[0].received == Array(answer[..<(row + 5)]))
        rig.settle()
        #expect(rig.taken() == "1 2 \(Self.rows)")
    }

    /// A Flush asks for the answers, whatever may come.
    @Test func aFlushReleases() {
        let rig = Rig.withClient()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .flush)
        #expect(rig.taken() == "1 t T(c)")
        rig.servers[0].model.failing = ("SELECT", ErrorFields(.error, "25006", "no"))
        rig.say(.bind("a"), .execute(), .sync)
        #expect(rig.taken() == "2 D(SELECT 1) C(SELECT 1) Z(I)")
        #expect(rig.lines.contains("again: refused(sqlState: \"25006\")"))
    }

    /// The server has the statement: nothing is asked of it, so nothing is waited for.
    @Test func aFlushOfWhatIsKnown() {
        let rig = Rig.withClient()
        rig.addClient()
        rig.say(.parse("a", "SELECT 1"), .sync)
        rig.say(.parse("b", "SELECT 1"), .flush, by: 1)
        #expect(rig.taken(1) == "1")
    }

    /// What a replica has refused may write, though nothing in its text shows it.
    @Test func whatWasRefusedMayHaveWritten() {
        let rig = rig("25006")
        rig.send([Message.query("SELECT 1")].bytes)
        rig.deliver(0, rig.servers[0].unread.count)
        #expect(rig.servers.count == 2 && rig.clients[0].session.mayHaveWritten)
        rig.lose(1)
        rig.settle()
        #expect(rig.taken() == "\(LossTests.unknown) Z(I)")
    }

    // MARK: The client's own

    @Test(arguments: ["57014", "22012", "42601", "23505", "53200"])
    func otherErrors(_ sqlState: String) {
        let rig = rig(sqlState)
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == "T(c) E(\(sqlState) no) Z(I)")
        #expect(rig.servers.count == 1)
    }

    @Test func afterARow() {
        let rig = Rig.withClient()
        rig.send([Message.query("SELECT 1; SELECT 2")].bytes)
        let long = Array(repeating: UInt8(ascii: "x"), count: ServerSession.heldResultLimit)
        var answer: [UInt8] = []
        answer.appendMessage(Backend.dataRow, body: [0, 1, 0, 0, 0x20, 0] + long)
        answer += ErrorFields(.error, "25006", "no").encoded
        answer.appendReadyForQuery(.idle)
        rig.servers[0].unread = answer
        rig.deliver(0, 7 + long.count + 4)
        rig.settle()
        #expect(rig.taken().hasSuffix("E(25006 no) Z(I)"))
        #expect(rig.servers.count == 1)
    }

    @Test func laterInAReadOnlyTransaction() {
        let rig = rig("22012")
        rig.servers[0].model.failing = ("SELECT 2", ErrorFields(.error, "40001", "no"))
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"), .query("SELECT 2"))
        #expect(rig.taken().hasSuffix("T(c) E(40001 no) Z(E)"))
    }

    /// Who asks a replica gets its answer.
    @Test func onTheReaderPort() {
        let rig = rig("25006", .error, .reader)
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == "T(c) E(25006 no) Z(I)")
        rig.servers[0].model.failing = ("SELECT 1", ErrorFields(.error, "40001", "no"))
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == Self.rows)
    }

    @Test func onThePrimary() {
        let rig = Rig.withClient()
        rig.addServer(isReplica: false)
        rig.servers[0].model.failing = ("SELECT", ErrorFields(.error, "40001", "no"))
        rig.say(.query("SELECT pg_backend_pid()"))
        #expect(rig.taken() == "T(c) E(40001 no) Z(I)")
    }

    @Test func retriesHaveAnEnd() {
        let rig = rig("40001", settings: SessionSettings(readRetries: 0))
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == "T(c) E(40001 no) Z(I)")

        let patient = self.rig("40001")
        for _ in 0..<2 {
            let server = patient.addServer(isReplica: true)
            patient.servers[server].model.failing = ("SELECT", ErrorFields(.fatal, "57P01", "no"))
        }
        patient.servers[0].model.failing = ("SELECT", ErrorFields(.fatal, "57P01", "no"))
        patient.say(.query("SELECT 1"))
        #expect(patient.lines.filter { $0.hasPrefix("again") }.count == 2)
        #expect(patient.taken() == "T(c) E(08006 the connection to the server was lost) Z(I)")
    }

    @Test func thePrimaryRefusesToo() {
        let rig = rig("42P01")
        rig.addServer(isReplica: false)
        rig.servers[1].model.failing = ("SELECT", ErrorFields(.error, "42P01", "no table"))
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == "T(c) E(42P01 no table) Z(I)")
        #expect(rig.table.learned.isEmpty)
        rig.say(.query("SELECT 1"))
        #expect(rig.lines.last == "r0 Q(SELECT 1)")
    }

    // MARK: Lessons

    @Test func aLessonIsLearnedAndForgotten() {
        let rig = rig("42P01")
        rig.say(.query("SELECT 1"))
        #expect(rig.lines.contains("lesson 42P01"))
        rig.lines = []
        rig.say(.query("select /* again */ 2"))
        rig.say(.parse("", "SELECT 3"), .bind(""), .execute(), .sync)
        #expect(
            rig.lines.filter { $0.hasPrefix("acquire") }
                == Array(
                    repeating: "acquire replicaSafe on the primary: lesson", count: 2))
        rig.lines = []
        rig.say(.query("SELECT 'other'"))
        rig.table.learned.expire(now: 1)
        rig.say(.query("SELECT 1"))
        #expect(rig.lines.filter { $0.hasPrefix("acquire") } == Array(repeating: "acquire replicaSafe", count: 2))
    }

    /// The others of its batch have taught nothing.
    @Test func onlyTheStatementThatFailedTeaches() {
        let rig = rig("42P01")
        rig.servers[0].model.failing = ("SELECT young", ErrorFields(.error, "42P01", "no table"))
        let texts = ["SELECT 1", "SELECT young", "SELECT other"]
        let batch: [Message] = texts.flatMap { [.parse("", $0), .bind(""), .execute()] } + [.sync]
        rig.send(batch.bytes)
        rig.settle()
        #expect(rig.lines.contains("lesson 42P01"))
        rig.lines = []
        for text in ["SELECT 2", "SELECT other", "SELECT young"] { rig.say(.query(text)) }
        #expect(
            rig.lines.filter { $0.hasPrefix("acquire") }
                == ["acquire replicaSafe", "acquire replicaSafe", "acquire replicaSafe on the primary: lesson"])
    }

    @Test func onlyTheLatestLessonsAreKept() {
        var learned = LearnedStatements()
        for number in 0..<UInt64(LearnedStatements.limit) + 10 {
            learned.learn(.needsPrimary, of: Fingerprint(rawValue: number), in: .none, until: number)
        }
        #expect(learned.count == LearnedStatements.limit)
        #expect(learned.lesson(of: Fingerprint(rawValue: 9), in: .none) == nil)
        #expect(learned.lesson(of: Fingerprint(rawValue: 10), in: .none) == .needsPrimary)
        #expect(learned.lesson(of: Fingerprint(rawValue: 10), in: CatalogID(rawValue: 1)) == nil)
    }

    @Test func tooLargeForASecondTry() {
        let rig = Rig()
        rig.addClient(settings: SessionSettings(maxBufferedBatch: 64))
        rig.say(.query("SELECT '" + String(repeating: "x", count: 64) + "'"))
        #expect(rig.lines.first == "acquire replicaSafe on the primary: size")
        rig.say(.query("SELECT 1"))
        #expect(rig.lines.last == "r0 Q(SELECT 1)")
    }
}
