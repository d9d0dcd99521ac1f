// What is asked of a database's catalog, and what does each answer say?

import SQL

/// The questions of one reading, in their order, all within one snapshot. They read tables of `pg_catalog` only, which
/// takes no lock that anybody waits for, and are fit for PostgreSQL 14 and later, in recovery or not. Numbers below
/// 16384 are those of objects that come with PostgreSQL.
enum CatalogQuestion: CaseIterable {
    case begin, state, castTargets, relations, domains, operators, casts, functions, bodies, uses, end

    /// Bodies of functions that are longer than this are not read.
    static let longestBody = 65_536

    var text: String {
        switch self {
        case .begin: "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        case .state: Self.stateText
        case .relations: Self.relationsText
        case .domains: Self.domainsText
        case .operators: "SELECT oid, oprname FROM pg_operator WHERE oid >= 16384"
        case .castTargets: Self.castTargetsText
        case .casts: Self.castsText
        case .functions: Self.functionsText
        case .bodies: Self.bodiesText
        case .uses: Self.usesText
        case .end: "COMMIT"
        }
    }

    /// Row versions are numbered by the transactions that made them, so equal sums mean an unchanged catalog.
    private static let stateText = """
        WITH versions AS (\
        SELECT 1 AS catalog, oid, xmin FROM pg_proc WHERE oid >= 16384 UNION ALL \
        SELECT 2, oid, xmin FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't' \
        AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') UNION ALL \
        SELECT 3, oid, xmin FROM pg_rewrite WHERE oid >= 16384 UNION ALL \
        SELECT 4, oid, xmin FROM pg_policy UNION ALL \
        SELECT 5, oid, xmin FROM pg_cast WHERE oid >= 16384 UNION ALL \
        SELECT 6, oid, xmin FROM pg_operator WHERE oid >= 16384 UNION ALL \
        SELECT 7, oid, xmin FROM pg_type WHERE oid >= 16384 AND typtype <> 'c' AND typcategory <> 'A' UNION ALL \
        SELECT 8, oid, xmin FROM pg_constraint WHERE contypid <> 0 UNION ALL \
        SELECT 9, oid, xmin FROM pg_amproc WHERE oid >= 16384 UNION ALL \
        SELECT 10, inhrelid, xmin FROM pg_inherits UNION ALL \
        SELECT 11, oid, xmin FROM pg_namespace UNION ALL \
        SELECT 12, aggfnoid, xmin FROM pg_aggregate WHERE aggfnoid >= 16384 UNION ALL \
        SELECT 13, oid, xmin FROM pg_trigger WHERE NOT tgisinternal UNION ALL \
        SELECT 14, oid, xmin FROM pg_attrdef UNION ALL \
        SELECT 15, oid, xmin FROM pg_constraint WHERE contype = 'c' AND conrelid >= 16384 UNION ALL \
        SELECT 16, oid, xmin FROM pg_event_trigger UNION ALL \
        SELECT 17, indexrelid, xmin FROM pg_index \
        WHERE indrelid >= 16384 AND (indexprs IS NOT NULL OR indpred IS NOT NULL) UNION ALL \
        SELECT 18, oid, xmin FROM pg_statistic_ext WHERE stxexprs IS NOT NULL UNION ALL \
        SELECT 19, a.attrelid, a.xmin FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
        WHERE c.oid >= 16384 AND c.relkind = 'c' UNION ALL \
        SELECT 20, oid, xmin FROM pg_amop WHERE oid >= 16384 UNION ALL \
        SELECT 21, setrole, xmin FROM pg_db_role_setting \
        WHERE array_to_string(setconfig, ' ') ~* 'standard_conforming_strings') \
        SELECT pg_is_in_recovery(), \
        (SELECT string_agg(concat_ws(':', catalog, number, sum), ' ' ORDER BY catalog) FROM (\
        SELECT catalog, count(*) AS number, \
        sum(hashint8(oid::int8 * 4294967296 + xmin::text::int8)::int8) AS sum FROM versions GROUP BY 1) sums), \
        (SELECT count(*) FROM versions WHERE catalog <= 12)
        """

    private static let relationsText = """
        SELECT c.oid, n.nspname, c.relname, CASE WHEN c.relkind IN ('f', 'S', 'v') THEN c.relkind \
        WHEN c.relpersistence = 'u' THEN 'u' ELSE 't' END \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        """

    private static let domainsText = """
        WITH RECURSIVE part AS (\
        SELECT atttypid AS oid, reltype AS whole FROM pg_attribute JOIN pg_class c ON c.oid = attrelid \
        WHERE c.oid >= 16384 AND reltype <> 0 AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384 UNION ALL \
        SELECT rngsubtype, unnest(ARRAY[rngtypid, rngmultitypid]) FROM pg_range), \
        reaching AS (SELECT oid, typarray FROM pg_type w WHERE typtype = 'd' AND oid >= 16384 \
        OR EXISTS (SELECT FROM pg_range WHERE w.oid IN (rngtypid, rngmultitypid) \
        AND (rngsubdiff::oid >= 16384 OR rngcanonical::oid >= 16384)) UNION \
        SELECT t.oid, t.typarray FROM reaching r CROSS JOIN LATERAL (VALUES (r.oid), (r.typarray)) v (oid) \
        JOIN part p ON p.oid = v.oid JOIN pg_type t ON t.oid = p.whole) \
        SELECT t.oid, n.nspname, t.typname, t.typtype FROM reaching JOIN pg_type t USING (oid) \
        JOIN pg_namespace n ON n.oid = t.typnamespace
        """

    /// json and jsonb: `to_json` and its kin use such a cast without being told to.
    private static let jsonTypes = "114, 3802"

    /// Asked only where a cast objects, and then ahead of all others: types that a cast makes whose function may do
    /// more than compute, and the types with such in them, each with the part that is meant. Every relation is one with
    /// the types of its columns.
    private static let castTargetsText = """
        WITH RECURSIVE part AS (SELECT typbasetype AS oid, oid AS whole FROM pg_type WHERE typtype = 'd' UNION ALL \
        SELECT oid, typarray FROM pg_type WHERE typarray <> 0 UNION ALL \
        SELECT atttypid, reltype FROM pg_attribute JOIN pg_class c ON c.oid = attrelid \
        WHERE reltype <> 0 AND attnum > 0 AND NOT attisdropped), \
        reaching AS (SELECT casttarget AS oid, NULL::oid AS part FROM pg_cast c JOIN pg_proc p ON p.oid = castfunc \
        JOIN pg_language l ON l.oid = p.prolang WHERE c.oid >= 16384 AND c.castmethod = 'f' \
        AND NOT (p.provolatile = 'i' AND (p.oid < 16384 OR l.lanname = 'c')) UNION \
        SELECT p.whole, p.oid FROM reaching r JOIN part p ON p.oid = r.oid) \
        SELECT t.oid, n.nspname, t.typname, r.part, m.nspname, e.typname \
        FROM reaching r JOIN pg_type t ON t.oid = r.oid JOIN pg_namespace n ON n.oid = t.typnamespace \
        LEFT JOIN pg_type e ON r.part IS NULL AND t.typcategory = 'A' AND e.oid = t.typelem \
        LEFT JOIN pg_namespace m ON m.oid = e.typnamespace
        """

    private static let castsText = """
        SELECT oid, casttarget, CASE WHEN casttarget IN (\(jsonTypes)) THEN 'i' ELSE castcontext END \
        FROM pg_cast WHERE oid >= 16384 AND castmethod = 'f'
        """

    /// Of functions and procedures: those that do not come with PostgreSQL. Those of another session's temporary schema
    /// cannot be reached.
    private static let callable = "p.oid >= 16384"

    private static let functionsText = """
        SELECT p.oid, n.nspname, p.proname, p.provolatile, l.lanname, \
        CASE WHEN p.pronargs = 0 OR p.pronargs - p.pronargdefaults > 1 THEN 'none' \
        WHEN t.typtype IN ('c', 'p', 'd') OR p.pronargs = 1 AND p.provariadic <> 0 THEN 'composite' \
        ELSE 'scalar' END, \
        CASE WHEN l.lanname = 'c' THEN p.probin END, CASE WHEN l.lanname = 'c' THEN p.prosrc END \
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
        LEFT JOIN pg_type t ON t.oid = p.proargtypes[0] \
        WHERE \(callable) AND n.nspname !~ '^pg_temp_'
        """

    /// Of a function of PostgreSQL's own code its name in SQL is told, by which it is known.
    private static let bodiesText = """
        SELECT p.oid, l.lanname, CASE WHEN l.lanname = 'internal' THEN coalesce((SELECT min(b.proname::text) \
        FROM pg_proc b WHERE b.oid < 16384 AND b.prolang = p.prolang AND b.prosrc = p.prosrc), p.prosrc) \
        WHEN octet_length(p.prosrc) <= \(longestBody) \
        AND coalesce(array_to_string(p.proconfig, ' '), '') !~* 'standard_conforming_strings' \
        AND (strpos(p.prosrc, chr(92)) = 0 OR NOT EXISTS (SELECT FROM pg_db_role_setting \
        WHERE array_to_string(setconfig, ' ') ~* 'standard_conforming_strings') \
        AND (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'standard_conforming_strings')) THEN p.prosrc END \
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
        WHERE \(callable) AND p.prokind IN ('f', 'w', 'p') AND p.prosqlbody IS NULL \
        AND (l.lanname IN ('sql', 'plpgsql') OR l.lanname = 'internal' AND p.provolatile <> 'v')
        """

    /// The two forms of current_setting(), whose first argument tells what they do. If it is a literal, the tree has
    /// its bytes, a header of four of them included.
    private static let currentSetting = "'2077', '3294'"

    /// Who calls or reads what. Of views, policies, checks and parsed bodies the stored trees name every function,
    /// operator, relation and type by its number, built-in ones included.
    private static let usesText = """
        WITH trees AS NOT MATERIALIZED (\
        SELECT 'r' AS kind, r.ev_class AS oid, r.ev_action::text AS tree FROM pg_rewrite r \
        JOIN pg_class c ON c.oid = r.ev_class WHERE r.ev_type = '1' AND c.relkind = 'v' AND c.oid >= 16384 UNION ALL \
        SELECT 'r', indrelid, concat(indexprs::text, indpred::text) FROM pg_index \
        WHERE indrelid >= 16384 AND (indexprs IS NOT NULL OR indpred IS NOT NULL) UNION ALL \
        SELECT 'r', stxrelid, stxexprs::text FROM pg_statistic_ext WHERE stxexprs IS NOT NULL UNION ALL \
        SELECT 'r', partrelid, partexprs::text FROM pg_partitioned_table WHERE partexprs IS NOT NULL UNION ALL \
        SELECT 'r', p.polrelid, p.polqual::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
        WHERE c.relrowsecurity AND p.polcmd IN ('*', 'r') UNION ALL \
        SELECT 't', contypid, conbin::text FROM pg_constraint WHERE contypid >= 16384 UNION ALL \
        SELECT 'f', p.oid, p.prosqlbody::text FROM pg_proc p \
        WHERE \(callable) AND p.provolatile <> 'v' AND p.prosqlbody IS NOT NULL UNION ALL \
        SELECT 'f', p.oid, p.proargdefaults::text FROM pg_proc p WHERE \(callable) AND p.proargdefaults IS NOT NULL \
        UNION ALL SELECT 'i', 1, adbin::text FROM pg_attrdef WHERE adrelid >= 16384 UNION ALL \
        SELECT 'i', 1, conbin::text FROM pg_constraint WHERE contype = 'c' AND conrelid >= 16384 UNION ALL \
        SELECT 'i', 1, tgqual::text FROM pg_trigger WHERE NOT tgisinternal AND tgqual IS NOT NULL UNION ALL \
        SELECT 'i', 1, ev_action::text FROM pg_rewrite WHERE ev_type <> '1' AND ev_class >= 16384 UNION ALL \
        SELECT 'i', 1, concat(polqual::text, polwithcheck::text) FROM pg_policy WHERE polcmd <> 'r'), \
        uses AS (\
        SELECT DISTINCT kind, oid, CASE m[1] WHEN 'opno' THEN 'o' WHEN 'relid' THEN 'r' WHEN 'resulttype' THEN 't' \
        ELSE 'f' END AS used_kind, m[2]::oid AS used FROM trees, LATERAL regexp_matches(tree, \
        ':(funcid|opfuncid|aggfnoid|winfnoid|opno|relid|resulttype) ([0-9]+)', 'g') m \
        WHERE m[1] <> 'funcid' OR m[2] NOT IN (\(currentSetting)) UNION ALL \
        SELECT DISTINCT kind, oid, 't', type::oid FROM trees, LATERAL regexp_matches(tree, \
        ':(?:func)?coltypes \\(o ([0-9 ]+)\\)', 'g') m, LATERAL regexp_split_to_table(m[1], ' ') type \
        WHERE tree LIKE '%coltypes (o %' UNION ALL \
        SELECT kind, oid, 'l', 1::oid FROM trees WHERE kind = 'r' AND tree LIKE '%{ROWMARKCLAUSE %' UNION ALL \
        SELECT 'o', oid, 'f', oprcode::oid FROM pg_operator WHERE oid >= 16384 UNION ALL \
        SELECT 'o', oid, 'o', unnest(ARRAY[oprnegate, oprcom]) FROM pg_operator WHERE oid >= 16384 UNION ALL \
        SELECT 'i', 0, 'o', amopopr FROM pg_amop WHERE oid >= 16384 UNION ALL \
        SELECT DISTINCT 'r', conrelid, 'f', p.oid FROM pg_constraint, LATERAL regexp_matches(conbin::text, \
        ':(?:funcid|opfuncid) ([0-9]+)', 'g') m JOIN pg_proc p ON p.oid = m[1]::oid AND p.provolatile = 'i' \
        WHERE contype = 'c' AND conrelid >= 16384 AND p.oid >= 16384 UNION ALL \
        SELECT 'c', oid, 'f', castfunc FROM pg_cast WHERE oid >= 16384 AND castmethod = 'f' UNION ALL \
        SELECT 'i', 0, 'f', amproc::oid FROM pg_amproc WHERE oid >= 16384 UNION ALL \
        SELECT 'i', 1, 'f', tgfoid::oid FROM pg_trigger WHERE NOT tgisinternal UNION ALL \
        SELECT 'i', 1, 'f', evtfoid::oid FROM pg_event_trigger UNION ALL \
        SELECT 'f', aggfnoid, 'f', part FROM pg_aggregate, unnest(ARRAY[aggtransfn::oid, aggfinalfn, aggcombinefn, \
        aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn]) part WHERE aggfnoid >= 16384 UNION ALL \
        SELECT 'r', inhparent, 'r', inhrelid FROM pg_inherits UNION ALL \
        SELECT 't', oid, 't', typbasetype FROM pg_type WHERE typtype = 'd' AND oid >= 16384 UNION ALL \
        SELECT user_kind, user_oid, CASE WHEN user_kind = 't' OR t.typtype IN ('c', 'r', 'm') \
        OR t.typcategory IN ('A', 'C', 'R') THEN 't' ELSE 'v' END, a.atttypid \
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid \
        CROSS JOIN LATERAL (VALUES ('t', c.reltype), ('r', c.oid)) v (user_kind, user_oid) \
        WHERE c.oid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384 UNION ALL \
        SELECT 't', unnest(ARRAY[rngtypid, rngmultitypid]), 't', rngsubtype FROM pg_range UNION ALL \
        SELECT 't', whole, 'f', part FROM pg_range, unnest(ARRAY[rngtypid, rngmultitypid]) whole, \
        unnest(ARRAY[rngsubdiff::oid, rngcanonical::oid]) part UNION ALL \
        SELECT 'f', p.oid, 't', type FROM pg_proc p, \
        unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) type \
        WHERE \(callable) AND type >= 16384 UNION ALL \
        SELECT DISTINCT 'f', p.oid, 'i', 2::oid FROM pg_proc p JOIN pg_type t ON t.oid = ANY (p.proargtypes) \
        WHERE \(callable) AND t.typtype = 'p' AND t.typname LIKE 'any%') \
        SELECT kind, oid, 's', 0::oid, m[1] FROM trees, LATERAL regexp_matches(tree, \
        ':funcid (?:2077|3294) [^{}]*(?:\\{CONST [^{}]*:constvalue [0-9]+ \\[ ([-0-9 ]*)\\])?', 'g') m \
        WHERE tree LIKE '%:funcid 2077 %' OR tree LIKE '%:funcid 3294 %' UNION ALL \
        SELECT u.kind, u.oid, u.used_kind, CASE WHEN u.used_kind = 't' AND t.typcategory = 'A' AND t.typelem <> 0 \
        THEN t.typelem ELSE u.used END, coalesce(p.proname, c.relname) FROM uses u \
        LEFT JOIN pg_type t ON u.used_kind = 't' AND t.oid = u.used \
        LEFT JOIN pg_proc p ON u.used_kind = 'f' AND u.used < 16384 AND p.oid = u.used \
        LEFT JOIN pg_class c ON u.used_kind = 'r' AND u.used < 16384 AND c.oid = u.used \
        WHERE u.used <> 0 AND (u.used >= 16384 OR u.used_kind IN ('f', 'r', 'i', 'l'))
        """

    /// What the database is like at the moment.
    struct State: Equatable {
        var isInRecovery: Bool
        /// Equal as long as nothing has changed.
        var fingerprint: String
        var objectCount: Int
    }

    static func state(_ row: [String?]) -> State? {
        guard row.count == 3, let recovery = row[0], let count = row[2].flatMap({ Int($0) }) else { return nil }
        return State(isInRecovery: recovery == "t", fingerprint: row[1] ?? "", objectCount: count)
    }

    /// Adds what a row of the answer says; false when it is not understood.
    func take(_ row: [String?], into facts: inout CatalogFacts) -> Bool {
        switch self {
        case .begin, .state, .end: true
        case .relations: Self.takeRelation(row, &facts)
        case .domains: Self.takeDomain(row, &facts)
        case .operators: Self.takeOperator(row, &facts)
        case .castTargets: Self.takeCastTarget(row, &facts)
        case .casts: Self.takeCast(row, &facts)
        case .functions: Self.takeFunction(row, &facts)
        case .bodies: Self.takeBody(row, &facts)
        case .uses: Self.takeUse(row, &facts)
        }
    }

    private static func oid(_ text: String?) -> UInt32? { text.flatMap { UInt32($0) } }

    private static func takeRelation(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 4, let oid = oid(row[0]), let schema = row[1], let name = row[2] else { return false }
        let storage: RelationStorage
        switch row[3] {
        case "t": storage = .table
        case "v": storage = .view
        case "f": storage = .foreign
        case "u": storage = .unlogged
        case "S": storage = .sequence
        default: return false
        }
        facts.addRelation(oid, schema: schema, name: name, storage)
        return true
    }

    private static func takeDomain(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 4, let oid = oid(row[0]), let schema = row[1], let name = row[2] else { return false }
        if row[3] == "d" {
            facts.addDomain(oid, schema: schema, name: name)
        } else {
            facts.addCompoundType(oid, schema: schema, name: name)
        }
        return true
    }

    private static func takeOperator(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 2, let oid = oid(row[0]), let symbol = row[1] else { return false }
        facts.addOperator(oid, symbol: symbol)
        return true
    }

    private static func takeCastTarget(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 6, let oid = oid(row[0]), let schema = row[1], let name = row[2] else { return false }
        if let schemaOfElement = row[4], let element = row[5] {
            facts.addCastTarget(oid, schema: schema, name: name, element: (schemaOfElement, element))
        } else {
            facts.addCastTarget(oid, schema: schema, name: name)
        }
        if let part = Self.oid(row[3]) { facts.connectCastTarget(oid, toPart: part) }
        return true
    }

    private static func takeCast(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 3, let oid = oid(row[0]), let target = Self.oid(row[1]) else { return false }
        facts.addCast(oid, to: target, isImplicit: row[2] != "e")
        return true
    }

    private static func takeFunction(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 8, let oid = oid(row[0]), let schema = row[1], let name = row[2], let language = row[4]
        else { return false }
        let argument: FunctionFact.SoleArgument
        switch row[5] {
        case "none": argument = .none
        case "scalar": argument = .scalar
        case "composite": argument = .composite
        default: return false
        }
        facts.add(
            FunctionFact(
                oid: oid, schema: schema, name: name, isVolatile: row[3] == "v", language: language,
                argument: argument, library: row[6] ?? "", symbol: row[7] ?? ""))
        return true
    }

    private static func takeBody(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 3, let oid = oid(row[0]), let language = row[1] else { return false }
        facts.addBody(of: oid, language: language, text: row[2].map { Array($0.utf8) })
        return true
    }

    private static func takeUse(_ row: [String?], _ facts: inout CatalogFacts) -> Bool {
        guard row.count == 5, let userKind = kind(row[0]), let userOID = oid(row[1]) else { return false }
        let user = CatalogObject(userKind, userOID)
        if row[2] == "s" {
            facts.connect(user, toSetting: row[4].map(settingName))
            return true
        }
        if row[2] == "l" {
            facts.noteRowLocks(user)
            return true
        }
        guard let usedOID = oid(row[3]) else { return false }
        if row[2] == "v" {
            facts.connect(user, toColumnOf: usedOID)
            return true
        }
        guard let usedKind = kind(row[2]) else { return false }
        if let name = row[4] {
            if usedKind == .function {
                facts.connect(user, toBuiltinFunction: name)
            } else {
                facts.connect(user, toBuiltinRelation: name)
            }
        } else {
            facts.connect(user, to: CatalogObject(usedKind, usedOID))
        }
        return true
    }

    /// The content of a text value that is written as the numbers of its bytes.
    private static func settingName(_ bytes: String) -> [UInt8] {
        bytes.split(separator: " ").dropFirst(4).map { Int8($0).map { UInt8(bitPattern: $0) } ?? UInt8($0) ?? 0 }
    }

    private static func kind(_ text: String?) -> CatalogObject.Kind? {
        switch text {
        case "f": .function
        case "r": .relation
        case "t": .type
        case "o": .operation
        case "c": .cast
        case "i": .implicit
        default: nil
        }
    }
}
