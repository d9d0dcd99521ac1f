// What do CREATE, ALTER, DROP and their kin change besides the catalog?

extension StatementReader {
    // MARK: CREATE

    mutating func readCreate(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        note([.mayWrite, .ddl], head.range, .definition)
        var isTemporary = false
        var isUnlogged = false
        if accept(.or, text) { _ = accept(.replace, text) }
        while true {
            switch token.keyword {
            case .temp, .temporary:
                isTemporary = true
            case .unlogged:
                isUnlogged = true
            case .local, .global, .recursive, .materialized:
                break
            default:
                guard isWord(Self.unique, text) else {
                    return readCreated(text, isTemporary: isTemporary, isUnlogged: isUnlogged)
                }
            }
            advance(text)
        }
    }

    private mutating func readCreated(_ text: Span<UInt8>, isTemporary: Bool, isUnlogged: Bool) -> Command {
        switch token.keyword {
        case .function, .procedure:
            note([.mayWrite, .catalog, .knownTables], token.range, .definition)
            readRoutine(text)
        case .database, .tablespace, .subscription:
            note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            skipStatement(text)
        default:
            let object = token
            // A table or index that is made cannot turn what was harmless into anything else; a sequence can, and a
            // table where there are types that object to a replica. Planning may compute what an index calls.
            let isTable = at(.table)
            let isIndex = at(.index)
            let end = readDefinitionBody(text, isTable: isTable, isTemporary: isTemporary)
            let isHarmless =
                (isTable && !knowledge.hasObjectingCasts || isIndex && !end.calls) && !isUnlogged
                && !end.makesSequence && !end.hidesName && !knowledge.hasObjectingTypes
            if end.isTemporary && !end.isDropped {
                note(.sessionState, pins: .temporaryTable, object.range, .temporaryObject)
            }
            if (!end.isTemporary || end.hidesName) && !isHarmless {
                // What comes into being may have the name of a table that was dropped.
                let isNewTable = isTable && !end.hidesName && !knowledge.hasObjectingTypes
                let leavesTables = isNewTable || object.keyword == .sequence
                note([.mayWrite, .catalog], object.range, .definition)
                if !leavesTables { note(.knownTables, object.range, .definition) }
            }
        }
        return .other
    }

    /// Reads to the end of a CREATE. Looks for the temporary schema, ON COMMIT DROP, CONCURRENTLY, and for the query
    /// of CREATE TABLE … AS. (Functions in index expressions and materialized views run as security-restricted
    /// operations and cannot leave anything in the session.)
    private mutating func readDefinitionBody(
        _ text: Span<UInt8>, isTable: Bool, isTemporary: Bool
    ) -> DefinitionEnd {
        var end = DefinitionEnd(isTemporary: isTemporary)
        var depth = 0
        var isPredicate = false
        var previous = Token.none
        while token.kind != .end {
            switch token.kind {
            case .semicolon where depth == 0:
                return end
            case .open, .openBracket:
                if isPredicate || depth > 0, Self.isOwnCall(previous, text) { end.calls = true }
                depth &+= 1
            case .close, .closeBracket:
                depth &-= 1
            case .word, .quotedWord, .unicodeWord:
                if Self.namesTemporarySchema(token, text) { end.isTemporary = true }
                if token.kind == .unicodeWord { end.hidesName = true }
                if at(.where) { isPredicate = true }
                if isTable, Self.isSequenceWord(token, text) { end.makesSequence = true }
                if depth == 0, at(.concurrently) {
                    note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
                } else if depth == 0, at(.on) {
                    end.isDropped = readOnCommitDrop(text) || end.isDropped
                    continue
                } else if depth == 0, isTable, accept(.as, text) {
                    readTableQuery(text)
                    return end
                }
            case .cast where isPredicate || depth > 0:
                end.calls = true
            case .symbol where isPredicate || depth > 0:
                if !Self.compares(token, text) { end.calls = true }
            default:
                break
            }
            previous = token
            advance(text)
        }
        if depth != 0 { noteNotUnderstood(token.range, .unbalanced) }
        return end
    }

    /// Operators of comparison that everybody uses; those that users have defined make all queries object.
    private static func compares(_ symbol: Token, _ text: Span<UInt8>) -> Bool {
        for index in symbol.start..<symbol.end where !"<>=!".utf8.contains(text[index]) { return false }
        return true
    }

    /// Whether a parenthesis behind the token may hold the arguments of a function that users have defined.
    private static func isOwnCall(_ name: Token, _ text: Span<UInt8>) -> Bool {
        guard name.isName else { return false }
        let plain = PlainName(name)
        return BuiltinFunctions.classify(name: text.extracting(plain.range), quoted: !plain.folds) != .safe
    }

    /// Words with which columns get a sequence: types, IDENTITY, and the INCLUDING of what another table has.
    private static let sequenceWords = [
        "serial", "serial2", "serial4", "serial8", "smallserial", "bigserial", "identity", "including",
    ].map { Array($0.utf8) }

    private static func isSequenceWord(_ token: Token, _ text: Span<UInt8>) -> Bool {
        let plain = PlainName(token)
        for word in sequenceWords where text.extracting(plain.range).equals(word, foldingCase: plain.folds) {
            return true
        }
        return false
    }

    /// ON COMMIT DROP, from the ON; anything else is left where it differs.
    private mutating func readOnCommitDrop(_ text: Span<UInt8>) -> Bool {
        advance(text)
        return accept(.commit, text) && accept(.drop, text)
    }

    private mutating func readTableQuery(_ text: Span<UInt8>) {
        if at(.execute) {
            note([.mayWrite, .hiddenCode, .statementName], pins: .hiddenCode, token.range, .sqlExecute)
            skipStatement(text)
        } else {
            _ = readQuery(text)
        }
    }

    /// `pg_temp`, `pg_temp_3`, quoted or not; a name with Unicode escapes may be one.
    static func namesTemporarySchema(_ token: Token, _ text: Span<UInt8>) -> Bool {
        if token.kind == .unicodeWord { return true }
        let start = token.kind == .quotedWord ? token.start &+ 1 : token.start
        guard token.end &- start >= 7 else { return false }
        var packed: UInt64 = 0
        for offset in 0..<7 {
            packed |= PackedWord.folded(text[start &+ offset]) << UInt64(8 * offset)
        }
        return packed == 0x70_6D65_747F_6770  // pg_temp, folded
    }

    /// A function or procedure. In a body of BEGIN ATOMIC … END semicolons do not end the statement.
    private mutating func readRoutine(_ text: Span<UInt8>) {
        var depth = 0
        var blocks = 0
        var previous = Token.none
        while token.kind != .end {
            var current = token
            switch current.kind {
            case .semicolon where depth == 0 && blocks == 0:
                return
            case .open, .openBracket:
                depth &+= 1
            case .close, .closeBracket:
                depth &-= 1
            case .word where previous.kind == .dot || previous.keyword == .as:
                current = current.asPlainName
            case .word:
                blocks = Self.blocks(blocks, current.keyword, behind: previous.keyword)
            default:
                break
            }
            if current.isWord, Self.namesTemporarySchema(current, text) {
                note(.sessionState, pins: .temporaryTable, current.range, .temporaryObject)
            }
            previous = current
            advance(text)
        }
        if depth != 0 || blocks > 0 { noteNotUnderstood(token.range, .unbalanced) }
    }

    /// How many blocks are open behind a word: BEGIN ATOMIC and CASE open one, END closes one.
    private static func blocks(_ open: Int, _ keyword: Keyword, behind previous: Keyword) -> Int {
        switch keyword {
        case .atomic where previous == .begin: open &+ 1
        case .case where open > 0: open &+ 1
        case .end where open > 0: open &- 1
        default: open
        }
    }

    // MARK: ALTER and DROP

    mutating func readAlter(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        note([.mayWrite, .ddl], head.range, .definition)
        switch token.keyword {
        case .system, .subscription:
            note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            skipStatement(text)
        case .database:
            readDefaults(text)
        default:
            note([.mayWrite, .catalog], token.range, .definition)
            if isRole(text) {
                readDefaults(text)
            } else {
                if !at(.index), !at(.sequence) { note(.knownTables, token.range, .definition) }
                readAlteration(text)
            }
        }
        return .other
    }

    private static let mapping = Array("mapping".utf8)
    private static let unique = Array("unique".utf8)
    private static let rename = Array("rename".utf8)
    private static let roleWords = ["role", "user"].map { Array($0.utf8) }

    private func isRole(_ text: Span<UInt8>) -> Bool {
        at(.group) || isWord(Self.roleWords[0], text) || isWord(Self.roleWords[1], text)
    }

    /// ALTER DATABASE, ROLE, USER or GROUP.
    private mutating func readDefaults(_ text: Span<UInt8>) {
        let subject = token.range
        while !isAtEnd {
            switch token.keyword {
            case .set, .reset: note(.sessionDefaults, subject, .definition)
            case .tablespace: note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            default: if isWord(Self.rename, text) { note(.loginNames, subject, .definition) }
            }
            skipToken(text)
        }
    }

    /// Steps to the end; where a keyword passes that makes the statement refuse a transaction block, notes it.
    private mutating func readUntil(_ text: Span<UInt8>, _ refuses: (Keyword) -> Bool) {
        while !isAtEnd {
            if refuses(token.keyword) {
                note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            }
            skipToken(text)
        }
    }

    private mutating func skipToken(_ text: Span<UInt8>) {
        if token.kind == .open {
            skipParentheses(text)
        } else {
            advance(text)
        }
    }

    /// ALTER of anything: expressions behind USING, DEFAULT and CHECK may be computed for every row, so their functions
    /// are called; not the access method behind EXCLUDE USING.
    private mutating func readAlteration(_ text: Span<UInt8>) {
        var isExclusion = false
        while !isAtEnd {
            switch token.keyword {
            case .concurrently:
                note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            case .exclude:
                isExclusion = true
            case .using where !isExclusion, .default, .check:
                advance(text)
                if !at(.index) {
                    _ = readQuery(text, inside: .definition)
                    return
                }
            default:
                break
            }
            if isAtEnd { return }
            skipToken(text)
        }
    }

    mutating func readDrop(_ text: Span<UInt8>, _ head: Token) -> Command {
        advance(text)
        note([.mayWrite, .ddl], head.range, .definition)
        switch token.keyword {
        case .database:
            note([.mayWrite, .refusesTransactionBlock, .loginNames], token.range, .definition)
            skipStatement(text)
        case .tablespace, .subscription:
            note([.mayWrite, .refusesTransactionBlock], token.range, .definition)
            skipStatement(text)
        default:
            if isRole(text) {
                let role = token.range
                advance(text)
                if !isWord(Self.mapping, text) { note(.loginNames, role, .definition) }
            }
            readUntil(text) { $0 == .concurrently }
        }
        return .other
    }

    // MARK: The rest

    mutating func readOtherDefinition(_ text: Span<UInt8>, _ head: Token) -> Command {
        let effects: Effects = head.keyword == .import ? [.mayWrite, .ddl, .catalog, .knownTables] : .mayWrite
        note(effects, head.range, head.keyword == .truncate ? .dataModification : .definition)
        return readRest(text)
    }

    /// VACUUM and REINDEX of some objects refuse a transaction block; so all of them count as doing so.
    mutating func readMaintenance(_ text: Span<UInt8>, _ head: Token) -> Command {
        var effects: Effects = .mayWrite
        switch head.keyword {
        case .vacuum, .reindex, .cluster, .repack: effects.insert(.refusesTransactionBlock)
        default: break
        }
        note(effects, head.range, .maintenance)
        return readRest(text)
    }
}

/// What the rest of a CREATE says.
private struct DefinitionEnd {
    var isTemporary: Bool
    var isDropped = false
    var makesSequence = false
    /// A name with Unicode escapes may be that of anything.
    var hidesName = false
    /// An expression may call what users have defined.
    var calls = false
}
