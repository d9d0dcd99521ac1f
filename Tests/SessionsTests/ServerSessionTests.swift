// What do the replies of a server, and its breaches of the protocol, mean?

import Testing
import Wire

@testable import Sessions

/// What a server's messages mean when they come at odd times, and when they are not PostgreSQL's.
struct ServerSessionTests {
    private struct Outcome {
        var toClient: String
        var facts: [ReplyFact]
        var used: Int
    }

    private func receive(_ bytes: [UInt8], _ server: inout ServerSession) -> Outcome {
        var toClient = Outbox()
        var toServer = Outbox()
        var facts: [ReplyFact] = []
        let used = server.receive(bytes.span, toClient: &toClient, toServer: &toServer, facts: &facts)
        return Outcome(toClient: Reading.server(toClient.bytes(from: bytes.span)), facts: facts, used: used)
    }

    private func bytes(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
        var out: [UInt8] = []
        body(&out)
        return out
    }

    private static let unowed: [[UInt8]] = [
        [Backend.readyForQuery, 0, 0, 0, 5, 0x49], [Backend.commandComplete, 0, 0, 0, 5, 0],
        [Backend.parseComplete, 0, 0, 0, 4], [Backend.bindComplete, 0, 0, 0, 4], [Backend.closeComplete, 0, 0, 0, 4],
        [Backend.noData, 0, 0, 0, 4], [Backend.emptyQueryResponse, 0, 0, 0, 4], [0x7A, 0, 0, 0, 4],
        [Backend.errorResponse, 0, 0, 0, 5, 0], [Backend.readyForQuery, 0, 0, 0, 3],
        [Backend.readyForQuery, 0, 0, 0, 4],
        [Backend.readyForQuery, 0, 0, 0, 5, 0x41], [Backend.parameterStatus, 0, 0, 0, 5, 65],
    ]

    @Test(arguments: unowed)
    func whatNobodyAskedForIsABreach(_ bytes: [UInt8]) {
        var server = ServerSession()
        let outcome = receive(bytes, &server)
        guard case .protocolViolation = outcome.facts.first, outcome.facts.count == 1 else {
            Issue.record("\(outcome.facts)")
            return
        }
        #expect(outcome.toClient == "")
    }

    @Test func anAnswerToAnotherRequestIsABreach() {
        for reply in [Backend.parseComplete, Backend.bindComplete, Backend.closeComplete] {
            var server = ServerSession()
            server.expect(LedgerEntry(.execute))
            let outcome = receive([reply, 0, 0, 0, 4], &server)
            #expect(outcome.facts.count == 1 && outcome.toClient == "")
        }
    }

    @Test func whatComesUnasked() {
        var server = ServerSession(parameters: [StartupParameter("TimeZone", "UTC")])
        let outcome = receive(
            bytes { out in
                out.appendParameterStatus(name: "TimeZone", value: "CET")
                out.appendParameterStatus(name: "in_hot_standby", value: "off")
                out.append(contentsOf: ErrorFields(.notice, "00000", "hello").encoded)
                out.appendMessage(Backend.notificationResponse, body: [0, 0, 0, 1, 65, 0, 0])
            }, &server)
        #expect(outcome.toClient == "S(TimeZone=CET) N(00000 hello) A")
        #expect(
            outcome.facts == [
                .parameterStatus(name: "TimeZone", value: "CET"),
                .parameterStatus(name: "in_hot_standby", value: "off"), .notified,
            ])
        #expect(server.parameters.count == 2 && server.isQuiet)
    }

    @Test func nothingOfOurOwnRequestsIsTold() {
        var server = ServerSession()
        var toServer = Outbox()
        server.ask(Array("SET x = 1".utf8), toServer: &toServer)
        #expect(!server.runsClientsWork && !server.isQuiet)
        let outcome = receive(
            bytes { out in
                out.append(contentsOf: ErrorFields(.notice, "00000", "hello").encoded)
                out.appendCommandComplete("SET")
                out.appendParameterStatus(name: "x", value: "1")
                out.appendReadyForQuery(.idle)
            }, &server)
        #expect(outcome.toClient == "")
        #expect(outcome.facts == [.parameterStatus(name: "x", value: "1"), .ownRequestDone(.idle, error: nil)])
        server.ask(Array("SET x = 2".utf8), toServer: &toServer)
        let failed = receive(
            ErrorFields(.error, "22023", "bad").encoded + bytes { $0.appendReadyForQuery(.idle) }, &server)
        guard case .ownRequestDone(.idle, error: let error?) = failed.facts.last else {
            Issue.record("\(failed.facts)")
            return
        }
        #expect(error.sqlState == "22023" && failed.toClient == "" && server.isIdle)
    }

    @Test func aFatalErrorIsAFactOnly() {
        var server = ServerSession()
        let outcome = receive(ErrorFields(.fatal, "57P01", "bye").encoded, &server)
        guard case .fatal(let error) = outcome.facts.first else {
            Issue.record("\(outcome.facts)")
            return
        }
        #expect(error.sqlState == "57P01" && outcome.toClient == "")
    }

    /// Messages that must be seen whole are left until they are; others pass in pieces.
    @Test func pieces() {
        var server = ServerSession()
        server.expect(LedgerEntry(.query))
        let error = ErrorFields(.error, "42P01", "no").encoded
        #expect(receive(Array(error.dropLast()), &server).used == 0)
        var row: [UInt8] = []
        row.appendMessage(Backend.dataRow, body: [0, 1, 0, 0, 0, 2, 65, 66])
        #expect(receive(Array(row.prefix(6)), &server).used == 6)
        #expect(server.isInsideForwardedMessage == true)
        #expect(receive(Array(row.dropFirst(6)), &server).used == row.count - 6)
        #expect(server.isInsideForwardedMessage == false)
    }

    @Test func anErrorTooLargeToCollectPasses() {
        var server = ServerSession()
        server.expect(LedgerEntry(.query))
        let text = String(repeating: "x", count: ServerSession.collectLimit)
        let error = ErrorFields(.error, "XX000", text).encoded
        let outcome = receive(Array(error.prefix(1_000)), &server)
        #expect(outcome.used == 1_000)
        _ = receive(Array(error.dropFirst(1_000)), &server)
        #expect(receive(bytes { $0.appendReadyForQuery(.idle) }, &server).facts == [.ready(.idle)])
    }

    @Test func anAbandonedServerTellsNobody() {
        var server = ServerSession()
        server.expect(LedgerEntry(.parse, .synthesise))
        server.expect(LedgerEntry(.query))
        server.abandon()
        let outcome = receive(
            bytes {
                $0.appendCommandComplete("SELECT 1")
                $0.appendReadyForQuery(.idle)
            }, &server)
        #expect(outcome.toClient == "" && server.isIdle)
        server.adopt()
    }

    @Test(arguments: [
        ("DEALLOCATE ALL", Forgotten.statements), ("DISCARD ALL", .everything), ("RESET", .settings), ("SET", nil),
        ("DISCARD PLANS", nil), ("", nil),
    ])
    func tagsTellWhatIsForgotten(_ tag: String, _ expected: Forgotten?) {
        var server = ServerSession()
        server.prepared.keeps(StatementID(rawValue: 1))
        server.expect(LedgerEntry(.query))
        let outcome = receive(bytes { $0.appendCommandComplete(tag) }, &server)
        #expect(outcome.facts == (expected.map { [.forgot($0)] } ?? []))
        #expect(outcome.toClient == "C(\(tag))")
        #expect(server.prepared.count == (expected == .statements || expected == .everything ? 0 : 1))
    }

    @Test func refusalsReplaceTheServersErrors() {
        var server = ServerSession()
        var toServer = Outbox()
        server.refuse(ErrorFields(.error, "26000", "first"), toServer: &toServer)
        server.expect(LedgerEntry(.sync))
        server.refuse(ErrorFields(.error, "42P05", "second"), toServer: &toServer)
        server.expect(LedgerEntry(.sync))
        let error = ErrorFields(.error, "26000", "prepared statement \"pointsman_refused\" does not exist").encoded
        let ready = bytes { $0.appendReadyForQuery(.idle) }
        #expect(receive(error + ready + error + ready, &server).toClient == "E(26000 first) Z(I) E(42P05 second) Z(I)")
    }
}
