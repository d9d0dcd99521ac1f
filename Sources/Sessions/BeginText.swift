// How is a BEGIN written that was answered before any server saw it, and may a text have one?

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

extension Span<UInt8> {
    /// Whether one of the words, which are in lower case, stands somewhere in the text.
    func hasWord(_ words: [[UInt8]]) -> Bool {
        var start = 0
        for index in 0...count {
            if index < count, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self[index] | 0x20) { continue }
            if words.contains(where: { isWord($0, in: start..<index) }) { return true }
            start = index + 1
        }
        return false
    }

    private func isWord(_ word: [UInt8], in range: Range<Int>) -> Bool {
        guard word.count == range.count else { return false }
        for index in word.indices where self[range.lowerBound + index] | 0x20 != word[index] { return false }
        return true
    }
}
