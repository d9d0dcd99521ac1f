// What is known of VOLATILE functions in C that come with PostgreSQL's extensions?

import SQL
import Testing

@Suite struct CLibrariesTests {
    private struct Case: CustomTestStringConvertible, Sendable {
        let library: String
        let symbol: String
        let expected: RouteClass
        let pins: PinReasons

        init(_ library: String, _ symbol: String, _ expected: RouteClass, pins: PinReasons = []) {
            (self.library, self.symbol, self.expected, self.pins) = (library, symbol, expected, pins)
        }

        var testDescription: String { "\(library) \(symbol)" }
    }

    @Test(arguments: [
        Case("$libdir/pgcrypto", "pg_random_uuid", .replicaSafe),
        Case("/usr/lib/postgresql/15/lib/uuid-ossp", "uuid_generate_v4", .replicaSafe),
        Case("$libdir/uuid-ossp", "uuid_generate_v1", .write),
        Case("$libdir/tsm_system_rows", "tsm_system_rows_handler", .replicaSafe),
        Case("$libdir/pg_stat_statements", "pg_stat_statements", .primaryOnlyRead),
        Case("$libdir/pg_stat_statements", "pg_stat_statements_1_10", .primaryOnlyRead),
        Case("$libdir/pg_stat_statements", "pg_stat_statements_info", .primaryOnlyRead),
        Case("$libdir/pg_stat_statements", "pg_stat_statements_reset_1_7", .write),
        Case("$libdir/pg_stat_statements", "pg_stat_statements_other", .write, pins: .hiddenCode),
        Case("$libdir/pgstattuple", "pgstattuple_v1_5", .primaryOnlyRead),
        Case("$libdir/sslinfo", "ssl_is_used", .primaryOnlyRead),
        Case("$libdir/dblink", "dblink_get_connections", .primaryOnlyRead),
        Case("$libdir/dblink", "dblink_connect", .write, pins: .hiddenCode),
        Case("$libdir/other", "pg_random_uuid", .write, pins: .hiddenCode),
        Case("$libdir/pgcrypto", "pg_random_uuid_2", .write, pins: .hiddenCode),
    ])
    private func classes(_ example: Case) {
        var catalog = Catalog()
        catalog.function(
            "f", volatile: true, language: "c", library: example.library, symbol: example.symbol)
        let verdict = classify("SELECT f()", knowing: catalog.knowledge())
        #expect(verdict.routeClass == example.expected)
        #expect(verdict.pins == example.pins)
    }

    @Test func methodsOfTablesample() {
        var catalog = Catalog()
        catalog.function(
            "system_rows", volatile: true, language: "c", library: "$libdir/tsm_system_rows",
            symbol: "tsm_system_rows_handler")
        catalog.function("own", volatile: true, language: "c", library: "$libdir/own", symbol: "handler")
        let knowledge = catalog.knowledge()
        for (sql, expected) in [
            ("SELECT * FROM t TABLESAMPLE system_rows(3)", RouteClass.replicaSafe),
            ("SELECT * FROM t TABLESAMPLE public.system_rows(3) x", .replicaSafe),
            ("SELECT * FROM t TABLESAMPLE own(3)", .write), ("SELECT * FROM t TABLESAMPLE unknown(3)", .write),
        ] {
            #expect(classify(sql, knowing: knowledge).routeClass == expected, "\(sql)")
        }
        #expect(classify("SELECT * FROM t TABLESAMPLE system_rows(3)").routeClass == .write)
    }
}
