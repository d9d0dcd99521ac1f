// Does what a client leaves in its session ever reach another client?

import Locks
import TestSupport
import Testing

@Suite struct SessionStateTests {
    /// A kind of state: how it is made, and a question whose answer tells whether it is there.
    struct Kind: Sendable, CustomTestStringConvertible {
        let make: [String]
        let question: String
        /// The answer to one who has it; nil: an error.
        let mine: String?
        /// The answer to one who never had it; nil: an error.
        let others: String?

        var testDescription: String { make.joined(separator: "; ") }

        init(_ make: String..., question: String, mine: String?, others: String?) {
            self.make = make
            self.question = question
            self.mine = mine
            self.others = others
        }
    }

    static let kinds = [
        Kind("SET work_mem = '5MB'", question: "SHOW work_mem", mine: "5MB", others: "4MB"),
        Kind("SET SESSION work_mem TO '5MB'", question: "SHOW work_mem", mine: "5MB", others: "4MB"),
        Kind("SELECT 1; SET work_mem = '5MB'", question: "SHOW work_mem", mine: "5MB", others: "4MB"),
        Kind("BEGIN", "SET work_mem = '5MB'", "COMMIT", question: "SHOW work_mem", mine: "5MB", others: "4MB"),
        Kind(
            "SET TIME ZONE 'Asia/Tokyo'", question: "SELECT current_setting('TimeZone') = 'Asia/Tokyo'", mine: "t",
            others: "f"),
        Kind(
            "SET search_path = pg_catalog", question: "SHOW search_path", mine: "pg_catalog",
            others: "\"$user\", public"),
        Kind("SET app.name = 'me'", question: "SELECT current_setting('app.name', true)", mine: "me", others: ""),
        Kind("SET application_name = 'me'", question: "SHOW application_name", mine: "me", others: ""),
        Kind(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            question: "SHOW transaction_isolation", mine: "repeatable read", others: "read committed"),
        Kind("SELECT set_config('work_mem', '5MB', false)", question: "SHOW work_mem", mine: "5MB", others: "4MB"),
        Kind(
            "SELECT set_config(name, '5MB', false) FROM (VALUES ('work_mem')) v (name)", question: "SHOW work_mem",
            mine: "5MB", others: "4MB"),
        Kind(
            "DO $$BEGIN PERFORM set_config('app.x', 'me', false); END$$",
            question: "SELECT current_setting('app.x', true)", mine: "me", others: ""),
        Kind("SELECT {f}()", question: "SELECT current_setting('app.f', true)", mine: "me", others: ""),
        Kind("CALL {p}()", question: "SELECT current_setting('app.p', true)", mine: "me", others: ""),
        Kind(
            "BEGIN", "SELECT {f}()", "COMMIT",
            question: "SELECT current_setting('app.f', true)", mine: "me", others: ""),
        Kind(
            "UPDATE pg_settings SET setting = '5MB' WHERE name = 'work_mem'", question: "SHOW work_mem",
            mine: "5MB", others: "4MB"),
        Kind("CREATE TEMP TABLE tmp (x int)", question: "SELECT count(*) FROM tmp", mine: "0", others: nil),
        Kind("SELECT 1 AS x INTO TEMP tmp", question: "SELECT count(*) FROM tmp", mine: "1", others: nil),
        Kind("CREATE TEMPORARY VIEW tmp AS SELECT 1", question: "SELECT count(*) FROM tmp", mine: "1", others: nil),
        Kind("CREATE TABLE pg_temp.tmp (x int)", question: "SELECT count(*) FROM tmp", mine: "0", others: nil),
        Kind(
            "DO 'BEGIN CREATE TEMP TABLE tmp (x int); END'", question: "SELECT count(*) FROM tmp", mine: "0",
            others: nil),
        Kind(
            "CREATE FUNCTION pg_temp.tf() RETURNS int LANGUAGE sql AS 'SELECT 1'", question: "SELECT pg_temp.tf()",
            mine: "1", others: nil),
        Kind("LISTEN somewhere", question: "SELECT count(*) FROM pg_listening_channels()", mine: "1", others: "0"),
        Kind("PREPARE q AS SELECT 7", question: "EXECUTE q", mine: "7", others: nil),
        Kind("PREPARE q(int) AS SELECT $1", question: "EXECUTE q(8)", mine: "8", others: nil),
        Kind(
            "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 5", question: "FETCH ABSOLUTE 1 FROM c", mine: "5",
            others: nil),
        Kind(
            "BEGIN", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 5", "COMMIT", question: "FETCH ABSOLUTE 1 FROM c",
            mine: "5", others: nil),
        Kind(
            "SELECT pg_advisory_lock(4711)",
            question: "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
            mine: "1", others: "0"),
        Kind(
            "SELECT pg_try_advisory_lock_shared(4712)",
            question: "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
            mine: "1", others: "0"),
        Kind("SET ROLE pg_monitor", question: "SELECT current_user", mine: "pg_monitor", others: "postgres"),
        Kind("SET SESSION AUTHORIZATION app", question: "SELECT session_user", mine: "app", others: "postgres"),
        Kind(
            "LOAD 'auto_explain'", "SET auto_explain.log_min_duration = '9s'",
            question: "SELECT coalesce(current_setting('auto_explain.log_min_duration', true) = '9s', false)",
            mine: "t",
            others: "f"),
    ]

    /// The pool has one connection to the primary, so the next client is on the server that had the state.
    @Test(arguments: kinds) func neverLeaks(_ kind: Kind) throws {
        let router = try Self.router.get()
        try Self.access.withLock { _ in
            for isPolite in [true, false] {
                let owner = try router.client(user: "postgres")
                for statement in kind.make {
                    let text = try Self.naming(statement)
                    if isPolite || text.contains(";") {
                        try owner.succeed(text)
                    } else {
                        try succeed(owner, extended: text)
                    }
                }
                for _ in 0..<3 {
                    #expect(try answer(owner, kind.question) == kind.mine)
                    #expect(try answer(owner, kind.question, extended: true) == kind.mine)
                }
                if isPolite { owner.close() } else { owner.vanish() }

                for next in try [router.client(user: "postgres"), router.client(user: "postgres")] {
                    // On the primary for sure, and wherever reads go.
                    try next.succeed("BEGIN; SELECT pg_backend_pid()")
                    #expect(try answer(next, kind.question) == kind.others)
                    try next.succeed("ROLLBACK")
                    for _ in 0..<3 { #expect(try answer(next, kind.question) == kind.others) }
                    next.close()
                }
            }
        }
    }

    /// The client is gone before it could hear that its statement was carried out.
    @Test func goneBeforeTheAnswer() throws {
        let router = try Self.router.get()
        let wholes: [[FrontendMessage]] = [
            [.query("SET work_mem = '5MB'")], FrontendMessage.extended("SET work_mem = '5MB'") + [.sync],
            FrontendMessage.extended("SET work_mem = '5MB'") + [.flush],
            [.query("BEGIN; SET work_mem = '5MB'; COMMIT")],
            [.query("SET work_mem = '5MB'"), .query("SELECT 1"), .terminate],
            [.query("SELECT 1; SET work_mem = '5MB'")],
            [.query("SELECT set_config('work_mem', '5MB', false) FROM pg_sleep(0.01)")],
        ]
        try Self.access.withLock { _ in
            for messages in wholes + wholes {
                let owner = try router.client(user: "postgres")
                try owner.send(messages)
                owner.vanish()
                let next = try router.client(user: "postgres")
                for _ in 0..<3 {
                    #expect(try next.value("SELECT current_setting('work_mem') FOR UPDATE") == "4MB")
                    #expect(try next.value("SHOW work_mem") == "4MB")
                }
                next.close()
            }
        }
    }

    /// The same while the owner is still there: it keeps its server, and others get others.
    @Test(arguments: kinds) func isTheOwnersAlone(_ kind: Kind) throws {
        let router = try Self.wideRouter.get()
        try Self.access.withLock { _ in
            let owner = try router.client(user: "postgres")
            for statement in kind.make { try owner.succeed(Self.naming(statement)) }
            let others = try (0..<3).map { _ in try router.client(user: "postgres") }
            for _ in 0..<2 {
                for other in others {
                    #expect(try answer(other, "SELECT pg_backend_pid()") != nil)
                    #expect(try answer(other, kind.question) == kind.others)
                }
                #expect(try answer(owner, kind.question) == kind.mine)
            }
        }
    }

    private static let router = Result { try Stage.startRouter(poolSize: 1) }
    private static let wideRouter = Result { try Stage.startRouter(poolSize: 6) }
    /// One test at a time: a pool of one connection has no room for two.
    private static let access = Lock(())

    /// `{f}` is a function and `{p}` a procedure that leave a setting behind.
    private static func naming(_ statement: String) throws -> String {
        try statement.replacing("{f}", with: objects.get()).replacing("{p}", with: objects.get() + "_p")
    }

    private static let objects = Result {
        let name = SharedCluster.tableName("leaves")
        let body = "LANGUAGE plpgsql AS 'BEGIN PERFORM set_config(''app.%'', ''me'', false); END'"
        try Stage.run(
            "CREATE FUNCTION \(name)() RETURNS void \(body.replacing("%", with: "f"))",
            "CREATE PROCEDURE \(name)_p() \(body.replacing("%", with: "p"))")
        return name
    }

    private func succeed(_ client: WireClient, extended sql: String) throws {
        let answer = try client.extended(sql)
        if !answer.errors.isEmpty { throw SupportError("\(sql): \(answer.transcript)") }
    }

    private func answer(_ client: WireClient, _ question: String, extended: Bool = false) throws -> String? {
        let answer = try extended ? client.extended(question) : client.query(question)
        if !answer.errors.isEmpty { return nil }
        return answer.value ?? ""
    }

    /// Nobody can tell what another client's `random()` gives.
    @Test(arguments: [
        ["SELECT setseed(0.5)"], ["SET seed = 0.5"], ["SELECT set_config('seed', '0.5', false)"],
        ["BEGIN", "SELECT setseed(0.5)", "ROLLBACK"], ["SELECT setseed(0.5)", "DISCARD ALL"],
        ["BEGIN", "SET LOCAL seed = 0.5", "COMMIT"], [],
    ])
    func theSeedIsItsClients(_ texts: [String]) throws {
        let direct = try WireClient(direct: Stage.cluster().primary, user: "postgres")
        try direct.succeed("SELECT setseed(0.5)")
        let known = try direct.value("SELECT random()")
        let router = try Stage.startRouter(poolSize: 1)
        let client = try router.client(user: "postgres", options: texts.isEmpty ? [("options", "-c seed=0.5")] : [])
        for text in texts { try client.succeed(text) }
        if texts.isEmpty { try client.succeed("SELECT 1 FOR UPDATE") }
        client.close()
        #expect(try router.client(user: "postgres").value("SELECT random() FOR UPDATE") != known)
    }
}
