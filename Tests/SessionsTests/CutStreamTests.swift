// Does a conversation come out the same wherever its streams are cut?

import Testing
import Wire

@testable import Sessions

/// Messages come in pieces: where they are cut must not matter.
struct CutStreamTests {
    static let conversation: [Message] = [
        .query("BEGIN"), .parse("a", "INSERT 1"), .describeStatement("a"), .bind("a", padding: 30), .execute(), .sync,
        .query("COMMIT"), .query("COPY t FROM STDIN"), .copyData("x"), .copyDone, .parse("", "SELECT 1"), .bind(""),
        .describePortal(), .execute(), .flush, .closeStatement("a"), .sync, .query("SELECT nosuch"), .bind("a"), .sync,
        .query("DEALLOCATE x"), .functionCall, .query("LISTEN a"), .query("SELECT 2"),
    ]

    private func answers(_ pieces: [[UInt8]]) -> [UInt8] {
        let rig = Rig.withClient()
        for piece in pieces {
            rig.send(piece)
            rig.settle()
        }
        #expect(rig.problems == [])
        return rig.clients[0].received
    }

    @Test func theClientsStreamIsCutAnywhere() {
        let bytes = Self.conversation.bytes
        let whole = answers([bytes])
        #expect(Reading.server(whole).hasSuffix("C(LISTEN) Z(I) T(c) D(SELECT 2) C(SELECT 1) Z(I)"))
        for cut in 1..<bytes.count where answers([Array(bytes[..<cut]), Array(bytes[cut...])]) != whole {
            Issue.record("cut at \(cut)")
        }
        #expect(answers(bytes.map { [$0] }) == whole)
    }

    @Test(arguments: 1...17)
    func theServersStreamIsCutAnywhere(_ size: Int) {
        let whole = answers([Self.conversation.bytes])
        let rig = Rig.withClient()
        rig.send(Self.conversation.bytes)
        while let server = rig.servers.indices.first(where: { !rig.servers[$0].unread.isEmpty }) {
            rig.deliver(server, size)
        }
        #expect(rig.clients[0].received == whole)
    }

    /// The client leaves at any moment: nothing stays retained, and no server is taken for clean that is not.
    @Test func theClientIsGoneAtAnyMoment() {
        let bytes = Self.conversation.bytes
        for cut in 0...bytes.count {
            for answersAreRead in [false, true] {
                let rig = Rig.withClient()
                rig.send(Array(bytes[..<cut]))
                if answersAreRead { rig.settle() }
                rig.end(0, .goodbye)
                rig.settle()
                #expect(rig.table.retainedCount == 0, "cut at \(cut)")
                for server in rig.servers where !server.isLost {
                    #expect(server.isFree && server.session.isQuiet && server.model.status == .idle, "cut at \(cut)")
                }
            }
        }
    }

    @Test func theServerIsLostAtAnyMoment() {
        let bytes = Self.conversation.bytes
        for cut in 1...bytes.count {
            let rig = Rig.withClient()
            rig.send(Array(bytes[..<cut]))
            guard let server = rig.clients[0].server else { continue }
            rig.lose(server)
            rig.send(Array(bytes[cut...]))
            rig.settle()
            rig.end(0, .goodbye)
            #expect(rig.table.retainedCount == 0, "cut at \(cut)")
            #expect(rig.problems == [], "cut at \(cut)")
        }
    }

    @Test(
        arguments: [
            [Frontend.query, 0, 0, 0, 3], [Frontend.sync, 0, 0, 0x30, 0], [0x7A, 0, 0, 0, 4],
            [Frontend.query, 0, 0, 0, 4],
            [Frontend.query, 0, 0, 0, 6, 0x61, 0x61], [Frontend.parse, 0, 0, 0, 5, 0],
            [Frontend.describe, 0, 0, 0, 6, 0x58, 0], [Frontend.bind, 0, 0, 0, 5, 0],
            [Frontend.execute, 0, 0, 0, 5, 0],
        ] as [[UInt8]])
    func malformedMessagesEndTheConnection(_ bytes: [UInt8]) {
        let rig = Rig.withClient()
        rig.send(bytes)
        guard case .error(let error) = rig.clients[0].closing else {
            Issue.record("the connection goes on")
            return
        }
        #expect(error.sqlState == "08P01" && error.severity == .fatal)
    }

    @Test func terminate() {
        let rig = Rig.withClient()
        rig.send(Message.terminate.bytes)
        #expect(rig.clients[0].closing == .goodbye)
    }
}
