// Does the table of built-in functions answer as PostgreSQL's catalog and the reviewed exceptions say?

import Foundation
import SQL
import Testing

@Suite struct BuiltinFunctionsTests {
    static func classify(_ name: String, quoted: Bool = false) -> FunctionClass {
        BuiltinFunctions.classify(name: Array(name.utf8).span, quoted: quoted)
    }

    @Test(
        arguments: [
            ("abs", .safe), ("now", .safe), ("count", .safe), ("to_regclass", .safe), ("random", .safe),
            ("pg_sleep", .safe), ("gen_random_uuid", .safe), ("has_table_privilege", .safe), ("version", .safe),
            ("uuid", .safe),
            ("nextval", .write), ("setval", .write), ("txid_current", .plannedWrite),
            ("pg_current_xact_id", .plannedWrite), ("pg_replication_origin_oid", .primaryPosition),
            ("pg_notify", .write), ("lo_create", .write), ("ri_fkey_check_ins", .unknown),
            ("currval", .sequenceState), ("lastval", .sequenceState),
            ("pg_is_in_recovery", .primaryOnly), ("pg_backend_pid", .primaryOnly),
            ("pg_walfile_name", .primaryPosition),
            ("pg_stat_get_activity", .primaryOnly), ("pg_ls_waldir", .primaryOnly), ("pg_read_file", .primaryOnly),
            ("pg_current_snapshot", .primaryOnly), ("txid_status", .primaryOnly),
            ("pg_export_snapshot", .primaryPosition),
            ("pg_advisory_lock", .advisorySession), ("pg_try_advisory_lock_shared", .advisorySession),
            ("pg_advisory_xact_lock", .advisoryXact), ("pg_try_advisory_xact_lock_shared", .advisoryXact),
            ("pg_advisory_unlock", .advisoryUnlock), ("pg_advisory_unlock_all", .advisoryUnlock),
            ("setseed", .setSeed), ("set_config", .setConfig), ("current_setting", .currentSetting),
            ("query_to_xml", .sqlFromText), ("ts_stat", .sqlFromText), ("ts_rewrite", .sqlFromText),
            ("inet_server_addr", .nodeAddress), ("inet_server_port", .nodeAddress),
            ("pg_terminate_backend", .endsBackend), ("pg_stat_reset", .adminWrite), ("pg_promote", .adminWrite),
            ("pg_backup_start", .backendState), ("pg_create_physical_replication_slot", .backendState),
            ("similarity", .unknown), ("uuid_generate_v4", .unknown), ("crypt", .unknown), ("dblink_exec", .unknown),
            ("no_such_function", .unknown), ("ab", .unknown), ("absx", .unknown), ("", .unknown),
        ] as [(String, FunctionClass)])
    func classes(name: String, expected: FunctionClass) {
        #expect(Self.classify(name) == expected)
        #expect(Self.classify(name, quoted: true) == expected)
    }

    @Test func unquotedNamesIgnoreCase() {
        #expect(Self.classify("NextVal") == .write)
        #expect(Self.classify("PG_SLEEP") == .safe)
        #expect(Self.classify("RI_FKey_check_ins") == .unknown)
    }

    @Test func quotedNamesKeepCase() {
        #expect(Self.classify("NextVal", quoted: true) == .unknown)
        #expect(Self.classify("Abs", quoted: true) == .unknown)
        #expect(Self.classify("RI_FKey_check_ins", quoted: true) == .write)
    }

    /// Folding sets a bit; bytes that are no letters must not become letters by it.
    @Test(arguments: ["pg\u{1F}sleep", "ab\u{13}", "@bs", "a[s", "no\u{17}", "nextval ", " nextval", "nextval\0"])
    func otherBytesAreNotFolded(name: String) {
        #expect(Self.classify(name) == .unknown)
    }

    @Test func anyBytesAreAnswered() {
        for length in 0...200 {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: length &* 37), count: length)
            #expect(BuiltinFunctions.classify(name: bytes.span, quoted: false) == .unknown)
        }
    }

    /// The table was made from the exceptions as they stand: `<versions> <name> <class> <reason>`.
    @Test func reviewedExceptionsAreInTheTable() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/sql/builtin-functions.exceptions").standardized
        var count = 0
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: " ", maxSplits: 3).map(String.init)
            try #require(fields.count == 4, "\(line)")
            if fields[1].hasSuffix("*") { continue }
            #expect("\(Self.classify(fields[1], quoted: true))" == fields[2], "\(line)")
            count += 1
        }
        #expect(count > 300)
    }
}
