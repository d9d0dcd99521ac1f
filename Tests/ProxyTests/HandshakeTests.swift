// Is a server's answer to the request for TLS understood, and nothing more taken than that?

import OpenSSL
import Reactor
import Testing

@testable import Proxy

struct HandshakeTests {
    /// What follows from the bytes that a server answers, and what was sent before and after.
    private func answer(
        _ bytes: [UInt8]
    ) throws -> (step: Handshake.Step, before: [UInt8], isEncrypted: Bool) {
        let (here, there) = try Socket.pair()
        defer {
            Socket.close(here)
            Socket.close(there)
        }
        let blocks = BlockPool()
        let sent = ReadBuffer()
        var output = Output(pool: blocks)
        let channel = TLSChannel(try TLSContext(TLSSettings(), side: .client))
        let handshake = Handshake(channel: channel, isDirect: false)
        #expect(handshake.begin(&output, to: here))
        _ = sent.receive(from: there)
        let before = [UInt8](copying: sent.span)
        let step = handshake.answered(bytes.span, &output, to: here)
        return (step, before, output.channel != nil)
    }

    @Test func yes() throws {
        let outcome = try answer([UInt8(ascii: "S")])
        #expect(outcome.before == [0, 0, 0, 8, 4, 210, 22, 47])
        #expect(outcome.step == .needMore && outcome.isEncrypted)
    }

    @Test func no() throws {
        let outcome = try answer([UInt8(ascii: "N")])
        #expect(outcome.step == .refused && !outcome.isEncrypted)
    }

    /// Whoever sits in between could have put it there (CVE-2021-23222).
    @Test(arguments: ["SR\0\0\0\u{8}\0\0\0\0", "NR\0\0\0\u{8}\0\0\0\0", "E\0\0\0\u{9}", "HTTP/1.1 400"])
    func anythingElse(_ text: String) throws {
        let outcome = try answer(Array(text.utf8))
        guard case .failed = outcome.step else {
            Issue.record("\(text) was taken for an answer")
            return
        }
        #expect(!outcome.isEncrypted)
    }
}
