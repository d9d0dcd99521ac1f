// What do PREPARE and EXECUTE do, once it is known which statement they speak of?

extension Classifier {
    /// An EXECUTE whose statement is known does what that does, and what its arguments do.
    ///
    /// - Parameters:
    ///   - read: the verdict on `text`, an EXECUTE with its `name` and `arguments`.
    ///   - prepared: the verdict on the statement that it runs.
    /// - Returns: nil when the arguments cannot be told from something else.
    public static func classify(
        _ text: Span<UInt8>, executing read: Classification, name: Range<Int>, arguments: Range<Int>,
        prepared: Classification, settings: LexerSettings, knowledge: Knowledge? = nil
    ) -> Classification? {
        var verdict = prepared
        verdict.cause = Cause(.grammar, name, prepared.cause.note)
        verdict.command = read.command
        verdict.statementCount = 1
        verdict.generation = read.generation
        verdict.effects.insert(.statementName)
        var lexer = Lexer(settings: settings)
        let first = lexer.next(text.extracting(arguments))
        if first.kind == .end { return verdict }
        guard first.kind == .open else { return nil }
        let head = Array("SELECT".utf8)
        let query = head + arguments.map { text[$0] }
        let found = classify(query.span, settings: settings, knowledge: knowledge)
        guard found.statementCount == 1 else { return nil }
        if found.routeClass > verdict.routeClass {
            let shift = arguments.lowerBound - head.count
            let token = found.cause.tokenRange
            verdict.cause = Cause(
                found.cause.source, token.lowerBound + shift..<token.upperBound + shift, found.cause.note)
            verdict.routeClass = found.routeClass
        }
        let isUncertain = prepared.mayBeReplicaSafe && found.mayBeReplicaSafe
        verdict.effects.formUnion(found.effects)
        if !isUncertain { verdict.effects.remove(.onlyFeared) }
        verdict.pins.formUnion(found.pins)
        return verdict
    }

    /// A PREPARE that a session can repeat on any server leaves nothing that would keep it on one. Where its statement
    /// may run, it may be prepared.
    ///
    /// - Parameters:
    ///   - read: the verdict on `text`, a PREPARE of the `statement`.
    /// - Returns: nil when the statement means something else when it is prepared again.
    public static func classify(
        _ text: Span<UInt8>, preparing read: Classification, statement: Range<Int>, settings: LexerSettings,
        knowledge: Knowledge? = nil
    ) -> Classification? {
        guard !mentionsPresent(text.extracting(statement), settings: settings) else { return nil }
        let prepared = classify(text.extracting(statement), settings: settings, knowledge: knowledge)
        guard prepared.effects.isDisjoint(with: .notUnderstood) else { return nil }
        var verdict = read
        verdict.effects = .statementName
        verdict.pins = []
        verdict.routeClass = prepared.routeClass == .replicaSafe ? .replicaSafe : .primaryOnlyRead
        return verdict
    }

    private static let presentWords = ["now", "today", "tomorrow", "yesterday"].map { Array($0.utf8) }

    /// Whether a literal may stand for the time at which it is read.
    static func mentionsPresent(_ text: Span<UInt8>, settings: LexerSettings) -> Bool {
        var lexer = Lexer(settings: settings)
        while true {
            let token = lexer.next(text)
            if token.kind == .end || token.kind == .unreadable { return false }
            guard token.kind == .string || token.kind == .otherString else { continue }
            var word: [UInt8] = []
            for index in token.start..<token.end + 1 {
                let byte = index < token.end ? text[index] | 0x20 : 0
                if byte >= UInt8(ascii: "a"), byte <= UInt8(ascii: "z") {
                    word.append(byte)
                    continue
                }
                if presentWords.contains(word) { return true }
                word.removeAll(keepingCapacity: true)
            }
        }
    }
}
