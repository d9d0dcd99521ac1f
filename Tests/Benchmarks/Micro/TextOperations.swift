// What does it cost to look at a statement's text?

import SQL

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
