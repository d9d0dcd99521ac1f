// What does a text do?

/// Reads the text of a Query or Parse message; never fails, never allocates, takes time proportional to the length.
public enum Classifier {
    /// Classifies `text`, which does not contain the protocol's closing zero byte.
    ///
    /// - Parameter knowledge: of the database in which the text runs; without it, every function that is no built-in
    ///   counts as a write.
    /// - Parameter hasUserTypes: somebody has said that a parameter is of a type that does not come with PostgreSQL.
    public static func classify(
        _ text: Span<UInt8>, settings: LexerSettings, knowledge: Knowledge? = nil, hasUserTypes: Bool = false
    ) -> Classification {
        let generation = knowledge?.generation ?? 0
        if text.count > Token.longestText { return unreadable(at: 0, generation) }
        if !settings.clientEncodingIsASCIISafe, let byte = firstNonASCIIByte(text) {
            return unreadable(at: byte, generation)
        }
        var reader = StatementReader(settings: settings, knowledge: knowledge)
        var command = Command.empty
        var count = 0
        reader.advance(text)
        while true {
            while reader.token.kind == .semicolon { reader.advance(text) }
            if reader.token.kind == .end { break }
            count &+= 1
            let read = reader.readStatement(text)
            command = count == 1 ? read : .other
        }
        if hasUserTypes { reader.noteGivenTypes() }
        if count > 1 && reader.changesSettings {
            reader.findings.pin(.setting)
        }
        if reader.findings.effects.contains(.mayWrite), knowledge?.writesLeaveState ?? false {
            reader.findings.note(.hiddenCode, reader.findings.cause)
        }
        if reader.findings.isOnlyFeared { reader.findings.note(.onlyFeared, reader.findings.cause) }
        let findings = reader.findings
        return Classification(
            statementCount: count, effects: findings.effects, pins: findings.pins, command: command,
            routeClass: findings.routeClass,
            cause: count == 0 && findings.effects.isEmpty ? Cause(.grammar, 0..<0, .empty) : findings.cause,
            generation: generation)
    }

    /// What the first of several statements is.
    public static func firstCommand(of text: Span<UInt8>, settings: LexerSettings) -> Command {
        var reader = StatementReader(settings: settings, knowledge: nil)
        reader.advance(text)
        while reader.token.kind == .semicolon { reader.advance(text) }
        return reader.token.kind == .end ? .empty : reader.readStatement(text)
    }

    /// The verdict on a text that cannot be split into tokens, or not wanted to: a write that may leave anything.
    static func unreadable(at position: Int, _ generation: UInt64) -> Classification {
        let effects: Effects = [.mayWrite, .hiddenCode, .notUnderstood]
        return Classification(
            statementCount: 1, effects: effects, pins: .hiddenCode, command: .other, routeClass: RouteClass(effects),
            cause: Cause(.unreadable, position..<position &+ 1, .encoding), generation: generation)
    }

    private static func firstNonASCIIByte(_ text: Span<UInt8>) -> Int? {
        for index in text.indices where text[index] >= 0x80 {
            return index
        }
        return nil
    }
}
