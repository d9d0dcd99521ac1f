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

    /// What a call of one that is declared VOLATILE does.
    static func volatileVerdict(_ fact: FunctionFact) -> CatalogVerdict {
        let library = fact.language == "c" ? fact.library.split(separator: "/").last ?? "" : ""
        if harmless[library]?.contains(fact.symbol) == true { return CatalogVerdict() }
        if describingNode[library]?.contains(where: fact.symbol.isVersion) == true {
            return CatalogVerdict(.primaryOnly, .nodeFunction)
        }
        let isTame = tame[library]?.contains(where: fact.symbol.isVersion) == true
        return CatalogVerdict(isTame ? .write : .hiddenCode, .volatileFunction)
    }

    /// The symbols, and the names that the extensions give them.
    private static let textRunners: Set<String> = [
        "connectby", "connectby_text", "connectby_text_serial", "crosstab", "crosstab2", "crosstab3", "crosstab4",
        "crosstab_hash", "xpath_table",
    ]

    /// Random values, and methods of TABLESAMPLE: right on any node.
    private static let harmless: [Substring: Set<String>] = [
        "pgcrypto": [
            "pg_gen_salt", "pg_gen_salt_rounds", "pg_random_bytes", "pg_random_uuid", "pgp_pub_encrypt_bytea",
            "pgp_pub_encrypt_text", "pgp_sym_encrypt_bytea", "pgp_sym_encrypt_text",
        ],
        "tablefunc": ["normal_rand"],
        "tsm_system_rows": ["tsm_system_rows_handler"],
        "tsm_system_time": ["tsm_system_time_handler"],
        "uuid-ossp": ["uuid_generate_v1mc", "uuid_generate_v4"],
    ]

    /// Read only, but of the node: its memory, its files, its connections. A replica has other ones.
    private static let describingNode: [Substring: Set<String>] = [
        "dblink": ["dblink_get_connections"],
        "old_snapshot": ["pg_old_snapshot_time_mapping"],
        "pg_buffercache": ["pg_buffercache_pages", "pg_buffercache_summary", "pg_buffercache_usage_counts"],
        "pg_freespacemap": ["pg_freespace"],
        "pg_stat_statements": ["pg_stat_statements", "pg_stat_statements_info"],
        "pg_visibility": [
            "pg_check_frozen", "pg_check_visible", "pg_visibility", "pg_visibility_map", "pg_visibility_map_rel",
            "pg_visibility_map_summary", "pg_visibility_rel",
        ],
        "pg_walinspect": [
            "pg_get_wal_block_info", "pg_get_wal_record_info", "pg_get_wal_records_info",
            "pg_get_wal_records_info_till_end_of_wal", "pg_get_wal_stats", "pg_get_wal_stats_till_end_of_wal",
        ],
        "pgrowlocks": ["pgrowlocks"],
        "pgstattuple": [
            "pg_relpages", "pg_relpagesbyid", "pgstatginindex", "pgstathashindex", "pgstatindex", "pgstatindexbyid",
            "pgstattuple", "pgstattuple_approx", "pgstattuplebyid",
        ],
        "sslinfo": [
            "ssl_cipher", "ssl_client_cert_present", "ssl_client_dn", "ssl_client_dn_field", "ssl_client_serial",
            "ssl_extension_info", "ssl_is_used", "ssl_issuer_dn", "ssl_issuer_field", "ssl_version",
        ],
    ]

    /// Keep nothing in the session; triggers are among them.
    private static let tame: [Substring: Set<String>] = [
        "autoinc": ["autoinc"],
        "insert_username": ["insert_username"],
        "lo": ["lo_manage"],
        "moddatetime": ["moddatetime"],
        "pg_prewarm": ["pg_prewarm"],
        "pg_stat_statements": ["pg_stat_statements_reset"],
        "pg_visibility": ["pg_truncate_visibility_map"],
        "refint": ["check_foreign_key", "check_primary_key"],
        "tcn": ["triggered_change_notification"],
        // The node's address is in it.
        "uuid-ossp": ["uuid_generate_v1"],
    ]
}

extension String {
    /// Whether it is that symbol, or what a newer version of the extension calls instead of it: `symbol_1_10`,
    /// `symbol_v1_5`.
    fileprivate func isVersion(of symbol: String) -> Bool {
        guard hasPrefix(symbol) else { return false }
        let rest = utf8.dropFirst(symbol.utf8.count)
        guard rest.first == UInt8(ascii: "_") else { return rest.isEmpty }
        return rest.dropFirst(rest.starts(with: "_v".utf8) ? 2 : 1).allSatisfy {
            $0 == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
        }
    }
}
