// Do tokens keep their parts, and does the table know late ones?
import Testing

@testable import Reactor

@Suite struct TokenTests {
    @Test(
        arguments: [
            (0, 0, 0), (1, 2, 3), (254, UInt32.max, Token.generations - 1), (255, 0, 1), (0, UInt32.max, 0),
        ] as [(UInt8, UInt32, UInt32)])
    func packs(kind: UInt8, index: UInt32, generation: UInt32) {
        let token = Token(kind: kind, index: index, generation: generation)
        #expect(token.kind == kind)
        #expect(token.index == Int(index))
        #expect(token.generation == generation)
        #expect(Token(rawValue: token.rawValue) == token)
    }

    @Test func reusesTheSlotClosedLastWithAnotherGeneration() {
        var table = TokenTable()
        let first = table.open(kind: 1)
        let second = table.open(kind: 2)
        #expect((first.index, second.index) == (0, 1))
        table.close(first)
        #expect(!table.isCurrent(first))
        #expect(table.isCurrent(second))
        #expect(table.count == 1)
        let third = table.open(kind: 1)
        #expect(third.index == first.index)
        #expect(third != first)
        #expect(table.isCurrent(third))
        #expect(!table.isCurrent(first))
        #expect(table.slotCount == 2)
    }

    @Test func aClosedSlotHasNoCurrentToken() {
        var table = TokenTable()
        let token = table.open(kind: 3)
        table.close(token)
        for kind in UInt8.min...254 {
            #expect(!table.isCurrent(Token(kind: kind, index: 0, generation: token.generation)))
            #expect(!table.isCurrent(Token(kind: kind, index: 0, generation: token.generation + 1)))
        }
        #expect(!table.isCurrent(Token(kind: 3, index: 77, generation: 0)))
    }

    @Test func generationsWrapAround() {
        var table = TokenTable()
        var token = table.open(kind: 0)
        table.close(token)
        // Puts the slot just before the wrap instead of closing it sixteen million times.
        table.current[0] = Token(kind: 255, index: 0, generation: Token.generations - 1).rawValue
        token = table.open(kind: 9)
        #expect(token.generation == Token.generations - 1)
        table.close(token)
        #expect(table.open(kind: 9).generation == 0)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func agreesWithASetOfOpenTokens(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = TokenTable(capacity: 4)
        var open: [Token] = []
        var closed: Set<Token> = []
        for _ in 0..<2000 {
            if open.isEmpty || Bool.random(using: &random) {
                let token = table.open(kind: UInt8.random(in: 0...254, using: &random))
                #expect(!closed.contains(token), "seed \(seed)")
                #expect(!open.contains { $0.index == token.index }, "seed \(seed)")
                open.append(token)
            } else {
                let token = open.remove(at: Int.random(in: open.indices, using: &random))
                table.close(token)
                closed.insert(token)
            }
            #expect(table.count == open.count, "seed \(seed)")
        }
        for token in open { #expect(table.isCurrent(token), "seed \(seed)") }
        for token in closed { #expect(!table.isCurrent(token), "seed \(seed)") }
    }

    @Test func closingTwiceStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var table = TokenTable()
            let token = table.open(kind: 0)
            table.close(token)
            table.close(token)
        }
    }
}
