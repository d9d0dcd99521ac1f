// Which relations describe the node, so that reading them elsewhere would tell something else?

extension StatementReader {
    /// Looks at any word that begins with `pg_`, wherever it stands.
    mutating func checkRelation(_ text: Span<UInt8>, _ word: Token) {
        checkRelation(text.extracting(word.range), word, foldingCase: true)
    }

    mutating func checkQuotedRelation(_ text: Span<UInt8>, _ word: Token) {
        if word.kind == .quotedWord {
            checkRelation(text.extracting(word.start &+ 1..<word.end &- 1), word, foldingCase: false)
        } else if let name = UnicodeName(text, word) {
            checkRelation(name.bytes.span.extracting(0..<name.count), word, foldingCase: false)
        } else {
            query.readsSettingsView = true
            note([.primaryOnly, .notOnReplica], word.range, .obscuredName, by: .relation)
        }
    }

    private mutating func checkRelation(_ name: Span<UInt8>, _ word: Token, foldingCase: Bool) {
        guard PrimaryOnlyRelations.contains(name, foldingCase: foldingCase) else { return }
        if PrimaryOnlyRelations.isSettingsView(name) { query.readsSettingsView = true }
        if PrimaryOnlyRelations.isStatementsView(name) {
            note(.listsStatements, word.range, .nodeRelation, by: .relation)
        }
        note(.primaryOnly, word.range, .nodeRelation, by: .relation)
    }
}

/// The views of `pg_catalog`, and of extensions that come with PostgreSQL, that describe a node or a backend.
enum PrimaryOnlyRelations {
    private static let prefixes = [Array("pg_stat_".utf8), Array("pg_statio_".utf8)]
    private static let names = BuiltinFunctionTable(entries: [
        (
            .primaryOnly,
            """
            pg_aios pg_available_extension_versions pg_available_extensions pg_backend_memory_contexts pg_buffercache
            pg_config pg_cursors pg_dsm_registry_allocations pg_file_settings pg_hba_file_rules
            pg_ident_file_mappings pg_locks pg_prepared_statements pg_prepared_xacts pg_replication_origin_status
            pg_replication_slots pg_sequences pg_settings pg_shmem_allocations pg_shmem_allocations_numa
            """
        )
    ])

    private static let catalogPrefix = Array("pg_".utf8)
    private static let settingsView = Array("pg_settings".utf8)
    private static let statementsView = Array("pg_prepared_statements".utf8)

    static func contains(_ name: Span<UInt8>, foldingCase: Bool) -> Bool {
        guard name.begins(with: catalogPrefix, foldingCase: foldingCase) else { return false }
        for prefix in prefixes where name.begins(with: prefix, foldingCase: foldingCase) { return true }
        let hash = NameWords.hash(name, foldingCase: foldingCase)
        return names.lookup(name, hash: hash, foldingCase: foldingCase) != .unknown
    }

    static func isSettingsView(_ name: Span<UInt8>) -> Bool {
        name.equals(settingsView, foldingCase: true)
    }

    static func isStatementsView(_ name: Span<UInt8>) -> Bool {
        name.equals(statementsView, foldingCase: true)
    }
}

extension Span<UInt8> {
    /// Whether the bytes are `name`, which is in lower case.
    func equals(_ name: [UInt8], foldingCase: Bool) -> Bool {
        count == name.count && begins(with: name, foldingCase: foldingCase)
    }

    /// Whether the bytes begin with `prefix`, which is in lower case.
    func begins(with prefix: [UInt8], foldingCase: Bool) -> Bool {
        guard count >= prefix.count else { return false }
        for index in prefix.indices {
            let byte = self[index]
            let isCapital = byte >= 0x41 && byte <= 0x5A
            guard (foldingCase && isCapital ? byte | 0x20 : byte) == prefix[index] else { return false }
        }
        return true
    }
}
