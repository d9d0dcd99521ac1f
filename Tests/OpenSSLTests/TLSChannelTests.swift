// Do two TLS channels understand each other, however their bytes are cut, and is each mistake told?

import TestSupport
import Testing

@testable import OpenSSL

/// Two channels and the bytes between them.
private struct Pair {
    let server: TLSChannel
    let client: TLSChannel
    /// Bytes that are handed over at a time.
    var size = 4096
    var heard: (server: [UInt8], client: [UInt8]) = ([], [])
    var ends: (server: TLSChannel.Opened?, client: TLSChannel.Opened?) = (nil, nil)
    private var onTheWay: (up: [UInt8], down: [UInt8]) = ([], [])

    init(
        _ server: TLSSettings, _ client: TLSSettings, name: String? = nil, checksName: Bool = false
    ) throws {
        self.server = TLSChannel(try TLSContext(server, side: .server))
        self.client = TLSChannel(try TLSContext(client, side: .client), name: name, checksName: checksName)
        self.client.start()
    }

    /// Hands bytes over until nobody has anything to say.
    mutating func run() {
        while ends.server == nil || ends.client == nil {
            onTheWay.up += client.takeOutput()
            onTheWay.down += server.takeOutput()
            if onTheWay.up.isEmpty, onTheWay.down.isEmpty { return }
            if !onTheWay.up.isEmpty {
                ends.server = Self.hand(&onTheWay.up, size, to: server, &heard.server) ?? ends.server
            }
            if !onTheWay.down.isEmpty {
                ends.client = Self.hand(&onTheWay.down, size, to: client, &heard.client) ?? ends.client
            }
        }
    }

    mutating func say(fromClient text: [UInt8]) { onTheWay.up += client.seal(text.span) ?? [] }
    mutating func say(fromServer text: [UInt8]) { onTheWay.down += server.seal(text.span) ?? [] }
    mutating func endClient() { onTheWay.up += client.close() }

    /// How it ended, if it did.
    private static func hand(
        _ bytes: inout [UInt8], _ size: Int, to channel: TLSChannel, _ heard: inout [UInt8]
    ) -> TLSChannel.Opened? {
        var room = [UInt8](repeating: 0, count: size + TLSChannel.largestRecord)
        let part = Array(bytes.prefix(size))
        bytes.removeFirst(part.count)
        var span = room.mutableSpan
        let opened = channel.open(part.span, into: &span)
        guard case .bytes(let count) = opened else { return opened }
        heard += room.prefix(count)
        return nil
    }
}

struct TLSChannelTests {
    private static func settings(
        _ name: String? = nil, trusting authority: String? = nil, _ verification: TLSSettings.Verification = .none
    ) throws -> TLSSettings {
        let certificates = try Certificates.get()
        var settings = TLSSettings()
        if let name {
            settings.certificate = certificates.path("\(name).crt")
            settings.key = certificates.path("\(name).key")
        }
        settings.authorities = authority.map { certificates.path("\($0).crt") }
        settings.verification = verification
        return settings
    }

    @Test(arguments: [1, 2, 5, 100, 1000, 16 << 10]) func textsGoBothWays(_ size: Int) throws {
        var pair = try Pair(Self.settings("server"), Self.settings())
        pair.size = size
        pair.run()
        #expect(pair.server.isEstablished && pair.client.isEstablished && pair.ends.server == nil)
        let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let answer = Array("answer".utf8)
        pair.say(fromClient: question)
        pair.say(fromServer: answer)
        pair.run()
        #expect(pair.heard.server == question && pair.heard.client == answer)
        pair.endClient()
        pair.run()
        #expect(pair.ends.server == .closed)
        #expect(pair.server.version == "TLSv1.3" && !pair.server.cipher.isEmpty)
        #expect(pair.server.hasAgreedOnProtocol && pair.client.hasAgreedOnProtocol)
    }

    @Test func bothBindToTheSame() throws {
        var pair = try Pair(Self.settings("server"), Self.settings())
        pair.run()
        let binding = try #require(pair.server.serverEndPoint)
        #expect(binding.count == 32 && pair.client.serverEndPoint == binding)
        var other = try Pair(Self.settings("elsewhere"), Self.settings())
        other.run()
        #expect(other.server.serverEndPoint != binding)
    }

    @Test func certificatesOfClients() throws {
        var pair = try Pair(Self.settings("server", trusting: "ca", .required), Self.settings("app"))
        pair.run()
        #expect(pair.server.peerCertificate?.commonName == "app")
        #expect(pair.server.peerCertificate?.distinguishedName == "CN=app")
        var nobody = try Pair(Self.settings("server", trusting: "ca", .required), Self.settings())
        nobody.run()
        #expect(nobody.ends.server == .failed("peer did not return a certificate"))
        var optional = try Pair(Self.settings("server", trusting: "ca", .optional), Self.settings())
        optional.run()
        #expect(optional.server.isEstablished && optional.server.peerCertificate == nil)
        var stranger = try Pair(Self.settings("server", trusting: "ca", .optional), Self.settings("stranger"))
        stranger.run()
        guard case .failed(let reason) = stranger.ends.server else {
            Issue.record("a stranger was let in")
            return
        }
        #expect(reason.hasPrefix("the certificate is not accepted: "))
    }

    @Test(arguments: [
        ("server", "localhost", true), ("server", "127.0.0.1", true), ("server", "db.example", false),
        ("server", "127.0.0.2", false), ("elsewhere", "db.example", true), ("elsewhere", "localhost", false),
    ]) func namesOfServers(_ certificate: String, _ name: String, _ isRight: Bool) throws {
        let trust = try Self.settings(trusting: "ca", .required)
        var strict = try Pair(Self.settings(certificate), trust, name: name, checksName: true)
        strict.run()
        #expect(strict.client.isEstablished == isRight)
        var lax = try Pair(Self.settings(certificate), trust, name: name)
        lax.run()
        #expect(lax.client.isEstablished)
    }

    @Test func aStrangeAuthority() throws {
        var pair = try Pair(Self.settings("server"), Self.settings(trusting: "stranger", .required))
        pair.run()
        #expect(!pair.client.isEstablished)
        #expect(pair.client.seal([1].span) == nil)
    }

    @Test func noise() throws {
        let channel = TLSChannel(try TLSContext(Self.settings("server"), side: .server))
        var room = [UInt8](repeating: 0, count: 1000)
        var span = room.mutableSpan
        guard case .failed = channel.open(Array("GET / HTTP/1.0\r\n\r\n".utf8).span, into: &span) else {
            Issue.record("noise was taken for TLS")
            return
        }
        guard case .failed = channel.open(Span(), into: &span) else {
            Issue.record("a failure was forgotten")
            return
        }
    }

    @Test func mistakesInFiles() throws {
        let certificates = try Certificates.get()
        func mistake(_ change: (inout TLSSettings) -> Void) throws -> TLSMistake.Setting? {
            var settings = try Self.settings("server", trusting: "ca")
            change(&settings)
            do throws(TLSMistake) {
                _ = try TLSContext(settings, side: .server)
                return nil
            } catch {
                return error.setting
            }
        }
        #expect(try mistake { _ in } == nil)
        #expect(try mistake { $0.certificate = "/nosuch.crt" } == .certificate)
        #expect(try mistake { $0.certificate = certificates.path("server.key") } == .certificate)
        #expect(try mistake { $0.key = "/nosuch.key" } == .key)
        #expect(try mistake { $0.key = certificates.path("app.key") } == .key)
        #expect(try mistake { $0.key = certificates.path("server.crt") } == .key)
        #expect(try mistake { $0.authorities = certificates.path("server.key") } == .authorities)
        #expect(try mistake { $0.ciphers = "NOSUCH" } == .ciphers)
        #expect(try mistake { $0.cipherSuites = "NOSUCH" } == .cipherSuites)
    }
}
