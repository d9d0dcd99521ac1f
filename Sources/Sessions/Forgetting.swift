// What does a session no longer have once a command of its own has made the server forget it?

extension ClientSession {
    mutating func forget(
        _ what: Forgotten, server: inout ServerSession, table: inout StatementTable
    ) {
        switch what {
        case .statements:
            forgetNames(table: &table)
        case .settings:
            // RESET of one setting leaves the others; where the session has set none, all may be set again.
            if resetsAll { resetRouterSettingsInTransaction() }
            defer { resetsAll = false }
            // Of all other settings it is asked what the session has left.
            guard pins.contains(.setting), resetsAll else { return }
            returnToInitialProfile()
            server.profile = .base
        case .changes where hasSavepoint:
            // What comes next tells whether it went back to one.
            hasRolledBack = true
        case .changes:
            endRouterTransaction(commits: false)
        case .localSettings:
            endRouterTransaction(commits: true)
            hasRolledBack = false
        case .everything:
            forgetNames(table: &table)
            resetRouterSettings()
            // Nothing is left that the server would have to be kept for.
            pins.formIntersection(.sessionMode)
            forgetDoubts()
            wantsSequences = false
            hasLeftTraces = false
            forgetTouches()
            returnToInitialProfile()
        }
    }
}
