// Do the tables of names, texts, prepared statements and owed replies keep what they are given?

import SQL
import Testing
import Wire

@testable import Sessions

/// The small collections that the sessions are made of.
struct CollectionTests {
    // MARK: ReplyLedger

    @Test func aLedgerKeepsItsOrderWhileItGrowsAndTurns() {
        var ledger = ReplyLedger()
        var expected: [UInt64] = []
        var next: UInt64 = 1
        var random = SeededRandom(seed: 7)
        for _ in 0..<5_000 {
            if Int.random(in: 0..<100, using: &random) < 52 {
                ledger.append(LedgerEntry(.bind, statement: StatementID(rawValue: next)))
                expected.append(next)
                next += 1
            } else if !expected.isEmpty {
                let (entry, value) = (ledger.removeFirst(), expected.removeFirst())
                #expect(entry.statement.rawValue == value)
            }
            #expect(ledger.count == expected.count)
            #expect(ledger.first?.statement.rawValue == expected.first)
        }
        #expect((0..<ledger.count).map { ledger[$0].statement.rawValue } == expected)
        ledger.filter { position, _ in position % 3 == 0 }
        let kept = expected.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
        #expect((0..<ledger.count).map { ledger[$0].statement.rawValue } == kept)
        ledger.removeAll()
        #expect(ledger.isEmpty && ledger.first == nil)
    }

    // MARK: StatementNames

    @Test func namesAgainstADictionary() {
        var names = StatementNames()
        var expected: [String: UInt64] = [:]
        var random = SeededRandom(seed: 11)
        for step in 1...4_000 {
            let name = "s\(Int.random(in: 0..<200, using: &random))"
            let bytes = Array(name.utf8)
            if let index = names.find(bytes) {
                #expect(names[index].id.rawValue == expected[name])
                if Bool.random(using: &random) {
                    let removed = names.remove(bytes)
                    #expect(removed?.id.rawValue == expected.removeValue(forKey: name))
                }
            } else {
                #expect(expected[name] == nil)
                names.insert(bytes, PreparedStatement(reference: .none, id: StatementID(rawValue: UInt64(step))))
                expected[name] = UInt64(step)
            }
            #expect(names.count == expected.count)
        }
        #expect(Set(names.statements.map(\.id.rawValue)) == Set(expected.values))
        let other = names.remove(Array("other".utf8))
        #expect(other == nil)
        names.removeAll()
        #expect(names.count == 0 && names.find(Array("s1".utf8)) == nil)
    }

    @Test func aShapeIsToldForEveryNameOfAStatement() {
        var names = StatementNames()
        for name in ["a", "b", "c"] {
            let id: UInt64 = name == "c" ? 2 : 1
            names.insert(Array(name.utf8), PreparedStatement(reference: .none, id: StatementID(rawValue: id)))
        }
        names.told(.noRows, for: StatementID(rawValue: 1))
        let told = ["a", "b", "c"].map { names.find(Array($0.utf8)).flatMap { names[$0].toldShape } }
        #expect(told == [.noRows, .noRows, nil])
    }

    // MARK: StatementTable

    private func tail(_ text: String, types: Int = 0) -> [UInt8] {
        Array(text.utf8) + [0, 0, UInt8(types)] + [UInt8](repeating: 9, count: types * 4)
    }

    private func retain(_ text: String, types: Int = 0, profile: UInt32 = 0, in table: inout StatementTable)
        -> StatementReference
    {
        table.retain(
            tail: tail(text, types: types).span, textLength: text.utf8.count,
            key: ParsingKey(profile: ProfileID(rawValue: profile), lexer: LexerSettings()))
    }

    @Test func oneEntryForOneTextTypesAndProfile() {
        var table = StatementTable(worker: 3)
        let first = retain("SELECT $1", types: 1, in: &table)
        #expect(retain("SELECT $1", types: 1, in: &table) == first)
        #expect(retain("SELECT $1", in: &table) != first)
        #expect(retain("SELECT $1", types: 1, profile: 4, in: &table) != first)
        #expect(table.count == 3)
        #expect(table.tail(first) == tail("SELECT $1", types: 1))
        #expect(table.classification(first).routeClass == .replicaSafe)
        #expect(table.id(first).serverName == Array("pointsman_030000000001".utf8))
    }

    @Test func whatNobodyHoldsMakesRoom() {
        var table = StatementTable(worker: 0)
        let held = retain("SELECT 'held'", in: &table)
        for number in 0..<StatementTable.cacheLimit * 2 {
            table.release(retain("SELECT \(number)", in: &table))
        }
        #expect(table.count <= StatementTable.cacheLimit + 1)
        #expect(table.tail(held) == tail("SELECT 'held'"))
        #expect(retain("SELECT 'held'", in: &table) == held)
        #expect(table.retainedCount == 1)
    }

    @Test func whatIsHeldStaysHoweverMuchThatIs() {
        var table = StatementTable(worker: 0)
        let count = StatementTable.cacheLimit + 500
        let references = (0..<count).map { retain("SELECT \($0)", in: &table) }
        #expect(table.count == count)
        for (number, reference) in references.enumerated() {
            #expect(table.tail(reference) == tail("SELECT \(number)"))
            #expect(retain("SELECT \(number)", in: &table) == reference)
        }
    }

    @Test func idsAreNeverGivenTwice() {
        var table = StatementTable(worker: 0)
        let long = "SELECT '" + String(repeating: "x", count: StatementTable.cachedTextLimit) + "'"
        let first = retain(long, in: &table)
        let id = table.id(first)
        table.release(first)
        #expect(table.count == 0, "a long text is not kept")
        let again = retain(long, in: &table)
        #expect(table.id(again) != id)
    }

    // MARK: PreparedSet

    @Test func theOldestIsSurplus() {
        var set = PreparedSet()
        let ids = (1...4).map { StatementID(rawValue: $0) }
        for id in ids { set.parsing(id, syncs: 0) }
        #expect(set.surplus(limit: 4) == nil)
        #expect(set.touch(ids[0], syncs: 0) == .present)
        #expect(set.surplus(limit: 3) == ids[1])
        set.closing(ids[1], syncs: 0)
        #expect(set.surplus(limit: 3) == nil)
        #expect(set.surplus(limit: 0) == ids[2])
        #expect(set.count == 3)
    }

    @Test func theNewestIsNeverSurplus() {
        var set = PreparedSet()
        set.parsing(StatementID(rawValue: 1), syncs: 0)
        #expect(set.surplus(limit: 0) == nil)
    }

    @Test func behindASyncOnlyTheAnswerTells() {
        var set = PreparedSet()
        let id = StatementID(rawValue: 1)
        #expect(set.touch(id, syncs: 0) == .absent)
        set.parsing(id, syncs: 0)
        #expect(set.touch(id, syncs: 0) == .present)
        #expect(set.touch(id, syncs: 1) == .uncertain)
        set.parsed(id)
        #expect(set.touch(id, syncs: 1) == .present)
        set.closing(id, syncs: 1)
        #expect(set.touch(id, syncs: 1) == .absent)
        #expect(set.touch(id, syncs: 2) == .uncertain)
        set.keeps(id)
        #expect(set.touch(id, syncs: 2) == .present)
        set.closing(id, syncs: 2)
        set.closed(id)
        #expect(set.touch(id, syncs: 3) == .absent)
        #expect(set.count == 0)
    }

    @Test func anOutdatedStatementIsClosedOnce() {
        var set = PreparedSet()
        let id = StatementID(rawValue: 1)
        set.parsing(id, syncs: 0)
        set.outdate(id)
        #expect(set.touch(id, syncs: 0) == .absent)
        var taken = [set.takeOutdated(id), set.takeOutdated(id)]
        // The server does not have it.
        set.outdate(id)
        taken.append(set.takeOutdated(id))
        #expect(taken == [true, false, false])
    }

    // MARK: RowShape

    private func rowDescription(_ columns: [(name: String, table: Int32, type: Int32, format: Int16)]) -> [UInt8] {
        var body: [UInt8] = []
        body.appendInt16(Int16(columns.count))
        for column in columns {
            body.appendCString(column.name)
            body.appendInt32(column.table)
            body.appendInt16(1)
            body.appendInt32(column.type)
            body.appendInt16(4)
            body.appendInt32(-1)
            body.appendInt16(column.format)
        }
        return body
    }

    private func shape(of body: [UInt8]) -> RowShape { RowShape(rowDescription: body.span) }

    @Test func aShapeIsNamesAndTypes() {
        let first = shape(of: rowDescription([("a", 1, 23, 0), ("b", 1, 25, 0)]))
        #expect(first == shape(of: rowDescription([("a", 7, 23, 0), ("b", 8, 25, 1)])))
        for other in [
            [("a", 1, 23, 0)], [("a", 1, 23, 0), ("c", 1, 25, 0)], [("a", 1, 23, 0), ("b", 1, 20, 0)],
            [("b", 1, 25, 0), ("a", 1, 23, 0)], [],
        ] as [[(String, Int32, Int32, Int16)]] {
            #expect(first != shape(of: rowDescription(other)))
        }
        #expect(shape(of: []) != .noRows)
        for cut in 0..<20 { _ = shape(of: Array(rowDescription([("a", 1, 23, 0)]).prefix(cut))) }
    }

    // MARK: Outbox

    @Test func neighboursAreOnePiece() {
        var box = Outbox()
        #expect(box.isEmpty)
        box.forward(0..<0)
        box.write { _ in }
        #expect(box.isEmpty)
        box.forward(2..<4)
        box.forward(4..<6)
        box.write { $0.append(65) }
        box.write { $0.append(66) }
        box.forward(8..<9)
        box.forward(0..<1)
        #expect(box.passage == 2..<6)
        #expect(box.pieces == [.literal(0..<2), .input(8..<9), .input(0..<1)])
        let input = Array(UInt8(0)..<10)
        let bytes = box.bytes(from: input.span)
        #expect(bytes == [2, 3, 4, 5, 65, 66, 8, 0])
        box.removeAll()
        #expect(box == Outbox())
    }
}
