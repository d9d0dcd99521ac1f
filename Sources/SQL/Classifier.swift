// What does a text do?

/// Reads the text of a Query or Parse message; never fails, never allocates, takes time proportional to the length.
public enum Classifier {
    /// Classifies `text`, which does not contain the protocol's closing zero byte.
    public static func classify(_ text: Span<UInt8>, settings: LexerSettings) -> Classification {
        let effects: Effects = [.mayWrite, .hiddenCode, .notUnderstood]
        return Classification(
            statementCount: 1, effects: effects, pins: .hiddenCode, command: .other, routeClass: RouteClass(effects),
            cause: Cause(source: .unreadable, token: 0..<0, note: .unknownStatement))
    }
}
