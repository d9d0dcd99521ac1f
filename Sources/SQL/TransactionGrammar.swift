// Which statements begin, end and shape transactions?

extension StatementReader {
    mutating func readTransactionControl(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        let command: Command? =
            switch head.keyword {
            case .begin: readBegin(text)
            case .start: readStart(text)
            case .commit, .end: readCommit(text, isCommit: head.keyword == .commit)
            case .rollback, .abort: readRollback(text, isRollback: head.keyword == .rollback)
            case .savepoint: readName(text).map { _ in .savepoint }
            default: readRelease(text)
            }
        guard let command, isAtEnd else {
            note(.transactionControl, head.range, .transaction)
            return giveUp(text, head)
        }
        noteTransactionControl(command, head)
        return command
    }

    private mutating func noteTransactionControl(_ command: Command, _ head: Token) {
        switch command {
        case .savepoint, .rollbackTo, .release:
            note([.transactionControl, .savepoint], head.range, .savepoint)
        case .commitPrepared:
            note(
                [.transactionControl, .mayWrite, .refusesTransactionBlock, .preparedTransaction], head.range,
                .transaction)
        case .rollbackPrepared:
            note([.transactionControl, .mayWrite, .refusesTransactionBlock], head.range, .transaction)
        default:
            note(.transactionControl, head.range, .transaction)
        }
    }

    private mutating func readBegin(_ text: Span<UInt8>) -> Command? {
        if !accept(.work, text) { _ = accept(.transaction, text) }
        return readTransactionModes(text).map { .begin($0) }
    }

    private mutating func readStart(_ text: Span<UInt8>) -> Command? {
        guard accept(.transaction, text) else { return nil }
        return readTransactionModes(text).map { .begin($0) }
    }

    private mutating func readCommit(_ text: Span<UInt8>, isCommit: Bool) -> Command? {
        if isCommit, accept(.prepared, text) {
            return readGlobalIdentifier(text) ? .commitPrepared : nil
        }
        if !accept(.work, text) { _ = accept(.transaction, text) }
        return readChain(text).map { .commit(chain: $0) }
    }

    private mutating func readRollback(_ text: Span<UInt8>, isRollback: Bool) -> Command? {
        if isRollback, accept(.prepared, text) {
            return readGlobalIdentifier(text) ? .rollbackPrepared : nil
        }
        if !accept(.work, text) { _ = accept(.transaction, text) }
        if isRollback, accept(.to, text) {
            return readSavepointName(text) ? .rollbackTo : nil
        }
        return readChain(text).map { .rollback(chain: $0) }
    }

    private mutating func readRelease(_ text: Span<UInt8>) -> Command? {
        readSavepointName(text) ? .release : nil
    }

    /// `[SAVEPOINT] name`, where the name may be the word itself.
    private mutating func readSavepointName(_ text: Span<UInt8>) -> Bool {
        if accept(.savepoint, text), isAtEnd { return true }
        return readName(text) != nil
    }

    /// The name of a prepared transaction: one string.
    mutating func readGlobalIdentifier(_ text: Span<UInt8>) -> Bool {
        guard token.kind == .string || token.kind == .otherString else { return false }
        while token.kind == .string || token.kind == .otherString { advance(text) }
        return true
    }

    /// `[AND [NO] CHAIN]`; nil for anything else.
    private mutating func readChain(_ text: Span<UInt8>) -> Bool? {
        guard accept(.and, text) else { return false }
        let isNegated = accept(.no, text)
        return accept(.chain, text) ? !isNegated : nil
    }

    /// Transaction modes in any order, commas optional; nil for anything else up to the end of the statement.
    mutating func readTransactionModes(_ text: Span<UInt8>) -> TransactionModes? {
        var modes = TransactionModes()
        while !isAtEnd {
            if !modes.isEmpty, token.kind == .comma { advance(text) }
            guard readTransactionMode(text, &modes) else { return nil }
        }
        return modes
    }

    private mutating func readTransactionMode(_ text: Span<UInt8>, _ modes: inout TransactionModes) -> Bool {
        switch token.keyword {
        case .isolation:
            advance(text)
            guard accept(.level, text), let level = readIsolationLevel(text) else { return false }
            modes.isolation = level
            return true
        case .read:
            advance(text)
            modes.readOnly = at(.only)
            guard at(.only) || at(.write) else { return false }
            advance(text)
            return true
        case .not:
            advance(text)
            modes.deferrable = false
            return accept(.deferrable, text)
        case .deferrable:
            advance(text)
            modes.deferrable = true
            return true
        default:
            return false
        }
    }

    mutating func readIsolationLevel(_ text: Span<UInt8>) -> IsolationLevel? {
        if accept(.serializable, text) { return .serializable }
        if accept(.repeatable, text) { return accept(.read, text) ? .repeatableRead : nil }
        guard accept(.read, text) else { return nil }
        if accept(.committed, text) { return .readCommitted }
        return accept(.uncommitted, text) ? .readUncommitted : nil
    }
}
