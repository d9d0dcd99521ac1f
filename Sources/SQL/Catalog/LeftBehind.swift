// What may the body of a VOLATILE function leave in the session that calls it?

/// Three answers, by how much is known of it afterwards.
enum LeftBehind: Comparable {
    /// At most what it has written.
    case nothing
    /// State that the server can be asked for.
    case inspectable
    /// Or state that nobody can be asked for: settings of the application's own, the seed, code from text.
    case anything

    /// Of a body that was read.
    init(_ findings: Findings, _ text: Span<UInt8>) {
        if !findings.effects.isDisjoint(with: [.hiddenCode, .notUnderstood, .sequenceState])
            || !findings.pins.isSubset(of: .inspectable)
        {
            self = .anything
        } else {
            let isStateful = !findings.effects.isDisjoint(with: [.sessionState, .ddl, .catalog])
            self = max(isStateful ? .inspectable : .nothing, Self.commands(text))
        }
    }

    var verdict: CatalogVerdict {
        switch self {
        case .nothing: CatalogVerdict(.write, .volatileFunction)
        case .inspectable: CatalogVerdict(.inspectable, .volatileFunction)
        case .anything: CatalogVerdict(.hiddenCode, .volatileFunction)
        }
    }

    /// What the words say with which the statements of PL/pgSQL begin.
    private static func commands(_ text: Span<UInt8>) -> LeftBehind {
        var lexer = Lexer(settings: LexerSettings())
        var isStart = true
        var answer = nothing
        while true {
            let token = lexer.next(text)
            if token.kind == .end { return answer }
            if token.kind == .unreadable { return .anything }
            if isStart { answer = max(answer, command(token, lexer, text)) }
            switch token.keyword {
            case .begin, .then: isStart = true
            // LOOP, ELSE, and the end of a label.
            default: isStart = endsStatement(token) || isBranch(text.extracting(token.range))
            }
        }
    }

    private static func endsStatement(_ token: Token) -> Bool { token.kind == .semicolon || token.kind == .symbol }

    private static func isBranch(_ word: Span<UInt8>) -> Bool {
        word.equals(Array("loop".utf8), foldingCase: true) || word.equals(Array("else".utf8), foldingCase: true)
    }

    private static func command(_ head: Token, _ following: Lexer, _ text: Span<UInt8>) -> LeftBehind {
        switch head.keyword {
        case .set: return setting(following, text)
        // Of a procedure that is called by name, the name tells.
        case .load, .do, .execute, .reset: return .anything
        case .discard, .listen, .unlisten, .prepare, .deallocate, .create, .alter, .drop: return .inspectable
        default: return .nothing
        }
    }

    /// `SET`: what holds for the transaction, or a setting of PostgreSQL's own, or one of the application's.
    private static func setting(_ following: Lexer, _ text: Span<UInt8>) -> LeftBehind {
        var lexer = following
        var name = lexer.next(text)
        if name.keyword == .local || name.keyword == .constraints || name.keyword == .transaction { return .nothing }
        if name.keyword == .session { name = lexer.next(text) }
        return lexer.next(text).kind == .dot || name.kind != .word ? .anything : .inspectable
    }
}
