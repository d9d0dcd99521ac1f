// Does an EXPLAIN run the statement it explains?

extension StatementReader {
    mutating func readExplain(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        if isRoute(text) { return readExplainRoute(text, head) }
        var isAnalyzed = false
        if token.kind == .open {
            advance(text)
            guard !beginsQuery else { return readExplained(text, head, isAnalyzed: false, isOpen: true) }
            isAnalyzed = readExplainOptions(text)
        } else {
            if accept(.analyze, text) || accept(.analyse, text) { isAnalyzed = true }
            if token.kind == .word, token.category == .functionName { advance(text) }  // VERBOSE
        }
        return readExplained(text, head, isAnalyzed: isAnalyzed, isOpen: false)
    }

    private static let route = Array("route".utf8)

    private func isRoute(_ text: Span<UInt8>) -> Bool {
        isWord(Self.route, text)
    }

    /// The rest is a text of its own, of one or several statements, and is read when it is explained.
    private mutating func readExplainRoute(_ text: Span<UInt8>, _ head: Token) -> Command {
        let start = token.end
        note(.explainsRoute, head.start..<start, .routeExplanation)
        skipText(text)
        return .explainRoute(statement: start..<text.count)
    }

    /// Whether the token behind a parenthesis shows that the parenthesis belongs to a query.
    private var beginsQuery: Bool {
        switch token.keyword {
        case .select, .values, .table, .with: true
        default: token.kind == .open
        }
    }

    /// Options up to the closing parenthesis; true when one may ask for ANALYZE. The last one counts for PostgreSQL;
    /// here any does.
    private mutating func readExplainOptions(_ text: Span<UInt8>) -> Bool {
        var isAnalyzed = false
        while token.kind != .close && token.kind != .end {
            if isAnalyzeOption(text) {
                advance(text)
                if !isFalse(text) { isAnalyzed = true }
            }
            if token.kind == .open {
                skipParentheses(text)
            } else if token.kind != .close && token.kind != .end {
                advance(text)
            }
        }
        if token.kind == .close { advance(text) }
        return isAnalyzed
    }

    private func isAnalyzeOption(_ text: Span<UInt8>) -> Bool {
        switch token.kind {
        case .word: at(.analyze) || at(.analyse)
        case .quotedWord: token.end - token.start == 9  // "analyze"
        case .unicodeWord: true
        default: false
        }
    }

    /// FALSE, OFF and 0, quoted or not; nothing else that PostgreSQL takes for false.
    private func isFalse(_ text: Span<UInt8>) -> Bool {
        switch token.kind {
        case .word: at(.false) || at(.off)
        case .number: token.end - token.start == 1 && text[token.start] == 0x30
        case .string: Self.isFalse(text.extracting(token.start &+ 1..<token.end &- 1))
        default: false
        }
    }

    private static let falseWords = [Array("false".utf8), Array("off".utf8)]

    private static func isFalse(_ word: Span<UInt8>) -> Bool {
        for candidate in falseWords where word.equals(candidate, foldingCase: true) { return true }
        return false
    }

    /// Reads the explained statement. Without ANALYZE it is only planned, so it does nothing by itself; but planning
    /// computes what it can, and so may call functions.
    private mutating func readExplained(
        _ text: Span<UInt8>, _ head: Token, isAnalyzed: Bool, isOpen: Bool
    ) -> Command {
        let before = findings
        findings = Findings()
        isPlanned = !isAnalyzed
        defer { isPlanned = false }
        switch token.keyword {
        case _ where isOpen:
            _ = readQuery(text, inside: .openParenthesis)
        case .select, .values, .table, .with, .insert, .update, .delete, .merge, .declare, .create, .refresh, .execute:
            _ = readStatement(text)
        default:
            guard token.kind == .open else {
                findings = before
                return giveUp(text, head)
            }
            _ = readQuery(text)
        }
        let inner = findings
        findings = before
        if isAnalyzed || inner.effects.contains(.notUnderstood) {
            findings.note(inner)
        } else {
            notePlanned(inner)
        }
        return .explain
    }

    private mutating func notePlanned(_ inner: Findings) {
        let effects = Self.effectsOfPlanning(inner.effects)
        guard !effects.isEmpty else { return }
        findings.note(effects, certain: Self.effectsOfPlanning(inner.certain), inner.cause)
    }

    private static func effectsOfPlanning(_ effects: Effects) -> Effects {
        let planned = effects.intersection([.primaryOnly, .notOnReplica, .nodeAddress, .statementName])
        return effects.contains(.hiddenCode) ? planned.union([.primaryOnly, .notOnReplica]) : planned
    }
}
