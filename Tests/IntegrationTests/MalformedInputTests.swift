// Does whatever comes in on the port leave the router alive and everyone else served?

import TestSupport
import Testing

@Suite struct MalformedInputTests {
    /// Sends bytes instead of a startup packet and returns what came back before the end.
    private func send(_ bytes: [UInt8], finish: Bool = true) throws -> [BackendMessage] {
        let client = try WireClient(silentTo: .port(Stage.router().port))
        try client.send(.raw(bytes))
        if finish { client.finishSending() }
        return try client.readUntilEnd()
    }

    private func startup(_ length: Int32, _ code: Int32) -> [UInt8] {
        [length, code].flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
    }

    @Test func insteadOfAStartup() throws {
        let packets: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), Array(repeating: 0, count: 100),
            Array(repeating: 255, count: 100), startup(0, 196_608), startup(4, 196_608), startup(7, 196_608),
            startup(8, 196_608), startup(Int32.max, 196_608), startup(-1, 196_608), startup(100_000, 196_608),
            startup(8, 131_072), startup(8, 262_144), startup(8, 0), startup(9, 80_877_102), startup(1000, 80_877_103),
            FrontendMessage.query("SELECT 1").bytes, [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], [],
            startup(16, 196_608) + Array("user\u{0}ap".utf8),
            startup(30, 196_608) + Array("user\u{0}app\u{0}database\u{0}".utf8),
            startup(13, 196_608) + [65, 0, 66, 67, 68],
        ]
        for packet in packets {
            let words = try send(packet)
            #expect(!words.contains { $0.kind == .readyForQuery }, "\(packet.prefix(20))")
            #expect(words.allSatisfy { $0.kind == .errorResponse && $0.fields["S"] == "FATAL" }, "\(packet.prefix(20))")
        }
        #expect(try Stage.client().value("SELECT 1") == "1")
    }

    @Test func malformedStartupsAreToldSo() throws {
        #expect(try send(startup(100_000, 196_608), finish: false).errors == ["08P01"])
        #expect(try send(startup(13, 196_608) + [65, 66, 67, 68, 69], finish: false).errors == ["08P01"])
        #expect(try send(startup(8, 131_072), finish: false).errors == ["0A000"])
        #expect(try send(FrontendMessage.startup([("database", "app")]), finish: false).errors == ["28000"])
    }

    @Test func randomBytes() throws {
        var random = SeededGenerator(seed: 20)
        for _ in 0..<100 {
            let count = Int.random(in: 1...300, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if Bool.random(using: &random) { bytes = startup(Int32(count + 8), 196_608) + bytes }
            #expect(!(try send(bytes)).contains { $0.kind == .readyForQuery })
        }
        #expect(try Stage.client().value("SELECT 1") == "1")
    }

    @Test func insteadOfAMessage() throws {
        let messages: [[UInt8]] = [
            [0, 0, 0, 0, 4], [255, 0, 0, 0, 4], Array("Q".utf8) + [0, 0, 0, 3], Array("Q".utf8) + [255, 255, 255, 255],
            Array("Q".utf8) + [127, 255, 255, 255], Array("S".utf8) + [0, 1, 0, 0], Array("P".utf8) + [0, 0, 0, 5, 65],
            Array("B".utf8) + [0, 0, 0, 5, 65], Array("D".utf8) + [0, 0, 0, 6, 88, 0],
            Array("E".utf8) + [0, 0, 0, 0], Array("GET / HTTP/1.1\r\n\r\n".utf8),
        ]
        for message in messages {
            let client = try Stage.client()
            try client.send(.raw(message))
            let words = try client.readUntilEnd()
            #expect(words.errors == ["08P01"], "\(message)")
            #expect(words.last?.fields["S"] == "FATAL", "\(message)")
        }
        #expect(try Stage.client().value("SELECT 1") == "1")
    }

    /// The server behind a client that went wrong in its transaction is not lost, and not in the transaction.
    @Test func inATransaction() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let table = try Stage.makeTable("x int")
        for _ in 0..<5 {
            let client = try router.client()
            try client.succeed("BEGIN")
            try client.succeed("INSERT INTO \(table) VALUES (1)")
            try client.send(.raw([7, 0, 0, 0, 4]))
            #expect(try client.readUntilEnd().errors == ["08P01"])
        }
        let next = try router.client()
        #expect(try next.value("SELECT count(*) FROM \(table) WHERE pg_backend_pid() > 0") == "0")
    }

    @Test func oneByteAtATime() throws {
        let client = try WireClient(silentTo: .port(Stage.router().port))
        let startup = FrontendMessage.startup([("user", "app"), ("database", "app")])
        let talk = FrontendMessage.extended("SELECT 1") + [.sync, .query("SELECT 2")]
        for byte in startup + talk.flatMap(\.bytes) { try client.send(.raw([byte])) }
        try client.logIn()
        #expect(try client.readUntilReady().value == "1")
        #expect(try client.readUntilReady().value == "2")
    }

    @Test func requestsForEncryptionAreDeclined() throws {
        for code: Int32 in [80_877_103, 80_877_104] {
            let client = try WireClient(silentTo: .port(Stage.router().port))
            try client.send(.raw(startup(8, code)))
            #expect(try client.receiveByte() == UInt8(ascii: "N"))
            try client.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])))
            try client.logIn()
            #expect(try client.value("SELECT 1") == "1")
        }
    }

    @Test func newerProtocolsAreNegotiated() throws {
        let client = try WireClient(silentTo: .port(Stage.router().port))
        let packet = FrontendMessage.startup(
            [("user", "app"), ("database", "app"), ("_pq_.nosuch", "1")], protocolVersion: 196_610)
        try client.send(.raw(packet))
        try client.logIn()
        #expect(client.greeting.contains { $0.kind == .negotiateProtocolVersion })
        #expect(try client.value("SELECT 1") == "1")
    }

    @Test func aConnectionThatSaysNothing() throws {
        let silent = try (0..<20).map { _ in try WireClient(silentTo: .port(Stage.router().port)) }
        #expect(try Stage.client().value("SELECT 1") == "1")
        for client in silent { client.vanish() }
    }
}
