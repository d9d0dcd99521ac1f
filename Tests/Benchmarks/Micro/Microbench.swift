// What do the single steps of a query cost, and does one of them allocate?

import Glibc
import Routing

/// Prints a table of all operations, or of those whose names contain the argument; fails when something allocates that
/// every query passes through.
@main
struct Microbench {
    static func main() {
        guard Measurement.countsAllocations() else {
            print("allocations are not counted here: the C library's allocator is not the one that Swift calls")
            return fail()
        }
        var table = Table()
        table.measure(Hashing(name: "TextHash: pgbench SELECT, 56 bytes", text: Texts.pgbench))
        table.measure(
            Classifying(name: "Lexer: the same without grammar", text: Texts.withoutGrammar(Texts.pgbench)))
        table.measure(Classifying(name: "Classifier: pgbench SELECT, 56 bytes", text: Texts.pgbench))
        table.measure(
            Classifying(name: "Lexer: a join of 200 bytes without grammar", text: Texts.withoutGrammar(Texts.join)))
        table.measure(Classifying(name: "Classifier: a join, 200 bytes", text: Texts.join))
        let known = ClassifyingAndDeciding.largeDatabase()
        table.measure(
            ClassifyingAndDeciding(
                name: "Classifier and Router: the join with a known function", text: Texts.joinWithFunction,
                knowledge: known))
        table.measure(
            RecallingAndDeciding(
                name: "VerdictCache and Router: the same, read before", text: Texts.joinWithFunction,
                knowledge: known))
        table.measure(
            Deciding("Router: a read, two replicas", RouteRequest(routeClass: .replicaSafe)))
        table.measure(Deciding("Router: a write", RouteRequest(routeClass: .write)))
        table.measure(Pooled())
        table.measure(Conversations.simple)
        table.measure(Conversations.simpleAgain)
        table.measure(Conversations.extended)
        table.measure(Conversations.prepared)
        if table.allocates {
            print("operations of the query path allocate")
            fail()
        }
    }

    private static func fail() {
        exit(1)
    }
}

/// Prints each operation's cost as soon as it is known.
private struct Table {
    private(set) var allocates = false
    private static let widths = [64, 12, 12, 12]

    init() {
        print("processor time and allocations for each operation; batches of at least 10 ms, 15 of them")
        row(["operation", "least ns", "median ns", "allocations"])
    }

    mutating func measure(_ operation: consuming some Operation & ~Copyable) {
        if let part = CommandLine.arguments.dropFirst().first, !operation.name.contains(part) { return }
        let result = Measurement(&operation)
        // One allocation in a thousand operations is none of theirs.
        let isFree = result.allocations < 0.001
        if !isFree { allocates = true }
        row([
            result.name, decimal(result.least), decimal(result.median),
            isFree ? "0" : decimal(result.allocations) + " !",
        ])
    }

    private func row(_ cells: [String]) {
        var line = ""
        for (cell, width) in zip(cells, Self.widths) {
            let blanks = String(repeating: " ", count: max(1, width - cell.count))
            line += line.isEmpty ? cell + blanks : blanks + cell
        }
        print(line)
    }

    /// One digit behind the point.
    private func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
