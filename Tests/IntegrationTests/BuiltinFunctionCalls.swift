// How can every safe built-in function be called once with arguments that it understands?

import PostgresCluster
import SQL

/// A call of one built-in function, as a statement.
struct BuiltinFunctionCall {
    var name: String
    var statement: String
}

/// Makes calls from the signatures in `pg_proc`: with plain literals by type, several for texts, and with NULLs.
enum BuiltinFunctionCalls {
    /// All functions of the server that the table calls safe, but for those that wait or need an argument of type
    /// `internal`.
    static func ofSafeFunctions(on node: PostgresNode) throws -> [BuiltinFunctionCall] {
        try node.psql(signatures).split(separator: "\n").flatMap { row in
            let fields = row.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            let types = fields[2].split(separator: " ").map(String.init)
            let isSafe = BuiltinFunctions.classify(name: Array(fields[0].utf8).span, quoted: true) == .safe
            guard isSafe, !types.contains("internal"), !fields[0].hasPrefix("pg_sleep") else {
                return [BuiltinFunctionCall]()
            }
            return calls(of: fields[0], kind: fields[1], types: types, isVariadic: fields[3] == "t")
        }
    }

    /// Name, kind, argument types (arrays as `[element`), variadic.
    private static let signatures = """
        SELECT proname, prokind, coalesce((
            SELECT string_agg(CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN '[' || e.typname ELSE t.typname END,
                ' ' ORDER BY o)
            FROM unnest(proargtypes) WITH ORDINALITY AS x (type, o) JOIN pg_type t ON t.oid = type
                LEFT JOIN pg_type e ON e.oid = t.typelem), ''), provariadic <> 0
        FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'p' ORDER BY proname, oid
        """

    private static let texts = ["'a'", "'t'", "'public'", "'UTF8'", "'year'"]
    private static let textTypes = ["text", "name", "cstring"]

    private static func calls(of name: String, kind: String, types: [String], isVariadic: Bool) -> [BuiltinFunctionCall]
    {
        let takesText = types.contains { textTypes.contains($0.hasPrefix("[") ? String($0.dropFirst()) : $0) }
        let over = kind == "w" ? " OVER ()" : ""
        var argumentLists = (takesText ? texts : [texts[0]]).map { text in
            var arguments = types.map { argument(of: $0, text: text) }
            if isVariadic, let last = types.last {
                arguments[arguments.count - 1] = last.hasPrefix("[") ? arguments.last ?? "" : "ARRAY[1]"
                arguments[arguments.count - 1] = "VARIADIC " + (arguments.last ?? "")
            }
            return arguments
        }
        if !types.isEmpty { argumentLists.append(types.map { _ in "NULL" }) }
        return argumentLists.map { arguments in
            let statement = "SELECT pg_catalog.\"\(name)\"(\(arguments.joined(separator: ", ")))\(over)"
            return BuiltinFunctionCall(name: name, statement: statement)
        }
    }

    private static func argument(of type: String, text: String) -> String {
        if type.hasPrefix("[") {
            let element = String(type.dropFirst())
            return "ARRAY[\(argument(of: element, text: text))]::pg_catalog.\"\(element)\"[]"
        }
        if let expression = expressions[type] { return expression }
        let literal = textTypes.contains(type) ? text : literals[type].map { "'\($0)'" } ?? "NULL"
        return "\(literal)::pg_catalog.\"\(type)\""
    }

    /// Arguments for pseudo-types and for what has no literal.
    private static let expressions = [
        "any": "1", "anyelement": "1", "anynonarray": "1", "anycompatible": "1", "anycompatiblenonarray": "1",
        "anyarray": "ARRAY[1, 2]", "anycompatiblearray": "ARRAY[1, 2]", "anyenum": "'ok'::mood",
        "anyrange": "int4range(1, 2)", "anycompatiblerange": "int4range(1, 2)", "record": "ROW(1, 2)",
        "anymultirange": "int4multirange(int4range(1, 2))", "oid": "'t'::regclass::oid",
        "anycompatiblemultirange": "int4multirange(int4range(1, 2))",
    ]

    private static let literals = [
        "int2": "1", "int4": "1", "int8": "1", "float4": "1.5", "float8": "1.5", "numeric": "1.5", "money": "1.5",
        "bpchar": "a", "varchar": "a", "char": "r", "bool": "true", "bytea": "\\x0102", "bit": "101", "varbit": "101",
        "timestamptz": "2020-01-01", "timestamp": "2020-01-01", "date": "2020-01-01", "time": "12:00",
        "timetz": "12:00+00", "interval": "1 day", "json": #"{"a": [1]}"#, "jsonb": #"{"a": [1]}"#, "jsonpath": "$.a",
        "regclass": "t", "regtype": "int4", "regproc": "now", "regprocedure": "now()", "regoper": "||/",
        "regoperator": "+(int4,int4)", "regconfig": "english", "regdictionary": "simple", "regnamespace": "public",
        "regrole": "postgres", "regcollation": "\"C\"", "refcursor": "c", "aclitem": "postgres=r/postgres",
        "xid": "800", "xid8": "800", "cid": "1", "tid": "(0,1)", "pg_lsn": "0/16B3748", "int2vector": "1 2",
        "oidvector": "1 2", "txid_snapshot": "10:20:10,14,15", "pg_snapshot": "10:20:10,14,15",
        "inet": "10.0.0.1/8", "cidr": "10.0.0.0/8", "macaddr": "08:00:2b:01:02:03", "xml": "<a/>",
        "macaddr8": "08:00:2b:01:02:03:04:05", "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "tsvector": "a b", "tsquery": "a", "point": "(1,2)", "lseg": "((1,2),(3,4))", "path": "((1,2),(3,4))",
        "box": "((1,2),(3,4))", "polygon": "((1,2),(3,4),(5,0))", "line": "{1,2,3}", "circle": "<(1,2),3>",
    ]
}
