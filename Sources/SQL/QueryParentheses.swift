// What are parentheses for: a call, or a construct of the grammar?

extension StatementReader {
    mutating func push(_ kind: FrameKind, _ context: QueryContext) {
        if query.depth >= OuterFrames.deepest { noteNotUnderstood(token.range, .nestedTooDeep) }
        outerFrames[query.depth] = query.frame
        query.depth &+= 1
        query.frame = QueryFrame(kind: kind, context: context)
    }

    @inline(never)
    mutating func open(_ text: Span<UInt8>) {
        let previous = query.previous
        var kind = FrameKind.group
        if previous.isWord {
            kind = kindBehindWord(text, previous)
            if kind != .group && kind != .columns { noteFunctionItem(kind) }
            if checks.contains(.words) && kind != .call { noteWordFunction(text, previous, kind) }
        }
        var context = QueryContext.expression
        if kind == .group {
            if query.frame.context == .from {
                // The columns of JOIN … USING are no items.
                context = previous.keyword == .using ? .expression : .from
                query.frame.context = .fromItem
            } else if query.frame.context == .groupBy && previous.keyword == .sets {
                context = .groupBy
            }
        }
        push(kind, context)
        if kind == .setConfig {
            query.setConfigIndex = query.index
            query.settingNameIsWhole = false
            query.setConfigParts = query.nameParts
            query.setConfigName = previous.range
        }
    }

    /// Notes a function that is an item of FROM. `CAST(` begins with a reserved word, so its place is not known well.
    @inline(never)
    private mutating func noteFunctionItem(_ kind: FrameKind) {
        if query.frame.context == .fromItem || (kind == .cast && query.frame.context.isInFrom) {
            query.hasFunctionItem = true
        }
    }

    /// A word whose parentheses are taken for a construct of the grammar may call a function of users all the same:
    /// `NOT join(a)`, `substring(a, b)`, and on servers that have no such construct `json_value(a)`.
    @inline(never)
    private mutating func noteWordFunction(_ text: Span<UInt8>, _ word: Token, _ kind: FrameKind) {
        guard word.kind == .word, word.category != .reserved, word.keyword != .none || word.category != .name else {
            if isOutdated, kind == .cast { noteOutdated(word.range) }
            return
        }
        _ = noteCatalogFunction(text, word, PlainName(word).hash(text), parts: 1, qualifier: word)
        if isOutdated, kind == .construct, Self.mayBeFunction(text.extracting(word.range)) { noteOutdated(word.range) }
    }

    private static let functionWords = [Array("substring".utf8), Array("overlay".utf8), Array("json".utf8)]

    /// Words that are restricted to constructs, but may call what `search_path` finds.
    private static func mayBeFunction(_ word: Span<UInt8>) -> Bool {
        for candidate in functionWords where word.begins(with: candidate, foldingCase: true) { return true }
        return false
    }

    mutating func close(_ text: Span<UInt8>) {
        switch query.frame.kind {
        case .setConfig:
            noteSetConfig(text)
        case .operatorName where query.previous.kind != .symbol:
            note([.mayWrite, .hiddenCode], pins: .hiddenCode, token.range, .unknownFunction, by: .unknownFunction)
        default:
            break
        }
        guard query.depth > 0 else {
            noteNotUnderstood(token.range, .unbalanced)
            return
        }
        query.closed = query.frame.kind
        query.depth &-= 1
        query.frame = outerFrames[query.depth]
    }

    /// What a parenthesis behind a word opens. Only what certainly is no call is anything else than one.
    private mutating func kindBehindWord(_ text: Span<UInt8>, _ word: Token) -> FrameKind {
        switch word.category {
        case .reserved:
            return kindBehindReserved(word)
        case .columnName:
            switch word.keyword {
            case .treat: return .treat
            case .xmlserialize: return .cast
            case .values: return .group
            default: return .construct
            }
        case .functionName:
            return isInfix(word) ? .group : kindBehindName(text, word)
        case .name:
            return word.keyword == .none ? kindBehindName(text, word) : kindBehindKeyword(text, word)
        }
    }

    private mutating func kindBehindReserved(_ word: Token) -> FrameKind {
        switch word.keyword {
        case .cast:
            return .cast
        case .group:
            return query.beforeName.keyword == .within ? .construct : .group
        case .as:
            let context = query.frame.context
            return context == .fromItem || context == .fromAlias ? .columns : .group
        default:
            return .group
        }
    }

    /// `a LIKE (…)`, `a JOIN (…)`: words that are functions elsewhere.
    private func isInfix(_ word: Token) -> Bool {
        switch word.keyword {
        case .like, .ilike, .overlaps:
            return endsOperand(query.beforeName)
        case .join:
            switch query.beforeName.keyword {
            case .inner, .left, .right, .full, .outer, .cross, .natural: return true
            default: return endsOperand(query.beforeName)
            }
        default:
            return false
        }
    }

    /// Whether an expression can end with that token, so that no other expression begins behind it.
    func endsOperand(_ token: Token) -> Bool {
        switch token.kind {
        case .string, .otherString, .number, .parameter, .close, .closeBracket, .quotedWord, .unicodeWord:
            return true
        case .word:
            switch token.keyword {
            case .null, .true, .false, .end, .not: return true
            case .by, .escape, .zone, .passing, .operator: return false
            default: return token.category != .reserved
            }
        default:
            return false
        }
    }

    /// Words that are keywords in some places and names of functions in all others.
    private mutating func kindBehindKeyword(_ text: Span<UInt8>, _ word: Token) -> FrameKind {
        let before = query.beforeName
        let isConstruct: Bool
        switch word.keyword {
        case .over, .filter:
            guard before.kind == .close else { return kindBehindName(text, word) }
            switch query.closed {
            case .call, .construct, .setConfig: return .construct
            default: return kindBehindName(text, word)
            }
        case .columns:
            return endsOperand(before) ? .construct : kindBehindName(text, word)
        case .operator:
            return .operatorName
        case .by:
            isConstruct = before.keyword == .group || before.keyword == .order || before.keyword == .partition
        case .sets:
            isConstruct = before.keyword == .grouping
        case .rollup, .cube:
            isConstruct = query.frame.context == .groupBy && beginsGroupingElement(before)
        case .conflict:
            isConstruct = before.keyword == .on
        case .set:
            isConstruct = before.keyword == .update || endsOperand(before)
        case .materialized:
            isConstruct = before.keyword == .as || before.keyword == .not
        case .insert:
            isConstruct = before.keyword == .then
        case .repeatable:
            isConstruct = before.kind == .close
        case .zone:
            isConstruct = before.keyword == .time
        case .first, .next:
            isConstruct = before.keyword == .fetch
        case .passing, .escape:
            isConstruct = endsOperand(before)
        case .varying:
            isConstruct = isCharacterType(before.keyword)
        case .second:
            isConstruct =
                before.keyword == .interval || before.keyword == .to || before.kind == .string
                || before.kind == .otherString
        case .bernoulli, .system:
            isConstruct = before.keyword == .tablesample
        case .key, .include, .options:
            isConstruct = query.place == .definition
        default:
            isConstruct = false
        }
        return isConstruct ? .group : kindBehindName(text, word)
    }

    private func beginsGroupingElement(_ before: Token) -> Bool {
        switch before.kind {
        case .comma, .open: true
        default: before.keyword == .by || before.keyword == .all || before.keyword == .distinct
        }
    }

    private func isCharacterType(_ keyword: Keyword) -> Bool {
        switch keyword {
        case .character, .char, .nchar, .bit: true
        default: false
        }
    }

    /// A name with parentheses is a call, unless its place says otherwise.
    private mutating func kindBehindName(_ text: Span<UInt8>, _ word: Token) -> FrameKind {
        if query.frame.kind == .columns { return .columns }
        if query.beforeName.keyword == .as || query.beforeName.kind == .cast { return .columns }
        switch query.frame.context {
        case .fromAlias, .withNamed, .insertNamed: return .columns
        default: break
        }
        if query.place == .definition && namesType() { return .columns }
        if query.place == .procedure && namesTable(text) { return .columns }
        if query.place == .procedure, query.nameParts == 1, Self.isProcedureWord(text.extracting(word.range)),
            !noteCatalogFunction(text, word, PlainName(word).hash(text), parts: 1, qualifier: word)
        {
            return .group
        }
        if query.beforeName.keyword == .tablesample && namesBuiltinMethod(text, word) { return .group }
        return noteCall(text, word, parts: query.nameParts, qualifier: query.qualifier)
    }

    /// A method of TABLESAMPLE that is quoted or qualified. Others are functions, which are called when planning.
    private func namesBuiltinMethod(_ text: Span<UInt8>, _ word: Token) -> Bool {
        let (name, schema) = (PlainName(word), PlainName(query.qualifier))
        let isInCatalog =
            query.nameParts == 2 && text.extracting(schema.range).equals(Self.catalogSchema, foldingCase: schema.folds)
        guard isInCatalog || query.nameParts == 1 else { return false }
        for method in Self.builtinMethods where text.extracting(name.range).equals(method, foldingCase: name.folds) {
            return true
        }
        return false
    }

    private static let builtinMethods = [Array("system".utf8), Array("bernoulli".utf8)]

    /// In PL/pgSQL: `CREATE TABLE IF NOT EXISTS name (column type)`.
    private func namesTable(_ text: Span<UInt8>) -> Bool {
        let before = query.beforeName
        guard query.depth == 0 else { return false }
        return before.keyword == .table || text.extracting(before.range).equals(Self.exists, foldingCase: true)
    }

    private static let exists = Array("exists".utf8)

    /// In a definition: `column type(10)`, `REFERENCES table (column)`.
    private func namesType() -> Bool {
        let before = query.beforeName
        return before.keyword == .references || before.kind == .quotedWord
            || (before.kind == .word && before.keyword == .none && before.category == .name)
    }
}
