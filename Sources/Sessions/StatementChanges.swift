// Which prepared statements will the client have when the replies that are still owed have come?

import Wire

/// A Parse (or Close) of the client's that no reply has confirmed; an empty name is the unnamed statement.
struct StatementChange: Equatable, Sendable {
    var name: [UInt8]
    /// nil: the name is given up.
    var statement: PreparedStatement?
    /// The number of the batch that asks for it.
    var batch: UInt64
}

extension ClientSession {
    /// The statement that a name stands for, unconfirmed changes included.
    func statement(named name: Range<Int>, _ input: Span<UInt8>) -> PreparedStatement? {
        if !changes.isEmpty {
            for change in changes.reversed() where input.matches(change.name, in: name) { return change.statement }
        }
        if name.isEmpty { return unnamed }
        guard let index = names.find(input, name) else { return nil }
        return names[index]
    }

    /// Whether a name's statement depends on the answer to an earlier batch. Within a batch it does not matter: what
    /// relies on a failed Parse is skipped.
    func isUncertain(_ name: Range<Int>, _ input: Span<UInt8>) -> Bool {
        for change in changes.reversed() where input.matches(change.name, in: name) {
            return change.batch != batchNumber
        }
        return false
    }

    mutating func confirmChange(table: inout StatementTable) {
        precondition(!changes.isEmpty, "A statement was confirmed that nobody changed.")
        let change = changes.removeFirst()
        if change.name.isEmpty {
            if let unnamed { table.release(unnamed.reference) }
            unnamed = change.statement
        } else {
            if let removed = names.remove(change.name) { table.release(removed.reference) }
            if let statement = change.statement { names.insert(change.name, statement) }
        }
    }

    /// The oldest changes will not happen. A Parse of the unnamed statement gives up the former one even if it fails.
    mutating func dropChanges(_ count: Int, inParse: Bool, table: inout StatementTable) {
        for position in 0..<min(count, changes.count) {
            let change = changes[position]
            if let statement = change.statement { table.release(statement.reference) }
            if position == 0, inParse, change.name.isEmpty { dropUnnamed(table: &table) }
        }
        changes.removeFirst(min(count, changes.count))
    }

    mutating func dropUnnamed(table: inout StatementTable) {
        if let unnamed { table.release(unnamed.reference) }
        unnamed = nil
    }

    /// A simple Query was sent: whatever unnamed statement a server will confirm before that is gone behind it.
    mutating func dropUnnamedForGood(table: inout StatementTable) {
        dropUnnamed(table: &table)
        for index in changes.indices where changes[index].name.isEmpty {
            if let statement = changes[index].statement { table.release(statement.reference) }
            changes[index].statement = nil
        }
    }

    /// DEALLOCATE ALL, DISCARD ALL, or the end of the session.
    mutating func forgetNames(table: inout StatementTable) {
        for statement in names.statements { table.release(statement.reference) }
        names.removeAll()
    }

    /// `DEALLOCATE name`; false when the client has no such statement, or only the server knows.
    mutating func deallocate(_ name: [UInt8], table: inout StatementTable) -> Bool {
        guard !name.isEmpty, let index = names.find(name), !names[index].isOwn, let removed = names.remove(name)
        else { return false }
        table.release(removed.reference)
        return true
    }
}
