// How is a text walked through, statement by statement?

/// One pass over the tokens of a text. The rules for each kind of statement are in the `…Grammar` files; what is here
/// is what all of them use: the current token, the findings, and the ways to step over what needs no reading.
struct StatementReader: ~Copyable {
    private(set) var lexer: Lexer
    /// The token that the grammar looks at next.
    private(set) var token = Token.none
    /// Where the token before it ended.
    private(set) var previousEnd = 0
    var findings = Findings()
    /// Whether a SET or its kin was read: a session can record it only if it is the text's only statement.
    var changesSettings = false
    /// What is read is only planned.
    var isPlanned = false
    var query = QueryState()
    var outerFrames = OuterFrames()
    /// What the names behind dots of the query call if what stands before the dots is the value of a function.
    var aliasCalls = Findings()

    /// What the catalog says about names; nothing where it is not known.
    let knowledge: Knowledge
    /// Instead of it, where the body of a function is read: the names that it uses.
    var references: NameReferences?
    /// Which names need a look.
    let checks: NameChecks

    init(settings: LexerSettings, knowledge: Knowledge?) {
        lexer = Lexer(settings: settings)
        checks = knowledge?.checks ?? []
        self.knowledge = knowledge ?? .nothing
    }

    /// For the body of a function, while it is not known yet which names object.
    init(settings: LexerSettings, references: NameReferences) {
        lexer = Lexer(settings: settings)
        knowledge = .nothing
        self.references = references
        checks = [.catalog, .names, .operators, .compoundTypes, .arrayTypes, .oddNames, .attributes, .words]
    }

    var hasCatalog: Bool { checks.contains(.catalog) }
    var isOutdated: Bool { checks.contains(.outdated) }

    // MARK: Tokens

    mutating func advance(_ text: Span<UInt8>) {
        previousEnd = token.end
        token = lexer.next(text)
        if token.kind == .unreadable {
            noteNotUnderstood(token.range, .unterminated)
        }
    }

    /// Of the current token, if it is an unquoted word.
    var wordHash: WordHash { lexer.wordHash }

    /// Whether the current token is that keyword.
    func at(_ keyword: Keyword) -> Bool {
        token.keyword == keyword
    }

    /// Whether the statement is over.
    var isAtEnd: Bool {
        token.kind == .semicolon || token.kind == .end
    }

    /// Steps over that keyword if it is the current token.
    mutating func accept(_ keyword: Keyword, _ text: Span<UInt8>) -> Bool {
        guard token.keyword == keyword else { return false }
        advance(text)
        return true
    }

    /// Steps to the end of the text without reading it.
    mutating func skipText(_ text: Span<UInt8>) {
        token = Token(.endOfText, start: text.count, end: text.count)
    }

    // MARK: Findings

    mutating func note(
        _ effects: Effects, pins: PinReasons = [], _ range: Range<Int>, _ reason: StaticReason,
        by source: Cause.Source = .grammar
    ) {
        findings.note(effects, pins: pins, Cause(source, range, reason))
    }

    /// What is not understood may write and may leave anything.
    mutating func noteNotUnderstood(_ range: Range<Int>, _ reason: StaticReason) {
        let isLexical = reason != .unknownStatement
        note(
            [.mayWrite, .hiddenCode, .notUnderstood], pins: .hiddenCode, range, reason,
            by: isLexical ? .unreadable : .grammar)
    }

    /// Gives up on a statement: steps over the rest of it.
    mutating func giveUp(_ text: Span<UInt8>, _ head: Token) -> Command {
        noteNotUnderstood(head.range, .unknownStatement)
        skipStatement(text)
        return .other
    }

    // MARK: Stepping over

    /// Steps to the end of the statement: the first semicolon outside parentheses.
    mutating func skipStatement(_ text: Span<UInt8>) {
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .semicolon where depth == 0:
                return
            case .open, .openBracket:
                depth &+= 1
            case .close, .closeBracket:
                depth &-= 1
                if depth < 0 {
                    noteNotUnderstood(token.range, .unbalanced)
                    depth = 0
                }
            default:
                break
            }
            advance(text)
        }
        if depth > 0 { noteNotUnderstood(token.range, .unbalanced) }
    }

    /// Steps behind the parenthesis that closes the current one.
    mutating func skipParentheses(_ text: Span<UInt8>) {
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .open, .openBracket: depth &+= 1
            case .close, .closeBracket: depth &-= 1
            default: break
            }
            advance(text)
            if depth == 0 { return }
        }
        noteNotUnderstood(token.range, .unbalanced)
    }

    /// Steps over a name with its qualifiers; the bytes from first to last, or nil when there is none.
    mutating func readName(_ text: Span<UInt8>) -> Range<Int>? {
        guard token.isName else { return nil }
        let start = token.start
        advance(text)
        while token.kind == .dot {
            advance(text)
            guard token.isWord else { return nil }
            advance(text)
        }
        return start..<previousEnd
    }

    // MARK: Statements

    /// Reads one statement, up to its semicolon or the end of the text.
    mutating func readStatement(_ text: Span<UInt8>) -> Command {
        let head = token
        let command = readStatement(text, head)
        if !isAtEnd {
            noteNotUnderstood(token.range, .unknownStatement)
            skipStatement(text)
            return .other
        }
        return command
    }

    private mutating func readStatement(_ text: Span<UInt8>, _ head: Token) -> Command {
        switch head.keyword {
        case .select, .values, .table, .with:
            return readQuery(text)
        case .insert, .update, .delete, .merge:
            note(.mayWrite, head.range, .dataModification)
            return readQuery(text)
        case .begin, .start, .commit, .end, .rollback, .abort, .savepoint, .release:
            return readTransactionControl(text, head)
        case .set:
            return readSet(text, head)
        case .reset:
            return readReset(text, head)
        case .show:
            return readShow(text, head)
        case .discard, .deallocate, .listen, .unlisten, .load:
            return readSessionCommand(text, head)
        case .prepare:
            return readPrepare(text, head)
        case .execute:
            return readExecute(text, head)
        case .declare:
            return readDeclare(text, head)
        case .fetch, .move, .close:
            return readCursorUse(text, head)
        case .copy:
            return readCopy(text, head)
        case .explain:
            return readExplain(text, head)
        case .create:
            return readCreate(text, head)
        case .alter:
            return readAlter(text, head)
        case .drop:
            return readDrop(text, head)
        case .grant, .revoke, .comment, .security, .reassign, .refresh, .truncate, .import:
            return readOtherDefinition(text, head)
        case .vacuum, .analyze, .analyse, .reindex, .cluster, .repack, .checkpoint:
            return readMaintenance(text, head)
        case .notify:
            note(.mayWrite, head.range, .notification)
            return readRest(text)
        case .lock:
            return readLock(text, head)
        case .do:
            note(
                [.mayWrite, .hiddenCode, .refusesTransactionBlock, .catalog, .knownTables], pins: .hiddenCode,
                head.range,
                .anonymousCode)
            return readRest(text)
        case .call:
            return readCallOfProcedure(text, head)
        default:
            return head.kind == .open ? readQuery(text) : giveUp(text, head)
        }
    }

    /// The mode stands at the end: `IN ACCESS SHARE MODE`, perhaps with NOWAIT.
    private mutating func readLock(_ text: Span<UInt8>, _ head: Token) -> Command {
        var matched = 0
        while !isAtEnd, token.kind != .unreadable {
            if matched < Self.weakestMode.count || !isWord(Self.noWait, text) {
                matched = matched < Self.weakestMode.count && isWord(Self.weakestMode[matched], text) ? matched + 1 : 0
            }
            advance(text)
        }
        let isWeakest = matched == Self.weakestMode.count
        note(isWeakest ? [.rowLocks, .readerLock] : .rowLocks, head.range, .tableLock)
        return readRest(text)
    }

    func isWord(_ word: [UInt8], _ text: Span<UInt8>) -> Bool {
        token.kind == .word && text.extracting(token.range).equals(word, foldingCase: true)
    }

    private static let weakestMode = ["in", "access", "share", "mode"].map { Array($0.utf8) }
    private static let noWait = Array("nowait".utf8)

    /// Reads the name like that of a function, and expressions as arguments. A procedure may end the transaction.
    private mutating func readCallOfProcedure(_ text: Span<UInt8>, _ head: Token) -> Command {
        note([.mayWrite, .refusesTransactionBlock], head.range, .call)
        if !hasCatalog { note(.hiddenCode, pins: .hiddenCode, head.range, .call) }
        return readArguments(text)
    }

    /// Reads expressions that are passed to other code.
    private mutating func readArguments(_ text: Span<UInt8>) -> Command {
        advance(text)
        _ = readQuery(text)
        return .other
    }

    /// Steps over the rest of a statement whose head said everything.
    mutating func readRest(_ text: Span<UInt8>) -> Command {
        skipStatement(text)
        return .other
    }
}
