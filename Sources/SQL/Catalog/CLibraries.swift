// What is known of functions in C that come with PostgreSQL's extensions?

/// Such a function is what its library has under its symbol, whatever SQL calls it.
enum CLibraries {
    /// Runs SQL that it is given, although it is not VOLATILE. In doubt about the library, the symbol tells.
    static func runsGivenText(_ fact: FunctionFact) -> Bool {
        guard fact.language == "c" else { return false }
        return textRunners.contains(fact.symbol) || textRunners.contains(fact.name)
    }

    /// Changes the session, although it is not VOLATILE.
    static func changesSession(_ fact: FunctionFact) -> Bool {
        fact.language == "c" && sessionChangers.contains(fact.symbol)
    }

    /// `isn_weak` decides how numbers are read from then on.
    private static let sessionChangers: Set<String> = ["accept_weak_input", "weak_input_status"]

    /// Keeps nothing in the session, although it is VOLATILE; triggers are among them.
    static func leavesNothing(_ fact: FunctionFact) -> Bool {
        guard fact.language == "c" else { return false }
        return tame[fact.library.split(separator: "/").last ?? ""]?.contains(fact.symbol) ?? false
    }

    /// The symbols, and the names that the extensions give them.
    private static let textRunners: Set<String> = [
        "connectby", "connectby_text", "connectby_text_serial", "crosstab", "crosstab2", "crosstab3", "crosstab4",
        "crosstab_hash", "xpath_table",
    ]

    private static let tame: [Substring: Set<String>] = [
        "autoinc": ["autoinc"],
        "insert_username": ["insert_username"],
        "lo": ["lo_manage"],
        "moddatetime": ["moddatetime"],
        "pgcrypto": [
            "pg_gen_salt", "pg_gen_salt_rounds", "pg_random_bytes", "pg_random_uuid", "pgp_pub_encrypt_bytea",
            "pgp_pub_encrypt_text", "pgp_sym_encrypt_bytea", "pgp_sym_encrypt_text",
        ],
        "refint": ["check_foreign_key", "check_primary_key"],
        "tablefunc": ["normal_rand"],
        "tcn": ["triggered_change_notification"],
        "uuid-ossp": ["uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4"],
    ]
}
