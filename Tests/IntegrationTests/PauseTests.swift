// Can an operator stop all work for a moment, and does nobody lose a connection or a statement by it?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct PauseTests {
    private func console(_ router: RouterProcess) throws -> WireClient {
        try router.client(user: "postgres", database: "pointsman", deadline: .seconds(30))
    }

    @Test func waitsForWhatRunsAndHoldsWhatComes() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let table = "paused"
        try cluster.primary.psql("CREATE TABLE \(table) (x int)", "ALTER TABLE \(table) OWNER TO app")
        try cluster.waitUntilReplicasStream()
        let router = try Stage.startRouter(cluster, ["admin": ["users": "[\"postgres\"]"]])
        let (admin, other) = try (console(router), console(router))
        let (busy, idle, pinned) = try (router.client(), router.client(), router.client())
        try pinned.succeed("LISTEN x")
        try busy.succeed("BEGIN")
        try busy.succeed("INSERT INTO \(table) VALUES (1)")
        try admin.send(.query("PAUSE"))
        try eventually("the pause") { router.log.contains("paused by command") }
        #expect(try other.query("PAUSE").errors == ["55000"])
        // What runs ends in peace, and what keeps its server keeps it; nothing begins.
        try idle.send(.query("SELECT 1"))
        try busy.succeed("INSERT INTO \(table) VALUES (2)")
        #expect(try pinned.value("SELECT 3") == "3")
        let late = try WireClient(silentTo: .port(router.port))
        try late.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])))
        #expect(try idle.isSilent(for: .milliseconds(300)) && admin.isSilent(for: .milliseconds(300)))
        try busy.succeed("COMMIT")
        #expect(try admin.readUntilReady().transcript == ["CommandComplete(PAUSE)", "ReadyForQuery(I)"])
        // The servers may be stopped now: nobody is on them but the pinned session.
        let backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
        try eventually("the servers to be left") {
            try cluster.nodes.map { try $0.psql(backends) } == ["1", "0"]
        }
        try busy.send(.query("SELECT 4"))
        try busy.cancel()
        #expect(try busy.readUntilReady().errors == ["57014"])
        #expect(try other.query("RESUME").transcript == ["CommandComplete(RESUME)", "ReadyForQuery(I)"])
        #expect(try idle.readUntilReady().value == "1")
        try late.logIn()
        #expect(try late.value("SELECT count(*) FROM \(table)") == "2")
        #expect(try other.query("RESUME").errors == ["55000"])
    }

    @Test func oneDatabase() throws {
        let router = try Stage.startRouter([
            "admin": ["users": "[\"postgres\"]"], "databases.twin": ["cluster": "\"main\"", "dbname": "\"app\""],
        ])
        let admin = try console(router)
        #expect(try admin.query("PAUSE twin extra").errors == ["42601"])
        #expect(try admin.query("PAUSE twin").errors.isEmpty)
        let (free, held) = try (router.client(), WireClient(silentTo: .port(router.port)))
        try held.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "twin")])))
        #expect(try held.receive().kind == .authentication)
        #expect(try held.isSilent(for: .milliseconds(300)))
        #expect(try free.value("SELECT 1") == "1")
        #expect(try admin.query("RESUME twin").errors.isEmpty)
        try held.logIn()
        #expect(try held.value("SELECT 2") == "2")
    }

    /// Its settings reach the idle server that it is given although nothing that it sent is at hand any more.
    @Test func aLoginThatHasWaitedFindsAServerAtOnce() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        let router = try Stage.startRouter(
            cluster, ["admin": ["users": "[\"postgres\"]"], "pool": ["min_size": "4"]])
        _ = try router.client().value("SELECT 1")
        let admin = try console(router)
        #expect(try admin.query("PAUSE").errors.isEmpty)
        let names = (1...6).map { "late \($0)" }
        let late = try names.map { name in
            let client = try WireClient(silentTo: .port(router.port))
            try client.send(
                .raw(FrontendMessage.startup([("user", "app"), ("database", "app"), ("application_name", name)])))
            #expect(try client.receive().kind == .authentication)
            return client
        }
        let ready = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle'"
        try eventually("servers to be ready") { try cluster.primary.psql(ready) == "4" }
        #expect(try admin.query("RESUME").errors.isEmpty)
        for (name, client) in zip(names, late) {
            try client.logIn()
            #expect(client.parameters["application_name"] == name)
            #expect(try client.value("SELECT current_setting('application_name')") == name)
        }
    }

    /// A planned change of the primary: PAUSE, promote, RESUME.
    @Test func aSwitchoverNobodyNotices() throws {
        let stage = try FailoverStage()
        defer { stage.cluster.stop() }
        let router = try Stage.startRouter(stage.cluster, ["admin": ["users": "[\"postgres\"]"]])
        let load = FailoverLoad(router)
        try load.waitForWrites()
        let admin = try console(router)
        for _ in 0..<2 {
            try stage.heal()
            #expect(try admin.query("PAUSE").errors.isEmpty)
            let new = stage.replicas[0]
            try stage.failOver(to: new) { try $0.stop(.fast) }
            #expect(try admin.query("RESUME").errors.isEmpty)
            try load.waitForWrites()
        }
        let ledger = try load.finish()
        let (missing, faults) = try ledger.compare(with: stage.primary, table: FailoverLoad.table)
        #expect(ledger.violations == [] && faults == [] && missing == [] && ledger.stale == 0)
        #expect(ledger.errors == [:] && ledger.readErrors == [:], "\(ledger)")
    }
}
