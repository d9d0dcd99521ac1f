// Does the knowledge of a very large database stay small, and is each of its names still found?

import SQL
import Testing

@Suite struct KnowledgeSizeTests {
    private static let count: UInt32 = 100_000

    private static let large: Knowledge = {
        var facts = CatalogFacts()
        for number in 0..<count {
            facts.add(
                FunctionFact(
                    oid: 20_000 + number, schema: "schema_\(number % 10)", name: "function_number_\(number)",
                    isVolatile: number % 3 == 0, language: "sql", argument: .none))
            facts.addRelation(
                500_000 + number, schema: "schema_\(number % 10)", name: "relation_number_\(number)",
                number % 3 == 0 ? .unlogged : .table)
        }
        return facts.knowledge(generation: 7)
    }()

    @Test func memory() {
        #expect(Self.large.functionNameCount == 2 * Int(Self.count))
        #expect(Self.large.byteCount < 40 << 20, "\(Self.large.byteCount)")
    }

    @Test func everyNameIsFound() {
        for number in stride(from: 0, to: Self.count, by: 37) {
            let expected: RouteClass = number % 3 == 0 ? .write : .replicaSafe
            #expect(classify("SELECT function_number_\(number)()", knowing: Self.large).routeClass == expected)
            let qualified = "SELECT Schema_\(number % 10).Function_Number_\(number)()"
            #expect(classify(qualified, knowing: Self.large).routeClass == expected)
            let relation: RouteClass = number % 3 == 0 ? .primaryOnlyRead : .replicaSafe
            #expect(classify("TABLE relation_number_\(number)", knowing: Self.large).routeClass == relation)
        }
        #expect(classify("SELECT function_number_\(Self.count)()", knowing: Self.large).cause.note == .unknownFunction)
        #expect(classify("SELECT schema_1.function_number_2()", knowing: Self.large).cause.note == .unknownFunction)
    }
}
