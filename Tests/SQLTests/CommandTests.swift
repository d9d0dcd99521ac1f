// Is a text recognised as one of the commands that sessions treat specially?

import SQL
import Testing

@Suite struct CommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let sql: String
        let command: Command

        init(_ sql: String, _ command: Command) {
            self.sql = sql
            self.command = command
        }

        var testDescription: String { sql }
    }

    @Test(arguments: transactions)
    func transaction(_ example: Case) {
        let verdict = classify(example.sql)
        #expect(verdict.command == example.command)
        #expect(verdict.statementCount == 1)
        #expect(!verdict.effects.contains(.notUnderstood))
        if case .sessionCharacteristics = example.command {
            #expect(verdict.routeClass == .sessionState)
        } else {
            #expect(verdict.routeClass == .transactionControl)
        }
    }

    static let readOnly = TransactionModes(readOnly: true)

    static let transactions: [Case] = [
        Case("BEGIN", .begin(TransactionModes())),
        Case("begin;", .begin(TransactionModes())),
        Case("BEGIN WORK", .begin(TransactionModes())),
        Case("BEGIN TRANSACTION", .begin(TransactionModes())),
        Case("START TRANSACTION", .begin(TransactionModes())),
        Case("/* x */ BEGIN -- y", .begin(TransactionModes())),
        Case("; BEGIN ;;", .begin(TransactionModes())),
        Case("BEGIN READ ONLY", .begin(readOnly)),
        Case("BEGIN READ WRITE", .begin(TransactionModes(readOnly: false))),
        Case("BEGIN READ ONLY READ WRITE", .begin(TransactionModes(readOnly: false))),
        Case("BEGIN TRANSACTION READ ONLY", .begin(readOnly)),
        Case("START TRANSACTION READ ONLY", .begin(readOnly)),
        Case("BEGIN ISOLATION LEVEL SERIALIZABLE", .begin(TransactionModes(isolation: .serializable))),
        Case("BEGIN ISOLATION LEVEL REPEATABLE READ", .begin(TransactionModes(isolation: .repeatableRead))),
        Case("BEGIN ISOLATION LEVEL READ COMMITTED", .begin(TransactionModes(isolation: .readCommitted))),
        Case("BEGIN ISOLATION LEVEL READ UNCOMMITTED", .begin(TransactionModes(isolation: .readUncommitted))),
        Case(
            "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ",
            .begin(TransactionModes(isolation: .repeatableRead, readOnly: true))),
        Case(
            "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
            .begin(TransactionModes(isolation: .serializable, readOnly: true, deferrable: true))),
        Case(
            "BEGIN NOT DEFERRABLE, READ WRITE, ISOLATION LEVEL READ COMMITTED",
            .begin(TransactionModes(isolation: .readCommitted, readOnly: false, deferrable: false))),
        Case("COMMIT", .commit(chain: false)),
        Case("END", .commit(chain: false)),
        Case("COMMIT WORK", .commit(chain: false)),
        Case("END TRANSACTION", .commit(chain: false)),
        Case("COMMIT AND CHAIN", .commit(chain: true)),
        Case("COMMIT AND NO CHAIN", .commit(chain: false)),
        Case("END WORK AND CHAIN", .commit(chain: true)),
        Case("ROLLBACK", .rollback(chain: false)),
        Case("ABORT", .rollback(chain: false)),
        Case("ABORT TRANSACTION AND CHAIN", .rollback(chain: true)),
        Case("ROLLBACK WORK AND NO CHAIN", .rollback(chain: false)),
        Case("SAVEPOINT s", .savepoint),
        Case("SAVEPOINT \"S 1\"", .savepoint),
        Case("ROLLBACK TO s", .rollbackTo),
        Case("ROLLBACK TO SAVEPOINT s", .rollbackTo),
        Case("ROLLBACK WORK TO SAVEPOINT s", .rollbackTo),
        Case("ROLLBACK TRANSACTION TO s", .rollbackTo),
        Case("ROLLBACK TO savepoint", .rollbackTo),
        Case("RELEASE s", .release),
        Case("RELEASE SAVEPOINT s", .release),
        Case("PREPARE TRANSACTION 'x'", .prepareTransaction),
        Case("COMMIT PREPARED 'x'", .commitPrepared),
        Case("ROLLBACK PREPARED 'x'", .rollbackPrepared),
        Case("SET TRANSACTION READ ONLY", .setTransaction(readOnly)),
        Case("SET SESSION TRANSACTION READ ONLY", .setTransaction(readOnly)),
        Case("SET LOCAL TRANSACTION READ ONLY", .setTransaction(readOnly)),
        Case(
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, DEFERRABLE",
            .setTransaction(TransactionModes(isolation: .serializable, deferrable: true))),
        Case("SET TRANSACTION SNAPSHOT '00000003-0000001B-1'", .other),
        Case("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", .sessionCharacteristics(readOnly)),
        Case("SET SESSION SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", .sessionCharacteristics(readOnly)),
    ]

    /// A comma stands between two modes or not at all; whatever is not the grammar's is PostgreSQL's to refuse.
    static let malformedTransactions = [
        "BEGIN READ ONLY,", "BEGIN READ ONLY,;", "BEGIN ,READ ONLY", "BEGIN,", "BEGIN READ ONLY,,DEFERRABLE",
        "BEGIN READ ONLY, , DEFERRABLE", "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY,", "BEGIN READ",
        "BEGIN NOT READ ONLY", "BEGIN READ ONLY WORK", "BEGIN WORK TRANSACTION", "BEGIN WORK, READ ONLY",
        "BEGIN ISOLATION LEVEL", "BEGIN ISOLATION READ COMMITTED", "BEGIN ISOLATION LEVEL READ", "BEGIN (READ ONLY)",
        "BEGIN AND CHAIN", "BEGIN \"read\" ONLY", "START", "START WORK", "START READ ONLY", "START TRANSACTION WORK",
        "START TRANSACTION READ ONLY,", "SET TRANSACTION", "SET TRANSACTION READ ONLY,", "SET TRANSACTION ,READ ONLY",
        "SET LOCAL TRANSACTION READ WRITE,", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY,",
        "SET SESSION CHARACTERISTICS AS TRANSACTION", "COMMIT AND", "COMMIT AND NO", "COMMIT CHAIN", "COMMIT NO CHAIN",
        "COMMIT WORK TRANSACTION", "COMMIT AND CHAIN AND CHAIN", "COMMIT TO s", "END PREPARED 'x'", "ABORT TO s",
        "ABORT PREPARED 'x'", "ROLLBACK AND NO", "ROLLBACK TO", "ROLLBACK AND CHAIN TO s", "COMMIT READ ONLY",
        "COMMIT,", "ROLLBACK 1",
    ]

    @Test(arguments: malformedTransactions)
    func malformed(_ sql: String) {
        let verdict = classify(sql)
        #expect(verdict.command == .other)
        #expect(verdict.effects.contains(.notUnderstood))
    }

    @Test(arguments: [
        Case("", .empty), Case(" ", .empty), Case(";", .empty), Case("-- x", .empty), Case("/* x */ ;; --", .empty),
        Case("DEALLOCATE ALL", .deallocateAll), Case("DEALLOCATE PREPARE ALL", .deallocateAll),
        Case("DISCARD ALL", .discardAll), Case("DISCARD PLANS", .discardPlans),
        Case("DISCARD SEQUENCES", .discardSequences), Case("DISCARD TEMP", .discardTemp),
        Case("DISCARD TEMPORARY", .discardTemp), Case("RESET ALL", .resetAll), Case("UNLISTEN *", .unlistenAll),
        Case("UNLISTEN x", .other), Case("CLOSE ALL", .closeAll), Case("CLOSE x", .other),
        Case("EXPLAIN SELECT 1", .explain), Case("EXPLAIN ANALYZE DELETE FROM t", .explain),
        Case("EXPLAIN ROUTE SELECT 1", .explainRoute(statement: 13..<22)),
        Case("explain route DELETE FROM t; SELECT ')", .explainRoute(statement: 13..<38)),
        Case("EXPLAIN ROUTE", .explainRoute(statement: 13..<13)), Case("SELECT 1; EXPLAIN ROUTE SELECT 1", .other),
        Case("EXPLAIN \"route\" SELECT 1", .other), Case("EXPLAIN routes SELECT 1", .other),
        Case("SELECT 1", .select), Case("VALUES (1)", .select), Case("TABLE t", .select), Case("(SELECT 1)", .select),
        Case("WITH a AS (SELECT 1) SELECT 1", .select), Case("SELECT nextval('s')", .select),
        Case("SELECT 1 INTO t", .other), Case("WITH a AS (DELETE FROM t) SELECT 1", .other),
        Case("INSERT INTO t VALUES (1)", .other), Case("COPY t TO STDOUT", .copy), Case("COPY t FROM STDIN", .copy),
        Case("CREATE TABLE t (a int)", .other), Case("VACUUM", .other),
        Case("BEGIN; SELECT 1", .other), Case("SELECT 1; SELECT 2", .other), Case("COMMIT; BEGIN", .other),
        Case("PREPARE p AS SELECT 1", .prepare(name: 8..<9, statement: 13..<21)),
        Case("PREPARE p (int, text) AS SELECT 1 ;", .prepare(name: 8..<9, statement: 25..<33)),
        Case("PREPARE p", .other), Case("PREPARE p AS", .other),
        Case("PREPARE p AS SELECT 1; SELECT 1", .other), Case("EXECUTE p", .execute(name: 8..<9, arguments: 9..<9)),
        Case("EXECUTE \"p\" (1, now()) ;", .execute(name: 8..<11, arguments: 11..<22)), Case("EXECUTE 1", .other),
        Case("LISTEN x", .other), Case("SET CONSTRAINTS ALL DEFERRED", .other),
    ])
    func command(_ example: Case) {
        #expect(classify(example.sql).command == example.command)
    }

    struct Named: Sendable, CustomTestStringConvertible {
        let sql: String
        let name: String
        var value: String?
        var isLocal = false

        var testDescription: String { sql }
    }

    @Test(arguments: [
        Named(sql: "SET x = 1", name: "x", value: "1"),
        Named(sql: "SET x TO 1 ;", name: "x", value: "1"),
        Named(sql: " set  Search_Path=a , \"b\" -- c", name: "Search_Path", value: "a , \"b\""),
        Named(sql: "SET LOCAL \"Work_Mem\" TO '1MB'", name: "\"Work_Mem\"", value: "'1MB'", isLocal: true),
        Named(sql: "SET SESSION my.thing TO DEFAULT", name: "my.thing", value: "DEFAULT"),
        Named(sql: "SET TIME ZONE 'UTC'", name: "TIME ZONE", value: "'UTC'"),
        Named(sql: "SET time  zone LOCAL", name: "time  zone", value: "LOCAL"),
        Named(sql: "SET TIME/* ' */ZONE/**/LOCAL", name: "TIME/* ' */ZONE", value: "LOCAL"),
        Named(sql: "SET LOCAL TIME ZONE -7", name: "TIME ZONE", value: "-7", isLocal: true),
        Named(sql: "SET ROLE admin", name: "ROLE", value: "admin"),
        Named(sql: "SET ROLE = 'admin'", name: "ROLE", value: "'admin'"),
        Named(sql: "SET SESSION AUTHORIZATION 'joe'", name: "SESSION AUTHORIZATION", value: "'joe'"),
        Named(sql: "SET LOCAL SESSION AUTHORIZATION joe", name: "SESSION AUTHORIZATION", value: "joe", isLocal: true),
        Named(sql: "SET NAMES 'latin1'", name: "NAMES", value: "'latin1'"),
        Named(sql: "SET NAMES", name: "NAMES", value: ""),
        Named(sql: "SET SCHEMA 's'", name: "SCHEMA", value: "'s'"),
        Named(sql: "SET XML OPTION CONTENT", name: "XML OPTION", value: "CONTENT"),
        Named(sql: "SET x = 'a;b'", name: "x", value: "'a;b'"),
        Named(sql: "SET x = E'a\\'b'", name: "x", value: "E'a\\'b'"),
        Named(sql: "SET x = -1", name: "x", value: "-1"), Named(sql: "SET x=-1", name: "x", value: "-1"),
        Named(sql: "SET x =+ 1.5", name: "x", value: "+ 1.5"), Named(sql: "SET x=1", name: "x", value: "1"),
    ])
    func set(_ example: Named) {
        guard case .set(let name, let value, let isLocal) = classify(example.sql).command else {
            Issue.record("\(classify(example.sql))")
            return
        }
        #expect(slice(example.sql, name) == example.name)
        #expect(slice(example.sql, value) == example.value)
        #expect(isLocal == example.isLocal)
    }

    @Test(arguments: [
        Named(sql: "SHOW x", name: "x"), Named(sql: "SHOW ALL", name: "ALL"),
        Named(sql: "show \"X\".y;", name: "\"X\".y"),
        Named(sql: "SHOW TIME ZONE", name: "TIME ZONE"),
        Named(sql: "SHOW TRANSACTION ISOLATION LEVEL", name: "TRANSACTION ISOLATION LEVEL"),
        Named(sql: "SHOW pointsman.token", name: "pointsman.token"),
    ])
    func show(_ example: Named) {
        guard case .show(let name) = classify(example.sql).command else {
            Issue.record("\(classify(example.sql))")
            return
        }
        #expect(slice(example.sql, name) == example.name)
    }

    @Test(arguments: [
        Named(sql: "RESET x", name: "x"), Named(sql: "RESET a.b ;", name: "a.b"),
        Named(sql: "RESET SESSION AUTHORIZATION", name: "SESSION AUTHORIZATION"),
        Named(sql: "RESET role", name: "role"),
    ])
    func reset(_ example: Named) {
        guard case .reset(let name) = classify(example.sql).command else {
            Issue.record("\(classify(example.sql))")
            return
        }
        #expect(slice(example.sql, name) == example.name)
    }

    @Test(arguments: [
        Named(sql: "DEALLOCATE x", name: "x"), Named(sql: "DEALLOCATE PREPARE \"X y\"", name: "\"X y\""),
        Named(sql: "DEALLOCATE prepare", name: "prepare"),
    ])
    func deallocate(_ example: Named) {
        guard case .deallocate(let name) = classify(example.sql).command else {
            Issue.record("\(classify(example.sql))")
            return
        }
        #expect(slice(example.sql, name) == example.name)
    }

    @Test(arguments: [
        Named(sql: "SELECT set_config('a.b', 'x', false)", name: "'a.b'", value: "'x'"),
        Named(sql: "select pg_catalog.set_config('search_path','',FALSE);", name: "'search_path'", value: "''"),
    ])
    func literalSetConfig(_ example: Named) {
        guard case .setConfig(let name, let value) = classify(example.sql).command else {
            Issue.record("\(classify(example.sql))")
            return
        }
        #expect(slice(example.sql, name) == example.name)
        #expect(slice(example.sql, value) == example.value)
    }

    @Test(arguments: [
        "SELECT set_config('a', 'b', true)", "SELECT set_config('a', $1, false)",
        "SELECT set_config('a', 'b', false), 1",
        "SELECT set_config('a', 'b', false) FROM t", "SELECT 1, set_config('a', 'b', false)",
        "SELECT x.y set_config('a', 'b', false)", "SELECT set_config(E'a', 'b', false)",
        "SELECT set_config('a', 'b' || 'c', false)", "SELECT set_config('a', 'b', false)::text",
        "SELECT set_config('a', 'b', false); SELECT 1", "(SELECT set_config('a', 'b', false))",
        "SELECT a.set_config('a', 'b', false)", "SELECT a, set_config('a', 'b', false)",
        "VALUES (set_config('a', 'b', false))", "SELECT lower(set_config('a', 'b', false))",
    ])
    func noLiteralSetConfig(_ sql: String) {
        if case .setConfig = classify(sql).command { Issue.record("\(classify(sql))") }
    }
}
