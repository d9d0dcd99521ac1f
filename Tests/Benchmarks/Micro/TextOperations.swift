// What does it cost to look at a statement's text?

import Routing
import SQL
import Sessions

/// Classifies one text.
struct Classifying: Operation {
    let name: String
    let text: [UInt8]

    func run(_ count: Int) -> Int {
        let settings = LexerSettings()
        var sum = 0
        for _ in 0..<count {
            let verdict = Classifier.classify(text.span, settings: settings)
            sum &+= Int(verdict.routeClass.rawValue) &+ verdict.statementCount
        }
        return sum
    }
}

/// Classifies one text in a database of which much is known, and chooses a node for it.
struct ClassifyingAndDeciding: Operation {
    let name: String
    let text: [UInt8]
    private let knowledge: Knowledge
    private var deciding = Deciding("", RouteRequest(routeClass: .replicaSafe))

    init(name: String, text: [UInt8], knowledge: Knowledge) {
        self.name = name
        self.text = text
        self.knowledge = knowledge
    }

    mutating func run(_ count: Int) -> Int {
        let settings = LexerSettings()
        var sum = 0
        for _ in 0..<count {
            let verdict = Classifier.classify(text.span, settings: settings, knowledge: knowledge)
            precondition(verdict.routeClass == .replicaSafe, "The text is harmless.")
            sum &+= verdict.statementCount &+ deciding.decide()
        }
        return sum
    }

    /// A hundred thousand functions and as many relations, of which each tenth objects.
    static func largeDatabase() -> Knowledge {
        var facts = CatalogFacts()
        for number: UInt32 in 0..<100_000 {
            facts.add(
                FunctionFact(
                    oid: 20_000 + number, schema: "public", name: "function_number_\(number)",
                    isVolatile: number.isMultiple(of: 10), language: "sql",
                    argument: number.isMultiple(of: 100) ? .composite : .scalar))
            facts.addRelation(
                200_000 + number, schema: "public", name: "relation_number_\(number)",
                number.isMultiple(of: 10) ? .unlogged : .table)
        }
        facts.add(
            FunctionFact(
                oid: 19_999, schema: "public", name: "net_price", isVolatile: false, language: "sql",
                argument: .scalar))
        return facts.knowledge(generation: 2)
    }
}

/// Asks for the verdict on a text that comes again and again, and chooses a node for it.
struct RecallingAndDeciding: Operation {
    let name: String
    let text: [UInt8]
    private static let database = CatalogID(rawValue: 0)
    private var table = StatementTable(worker: 0)
    private var deciding = Deciding("", RouteRequest(routeClass: .replicaSafe))

    init(name: String, text: [UInt8], knowledge: Knowledge) {
        self.name = name
        self.text = text
        table.learn(knowledge, of: Self.database)
    }

    mutating func run(_ count: Int) -> Int {
        let settings = LexerSettings()
        let text = text
        var sum = 0
        for _ in 0..<count {
            let verdict = table.verdict(on: text.span, settings: settings, in: Self.database)
            precondition(verdict.routeClass == .replicaSafe, "The text is harmless.")
            sum &+= verdict.statementCount &+ deciding.decide()
        }
        return sum
    }
}

/// Hashes one text.
struct Hashing: Operation {
    let name: String
    var text: [UInt8]

    mutating func run(_ count: Int) -> Int {
        var sum: UInt64 = 0
        for _ in 0..<count {
            // Always another text, or the optimiser hashes once.
            text[0] = UInt8(truncatingIfNeeded: sum)
            sum ^= TextHash.hash(text.span)
        }
        return Int(truncatingIfNeeded: sum)
    }
}
