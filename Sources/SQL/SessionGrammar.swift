// Which statements leave something in the session, or clear it?

extension StatementReader {
    // MARK: DISCARD, DEALLOCATE, LISTEN, LOAD

    mutating func readSessionCommand(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        switch head.keyword {
        case .discard:
            return readDiscard(text, head)
        case .deallocate:
            note([.sessionState, .statementName], head.range, .deallocate)
            return readDeallocate(text)
        case .listen:
            note(.sessionState, pins: .listen, head.range, .listen)
            return readRest(text)
        case .unlisten:
            note(.sessionState, head.range, .listen)
            let isAll = token.kind == .symbol && token.end - token.start == 1 && text[token.start] == 0x2A
            skipStatement(text)
            return isAll ? .unlistenAll : .other
        default:
            note(.sessionState, pins: .load, head.range, .load)
            return readRest(text)
        }
    }

    private mutating func readDiscard(_ text: Span<UInt8>, _ head: Token) -> Command {
        let what = token.keyword
        advance(text)
        switch what {
        case .all:
            note([.sessionState, .refusesTransactionBlock, .lexing, .parsing], head.range, .discard)
            return .discardAll
        case .plans:
            note(.sessionState, head.range, .discard)
            return .discardPlans
        case .sequences:
            note(.sessionState, head.range, .discard)
            return .discardSequences
        case .temp, .temporary:
            note(.sessionState, head.range, .discard)
            return .discardTemp
        default:
            return giveUp(text, head)
        }
    }

    /// `[PREPARE] name | ALL`, where the name may be the word PREPARE itself.
    private mutating func readDeallocate(_ text: Span<UInt8>) -> Command {
        let first = token
        if accept(.prepare, text), isAtEnd { return .deallocate(name: first.range) }
        if accept(.all, text) { return .deallocateAll }
        let name = token
        guard name.isName else { return giveUp(text, name) }
        advance(text)
        return .deallocate(name: name.range)
    }

    // MARK: PREPARE

    /// PREPARE TRANSACTION, or PREPARE of a statement, which is only stored and not run.
    mutating func readPrepare(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        let name = token
        if accept(.transaction, text), token.kind == .string || token.kind == .otherString {
            note([.transactionControl, .mayWrite, .preparedTransaction], head.range, .transaction)
            return readGlobalIdentifier(text) ? .prepareTransaction : .other
        }
        note([.sessionState, .statementName], pins: .sqlPrepare, head.range, .sqlPrepare)
        if name.keyword != .transaction {
            guard name.isName else { return giveUp(text, head) }
            advance(text)
        }
        if token.kind == .open { skipParentheses(text) }
        guard accept(.as, text), !isAtEnd else { return readRest(text) }
        let start = token.start
        skipStatement(text)
        return .prepare(name: name.range, statement: start..<previousEnd)
    }

    /// EXECUTE name [(arguments)], of a statement that the text does not show.
    mutating func readExecute(_ text: Span<UInt8>, _ head: Token) -> Command {
        note([.mayWrite, .hiddenCode, .statementName], pins: .hiddenCode, head.range, .sqlExecute)
        advance(text)
        let name = token
        _ = readQuery(text)
        guard name.isName else { return .other }
        return .execute(name: name.range, arguments: name.end..<max(name.end, previousEnd))
    }

    // MARK: Cursors

    /// DECLARE name [options] CURSOR [WITH HOLD | WITHOUT HOLD] FOR query.
    mutating func readDeclare(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        guard token.isName else { return giveUp(text, head) }
        advance(text)
        var distance = 0
        while !at(.cursor), token.kind == .word, distance < 8 {
            advance(text)
            distance += 1
        }
        guard accept(.cursor, text) else { return giveUp(text, head) }
        var isHeld = false
        if accept(.with, text) {
            isHeld = true
            guard accept(.hold, text) else { return giveUp(text, head) }
        } else if accept(.without, text) {
            guard accept(.hold, text) else { return giveUp(text, head) }
        }
        guard accept(.for, text) else { return giveUp(text, head) }
        if isHeld {
            note(.sessionState, pins: .heldCursor, head.range, .heldCursor)
        } else {
            note(.cursor, head.range, .cursor)
        }
        return readEmbeddedQuery(text)
    }

    /// FETCH, MOVE and CLOSE go where the cursor is.
    mutating func readCursorUse(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if head.keyword == .close, accept(.all, text) {
            note([.sessionState, .cursor], head.range, .cursor)
            return .closeAll
        }
        note(.cursor, head.range, .cursor)
        return readRest(text)
    }

    /// A query in a statement that can hold nothing else.
    mutating func readEmbeddedQuery(_ text: Span<UInt8>) -> Command {
        switch token.keyword {
        case .select, .values, .table, .with:
            _ = readQuery(text)
        default:
            guard token.kind == .open else { return giveUp(text, token) }
            _ = readQuery(text)
        }
        return .other
    }
}
