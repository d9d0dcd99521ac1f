// Does a name stand for a type where it is, and what do values of that type run?

extension StatementReader {
    /// Whether the current token, a word, may be a type. Relations give their names to the types of their rows, so the
    /// place decides: behind `::` and AS of a cast, in a list of column definitions, in declarations.
    func mayBeType(isQualified: Bool) -> Bool {
        guard checks.contains(.compoundTypes) else { return false }
        if query.frame.kind == .columns { return true }
        let before = isQualified ? query.beforeName : query.previous
        if before.kind == .cast || before.keyword == .returning { return true }
        // `COLUMNS name type` and the like.
        if query.frame.kind == .construct { return before.isWord && before.keyword == .none }
        return query.place == .procedure && !query.frame.hasQuery && query.frame.context != .from
    }

    /// A type may stand before a literal, and behind `::`.
    @inline(never)
    mutating func checkLiteral(_ text: Span<UInt8>) {
        if isOutdated, token.kind == .cast { noteOutdated(token.range) }
        guard token.kind == .string || token.kind == .otherString else { return }
        if isOutdated { checkOutdatedLiteral() }
        guard checks.contains(.compoundTypes), query.previous.isName else { return }
        checkCatalogName(
            text, query.previous, qualifier: query.nameParts > 1 ? query.qualifier : .none, isType: true)
    }

    /// A parameter has a type of which only the number is known, or a name that was not read.
    mutating func noteGivenTypes() {
        noteUnnamedType(0..<0)
        if isOutdated { noteOutdated(0..<0) }
    }

    mutating func checkCompoundType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), _ place: Range<Int>
    ) {
        if references != nil {
            _ = references?.use(.compoundTypeName, name, schema: schema, folds: folds)
        } else if let verdict = knowledge.compoundType(name, schema: schema, folds: folds) {
            note(verdict, place)
        }
    }
}
