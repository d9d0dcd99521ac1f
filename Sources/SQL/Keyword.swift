// Which words does the grammar tell apart, and which of them can be names?

/// The words with a meaning of their own in some rule. Each case is spelled as PostgreSQL spells the word.
enum Keyword: UInt8, CaseIterable {
    case none
    // Words that begin a statement.
    case abort, alter, analyse, analyze, begin, call, checkpoint, close, cluster, comment, commit, copy, create
    case deallocate, declare, delete, discard, `do`, drop, end, execute, explain, fetch, grant, `import`, insert
    case listen, load, lock, merge, move, notify, prepare, reassign, refresh, reindex, release, repack, reset
    case revoke, rollback, savepoint, security, select, set, show, start, table, truncate, unlisten, update
    case vacuum, values, with
    // Words inside statements.
    case all, and, `as`, atomic, authorization, bernoulli, binary, bit, by, `case`, cast, chain, char, character
    case characteristics, check, columns, committed, concurrently, conflict, constraints, cross, cube, cursor
    case database, `default`, deferrable, distinct, escape, except, exclude, `false`, filter, first, `for`, from
    case full, function, global, group, grouping, having, hold, ilike, include, index, inner, intersect, interval
    case into, isolation, join, key, lateral, left, level, like, limit, local, materialized, natural, nchar, next
    case no, not, null, off, offset, on, only, `operator`, option, options, or, order, ordinality, outer, over
    case overlaps, partition, passing, plans, prepared, procedure, read, recursive, references, repeatable
    case replace, returning, right, rollup, rows, second, seed, sequence, sequences, serializable, session, sets
    case share, snapshot, stdin, stdout, subscription, system, tablesample, tablespace, temp, temporary, then
    case time, to, transaction, treat, `true`, uncommitted, union, unlogged, using, varying, `where`, window
    case within, without, work, write, xml, xmlserialize, zone
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

/// PostgreSQL's lists of restricted words, versions 14 to 19 together.
enum KeywordList {
    static let reserved = """
        all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
        current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
        distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
        leading limit localtime localtimestamp not null offset on only or order placing primary references returning
        select session_user some symmetric table then to trailing true union unique user using variadic when where
        window with
        """
    static let functionName = """
        authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left
        like natural notnull outer overlaps right similar tablesample verbose
        """
    static let columnName = """
        between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int
        integer interval json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
        json_serialize json_table json_value least merge_action national nchar none normalize nullif numeric out
        overlay position precision real row setof smallint substring time timestamp treat trim values varchar
        xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize
        xmltable graph_table
        """
}
