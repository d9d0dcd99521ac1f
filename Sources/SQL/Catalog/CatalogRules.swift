// What do the names in a statement mean, where the catalog of its database is known?

/// A name in a text, ready to be compared: the bytes between its quotes, and whether their case matters.
struct PlainName {
    let range: Range<Int>
    let folds: Bool

    init(_ word: Token) {
        range = word.kind == .quotedWord ? word.start &+ 1..<word.end &- 1 : word.range
        folds = word.kind == .word
    }

    /// By `NameWords`.
    func hash(_ text: Span<UInt8>) -> UInt64 { NameWords.hash(text.extracting(range), foldingCase: folds) }
}

extension StatementReader {
    // MARK: Functions

    /// Notes what the catalog says about a function that is called; false when it says nothing.
    ///
    /// - Parameter hash: of the name by `NameWords`, unless it has Unicode escapes.
    @inline(never)
    mutating func noteCatalogFunction(
        _ text: Span<UInt8>, _ name: Token, _ hash: UInt64, parts: Int, qualifier: Token
    ) -> Bool {
        guard hasCatalog, parts <= 2 else { return false }
        if name.kind == .unicodeWord {
            guard parts == 1, let decoded = UnicodeName(text, name) else { return false }
            let bytes = decoded.bytes.span.extracting(0..<decoded.count)
            return noteCatalogFunction(
                bytes, hash: NameWords.hash(bytes, foldingCase: false), schema: bytes.extracting(0..<0),
                folds: (false, false), place: name.range)
        }
        guard parts == 1 || qualifier.kind != .unicodeWord else { return false }
        let (plain, schema) = (PlainName(name), PlainName(qualifier))
        return noteCatalogFunction(
            text.extracting(plain.range), hash: hash, schema: text.extracting(parts == 2 ? schema.range : 0..<0),
            folds: (plain.folds, schema.folds), place: name.range)
    }

    private mutating func noteCatalogFunction(
        _ name: Span<UInt8>, hash: UInt64, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), place: Range<Int>
    ) -> Bool {
        if references != nil { return references?.use(.functionName, name, schema: schema, folds: folds) ?? false }
        guard let verdict = knowledge.function(name, hash: hash, schema: schema, folds: folds) else { return false }
        if isOutdated, verdict.level < .hiddenCode { noteOutdated(place) }
        note(verdict, place)
        return true
    }

    /// - Parameter reason: the rule, unless it is that of the verdict.
    mutating func note(_ verdict: CatalogVerdict, _ place: Range<Int>, as reason: StaticReason? = nil) {
        guard verdict.level > .harmless else { return }
        var effects = verdict.level.effects
        // Planning calls what is not VOLATILE.
        if isPlanned, verdict.level == .write {
            effects.insert(.primaryOnly)
            if verdict.reason != .volatileFunction { effects.insert(.notOnReplica) }
        }
        note(effects, pins: verdict.level.pins, place, reason ?? verdict.reason, by: .catalog)
    }

    /// What was harmless may have become anything. It need not keep the server, but the server is cleaned up.
    mutating func noteOutdated(_ place: Range<Int>) {
        note([.mayWrite, .hiddenCode], place, .outdatedKnowledge, by: .catalog)
    }

    // MARK: Relations and types

    /// Whether the current token, an unquoted word, needs a look. Most do not: that costs a bit of the filter for each.
    @inline(__always)
    func mayObject() -> Bool {
        guard checks.contains(.names), checks.contains(.oddNames) || knowledge.mayObject(wordHash) else { return false }
        return token.category != .reserved || query.previous.kind == .dot
    }

    /// The same for a quoted one.
    func mayObjectQuoted(_ text: Span<UInt8>) -> Bool {
        guard checks.contains(.names) else { return false }
        return checks.contains(.oddNames) || token.kind == .unicodeWord || knowledge.mayObject(quotedHash(text))
    }

    /// Of the current token, a quoted word.
    func quotedHash(_ text: Span<UInt8>) -> WordHash {
        let name = text.extracting(PlainName(token).range)
        return WordHash(unfolded: NameWords.word(0, of: name, foldingCase: false), length: name.count)
    }

    /// Looks at a word, wherever it stands, for it may name a relation or a type that objects. Behind a dot, what
    /// stands before the dot is the schema. Out of line, so that the reading of all other words stays small.
    @inline(never)
    mutating func checkCatalogName(_ text: Span<UInt8>, _ word: Token) {
        let isQualified = query.previous.kind == .dot
        checkCatalogName(
            text, word, qualifier: isQualified ? query.dotted : .none,
            type: typePlace(text, isQualified: isQualified))
    }

    /// - Parameter qualifier: what stands before the dot before the name; `.none` when there is no dot.
    mutating func checkCatalogName(
        _ text: Span<UInt8>, _ word: Token, qualifier: Token, type: TypePlace = .none
    ) {
        if word.kind == .unicodeWord {
            guard let decoded = UnicodeName(text, word) else { return noteOddName(word) }
            let bytes = decoded.bytes.span.extracting(0..<decoded.count)
            if isOdd(bytes) { noteOddName(word) }
            return checkCatalogName(
                bytes, schema: bytes.extracting(0..<0), folds: (false, false), type: type, word.range)
        }
        let plain = PlainName(word)
        let bytes = text.extracting(plain.range)
        if checks.contains(.oddNames), isOdd(bytes) { noteOddName(word) }
        let schema = PlainName(qualifier)
        // A schema that cannot be compared narrows nothing.
        guard qualifier.isWord, qualifier.kind != .unicodeWord, !isOdd(text.extracting(schema.range)) else {
            return checkCatalogName(
                bytes, schema: bytes.extracting(0..<0), folds: (plain.folds, false), type: type, word.range)
        }
        checkCatalogName(
            bytes, schema: text.extracting(schema.range), folds: (plain.folds, schema.folds), type: type,
            word.range)
    }

    private mutating func checkCatalogName(
        _ name: Span<UInt8>, schema: Span<UInt8>, folds: (name: Bool, schema: Bool), type: TypePlace,
        _ place: Range<Int>
    ) {
        if type != .none { checkType(name, schema: schema, folds: folds, type, place) }
        if references != nil {
            _ = references?.use(.relationName, name, schema: schema, folds: folds)
            _ = references?.use(.typeName, name, schema: schema, folds: folds)
        } else if let verdict = knowledge.objection(name, schema: schema, folds: folds) {
            note(verdict, place)
        }
    }

    /// Whether a name may be another one than its bytes say: other characters than ASCII, which a client may write in
    /// an encoding of its own, a quote, or too long.
    func isOdd(_ name: Span<UInt8>) -> Bool {
        if name.count >= NameWords.longestName { return true }
        let isForeign = references == nil
        for index in name.indices where name[index] == 0x22 || (isForeign && name[index] >= 0x80) { return true }
        return false
    }

    private mutating func noteOddName(_ word: Token) {
        guard checks.contains(.oddNames) else { return }
        note([.primaryOnly, .notOnReplica], word.range, .obscuredName, by: .catalog)
    }

    // MARK: Operators

    /// Looks at a run of operator characters, which may be an operator and one-character operators behind it.
    @inline(never)
    mutating func checkOperator(_ text: Span<UInt8>) {
        if isOutdated { checkOutdatedOperator(text) }
        var end = min(token.end, token.start &+ NameWords.longestName)
        while end > token.start {
            checkOperator(text, token.start..<end)
            let last = text[end &- 1]
            guard last == 0x2B || last == 0x2D else { return }
            if end &- token.start > 1 { checkOperator(text, end &- 1..<end) }
            end &-= 1
        }
    }

    private static let unequal = Array("<>".utf8)

    private mutating func checkOperator(_ text: Span<UInt8>, _ range: Range<Int>) {
        let symbol = text.extracting(range)
        if symbol.count == 2, symbol[0] == 0x21, symbol[1] == 0x3D {
            useOperator(Self.unequal.span, range)
        } else {
            useOperator(symbol, range)
        }
    }

    private mutating func useOperator(_ symbol: Span<UInt8>, _ place: Range<Int>) {
        if references != nil {
            _ = references?.use(.operatorName, symbol, schema: symbol.extracting(0..<0), folds: (false, false))
        } else if let verdict = knowledge.operation(symbol) {
            note(verdict, place)
        }
    }

    /// Comparisons and casts need not be written to be made.
    @inline(never)
    mutating func noteImplicitCalls(_ place: Range<Int>) {
        note(knowledge.implicitCalls, place)
    }

    /// A value becomes one of a type that the text need not name.
    mutating func noteUnnamedType(_ place: Range<Int>) {
        if references != nil {
            references?.useUnnamedType()
        } else {
            note(knowledge.typeInput, place)
        }
    }

    // MARK: While the catalog is read again

    /// The word begins an item of FROM.
    mutating func noteFromItem() {
        if isOutdated { query.pending.insert(.fromItem) } else { query.pending.remove(.fromItem) }
    }

    /// The item's name is complete: what is not known to be a table may be a view that was made a moment ago.
    @inline(never)
    mutating func endFromItem(_ text: Span<UInt8>) {
        guard token.kind != .dot, query.previous.kind != .dot else { return }
        query.pending.remove(.fromItem)
        // Functions are looked at where they are called.
        if token.kind == .open { return }
        checkOutdatedRelation(text, query.previous, qualifier: query.nameParts > 1 ? query.qualifier : .none)
    }

    /// An operator may have been made a moment ago. Comparisons are left out: what is written as `a = b` is called by
    /// `a IN (b)`, joins and sorting as well, and PostgreSQL's own come first for its own types.
    private mutating func checkOutdatedOperator(_ text: Span<UInt8>) {
        let symbol = text.extracting(token.range)
        // `*` for all columns.
        if symbol.count == 1, symbol[0] == 0x2A, !endsOperand(query.previous) { return }
        for known in Self.comparisons where symbol.equals(known, foldingCase: false) { return }
        noteOutdated(token.range)
    }

    /// With what assigns or names arguments.
    private static let comparisons = ["=", "<>", "!=", "<", ">", "<=", ">=", ":=", "=>", ":"].map { Array($0.utf8) }

    /// A type before a literal may be a domain that was made a moment ago.
    @inline(never)
    mutating func checkOutdatedLiteral() {
        let word = query.previous
        if word.kind == .word ? word.keyword == .none && word.category == .name : word.isWord {
            noteOutdated(word.range)
        }
    }

    mutating func checkOutdatedRelation(_ text: Span<UInt8>, _ word: Token, qualifier: Token) {
        guard isOutdated, !isKnownTable(text, word, qualifier: qualifier) else { return }
        noteOutdated(word.range)
    }

    private func isKnownTable(_ text: Span<UInt8>, _ word: Token, qualifier: Token) -> Bool {
        guard word.kind != .unicodeWord, qualifier.kind != .unicodeWord else { return false }
        let (plain, schema) = (PlainName(word), PlainName(qualifier))
        let (name, qualification) = (text.extracting(plain.range), text.extracting(schema.range))
        if qualifier.isWord {
            if qualification.equals(Self.catalogSchema, foldingCase: schema.folds)
                || qualification.equals(Self.informationSchema, foldingCase: schema.folds)
            {
                return true
            }
            return knowledge.isTable(name, schema: qualification, folds: (plain.folds, schema.folds))
        }
        return knowledge.isTable(name, schema: name.extracting(0..<0), folds: (plain.folds, false))
    }

    /// TABLE names its relation where nothing else tells it from a word.
    @inline(never)
    mutating func noteTableCommand(_ word: Token) {
        if isOutdated { noteOutdated(word.range) }
    }
}
