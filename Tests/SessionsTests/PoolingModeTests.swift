// Does a session keep its server, or refuse transactions, where `pool.mode` says so?

import Testing
import Wire

@testable import Sessions

struct PoolingModeTests {
    private static let row = "T(c) D(SELECT 1) C(SELECT 1) Z(I)"

    @Test func aSessionKeepsItsServer() {
        Rig.withClient(settings: SessionSettings(keepsServer: true)).play(
            0,
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("COMMIT"), gets: "C(COMMIT) Z(I)"),
            Turn(.query("SELECT 1"), gets: Self.row, "acquire write", "pin session mode", "p0 Q(SELECT 1)"),
            Turn(.query("SELECT 1"), gets: Self.row, "p0 Q(SELECT 1)"),
            Turn(.query("DISCARD ALL"), gets: "C(DISCARD ALL) Z(I)", "p0 Q(DISCARD ALL)"),
            Turn(
                .parse("", "SELECT 1"), .bind(""), .execute(), .sync, gets: "1 2 D(SELECT 1) C(SELECT 1) Z(I)",
                "p0 P(: SELECT 1) B() E() S"))
    }

    @Test func itsServerIsCleared() {
        let rig = Rig.withClient(settings: SessionSettings(keepsServer: true))
        rig.say(.parse("s", "SELECT 1"), .bind("s"), .execute(), .sync)
        #expect(rig.clients[0].session.isPinned == true)
        rig.say(.terminate)
        #expect(rig.servers[0].model.journal.last == "DISCARD ALL")
    }

    /// Reads on the reader port are balanced all the same.
    @Test func theReaderPort() {
        let rig = Rig()
        rig.addClient(.reader, settings: SessionSettings(keepsServer: true))
        rig.say(.query("SELECT 1"))
        #expect(rig.lines.first == "acquire replicaSafe" && rig.lines.last == "r0 Q(SELECT 1)")
        #expect(rig.clients[0].session.isPinned == false)
    }

    private static let error =
        "E(0A000 transaction blocks are not allowed with pool.mode = \"statement\") Z(I)"

    @Test(arguments: [
        "BEGIN", "START TRANSACTION READ ONLY", "BEGIN; INSERT 1; COMMIT", "INSERT 1; BEGIN", "COMMIT AND CHAIN",
    ])
    func noTransactions(_ text: String) {
        let rig = Rig.withClient(settings: SessionSettings(allowsTransactions: false))
        rig.say(.query(text))
        #expect(rig.taken() == Self.error)
        if !text.contains(";") {
            rig.say(.parse("", text), .bind(""), .execute(), .sync)
            #expect(rig.taken() == Self.error)
        }
        rig.say(.query("SELECT 1"))
        #expect(rig.taken() == Self.row)
        #expect(rig.servers.allSatisfy { $0.model.committed.isEmpty })
    }

    @Test func singleStatementsRun() {
        let rig = Rig.withClient(settings: SessionSettings(allowsTransactions: false))
        rig.say(.query("INSERT 1"))
        rig.say(.query("COMMIT"))
        rig.say(.query("SELECT 1; SELECT 1"))
        #expect(rig.taken().hasSuffix("C(SELECT 1) T(c) D(SELECT 1) C(SELECT 1) Z(I)"))
        // In the midst of a batch, and on a server that the session keeps.
        rig.say(.query("LISTEN a"))
        rig.clients[0].received = []
        rig.say(.query("BEGIN"))
        #expect(rig.taken() == Self.error)
        rig.say(.parse("", "INSERT 2"), .bind(""), .execute(), .parse("", "BEGIN"), .bind(""), .execute(), .sync)
        #expect(rig.taken() == Self.error)
        #expect(rig.servers.allSatisfy { !$0.model.committed.contains("INSERT 2") })
    }
}
