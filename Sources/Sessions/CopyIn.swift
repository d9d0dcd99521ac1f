// What does a server read as the data of a COPY, and what as its end?

extension ServerSession {
    /// - Returns: false when nobody can tell what the server makes of the requests behind.
    mutating func beginCopyIn() -> Bool {
        // Syncs ahead of the end of the data are read over by a server in copy mode; any other request ends it.
        var end = 1
        while end < ledger.count, ledger[end].request == .sync { end += 1 }
        isCopyingIn = end >= ledger.count
        if !isCopyingIn, ledger[end].request != .copyEnd {
            // The server reads the next request as a fault in the data. One that it was not sent, or one behind a
            // simple Query, makes its answers incalculable.
            guard ledger[0].request == .execute, ledger[end].disposition != .synthesise else { return false }
        }
        guard end > 1 else { return true }
        syncsAnswered += UInt64(end - 1)
        ledger.filter { position, _ in position == 0 || position >= end }
        needsSync = !(0..<ledger.count).contains { ledger[$0].request == .sync }
        return true
    }

    /// A message that is no part of a COPY was sent in the middle of it: the server answers with an error.
    mutating func breaksCopy() {
        isCopyingIn = false
    }
}
