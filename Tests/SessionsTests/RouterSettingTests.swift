// Do the router's own settings hold as PostgreSQL's do, and do they decide?

import Routing
import Testing
import Wire

@testable import Sessions

@Suite struct RouterSettingTests {
    private func rig(_ parameters: [(String, String)] = []) -> Rig {
        var brought = parameters.map { StartupParameter($0.0, $0.1) }
        var router = RouterSettings()
        #expect(router.take(from: &brought, port: .split) == nil)
        #expect(brought.isEmpty)
        let rig = Rig()
        rig.addClient(router: router)
        return rig
    }

    // MARK: Values

    @Test func setShowReset() {
        let rig = rig()
        rig.play(
            0,
            Turn(.query("SHOW pointsman.role"), gets: "T(pointsman.role) D(auto) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.role = replica"), gets: "C(SET) Z(I)"),
            Turn(.query("show \"POINTSMAN.Role\""), gets: "T(pointsman.role) D(replica) C(SHOW) Z(I)"),
            Turn(.query("SET SESSION pointsman.role TO 'Primary'"), gets: "C(SET) Z(I)"),
            Turn(.query("SHOW pointsman.role;"), gets: "T(pointsman.role) D(primary) C(SHOW) Z(I)"),
            Turn(.query("RESET pointsman.role"), gets: "C(RESET) Z(I)"),
            Turn(.query("SHOW pointsman.role"), gets: "T(pointsman.role) D(auto) C(SHOW) Z(I)"),
            Turn(.query("SHOW pointsman.consistency"), gets: "T(pointsman.consistency) D(session) C(SHOW) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(10s) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.max_lag = 1500"), gets: "C(SET) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(1500ms) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.max_lag = '1.5min'"), gets: "C(SET) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(90s) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.max_lag TO DEFAULT"), gets: "C(SET) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(10s) C(SHOW) Z(I)"))
        #expect(rig.servers.isEmpty)
    }

    @Test func tokens() {
        let rig = rig()
        let token = "7/1/0/5000"
        rig.play(
            0, Turn(.query("SHOW pointsman.token"), gets: "T(pointsman.token) D(\(token)) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.token = '\(token)'"), gets: "C(SET) Z(I)"),
            Turn(.query("RESET pointsman.token"), gets: "C(RESET) Z(I)"),
            Turn(.query("SET pointsman.token TO DEFAULT"), gets: "C(SET) Z(I)"),
            Turn(.query("SET pointsman.token = 'later'"), gets: Self.noToken + " Z(I)"),
            Turn(.query("SET pointsman.token = '7/1/0/6000'"), gets: Self.foreignToken + " Z(I)"),
            Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(.query("SHOW pointsman.token"), gets: "T(pointsman.token) D(\(token)) C(SHOW) Z(T)"),
            Turn(.query("SET LOCAL pointsman.token = '7/1/0/6000'"), gets: Self.foreignToken + " Z(E)"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)"),
            Turn(
                .parse("", "SHOW pointsman.token"), .describeStatement(""), .bind(""), .execute(), .sync,
                gets: "1 t T(pointsman.token) 2 D(\(token)) C(SHOW) Z(I)"))
        #expect(rig.servers.isEmpty)
    }

    private static let noToken = "E(22023 invalid value for parameter \"pointsman.token\": \"later\")"
    private static let foreignToken =
        "E(22023 the value of parameter \"pointsman.token\" comes from another cluster)"

    /// In a transaction on a server the error is that server's.
    @Test func aForeignTokenEndsTheTransaction() {
        let rig = rig()
        rig.addServer(isReplica: false)
        rig.play(
            0, Turn(.query("BEGIN"), gets: "C(BEGIN) Z(T)"),
            Turn(
                .query("INSERT 1"), gets: "C(INSERT 0 1) Z(T)", "acquire transactionControl",
                "p0 P(: BEGIN) B() E() C(P ) Q(INSERT 1)"),
            Turn(
                .query("SET pointsman.token = '7/1/0/6000'"), gets: Self.foreignToken + " Z(E)",
                "p0 B(pointsman_refused) S"),
            Turn(.query("ROLLBACK"), gets: "C(ROLLBACK) Z(I)", "p0 Q(ROLLBACK)"))
    }

    @Test func groups() {
        let rig = rig([("pointsman.group", "user-42")])
        rig.play(
            0, Turn(.query("SHOW pointsman.group"), gets: "T(pointsman.group) D(user-42) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.group = ''"), gets: "C(SET) Z(I)"),
            Turn(.query("SHOW pointsman.group"), gets: "T(pointsman.group) D() C(SHOW) Z(I)"))
        let long = String(repeating: "x", count: 257)
        rig.say(.query("SET pointsman.group = '\(long)'"))
        #expect(rig.taken() == "E(22023 invalid value for parameter \"pointsman.group\") Z(I)")
    }

    @Test func whatTheClientBroughtIsTheDefault() {
        let rig = rig([("pointsman.role", "replica"), ("POINTSMAN.max_lag", "2min")])
        rig.play(
            0,
            Turn(.query("SET pointsman.role = auto"), gets: "C(SET) Z(I)"),
            Turn(.query("RESET ALL"), gets: "C(RESET) Z(I)"),
            Turn(.query("SHOW pointsman.role"), gets: "T(pointsman.role) D(replica) C(SHOW) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(2min) C(SHOW) Z(I)"),
            Turn(.query("SET pointsman.max_lag = '5s'"), gets: "C(SET) Z(I)"),
            Turn(.query("DISCARD ALL"), gets: "C(DISCARD ALL) Z(I)"),
            Turn(.query("SHOW pointsman.max_lag"), gets: "T(pointsman.max_lag) D(2min) C(SHOW) Z(I)"))
    }

    @Test(arguments: [
        ("SET pointsman.role = both", "22023 invalid value for parameter \"pointsman.role\": \"both\""),
        (
            "SET pointsman.consistency = strong",
            "22023 invalid value for parameter \"pointsman.consistency\": \"strong\""
        ),
        ("SET pointsman.max_lag = '5 weeks'", "22023 invalid value for parameter \"pointsman.max_lag\": \"5 weeks\""),
        (
            "SET pointsman.max_lag = '1.2.3s'",
            "22023 invalid value for parameter \"pointsman.max_lag\": \"1.2.3s\""
        ),
        ("SET pointsman.max_lag = -1", "22023 invalid value for parameter \"pointsman.max_lag\": \"-1\""),
        ("SET pointsman.rolle = primary", "42704 unrecognized configuration parameter \"pointsman.rolle\""),
        ("SHOW pointsman.rolle", "42704 unrecognized configuration parameter \"pointsman.rolle\""),
        ("SET pointsman.role = primary; SELECT 1", "0A000 a setting of the router must be a statement of its own"),
        ("SELECT 1; RESET pointsman.role", "0A000 a setting of the router must be a statement of its own"),
    ])
    func mistakes(_ text: String, _ error: String) {
        let rig = rig()
        rig.say(.query(text))
        #expect(rig.taken() == "E(\(error)) Z(I)")
        #expect(rig.servers.isEmpty)
        rig.say(.query("BEGIN"), .query(text), .query("SELECT 1"), .query("ROLLBACK"))
        let aborted = "E(25P02 current transaction is aborted, commands ignored until end of transaction block)"
        #expect(rig.taken() == "C(BEGIN) Z(T) E(\(error)) Z(E) \(aborted) Z(E) C(ROLLBACK) Z(I)")
    }

    @Test func mistakesAtTheStart() {
        var router = RouterSettings()
        var brought = [StartupParameter("pointsman.role", "any")]
        #expect(router.take(from: &brought, port: .split)?.sqlState == "22023")
        brought = [StartupParameter("pointsman.rule", "any")]
        #expect(router.take(from: &brought, port: .split)?.sqlState == "42704")
        brought = [StartupParameter("pointsman.role", "primary"), StartupParameter("work_mem", "5MB")]
        #expect(router.take(from: &brought, port: .reader)?.sqlState == "0A000")
        #expect(brought == [StartupParameter("work_mem", "5MB")])
    }

    @Test func extendedProtocol() {
        let rig = rig()
        rig.play(
            0,
            Turn(.parse("s", "SET pointsman.role = replica"), .describeStatement("s"), .sync, gets: "1 t n Z(I)"),
            Turn(.parse("", "SHOW pointsman.role"), .describeStatement(""), .sync, gets: "1 t T(pointsman.role) Z(I)"),
            Turn(
                .bind(""), .describePortal(""), .execute(), .sync,
                gets: "2 T(pointsman.role) D(auto) C(SHOW) Z(I)"),
            Turn(.bind("s"), .execute(), .sync, gets: "2 C(SET) Z(I)"),
            Turn(
                .parse("", "SHOW pointsman.role"), .bind(""), .execute(), .sync, gets: "1 2 D(replica) C(SHOW) Z(I)"),
            Turn(
                .parse("", "SET pointsman.role = none"), .bind(""), .execute(), .sync,
                gets: "E(22023 invalid value for parameter \"pointsman.role\": \"none\") Z(I)"),
            Turn(
                .bind("s"), .execute(), .parse("", "SELECT 1"), .bind(""), .execute(), .sync,
                gets: "E(0A000 a setting of the router must be a statement of its own) Z(I)"))
        #expect(rig.servers.isEmpty)
    }

    // MARK: Transactions

    /// Whether the transaction has a server or none: SET ends with its ROLLBACK, SET LOCAL with any end.
    @Test(arguments: [[], ["SELECT 1 FOR UPDATE"]])
    func transactions(_ work: [String]) {
        let rig = rig()
        func lag(after statements: [String]) -> String {
            for statement in statements { rig.say(.query(statement)) }
            _ = rig.taken()
            rig.say(.query("SHOW pointsman.max_lag"))
            return rig.taken().split(separator: " ")[1].description
        }
        let set = "SET pointsman.max_lag = '1s'"
        let local = "SET LOCAL pointsman.max_lag = '2s'"
        #expect(lag(after: ["BEGIN"] + work + [set]) == "D(1s)")
        #expect(lag(after: ["ROLLBACK"]) == "D(10s)")
        #expect(lag(after: ["BEGIN"] + work + [set, "COMMIT"]) == "D(1s)")
        #expect(lag(after: ["BEGIN"] + work + [local]) == "D(2s)")
        #expect(lag(after: ["COMMIT"]) == "D(1s)")
        #expect(lag(after: ["BEGIN"] + work + ["SET pointsman.max_lag = '3s'", local, "COMMIT"]) == "D(3s)")
        #expect(lag(after: ["BEGIN"] + work + [set, "SELECT 1/0", "COMMIT"]) == "D(3s)")
        #expect(rig.allServersAreFree && rig.problems.isEmpty)
    }

    @Test func localOutsideOfATransaction() {
        let rig = rig()
        rig.say(.query("SET LOCAL pointsman.role = replica"))
        #expect(rig.taken().hasPrefix("N") && rig.lines.isEmpty)
        rig.say(.query("SHOW pointsman.role"))
        #expect(rig.taken() == "T(pointsman.role) D(auto) C(SHOW) Z(I)")
    }

    @Test func behindASavepoint() {
        let rig = rig()
        rig.say(.query("BEGIN"), .query("SAVEPOINT s"))
        _ = rig.taken()
        rig.say(.query("SET pointsman.max_lag = '1s'"))
        #expect(rig.taken() == "E(0A000 a setting of the router cannot be changed behind a savepoint) Z(E)")
        rig.say(.query("ROLLBACK"), .query("SET pointsman.max_lag = '1s'"))
        #expect(rig.taken() == "C(ROLLBACK) Z(I) C(SET) Z(I)")
    }

    // MARK: Roles

    @Test func primary() {
        let rig = rig([("pointsman.role", "primary")])
        rig.say(.query("SELECT 1"))
        #expect(rig.lines == ["acquire replicaSafe", "p0 Q(SELECT 1)"])
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 2"), .query("COMMIT"))
        #expect(rig.servers.count == 1)
    }

    @Test func replica() {
        let rig = rig([("pointsman.role", "replica")])
        rig.say(.query("SELECT 1"), .query("SELECT pg_backend_pid()"))
        #expect(rig.servers.allSatisfy { $0.model.isReplica })
        _ = rig.taken()
        rig.say(.query("INSERT 1"))
        #expect(rig.taken() == "E(25006 cannot execute this statement while pointsman.role is \"replica\") Z(I)")
        rig.say(.query("BEGIN"), .query("SELECT 1"), .query("INSERT 1"), .query("COMMIT"))
        #expect(rig.taken().contains("E(25006"))
        #expect(rig.servers.allSatisfy { $0.model.isReplica } && rig.committed == [])
    }

    @Test func forOneTransaction() {
        let rig = rig()
        rig.say(.query("BEGIN"), .query("SET LOCAL pointsman.role = replica"), .query("SELECT 1"))
        #expect(rig.taken() == "C(BEGIN) Z(T) C(SET) Z(T) T(c) D(SELECT 1) C(SELECT 1) Z(T)")
        #expect(rig.servers.map(\.model.isReplica) == [true])
        rig.say(.query("SET pointsman.role = primary"))
        #expect(
            rig.taken() == "E(25001 pointsman.role must be set before the first statement of the transaction) Z(E)")
        rig.say(.query("ROLLBACK"), .query("INSERT 1"))
        #expect(rig.taken() == "C(ROLLBACK) Z(I) C(INSERT 0 1) Z(I)")
    }

    /// The advisory lock of a replica excludes nobody.
    @Test(arguments: ["SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_xact_lock_shared(1, 2)"])
    func whatNoReplicaMayDo(_ text: String) {
        let rig = rig()
        rig.say(.query("/* pointsman: role=replica */ \(text)"))
        #expect(rig.taken() == "E(25006 cannot execute this statement while pointsman.role is \"replica\") Z(I)")
        rig.addClient(.reader)
        rig.say(.query(text), by: 1)
        #expect(rig.taken(1) == "E(25006 cannot execute this statement on the reader port) Z(I)")
        rig.say(.query("SELECT pg_backend_pid()"), by: 1)
        #expect(rig.taken(1).hasPrefix("T(c) D("))
        #expect(rig.servers.allSatisfy { !$0.model.journal.contains(text) })
    }

    /// Whatever group is in force at a write or at its end has a part in it.
    @Test func groupsOfWrites() {
        let rig = rig()
        func groups(_ messages: Message...) -> [String]? {
            rig.send(messages.bytes)
            defer { rig.settle() }
            return rig.clients[0].session.writtenGroups?.names
        }
        #expect(groups(.query("INSERT 1")) == nil)
        rig.say(.query("BEGIN"), .query("INSERT 2"), .query("SET LOCAL pointsman.group = 'a'"))
        #expect(rig.clients[0].session.writtenGroups == nil)
        #expect(groups(.query("COMMIT")) == ["a"])
        #expect(groups(.query("SELECT 1")) == nil)
        rig.say(.query("LISTEN n"), .query("SET pointsman.group = 'b'"))
        #expect(groups(.query("/* pointsman: group=c */ INSERT 3"), .query("INSERT 4")) == ["c", "b"])
        #expect(rig.clients[0].session.writtenGroups == nil && rig.clients[0].session.isPinned)
    }

    // MARK: Comments

    @Test func aCommentGoesFirst() {
        let rig = rig()
        rig.play(
            0,
            Turn(
                .query("/* pointsman: role=primary */ SELECT 1"), gets: "C(/*) Z(I)", "acquire replicaSafe",
                "p0 Q(/* pointsman: role=primary */ SELECT 1)"),
            Turn(
                .query("\n/*Pointsman: max_lag=5s , role = REPLICA*/ INSERT 1"),
                gets: "E(25006 cannot execute this statement while pointsman.role is \"replica\") Z(I)"),
            Turn(
                .query("/* pointsman: role=nobody, speed=9 */ SELECT 1"), gets: "C(/*) Z(I)", "acquire replicaSafe",
                "r0 Q(/* pointsman: role=nobody, speed=9 */ SELECT 1)"),
            Turn(
                .query("SELECT /* pointsman: role=primary */ 1"),
                gets: "T(c) D(SELECT /* pointsman: role=primary */ 1) C(SELECT 1) Z(I)", "acquire replicaSafe",
                "r0 Q(SELECT /* pointsman: role=primary */ 1)"))
    }

    @Test func aCommentOfAPreparedStatement() {
        let rig = rig()
        rig.say(.parse("a", "/* pointsman: role=primary */ SELECT 1"), .sync)
        rig.say(.query("SELECT 2"), .bind("a"), .execute(), .sync)
        #expect(rig.lines.filter { $0.contains("B(") }.allSatisfy { $0.hasPrefix("p0") })
    }

    @Test func wishesReachTheRouter() {
        var settings = RouterSettings()
        _ = settings.set(.maxLag, "200ms")
        _ = settings.set(.consistency, "eventual")
        let text = "/* pointsman: consistency='global', max_lag = '1s' */ SELECT 1"
        let comment = RouterSettings(comment: Array(text.utf8).span)
        #expect(settings.overridden(by: comment).maxLag == 1_000_000_000)
        #expect(settings.overridden(by: comment).consistency == .global)
        let joined = settings.joined(with: comment)
        #expect(joined.maxLag == 200_000_000 && joined.consistency == .global)
        #expect(RouterSettings(comment: Array("/* pointsman: role=primary".utf8).span).isEmpty)
    }

    // MARK: In the midst of other work

    /// No server reads what is the router's, whatever it is in the midst of.
    @Test(arguments: ["SHOW pointsman.role", "SET pointsman.consistency = 'global'"], [true, false])
    func behindAFlushedDescription(_ text: String, endsWithSync: Bool) {
        let rig = rig()
        rig.say(.parse("a", "SELECT 1"), .describeStatement("a"), .flush)
        #expect(rig.taken() == "1 t T(c)")
        rig.say(.parse("", text), .bind(""), .execute(), endsWithSync ? .sync : .flush)
        let answer = text.hasPrefix("SHOW") ? "1 2 D(auto) C(SHOW)" : "1 2 C(SET)"
        let refusal = "E(0A000 a setting of the router must be a statement of its own)"
        if endsWithSync {
            #expect(rig.taken() == answer + " Z(I)")
        } else {
            #expect(rig.taken() == (text.hasPrefix("SHOW") ? answer : refusal))
            rig.say(.sync)
            #expect(rig.taken() == "Z(I)")
        }
        #expect(rig.lines.allSatisfy { !$0.contains(text) })
        rig.play(0, Turn(.query("SHOW pointsman.group"), gets: "T(pointsman.group) D() C(SHOW) Z(I)"))
    }

    /// What has left a replica for a comment does not come back to one.
    @Test func commentsInReadOnlyTransactions() {
        let rig = rig()
        rig.say(.query("BEGIN READ ONLY"), .query("SELECT 1"))
        #expect(rig.clients[0].server.map { rig.servers[$0].name.hasPrefix("r") } == true)
        for _ in 0..<2 {
            rig.say(.query("/* pointsman: group=g */ SELECT 2"))
            #expect(rig.clients[0].server.map { rig.servers[$0].name.hasPrefix("r") } == false)
        }
        for text in ["COMMIT", "BEGIN READ ONLY", "SELECT 3"] { rig.say(.query(text)) }
        #expect(rig.clients[0].server.map { rig.servers[$0].name.hasPrefix("r") } == true)
    }
}
