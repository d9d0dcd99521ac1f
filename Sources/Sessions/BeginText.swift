// How is a BEGIN written that was answered before any server saw it?

import SQL

extension TransactionModes {
    /// The statement that begins a transaction of these modes.
    var beginText: [UInt8] {
        var parts: [String] = []
        switch isolation {
        case .readUncommitted: parts.append("ISOLATION LEVEL READ UNCOMMITTED")
        case .readCommitted: parts.append("ISOLATION LEVEL READ COMMITTED")
        case .repeatableRead: parts.append("ISOLATION LEVEL REPEATABLE READ")
        case .serializable: parts.append("ISOLATION LEVEL SERIALIZABLE")
        case nil: break
        }
        if let readOnly { parts.append(readOnly ? "READ ONLY" : "READ WRITE") }
        if let deferrable { parts.append(deferrable ? "DEFERRABLE" : "NOT DEFERRABLE") }
        return Array((parts.isEmpty ? "BEGIN" : "BEGIN " + parts.joined(separator: ", ")).utf8)
    }
}
