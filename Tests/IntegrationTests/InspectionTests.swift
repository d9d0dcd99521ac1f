// Does a session keep its server exactly as long as the server has something of it?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct InspectionTests {
    private static let stage = Result { try start() }

    private static func start() throws -> (cluster: PostgresCluster, router: RouterProcess) {
        let cluster = try PostgresCluster.start(replicas: 1)
        do {
            let maker = try WireClient(direct: cluster.primary)
            try maker.succeed("CREATE TABLE written (x int)")
            for (name, body) in bodies {
                try maker.succeed(
                    "CREATE FUNCTION \(name)() RETURNS void LANGUAGE plpgsql AS $$BEGIN \(body); END$$")
                try maker.succeed("CREATE PROCEDURE p_\(name)() LANGUAGE plpgsql AS $$BEGIN \(body); END$$")
            }
            try maker.succeed(
                "CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$BEGIN CALL p_writes(); COMMIT; CALL p_writes(); END$$")
            // Two servers for all, so that every client meets what others have left.
            let router = try Stage.startRouter(cluster, ["pool": ["size": "2"], "server": ["workers": "1"]])
            try eventually("the functions to be known") {
                let client = try router.client()
                defer { client.close() }
                try client.succeed("SELECT writes()")
                return try reasons(client) == "not pinned"
            }
            return (cluster, router)
        } catch {
            cluster.stop()
            throw error
        }
    }

    private static let bodies = [
        ("writes", "INSERT INTO written VALUES (1); UPDATE written SET x = 2"),
        ("makes", "CREATE TEMP TABLE made AS SELECT 1 AS x"), ("locks", "PERFORM pg_advisory_lock(1)"),
        ("unlocks", "PERFORM pg_advisory_unlock(1)"), ("hears", "LISTEN somewhere"),
        ("sets", "IF true THEN SET work_mem = '5MB'; END IF"), ("setslocally", "SET LOCAL work_mem = '5MB'"),
        ("names", "PERFORM set_config('app.me', 'me', false)"),
        ("namesagain", "IF false THEN NULL; ELSE SET app.me = 'again'; END IF"),
        ("runs", "EXECUTE 'SET app.me = ''ran'''"), ("asks", "PERFORM names()"),
        ("fails", "PERFORM nosuch()"),
    ]

    private var router: RouterProcess { get throws { try Self.stage.get().router } }

    /// What the router says of the session's pins.
    private static func reasons(_ client: WireClient) throws -> String {
        let rows = try client.succeed("EXPLAIN ROUTE SELECT 1").rows
        let session = rows.first { $0.first == "session" }?.last.flatMap { $0 } ?? ""
        return String(session.split(separator: "; ").last ?? "")
    }

    private func client() throws -> WireClient { try router.client() }

    /// A client that the pool can pin: the pin of the test before may not have ended yet.
    private func pinnableClient() throws -> WireClient {
        let client = try client()
        try eventually("room for a pin") { try client.query("LISTEN room").errors.isEmpty }
        try client.succeed("UNLISTEN *")
        return client
    }

    @Test(arguments: [
        ("SELECT writes()", "not pinned"), ("SELECT makes()", "pinned: temporary table"),
        ("SELECT locks()", "pinned: advisory lock"), ("SELECT hears()", "pinned: listen"),
        ("SELECT sets()", "not pinned"), ("SELECT setslocally()", "not pinned"),
        ("SELECT names()", "pinned: hidden code"), ("SELECT namesagain()", "pinned: hidden code"),
        ("SELECT runs()", "pinned: hidden code"), ("SELECT asks()", "pinned: hidden code"),
        ("CALL p_writes()", "not pinned"), ("CALL ends()", "not pinned"), ("CALL public.p_sets()", "not pinned"),
        ("CALL p_makes()", "pinned: temporary table"), ("CALL p_runs()", "pinned: hidden code"),
        ("DO 'BEGIN END'", "pinned: hidden code"),
        ("BEGIN; SELECT makes(); ROLLBACK", "not pinned"), ("SELEKT 1", "not pinned"),
        ("CREATE TEMP TABLE pg_catalog.nonsense (x int)", "not pinned"),
        ("CREATE TEMP TABLE brief (x int) ON COMMIT DROP", "not pinned"),
        ("BEGIN; LISTEN a; ROLLBACK", "not pinned"), ("SELECT nosuch(), writes()", "not pinned"),
        ("CALL nosuch(1)", "not pinned"), ("EXECUTE nosuch", "not pinned"), ("SELECT fails()", "pinned: hidden code"),
    ])
    func found(_ sql: String, _ expected: String) throws {
        for isExtended in [false, true] where !(isExtended && sql.contains(";")) {
            // The pin of the one before may not have ended yet.
            try eventually("\(expected) after \(sql)") {
                let client = try client()
                defer { client.close() }
                let answer = try isExtended ? client.extended(sql) : client.query(sql)
                return try answer.errors != ["53300"] && Self.reasons(client) == expected
            }
        }
    }

    /// That a statement fails while it is read says nothing of those ahead of it.
    @Test func onlyWhatFailsIsWithoutTrace() throws {
        let client = try pinnableClient()
        defer { client.close() }
        for _ in 0..<15 { #expect(try client.query("SELECT nosuch()").errors == ["42883"]) }
        #expect(try Self.reasons(client) == "not pinned")
        #expect(try client.query("BEGIN").errors.isEmpty)
        #expect(try client.query("SELECT nosuch()").errors == ["42883"])
        #expect(try client.query("ROLLBACK").errors.isEmpty)
        #expect(try Self.reasons(client) == "not pinned")
        for before in ["BEGIN", "SELECT 1", "INSERT INTO written VALUES (1)"] {
            #expect(try client.exchange(execution(before) + execution("SELECT nosuch()")).errors == ["42883"])
            _ = try client.query("ROLLBACK")
            #expect(try Self.reasons(client) == "not pinned", "\(before)")
        }
        for failing in ["SELECT setseed(nosuch())", "SELECT set_config('a.b', nosuch(), false) FROM written"] {
            #expect(try client.query(failing).errors == ["42883"])
            #expect(try Self.reasons(client) == "not pinned", "\(failing)")
        }
        let answer = try client.exchange([
            .parse("SELECT nosuch()", name: "later"), .parse("SELECT names()"), .bind(), .execute(),
        ])
        #expect(answer.errors == ["42883"])
        #expect(try Self.reasons(client) == "not pinned")
        let failed = try client.exchange([.parse("SELECT names()"), .bind(), .execute(), .parse("SELECT nosuch()")])
        #expect(failed.errors == ["42883"])
        #expect(try Self.reasons(client) == "pinned: hidden code")
    }

    @Test(arguments: [
        ("CREATE TEMP TABLE t1 (x int)", "DROP TABLE t1"), ("CREATE TEMP TABLE t1 (x int)", "DISCARD TEMP"),
        ("LISTEN a", "UNLISTEN a"), ("LISTEN a", "UNLISTEN *"), ("PREPARE q AS SELECT timestamp 'now'", "DEALLOCATE q"),
        ("PREPARE q AS SELECT timestamp 'now'", "DEALLOCATE ALL"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE c"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE ALL"),
        ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
        ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock_all()"), ("SELECT locks()", "SELECT unlocks()"),
        ("SELECT makes()", "DROP TABLE made"), ("LISTEN a", "DISCARD ALL"),
    ])
    func released(_ make: String, _ end: String) throws {
        let client = try pinnableClient()
        defer { client.close() }
        for _ in 0..<3 {
            try client.succeed("SET work_mem = '6MB'")
            try client.succeed(make)
            #expect(try Self.reasons(client) != "not pinned", "\(make)")
            try client.succeed("SET statement_timeout = '7s'")
            try client.succeed(end)
            #expect(try Self.reasons(client) == "not pinned", "\(end)")
            // What was set before and meanwhile is still the session's, wherever it runs.
            guard end != "DISCARD ALL" else { continue }
            for question in ["", " FOR UPDATE"] {
                #expect(try client.value("SELECT current_setting('work_mem') \(question)") == "6MB")
                #expect(try client.value("SELECT current_setting('statement_timeout') \(question)") == "7s")
            }
            try client.succeed("RESET ALL")
        }
    }

    @Test(arguments: [
        "RESET ALL", "SELECT 1; RESET ALL", "UNLISTEN *; RESET ALL", "CLOSE ALL; RESET ALL; SELECT 1",
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
    ])
    func settingsAreResetAmongOtherStatements(_ sql: String) throws {
        for before in ["", "SELECT pg_advisory_lock(3)", "LISTEN a", "SET a.b = 'c'; SELECT 1"] {
            let client = try router.client(options: [("application_name", "mine")])
            defer { client.close() }
            try client.succeed("SET work_mem = '6MB'")
            try client.succeed("SET application_name = 'other'")
            _ = try client.exchange([.parse("SELECT $1::int", name: "kept")])
            // The pin of the one before may not have ended yet.
            try eventually("\(before)") { try before.isEmpty || client.query(before).errors != ["53300"] }
            try client.succeed(sql)
            if before.isEmpty { #expect(try Self.reasons(client) == "not pinned") }
            for _ in 0..<3 {
                #expect(try client.value("SHOW work_mem") == "4MB", "\(before), \(sql)")
                #expect(try client.value("SELECT current_setting('application_name')") == "mine")
                #expect(try client.exchange([.bind(["5"], statement: "kept"), .execute()]).value == "5")
            }
        }
    }

    /// What a function has set follows the session, and nobody else sees it.
    @Test func settingsOfFunctions() throws {
        let owner = try pinnableClient()
        let other = try client()
        defer {
            owner.close()
            other.close()
        }
        for _ in 0..<3 {
            try owner.succeed("SELECT sets()")
            for _ in 0..<4 {
                for question in ["", " FOR UPDATE"] {
                    #expect(try other.value("SELECT current_setting('work_mem') \(question)") == "4MB")
                    #expect(try owner.value("SELECT current_setting('work_mem') \(question)") == "5MB")
                }
            }
            try owner.succeed("RESET work_mem")
            #expect(try owner.value("SELECT current_setting('work_mem') FOR UPDATE") == "4MB")
            // While it keeps its server for something else.
            try owner.succeed("LISTEN a")
            try owner.succeed("SELECT sets()")
            try owner.succeed("UNLISTEN a")
            #expect(try Self.reasons(owner) == "not pinned")
            #expect(try owner.value("SELECT current_setting('work_mem')") == "5MB")
            #expect(try owner.value("SELECT current_setting('work_mem') FOR UPDATE") == "5MB")
            try owner.succeed("RESET ALL")
        }
    }

    /// A write sets off what its text does not show; nobody else meets what that leaves behind.
    @Test(arguments: [
        ("SET work_mem = ''7MB''", "SELECT current_setting('work_mem') FOR UPDATE", "4MB", "7MB"),
        (
            "PERFORM set_config(''app.t'', ''mine'', false)",
            "SELECT coalesce(current_setting('app.t', true), '') FOR UPDATE", "", nil
        ),
        (
            "PERFORM pg_advisory_lock(9)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", "0", "1"
        ),
    ])
    func triggers(_ body: String, _ question: String, _ others: String, _ mine: String?) throws {
        let maker = try client()
        defer {
            _ = try? maker.query("DROP TABLE fires; DROP FUNCTION fired(), defaulted()")
            maker.close()
        }
        for sql in [
            "CREATE TABLE fires (x int)",
            "CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN \(body); RETURN NEW; END'",
            "CREATE TRIGGER fire BEFORE INSERT ON fires FOR EACH ROW EXECUTE FUNCTION fired()",
            "CREATE FUNCTION defaulted() RETURNS int LANGUAGE plpgsql AS 'BEGIN \(body); RETURN 1; END'",
        ] { try maker.succeed(sql) }
        for step in 0..<2 {
            if step == 1 {
                try maker.succeed("DROP TRIGGER fire ON fires")
                try maker.succeed("ALTER TABLE fires ADD y int")
                try maker.succeed("ALTER TABLE fires ALTER y SET DEFAULT defaulted()")
            }
            for _ in 0..<8 {
                // The pin of the one before may not have ended yet, and then this one is sent away.
                let owner: WireClient = try eventually("room for a pin") {
                    let owner = try client()
                    try owner.succeed("INSERT INTO fires VALUES (1)")
                    let found = try owner.value(question)
                    if let mine { #expect(found == mine) }
                    return owner
                }
                let next = try client()
                #expect(try next.value(question) == others)
                owner.close()
                #expect(try next.value(question) == others)
                next.close()
            }
        }
    }

    /// What was prepared while the session was pinned is the session's afterwards, too.
    @Test func statementsLeaveThePin() throws {
        let client = try pinnableClient()
        defer { client.close() }
        try client.succeed("LISTEN a")
        let prepared = try client.exchange([
            .parse("SELECT $1::int + 1", name: "s1"), .parse("SELECT 2", name: "s2"),
        ])
        #expect(prepared.errors.isEmpty)
        try client.succeed("DEALLOCATE s2")
        try client.succeed("UNLISTEN *")
        #expect(try Self.reasons(client) == "not pinned")
        let answer = try client.exchange([.bind(["41"], statement: "s1"), .execute()])
        #expect(answer.value == "42")
        let gone = try client.exchange([.bind(statement: "s2"), .execute()])
        #expect(gone.errors == ["26000"])
    }
}
