// Does a name stand for a type where it is, and what do values of that type run?

/// What a name may stand for besides a relation.
enum TypePlace {
    case none
    /// A type that reads a literal, which takes no cast.
    case ofLiteral
    /// One that a value of another type may become.
    case ofValue
    /// The same; arrays of the type are meant.
    case ofArray
}

extension StatementReader {
    func typePlace(_ text: Span<UInt8>, isQualified: Bool) -> TypePlace {
        guard mayBeType(isQualified: isQualified) else { return .none }
        let before = isQualified ? query.beforeName : query.previous
        if before.kind == .cast, query.castsBareLiteral { return .ofLiteral }
        return isArrayType(text) ? .ofArray : .ofValue
    }

    /// Whether the current token, a word, may be a type. Relations give their names to the types of their rows, so the
    /// place decides: behind `::` and AS of a cast, in a list of column definitions, in declarations.
    func mayBeType(isQualified: Bool) -> Bool {
        guard checks.contains(.compoundTypes) else { return false }
        let before = isQualified ? query.beforeName : query.previous
        // The name of a column comes first.
        if query.frame.kind == .columns { return before.kind != .open && before.kind != .comma }
        if before.kind == .cast || before.keyword == .returning { return true }
        // `COLUMNS name type` and the like.
        if query.frame.kind == .construct { return before.isWord && before.keyword == .none }
        return query.place == .procedure && !query.frame.hasQuery && query.frame.context != .from
    }

    /// Whether the current token begins the name of a type behind which `[]` or ARRAY stands.
    func isArrayType(_ text: Span<UInt8>) -> Bool {
        guard checks.contains(.arrayTypes) else { return false }
        var ahead = lexer
        var depth = 0
        for _ in 0..<Self.longestTypeName {
            let next = ahead.next(text)
            switch next.kind {
            case .openBracket:
                return depth == 0
            case .open:
                depth &+= 1
            case .close:
                depth &-= 1
                if depth < 0 { return false }
            case .word where depth == 0:
                guard Self.mayGoOn(next) else {
                    return text.extracting(next.range).equals(Self.array, foldingCase: true)
                }
            case .word, .number, .comma, .string, .symbol:
                // Modifiers are in parentheses.
                if depth == 0 { return false }
            default:
                return false
            }
        }
        return true
    }

    /// In tokens; what is longer may be of any kind.
    private static let longestTypeName = 32

    private static let array = Array("array".utf8)

    /// `double precision`, `time with time zone`, `interval day to second`.
    private static func mayGoOn(_ word: Token) -> Bool {
        switch word.category {
        case .name, .columnName: true
        case .functionName, .reserved: word.keyword == .with || word.keyword == .to
        }
    }

    /// A type may stand before a literal, and behind `::`.
    @inline(never)
    mutating func checkLiteral(_ text: Span<UInt8>) {
        if token.kind == .cast {
            query.castsBareLiteral = query.previous.kind == .string && query.previous.end == query.bareLiteralEnd
            if isOutdated { noteOutdated(token.range) }
        }
        if token.kind == .string { noteBareLiteral() }
        guard token.kind == .string || token.kind == .otherString else { return }
        if isOutdated { checkOutdatedLiteral() }
        guard checks.contains(.compoundTypes), query.previous.isName else { return }
        checkCatalogName(
            text, query.previous, qualifier: query.nameParts > 1 ? query.qualifier : .none, type: .ofLiteral)
    }

    /// A name or a parenthesis before a string may be that of a type.
    private mutating func noteBareLiteral() {
        switch query.previous.kind {
        case .start, .open, .comma, .symbol, .openBracket: query.bareLiteralEnd = token.end
        case .word where query.previous.category == .reserved: query.bareLiteralEnd = token.end
        default: break
        }
    }

    /// A parameter has a type of which only the number is known, or a name that was not read.
    mutating func noteGivenTypes() {
        noteUnnamedType(0..<0)
        if isOutdated { noteOutdated(0..<0) }
    }

    mutating func checkType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), _ type: TypePlace,
        _ place: Range<Int>
    ) {
        if references != nil { return useType(name, schema: schema, folds: folds, type) }
        if let verdict = knowledge.compoundType(name, schema: schema, folds: folds) { note(verdict, place) }
        guard type != .ofLiteral else { return }
        if let verdict = knowledge.castType(name, schema: schema, folds: folds) { note(verdict, place) }
        guard type == .ofArray else { return }
        if let verdict = knowledge.arrayType(name, schema: schema, folds: folds) { note(verdict, place) }
    }

    private mutating func useType(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), _ type: TypePlace
    ) {
        _ = references?.use(.compoundTypeName, name, schema: schema, folds: folds)
        if type != .ofLiteral { _ = references?.use(.castTypeName, name, schema: schema, folds: folds) }
        if type == .ofArray { _ = references?.use(.arrayTypeName, name, schema: schema, folds: folds) }
    }
}
