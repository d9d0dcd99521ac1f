// Is the first packet of a connection understood, whole, cut or malformed?

import Testing
import Wire

/// The first packet of a connection.
struct StartupPacketTests {
    private func packet(_ code: Int32, _ rest: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendInt32(Int32(8 + rest.count))
        bytes.appendInt32(code)
        return bytes + rest
    }

    private func isMalformed(_ bytes: [UInt8]) -> Bool {
        if case .malformed = startup(bytes) { true } else { false }
    }

    @Test func startupAtEveryLength() {
        var bytes: [UInt8] = []
        let parameters = [StartupParameter("user", "alice"), StartupParameter("database", "")]
        bytes.appendStartup(parameters: parameters)
        for count in 0..<bytes.count {
            #expect(startup(Array(bytes.prefix(count))) == .needMore)
        }
        let expected = StartupPacket.Scan.packet(.startup(.v3_0, parameters), length: bytes.count)
        #expect(startup(bytes) == expected)
        #expect(startup((bytes + [1, 2, 3])) == expected)
    }

    @Test func requests() {
        #expect(startup(packet(StartupPacket.sslCode)) == .packet(.sslRequest, length: 8))
        #expect(startup(packet(StartupPacket.gssCode)) == .packet(.gssEncryptionRequest, length: 8))
        #expect(isMalformed(packet(StartupPacket.sslCode, [0])))
        #expect(isMalformed(packet(StartupPacket.gssCode, [0])))
        for count in [4, 32, 256] {
            let secret = [UInt8](repeating: 7, count: count)
            #expect(
                startup(packet(StartupPacket.cancelCode, [0, 0, 0, 5] + secret))
                    == .packet(.cancelRequest(processID: 5, secret: secret), length: 12 + count))
        }
        for count in [0, 3, 257] {
            #expect(isMalformed(packet(StartupPacket.cancelCode, [0, 0, 0, 5] + [UInt8](repeating: 7, count: count))))
        }
    }

    @Test func versions() {
        #expect(
            startup(packet(2 << 16, [0])) == .unsupported(ProtocolVersion(rawValue: 2 << 16)))
        guard case .packet(.startup(let version, []), _) = startup(packet(3 << 16 | 2, [0])) else {
            Issue.record("a newer minor version is refused")
            return
        }
        #expect(version.major == 3 && version.minor == 2)
    }

    @Test(
        arguments: [
            [], [65], [65, 0], [65, 0, 66], [65, 0, 66, 0], [0, 0], [65, 0, 66, 0, 0, 0], [65, 0, 66, 0, 67, 0],
        ] as [[UInt8]])
    func badLayouts(_ rest: [UInt8]) {
        #expect(isMalformed(packet(3 << 16, rest)))
    }

    @Test(arguments: [0, 4, 7, StartupPacket.maximumLength + 1, Int(Int32.max)])
    func badLengths(_ length: Int) {
        var bytes: [UInt8] = []
        bytes.appendInt32(Int32(length))
        #expect(isMalformed(bytes))
    }

    @Test func whatOtherProtocolsSay() {
        for text in ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}"] {
            #expect(isMalformed(Array(text.utf8)))
        }
    }
}
