// Is the name behind a dot a column, or does it call a function?

extension StatementReader {
    /// Whether a word behind a dot that has no Unicode escapes needs a look when it is known what follows. Most do not.
    @inline(__always)
    func mayBeAttribute(_ hash: WordHash) -> Bool {
        if lexer.keywords.mayBeAttribute(hash) || checks.contains(.attributes) { return true }
        return checks.contains(.names) && knowledge.mayObject(hash)
    }

    /// A name behind a dot is complete. `value.name` calls the function of that name with the value, as long as no
    /// column has it. Behind anything but a name stands a value of any type; behind an alias a row, or what a function
    /// in FROM returns; behind a name in a function of SQL's, one of its parameters.
    @inline(never)
    mutating func endAttribute(_ text: Span<UInt8>) {
        query.pending.remove(.attribute)
        let isBehindValue = query.nameParts >= QueryState.valueParts
        // A function's name, or a schema and the like.
        if token.kind == .open || (token.kind == .dot && !isBehindValue) { return }
        if isOutdated, query.frame.context != .fromItem { noteOutdated(query.previous.range) }
        let isValue = isBehindValue || (references != nil && query.place != .procedure)
        let word = query.previous
        if word.kind == .unicodeWord {
            // What cannot be decoded was objected to where it was read.
            guard let decoded = UnicodeName(text, word) else { return }
            let name = decoded.bytes.span.extracting(0..<decoded.count)
            noteAttribute(name, folds: false, isValue: isValue, word.range)
        } else {
            let plain = PlainName(word)
            noteAttribute(text.extracting(plain.range), folds: plain.folds, isValue: isValue, word.range)
        }
    }

    private mutating func noteAttribute(_ name: Span<UInt8>, folds: Bool, isValue: Bool, _ place: Range<Int>) {
        if references != nil {
            let schema = name.extracting(0..<0)
            _ = references?.use(.attributeName, name, schema: schema, folds: (folds, false))
            if isValue {
                _ = references?.use(.valueAttributeName, name, schema: schema, folds: (folds, false))
            } else {
                references?.useBehindAlias(name, folds: folds)
            }
        }
        let hash = NameWords.hash(name, foldingCase: folds)
        if let verdict = knowledge.attribute(name, hash: hash, folds: folds) {
            note(verdict, place, as: .attributeCall)
        }
        if isValue {
            noteValueAttribute(name, hash: hash, folds: folds, place)
        } else {
            // Whether a function is an item of FROM may not be known yet.
            query.hasAliasCalls = true
            let before = findings
            findings = aliasCalls
            noteValueAttribute(name, hash: hash, folds: folds, place)
            aliasCalls = findings
            findings = before
        }
    }

    /// The query is over: whether a function is an item of FROM is known.
    @inline(never)
    mutating func endAliases() {
        if query.hasFunctionItem, !aliasCalls.effects.isEmpty { findings.note(aliasCalls) }
        aliasCalls = Findings()
        references?.endQuery(hasFunctionItem: query.hasFunctionItem)
    }

    /// What a name calls behind a value of any type.
    private mutating func noteValueAttribute(
        _ name: Span<UInt8>, hash: UInt64, folds: Bool, _ place: Range<Int>
    ) {
        if let verdict = knowledge.valueAttribute(name, hash: hash, folds: folds) {
            note(verdict, place, as: .attributeCall)
        } else if knowledge.hasOddAttributes, isOdd(name) {
            note([.primaryOnly, .notOnReplica], place, .obscuredName, by: .catalog)
        }
        let functionClass = BuiltinFunctions.classifyAttribute(name: name, hash: hash, foldingCase: folds)
        if functionClass != .unknown { noteBuiltin(functionClass, place) }
    }
}
