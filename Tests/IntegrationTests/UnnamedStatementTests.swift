// Does the unnamed statement outlive its Sync, and is it never another client's?

import TestSupport
import Testing

@Suite struct UnnamedStatementTests {
    static let conversations = [
        Conversation(
            "it outlives Sync",
            .init([.parse("SELECT $1::int"), .sync]), .init([.bind(["1"]), .execute(), .sync]),
            .init([.bind(["2"]), .execute(), .sync]), .init([.describeStatement(), .sync])),
        Conversation(
            "a simple query drops it",
            .init([.parse("SELECT 1"), .sync]), .init([.query("SELECT 2")]), .init([.bind(), .execute(), .sync])),
        Conversation(
            "a Parse that fails drops it",
            .init([.parse("SELECT 1"), .sync]), .init([.parse("nonsense"), .sync]),
            .init([.bind(), .execute(), .sync])),
        Conversation(
            "Close drops it",
            .init([.parse("SELECT 1"), .sync]), .init([.closeStatement(""), .sync]),
            .init([.bind(), .execute(), .sync])),
        Conversation(
            "there is none at the start", .init([.bind(), .execute(), .sync]), .init([.describeStatement(), .sync])),
        Conversation(
            "named statements leave it alone",
            .init([.parse("SELECT 1"), .parse("SELECT 2", name: "s"), .bind(statement: "s"), .execute(), .sync]),
            .init([.bind(), .execute(), .sync])),
        Conversation(
            "it outlives a transaction",
            .init([.parse("BEGIN"), .bind(), .execute(), .parse("SELECT 5"), .sync]),
            .init([.parse("COMMIT", name: "c"), .bind(statement: "c"), .execute(), .sync]),
            .init([.bind(), .execute(), .sync])),
        Conversation(
            "of a write",
            .init([.parse("INSERT INTO {t} VALUES ($1) RETURNING x"), .sync]),
            .init([.bind(["2"]), .execute(), .sync]), .init([.bind(["2"]), .execute(), .sync]),
            .init([.bind(["3"]), .execute(), .sync])),
        Conversation(
            "a BEGIN of our own does not stand in its way",
            .init([.parse("SELECT 5"), .sync]),
            .init([.parse("BEGIN", name: "b"), .bind(statement: "b"), .execute(), .sync]),
            .init([.bind(), .execute(), .sync]), .init([.query("COMMIT")])),
    ]

    @Test(arguments: conversations) func asPostgreSQL(_ conversation: Conversation) throws {
        try conversation.check()
    }

    /// All clients share one connection to each server.
    @Test(arguments: [1, 2, 3] as [UInt64]) func neverAnotherClients(_ seed: UInt64) throws {
        let router = try Stage.startRouter(poolSize: 1)
        var random = SeededGenerator(seed: seed)
        let clients = try (0..<5).map { _ in try router.client() }
        var held = [Int?](repeating: nil, count: clients.count)
        for step in 0..<300 {
            let index = Int.random(in: 0..<clients.count, using: &random)
            let client = clients[index]
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                try client.exchange([.parse("SELECT \(step)")])
                held[index] = step
            case 2:
                try client.query(Bool.random(using: &random) ? "SELECT 1" : "SELECT 1 FOR UPDATE")
                held[index] = nil
            default:
                let answer = try client.exchange([.bind(), .execute()])
                let expected = held[index].map { "\($0)" }
                #expect(answer.value == expected, "seed \(seed), step \(step)")
                #expect(answer.errors == (expected == nil ? ["26000"] : []), "seed \(seed), step \(step)")
            }
        }
    }

    @Test func pipelinesOfSeveralClients() throws {
        let router = try Stage.startRouter(poolSize: 1)
        let clients = try (0..<4).map { _ in try router.client() }
        for (number, client) in clients.enumerated() { try client.exchange([.parse("SELECT \(number)")]) }
        for _ in 0..<50 {
            for client in clients { try client.send([.bind(), .execute(), .sync, .bind(), .execute(), .sync]) }
            for (number, client) in clients.enumerated() {
                #expect(try client.readUntilReady().value == "\(number)")
                #expect(try client.readUntilReady().value == "\(number)")
            }
        }
    }
}

/// Random numbers that a seed repeats.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
