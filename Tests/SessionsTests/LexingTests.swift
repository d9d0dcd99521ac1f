// Does the router split a text into statements as the server will?

import SQL
import Testing
import Wire

@testable import Sessions

/// `standard_conforming_strings` and `client_encoding` come from role, database, the server's file, or from a SET.
struct LexingTests {
    /// One SELECT, unless a backslash is an escape: then LISTEN stands behind it.
    private static let text = #"SELECT '\', '; LISTEN x --'"#
    private static let escape = LexerSettings(standardConformingStrings: false)

    @Test func knownFromTheWelcome() {
        let rig = Rig.withClient()
        rig.clients[0].session.welcomed(Welcome(reported: [
            StartupParameter("client_encoding", "UTF8"), StartupParameter("standard_conforming_strings", "off"),
        ]))
        rig.addServerWithEscapes(isReplica: false)
        rig.say(.query(Self.text))
        #expect(rig.lines.prefix(2) == ["acquire sessionState", "pin listen"])
    }

    /// DISCARD ALL without a server gives a setting back of which the client was told something else.
    @Test func theClientIsToldWhatItHasAgain() {
        let rig = Rig.withClient()
        let parameters = [StartupParameter("standard_conforming_strings", "on"), StartupParameter("TimeZone", "CET")]
        rig.clients[0].session.welcomed(Welcome(reported: parameters))
        rig.say(.query("SET standard_conforming_strings = off"))
        #expect(rig.taken() == "C(SET) S(standard_conforming_strings=off) Z(I)")
        rig.say(.query("DISCARD ALL"))
        #expect(rig.taken() == "S(standard_conforming_strings=on) C(DISCARD ALL) Z(I)")
        rig.say(.query("DISCARD ALL"))
        #expect(rig.taken() == "C(DISCARD ALL) Z(I)")
        #expect(rig.servers.count == 1)
    }

    /// What is reported under RESET is not what the client has behind it.
    @Test func theClientIsNotToldWhatItDoesNotHave() {
        let rig = Rig.withClient(parameters: [StartupParameter("standard_conforming_strings", "off")])
        rig.clients[0].session.welcomed(
            Welcome(reported: [StartupParameter("standard_conforming_strings", "off")]))
        rig.say(.query("RESET standard_conforming_strings"))
        #expect(rig.taken() == "C(RESET) Z(I)")
        rig.say(.query("BEGIN"), .query("RESET ALL"))
        #expect(rig.taken() == "C(BEGIN) Z(T) C(RESET) Z(T)")
        rig.say(.query("COMMIT"))
        #expect(rig.taken() == "C(COMMIT) Z(I)")
        #expect(rig.lines.count { $0 == "p0 Q(restoring)" } == 2)
    }

    @Test func whatIsNotReportedIsInDoubt() {
        #expect(LexerSettings(reported: []) == .inDoubt)
        #expect(LexerSettings(reported: [StartupParameter("client_encoding", "UTF8")]) == .inDoubt)
        let list = [
            StartupParameter("standard_conforming_strings", "on"), StartupParameter("client_encoding", "SJIS"),
        ]
        #expect(LexerSettings(reported: list) == LexerSettings(clientEncodingIsASCIISafe: false))
    }

    /// The session knows another value than the replica that it gets: nothing runs there by the wrong rules.
    @Test(arguments: [false, true])
    func theReplicaReadsOtherwise(_ isExtended: Bool) {
        let rig = Rig.withClient()
        rig.addServerWithEscapes(isReplica: true)
        rig.addServerWithEscapes(isReplica: false)
        if isExtended {
            rig.say(.parse("", Self.text), .bind(""), .execute(), .sync)
        } else {
            rig.say(.query(Self.text))
        }
        #expect(
            rig.lines.prefix(5) == ["acquire replicaSafe", "move", "r0 S", "acquire sessionState", "pin listen"])
        // The model takes a Parse for one command, and says that nothing is left of it.
        #expect(rig.clients[0].session.isPinned == !isExtended)
        #expect(rig.problems.isEmpty)
        #expect(rig.servers[0].model.journal.isEmpty && rig.servers[0].isFree)
    }

    @Test func theFirstStatementOfAReadOnlyTransaction() {
        let rig = Rig.withClient()
        rig.addServerWithEscapes(isReplica: true)
        rig.addServerWithEscapes(isReplica: false)
        rig.say(.query("BEGIN READ ONLY"), .query(Self.text))
        #expect(rig.lines.prefix(4) == ["acquire replicaSafe", "move", "r0 S", "acquire sessionState"])
        #expect(rig.servers[0].model.journal.isEmpty && rig.servers[0].isFree)
    }

    @Test func thePrimaryReadsOtherwise() {
        let rig = Rig.withClient(.writer)
        rig.addServerWithEscapes(isReplica: false)
        rig.say(.query(Self.text))
        #expect(rig.lines.prefix(2) == ["acquire replicaSafe", "pin listen"])
    }

    /// What the client brought is told to the server, which then reports it.
    @Test func theStartupPacketCounts() {
        let rig = Rig.withClient(parameters: [StartupParameter("standard_conforming_strings", "off")])
        rig.say(.query(Self.text))
        #expect(rig.lines[0] == "acquire sessionState")
        #expect(rig.clients[0].session.lexer == Self.escape)
        rig.addClient()
        rig.say(.query("INSERT 1"), by: 1)
        #expect(rig.clients[1].session.lexer == LexerSettings())
    }

    // MARK: Changes

    private static let local = "SET LOCAL standard_conforming_strings = off"

    @Test func changedInTheTransaction() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query(Self.local), .query("SELECT 1"))
        rig.play(
            0,
            Turn(
                .query(Self.text), gets: #"T(c) D(SELECT '\', ') C(SELECT 1) C(LISTEN) Z(T)"#, "pin listen",
                "p0 Q(\(Self.text))"))
    }

    /// Until the server has answered, nobody can tell.
    @Test func sentAheadOfTheAnswer() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query(Self.local), .query(#"SELECT 'C:\dir'"#), .query("SELECT 1"))
        #expect(rig.clients[0].session.isPinned == false)
        rig.say(.query("ROLLBACK"), .query("BEGIN"), .query(Self.local), .query(Self.text))
        #expect(rig.clients[0].session.isPinned == true)
    }

    /// COMMIT brings the former value back.
    @Test func sentBehindTheEndOfTheTransaction() {
        let other = #"SELECT '\'; LISTEN x --'"#
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query(Self.local), .query("SELECT 1"))
        rig.say(.query("COMMIT"), .query(other))
        #expect(rig.clients[0].session.isPinned == true)
    }

    @Test func changedWithinABatch() {
        let rig = Rig.withClient()
        rig.say(
            .query("BEGIN"), .parse("", Self.local), .bind(""), .execute(), .parse("s", Self.text), .bind("s"),
            .execute(), .sync)
        #expect(rig.clients[0].session.isPinned && rig.problems.isEmpty)
    }

    @Test func nothingIsLeftOfItAfterwards() {
        let rig = Rig.withClient()
        rig.say(.query("BEGIN"), .query(Self.local), .query("SELECT 1"), .query("COMMIT"))
        #expect(rig.clients[0].server == nil)
        rig.play(
            0,
            Turn(
                .query(#"SELECT 'a\', 2"#), gets: #"T(c) D(SELECT 'a\', 2) C(SELECT 1) Z(I)"#, "acquire replicaSafe",
                #"r0 Q(SELECT 'a\', 2)"#))
    }

    // MARK: Statements

    private func retain(_ text: String, _ key: ParsingKey, _ table: inout StatementTable) -> StatementReference {
        table.retain(tail: (Array(text.utf8) + [0, 0, 0]).span, textLength: text.utf8.count, key: key)
    }

    @Test func aTextThatReadsOtherwiseIsAnotherStatement() {
        var table = StatementTable(worker: 0)
        let plain = ParsingKey(profile: .base, lexer: LexerSettings())
        let escaping = ParsingKey(profile: .base, lexer: Self.escape)
        #expect(retain("SELECT 1", plain, &table) == retain("SELECT 1", escaping, &table))
        let first = retain(Self.text, plain, &table)
        let second = retain(Self.text, escaping, &table)
        #expect(first != second)
        #expect(table.classification(first).routeClass == .replicaSafe)
        #expect(table.classification(second).routeClass == .sessionState)
        #expect(table.reread(second, key: plain) == first)
        #expect(table.reread(first, key: plain) == nil)
    }

    /// A statement keeps its name, and is read again where the server reads otherwise.
    @Test func namesAreReadAgain() {
        let rig = Rig.withClient()
        rig.addServer(isReplica: true)
        rig.say(.parse("s", Self.text), .describeStatement("s"), .sync)
        rig.servers[0].isLost = true
        rig.addServerWithEscapes(isReplica: true)
        rig.addServerWithEscapes(isReplica: false)
        rig.lines = []
        rig.say(.bind("s"), .execute(), .sync)
        #expect(
            rig.lines.prefix(5) == ["acquire replicaSafe", "move", "r1 S", "acquire sessionState", "pin listen"])
        #expect(rig.problems.isEmpty)
    }

    /// A literal means what it meant when it was parsed, so what was parsed under other settings is nobody else's.
    @Test func changedSettingsMakeStatementsOfTheirOwn() {
        let rig = Rig.withClient()
        rig.addClient()
        let batch: [Message] = [.parse("s", "SELECT date '1/2/2003'"), .sync]
        rig.say(.query("BEGIN"), .query("SET LOCAL datestyle = german"), batch[0], .sync, .query("COMMIT"))
        rig.lines = []
        rig.takesLast = true
        rig.say(.query("BEGIN"), batch[0], .sync, .query("COMMIT"), by: 1)
        #expect(rig.lines.contains { $0.contains("P(pointsman_") }, "\(rig.lines)")
    }
}
