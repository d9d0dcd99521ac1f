// What in a query, or in a statement that contains one, objects to a replica?

extension StatementReader {
    /// Reads a query or DML statement to its end. The rules look at each token and at the one or two before it, with
    /// one frame per level of parentheses; whatever they cannot place counts as a call of an unknown function.
    mutating func readQuery(_ text: Span<UInt8>, inside place: QueryPlace = .statement) -> Command {
        query = QueryState()
        query.place = place
        let isData = at(.insert) || at(.update) || at(.delete) || at(.merge)
        if place == .openParenthesis || place == .parenthesesOnly {
            push(.group, .expression)
        }
        if hasCatalog { noteImplicitCalls(token.range) }
        while true {
            if !query.pending.isEmpty { lookBack(text) }
            switch token.kind {
            case .word:
                readWord(text)
            case .quotedWord, .unicodeWord:
                readQuotedWord(text)
            case .end:
                if query.depth > 0 { noteNotUnderstood(token.range, .unbalanced) }
                return finishQuery(isData: isData)
            case .semicolon:
                if query.depth == 0 { return finishQuery(isData: isData) }
                noteNotUnderstood(token.range, .unbalanced)
                query.previous = token
            case .open:
                open(text)
                query.previous = token
            case .openBracket:
                push(.subscripts, .expression)
                query.previous = token
            case .close, .closeBracket:
                close(text)
                query.previous = token
                if place == .parenthesesOnly && query.depth == 0 {
                    advance(text)
                    return finishQuery(isData: isData)
                }
            case .comma:
                readComma()
                query.previous = token
            case .dot:
                query.dotted = query.previous
                query.previous = token
            case .string:
                readString(text)
                query.previous = token
            case .symbol:
                if checks.contains(.operators) { checkOperator(text) }
                leaveFromItem()
                query.previous = token
            default:
                if !checks.isDisjoint(with: .literals) { checkLiteral(text) }
                leaveFromItem()
                query.previous = token
            }
            query.index &+= 1
            advance(text)
        }
    }

    /// Looks at the token for what those before it have left open.
    @inline(never)
    private mutating func lookBack(_ text: Span<UInt8>) {
        if !query.pending.isDisjoint(with: [.settingName, .behindSettingName]) { checkSettingArgument(text) }
        if query.pending.contains(.fromItem) { endFromItem(text) }
        if query.pending.contains(.attribute) { endAttribute(text) }
    }

    @inline(never)
    private mutating func finishQuery(isData: Bool) -> Command {
        if query.hasAliasCalls { endAliases() }
        if query.updates && query.readsSettingsView {
            note(
                [.sessionState, .lexing, .parsing], pins: .setting, token.start..<token.start, .settingsView,
                by: .relation)
        }
        if query.literalSetConfig == query.index && query.place == .statement && !isData {
            return .setConfig(name: query.settingName, value: query.settingValue)
        }
        return isData || query.modifiesData ? .other : .select
    }

    // MARK: Words

    @inline(__always)
    private mutating func readWord(_ text: Span<UInt8>) {
        if wordHash.isCatalogWord { checkRelation(text, token) }
        if mayObject() { checkCatalogName(text, token) }
        let word = token
        let previous = query.previous
        if previous.kind == .dot {
            continueName(text, word.asPlainName, wordHash)
            return
        }
        if previous.keyword != .none {
            if previous.keyword == .as && query.frame.context != .withBody {
                readLabel(text, word)
                return
            }
            readBehindKeyword(text, word, previous)
        }
        beginName(word)
        if word.keyword == .none && word.category == .name {
            placeName(isPlain: true)
        } else {
            readKeyword(word, behind: previous)
        }
    }

    private mutating func readQuotedWord(_ text: Span<UInt8>) {
        checkQuotedRelation(text, token)
        if mayObjectQuoted(text) { checkCatalogName(text, token) }
        let previous = query.previous
        if previous.kind == .dot {
            continueName(text, token, quotedHash(text))
        } else if previous.keyword == .as && query.frame.context != .withBody {
            readLabel(text, token)
        } else {
            if previous.keyword != .none { readBehindKeyword(text, token, previous) }
            beginName(token)
            placeName(isPlain: true)
        }
    }

    private mutating func beginName(_ word: Token) {
        query.beforeName = query.previous
        query.nameParts = 1
        query.previous = word
    }

    /// A further part of a dotted name. Behind anything but a name, as in `(row).part`, there are more parts than any
    /// known function has.
    @inline(never)
    private mutating func continueName(_ text: Span<UInt8>, _ word: Token, _ hash: WordHash) {
        if mayBeAttribute(hash) || word.kind == .unicodeWord { query.pending.insert(.attribute) }
        if query.frame.kind == .treat, query.beforeName.keyword == .as {
            noteCall(text, word, parts: 1, qualifier: word)
        }
        query.nameParts &+= query.dotted.isWord ? 1 : QueryState.valueParts
        query.qualifier = query.dotted
        query.previous = word
    }

    /// A name behind AS: of a column, a table, a type.
    private mutating func readLabel(_ text: Span<UInt8>, _ word: Token) {
        if query.frame.kind == .treat && word.category != .columnName {
            noteCall(text, word, parts: 1, qualifier: word)
        }
        beginName(word.asPlainName)
        if query.frame.context == .fromItem { query.frame.context = .fromAlias }
    }

    /// What a name means where it stands.
    private mutating func placeName(isPlain: Bool) {
        switch query.frame.context {
        case .expression, .fromCondition, .withBody, .groupBy: break
        case .from:
            query.frame.context = .fromItem
            noteFromItem()
        case .fromItem: query.frame.context = isPlain ? .fromAlias : .fromCondition
        case .fromAlias: query.frame.context = .fromCondition
        case .withName: query.frame.context = .withNamed
        case .withNamed, .insertNamed: query.frame.context = .expression
        case .insertTarget: query.frame.context = .insertNamed
        }
    }

    /// Something that is no part of a FROM item ends it.
    private mutating func leaveFromItem() {
        if query.frame.context.isInFrom { query.frame.context = .fromCondition }
    }

    private mutating func readKeyword(_ word: Token, behind previous: Token) {
        switch word.keyword {
        case .select, .table, .values:
            if isOutdated, word.keyword == .table { noteTableCommand(word) }
            query.frame.hasQuery = true
            query.frame.context = .expression
            if query.frame.kind == .columns && word.keyword != .values { query.frame.kind = .group }
        case .from:
            readFrom(behind: previous)
        case .join, .using:
            if query.frame.context.isInFrom { query.frame.context = .from }
        case .lateral, .only:
            if query.frame.context != .from { leaveFromItem() }
        case .on:
            leaveFromItem()
        case .as:
            readAs()
        case .with:
            readWith(behind: previous)
        case .recursive where previous.keyword == .with:
            break
        case .ordinality where previous.keyword == .with:
            if query.frame.context.isInFrom { query.frame.context = .fromItem }
        case .where, .group, .having, .window, .order, .limit, .offset, .fetch, .for, .union, .intersect, .except,
            .returning:
            query.frame.context = .expression
        case .by:
            if previous.keyword == .group {
                query.frame.context = .groupBy
            } else {
                placeName(isPlain: false)
            }
        case .set where query.frame.context.isInFrom:
            query.frame.context = .expression
        case .into:
            readInto(word, behind: previous)
        case .update where query.index == query.lockIndex &+ 1 || query.index == query.lockIndex &+ 3:
            query.previous = word.asPlainName
        default:
            readOtherKeyword(word)
        }
    }

    private mutating func readOtherKeyword(_ word: Token) {
        if word.keyword == .execute, query.place == .procedure {
            note([.mayWrite, .hiddenCode], pins: .hiddenCode, word.range, .sqlExecute)
        }
        switch word.category {
        case .name: placeName(isPlain: false)
        case .columnName: query.frame.context == .from ? placeName(isPlain: false) : leaveFromItem()
        case .functionName, .reserved:
            // CURRENT_USER and its kin, which are called without parentheses.
            if query.frame.context == .from { query.hasFunctionItem = true }
            leaveFromItem()
        }
    }

    /// FROM begins a list of tables behind SELECT, DELETE, UPDATE … SET and in ROWS FROM; not in `IS DISTINCT FROM`
    /// and in `extract(… FROM …)`.
    private mutating func readFrom(behind previous: Token) {
        if previous.keyword == .delete || previous.keyword == .rows {
            query.frame.hasQuery = true
            query.frame.context = .from
        } else if previous.keyword == .distinct || !query.frame.hasQuery {
            leaveFromItem()
        } else {
            query.frame.context = .from
        }
    }

    private mutating func readAs() {
        switch query.frame.context {
        case .withName, .withNamed: query.frame.context = .withBody
        default: break
        }
        if query.frame.kind == .cast { query.frame.kind = .columns }
    }

    private mutating func readWith(behind previous: Token) {
        switch previous.kind {
        case .start, .open:
            query.frame.context = .withName
            if query.frame.kind == .columns { query.frame.kind = .group }
        default:
            if query.frame.context == .insertNamed { query.frame.context = .withName }
        }
    }

    private mutating func readInto(_ word: Token, behind previous: Token) {
        switch previous.keyword {
        case .insert:
            query.frame.context = .insertTarget
        case .merge:
            query.frame.hasQuery = true
            query.frame.context = .from
        default:
            query.frame.context = .expression
            // Variables of PL/pgSQL.
            if query.place == .procedure { return }
            query.modifiesData = true
            note([.mayWrite, .ddl], word.range, .selectInto)
            if knowledge.hasObjectingCasts { note(.catalog, word.range, .selectInto) }
            if knowledge.hasObjectingTypes { note([.catalog, .knownTables], word.range, .selectInto) }
        }
    }

    // MARK: Pairs of words

    /// A word behind a keyword: the heads of data-modifying statements, locking clauses, SELECT INTO TEMP.
    private mutating func readBehindKeyword(_ text: Span<UInt8>, _ word: Token, _ previous: Token) {
        switch previous.keyword {
        case .insert, .merge:
            if word.keyword == .into { noteModification(previous) }
        case .delete:
            if word.keyword == .from { noteModification(previous) }
        case .update:
            if word.isName || word.keyword == .only {
                noteModification(previous)
                query.updates = true
                query.frame.hasQuery = true
                query.frame.context = .from
            }
        case .for:
            readLock(word)
        case .into:
            readIntoTarget(text, word)
        default:
            break
        }
    }

    /// The head of a data-modifying statement, unless the word can only be an expression where it stands.
    private mutating func noteModification(_ head: Token) {
        switch query.beforeName.kind {
        case .comma, .symbol, .cast, .openBracket: return
        default: break
        }
        switch query.beforeName.keyword {
        case .select, .distinct, .all: return
        default: break
        }
        query.modifiesData = true
        note(.mayWrite, head.range, .dataModification)
    }

    /// FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE; but not the FOR of `substring(… FOR …)`.
    private mutating func readLock(_ word: Token) {
        if query.frame.kind == .construct && !query.frame.hasQuery { return }
        switch word.keyword {
        case .update, .share, .no, .key:
            query.lockIndex = query.index &- 1
            note(.rowLocks, word.range, .rowLock)
        default:
            break
        }
    }

    private mutating func readIntoTarget(_ text: Span<UInt8>, _ word: Token) {
        switch query.beforeName.keyword {
        case .insert, .merge: return
        default: break
        }
        switch word.keyword {
        case .temp, .temporary, .local, .global:
            note(.sessionState, pins: .temporaryTable, word.range, .temporaryObject)
        case .unlogged:
            note([.mayWrite, .catalog], word.range, .selectInto)
        default:
            if Self.namesTemporarySchema(word, text) {
                note(.sessionState, pins: .temporaryTable, word.range, .temporaryObject)
            }
        }
    }

    // MARK: Commas and strings

    private mutating func readComma() {
        switch query.frame.context {
        case .fromItem, .fromAlias, .fromCondition: query.frame.context = .from
        case .withBody: query.frame.context = .withName
        default: break
        }
        if query.frame.kind == .setConfig, query.frame.commas < 3 { query.frame.commas &+= 1 }
        if query.index == query.setConfigIndex &+ 2 { query.settingNameIsWhole = true }
        query.lastCommaIndex = query.index
    }

    private mutating func readString(_ text: Span<UInt8>) {
        if !checks.isDisjoint(with: .literals) { checkLiteral(text) }
        leaveFromItem()
        if query.index == query.setConfigIndex &+ 1 {
            query.settingName = token.range
        } else if query.index == query.setConfigIndex &+ 3 {
            query.settingValue = token.range
        }
    }
}
