// Which words does the grammar tell apart, and which of them can be names?

/// What a token is, as far as one byte can say: what is no unquoted word, in the order of `Token.Kind`; words that no
/// rule tells apart, a case for each category; and the words with a meaning of their own in some rule, spelled as
/// PostgreSQL spells them, by category.
enum Keyword: UInt8, CaseIterable {
    // No unquoted words.
    case startOfText, endOfText, quotedWord, unicodeWord, plainString, specialString, digits, placeholder
    case operatorRun, doubleColon, dot, comma, semicolon, openParenthesis, closeParenthesis, openBracket
    case closeBracket, unreadable
    // Words that no rule tells apart.
    case none, columnName, functionName, reserved
    // Words that may be any name.
    case abort, alter, atomic, begin, bernoulli, by, call, chain, characteristics, checkpoint, close, cluster
    case columns, comment, commit, committed, conflict, constraints, copy, cube, cursor, database, deallocate, declare
    case delete, discard, drop, escape, exclude, execute, explain, filter, first, function, global, hold, `import`
    case include, index, insert, isolation, key, level, listen, load, local, lock, materialized, merge, move, next, no
    case notify, off, `operator`, option, options, ordinality, over, partition, passing, plans, prepare, prepared
    case procedure, read, reassign, recursive, refresh, reindex, release, repack, repeatable, replace, reset, revoke
    case rollback, rollup, rows, savepoint, second, security, seed, sequence, sequences, serializable, session, set
    case sets, share, show, snapshot, start, stdin, stdout, subscription, system, tablespace, temp, temporary
    case transaction, truncate, uncommitted, unlisten, unlogged, update, vacuum, varying, within, without, work, write
    case xml, zone
    // Words of `KeywordCategory.columnName`.
    case bit, char, character, grouping, interval, nchar, time, treat, values, xmlserialize
    // Words of `KeywordCategory.functionName`.
    case authorization, binary, concurrently, cross, full, ilike, inner, join, left, like, natural, outer
    case overlaps, right, tablesample
    // Words of `KeywordCategory.reserved`.
    case all, analyse, analyze, and, `as`, `case`, cast, check, create, `default`, deferrable, distinct, `do`
    case end, except, `false`, fetch, `for`, from, grant, group, having, intersect, into, lateral, limit, not, null
    case offset, on, only, or, order, references, returning, select, table, then, to, `true`, union, using, `where`
    case window, with

    /// Whether a rule tells the word apart.
    @inline(__always)
    var isSpecial: Bool { rawValue > Keyword.reserved.rawValue }

    var category: KeywordCategory {
        switch self {
        case .columnName: return .columnName
        case .functionName: return .functionName
        case .reserved: return .reserved
        default:
            if rawValue < Keyword.bit.rawValue { return .name }
            if rawValue < Keyword.authorization.rawValue { return .columnName }
            return rawValue < Keyword.all.rawValue ? .functionName : .reserved
        }
    }
}

/// How PostgreSQL's grammar restricts a word.
enum KeywordCategory: UInt8 {
    /// An ordinary name, or a keyword that may be any name.
    case name
    /// A name, but for functions and types: `coalesce(` is a construct of the grammar, never a call.
    case columnName
    /// May name a function, but no column or alias: `left(` is a call.
    case functionName
    /// Never a name, except behind a dot or AS.
    case reserved
}

/// The other words of PostgreSQL's lists of restricted words, versions 14 to 19 together.
enum KeywordList {
    /// All keywords that are not reserved.
    static let mayBeFunctions: [String] =
        Keyword.allCases.filter { $0.isSpecial && $0.category != .reserved }.map { "\($0)" }
        + (functionName + " " + columnName).split(whereSeparator: \.isWhitespace).map(String.init)

    static let reserved = """
        any array asc asymmetric both collate column constraint current_catalog current_date current_role
        current_time current_timestamp current_user desc else foreign in initially leading localtime
        localtimestamp placing primary session_user some symmetric trailing unique user variadic when
        """
    static let functionName = """
        collation current_schema freeze is isnull notnull similar verbose
        """
    static let columnName = """
        between bigint boolean coalesce dec decimal exists extract float greatest inout int integer json
        json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
        json_table json_value least merge_action national none normalize nullif numeric out overlay position
        precision real row setof smallint substring timestamp trim varchar xmlattributes xmlconcat xmlelement
        xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmltable graph_table
        """
}
