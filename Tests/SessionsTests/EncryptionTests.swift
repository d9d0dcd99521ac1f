// When does a client's connection become an encrypted one, and when must it end instead?

import Authentication
import Testing
import Wire

@testable import Sessions

struct EncryptionTests {
    private static let sslRequest: [UInt8] = [0, 0, 0, 8, 4, 210, 22, 47]
    private static let gssRequest: [UInt8] = [0, 0, 0, 8, 4, 210, 22, 48]
    private static let startup: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.appendStartup(parameters: [StartupParameter("user", "alice")])
        return bytes
    }()

    /// What follows from bytes that come together, and what is answered.
    private func receive(
        _ login: inout ClientLogin, _ bytes: [UInt8]
    ) -> (step: ClientLogin.Step, used: Int, answer: String) {
        var cache = DerivedKeysCache(limit: 1)
        var startups = StartupMemory()
        var toClient = Outbox()
        var offset = 0
        let step = login.receive(bytes.span, at: &offset, cache: &cache, startups: &startups, toClient: &toClient)
        return (step, offset, String(decoding: toClient.bytes(from: Span()), as: UTF8.self))
    }

    private func state(of step: ClientLogin.Step) -> String? {
        if case .close(let error) = step { error?.sqlState } else { nil }
    }

    @Test(arguments: [ClientLogin.Encryption.optional, .required]) func byRequest(_ kind: ClientLogin.Encryption) {
        var login = ClientLogin(encryption: kind)
        let outcome = receive(&login, Self.sslRequest)
        #expect(outcome.step == .encrypt && outcome.used == 8 && outcome.answer == "S")
        login.encrypted()
        guard case .identify = receive(&login, Self.startup).step else {
            Issue.record("the startup packet was not taken")
            return
        }
    }

    @Test func behindARequestForGSS() {
        var login = ClientLogin(encryption: .optional)
        #expect(receive(&login, Self.gssRequest).answer == "N")
        #expect(receive(&login, Self.sslRequest).step == .encrypt)
    }

    @Test func unavailable() {
        var login = ClientLogin(encryption: .unavailable)
        let outcome = receive(&login, Self.sslRequest)
        #expect(outcome.step == .needInput && outcome.answer == "N")
        guard case .identify = receive(&login, Self.startup).step else {
            Issue.record("the startup packet was not taken")
            return
        }
        var direct = ClientLogin(encryption: .unavailable)
        #expect(state(of: receive(&direct, [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]).step) == "08P01")
    }

    @Test func atOnce() {
        var login = ClientLogin(encryption: .optional)
        let outcome = receive(&login, [0x16, 3, 1])
        #expect(outcome.step == .encrypt && outcome.used == 0 && outcome.answer.isEmpty)
    }

    /// Who has asked for one protocol's encryption cannot begin with the other's.
    @Test func atOnceBehindARequest() {
        var login = ClientLogin(encryption: .optional)
        #expect(receive(&login, Self.gssRequest).answer == "N")
        #expect(state(of: receive(&login, [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]).step) == "08P01")
    }

    @Test func bytesBehindTheRequest() {
        for extra in [[0], Self.startup, Self.sslRequest] {
            var login = ClientLogin(encryption: .optional)
            let outcome = receive(&login, Self.sslRequest + extra)
            #expect(state(of: outcome.step) == "08P01" && outcome.answer.isEmpty)
        }
    }

    @Test func required() {
        var login = ClientLogin(encryption: .required)
        #expect(state(of: receive(&login, Self.startup).step) == "28000")
        // A cancel request tells nothing but its key, and libpq before version 17 sends it in the clear.
        var cancel = ClientLogin(encryption: .required)
        var request: [UInt8] = []
        request.appendCancelRequest(processID: 5, secret: [1, 2, 3, 4])
        #expect(receive(&cancel, request).step == .cancel(processID: 5, secret: [1, 2, 3, 4]))
    }

    @Test(arguments: [sslRequest, gssRequest]) func twice(_ request: [UInt8]) {
        var login = ClientLogin(encryption: .optional)
        _ = receive(&login, Self.sslRequest)
        login.encrypted()
        #expect(state(of: receive(&login, request).step) == "08P01")
    }
}
