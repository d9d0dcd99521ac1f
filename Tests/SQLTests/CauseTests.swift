// Does a verdict name the rule that decided it, and the bytes it looked at?

import SQL
import Testing

@Suite struct CauseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sql: String
        let token: String
        let source: Cause.Source
        let note: StaticReason

        init(_ sql: String, _ token: String, _ source: Cause.Source, _ note: StaticReason) {
            self.sql = sql
            self.token = token
            self.source = source
            self.note = note
        }

        var testDescription: String { sql }
    }

    @Test(arguments: [
        Case("", "", .grammar, .empty), Case("SELECT 1", "", .grammar, .readsOnly),
        Case("SELECT lower(nextval('s'))", "nextval", .builtinFunction, .writingFunction),
        Case("SELECT f(1)", "f", .unknownFunction, .unknownFunction),
        Case("SELECT s.\"F\"(1)", "\"F\"", .unknownFunction, .unknownFunction),
        Case("SELECT * FROM pg_locks", "pg_locks", .relation, .nodeRelation),
        Case("SELECT pg_backend_pid()", "pg_backend_pid", .builtinFunction, .nodeFunction),
        Case("SELECT a FROM t FOR NO KEY UPDATE", "NO", .grammar, .rowLock),
        Case("WITH d AS (DELETE FROM t) SELECT 1", "DELETE", .grammar, .dataModification),
        Case("SELECT 1 INTO t", "INTO", .grammar, .selectInto),
        Case("insert into t values (1)", "insert", .grammar, .dataModification),
        Case("SHOW in_hot_standby", "in_hot_standby", .setting, .nodeSetting),
        Case("SHOW cluster_name", "cluster_name", .setting, .nodeSetting),
        Case("SELECT current_setting('data_directory')", "'data_directory'", .setting, .nodeSetting),
        Case("SELECT current_setting('in_hot_standby')", "'in_hot_standby'", .setting, .nodeSetting),
        Case("SELECT current_setting($1)", "$1", .setting, .dynamicSetting),
        Case("SET Work_Mem = 1", "Work_Mem", .setting, .setting),
        Case("SELECT set_config('a', 'b', false)", "set_config", .builtinFunction, .functionSetting),
        Case("SELECT 'x", "'x", .unreadable, .unterminated), Case("SELECT (1", "", .unreadable, .unbalanced),
        Case("foo bar", "foo", .grammar, .unknownStatement), Case("BEGIN", "BEGIN", .grammar, .transaction),
        Case("CREATE TEMP TABLE t (a int)", "TABLE", .grammar, .temporaryObject),
        Case("SELECT pg_advisory_lock(1)", "pg_advisory_lock", .builtinFunction, .advisoryLock),
        Case("COPY t TO '/x'", "'/x'", .grammar, .copyToFile), Case("DO $$x$$", "DO", .grammar, .anonymousCode),
        // The strongest rule counts, and the first of equals.
        Case("SELECT pg_backend_pid(), nextval('a'), f(1)", "nextval", .builtinFunction, .writingFunction),
        Case("INSERT INTO t VALUES (f(1)); SET x = 1", "x", .setting, .setting),
        Case("SELECT 1; SELECT 2; DELETE FROM t", "DELETE", .grammar, .dataModification),
    ])
    func cause(_ example: Case) {
        let cause = classify(example.sql).cause
        #expect(slice(example.sql, cause.tokenRange) == example.token, "\(cause)")
        #expect(cause.source == example.source)
        #expect(cause.note == example.note)
    }

    @Test func everyReasonIsASentence() {
        for reason in StaticReason.allCases {
            #expect(reason.sentence.hasSuffix("."))
        }
        #expect(Set(StaticReason.allCases.map(\.sentence)).count == StaticReason.allCases.count)
    }
}
