// Do sessions get the role, the age of data and the consistency that they ask for?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct RoleTests {
    private func port(_ client: WireClient, _ comment: String = "") throws -> String? {
        try client.value(comment + "SELECT inet_server_port()")
    }

    @Test func rolesOfASession() throws {
        let client = try Stage.client()
        try client.succeed("SET pointsman.role = primary")
        for _ in 0..<10 { #expect(try port(client) == Stage.primaryPort()) }
        try client.succeed("SET pointsman.role = replica")
        for _ in 0..<10 { #expect(try Stage.replicaPorts().contains(port(client) ?? "")) }
        #expect(try client.value("SELECT pg_is_in_recovery()") == "t")
        #expect(try client.query("CREATE TABLE never (x int)").errors == ["25006"])
        #expect(try client.query("BEGIN READ WRITE").errors == ["0A000"])
        #expect(client.transactionState == "I")
        try client.succeed("RESET pointsman.role")
        let table = try Stage.makeTable("x int")
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        #expect(try client.value("SHOW pointsman.role") == "auto")
    }

    @Test func rolesOfATransaction() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN")
        try client.succeed("SET LOCAL pointsman.role = replica")
        #expect(try Stage.replicaPorts().contains(port(client) ?? ""))
        #expect(try client.value("SHOW transaction_read_only") == "on")
        try client.succeed("COMMIT")
        #expect(try client.value("SHOW pointsman.role") == "auto")
        try client.succeed("BEGIN")
        #expect(try port(client) == Stage.primaryPort())
        #expect(try client.query("SET LOCAL pointsman.role = replica").errors == ["25001"])
        try client.succeed("ROLLBACK")
    }

    @Test func rolesOfAStatement() throws {
        let client = try Stage.client()
        for _ in 0..<10 {
            #expect(try port(client, "/* pointsman: role=primary */ ") == Stage.primaryPort())
            #expect(try client.extended("/* pointsman: role=primary */ SELECT inet_server_port()").value
                == Stage.primaryPort())
            #expect(try Stage.replicaPorts().contains(port(client, "/* pointsman: role=replica */ ") ?? ""))
        }
    }

    @Test func rolesFromTheStart() throws {
        for options: [(String, String)] in [
            [("options", "-c pointsman.role=replica")], [("pointsman.role", "replica")],
        ] {
            let client = try Stage.client(options: options)
            for _ in 0..<5 { #expect(try Stage.replicaPorts().contains(port(client) ?? "")) }
            #expect(client.parameters["in_hot_standby"] == "on")
        }
        #expect(throws: (any Error).self) { try Stage.client(options: [("pointsman.role", "leader")]) }
        #expect(throws: (any Error).self) { try Stage.client(options: [("pointsman.rule", "replica")]) }
    }

    /// libpq asks with `target_session_attrs` what kind of server it has found.
    @Test func targetSessionAttributes() throws {
        let router = try Stage.router()
        let answers: [(port: Int, yes: [String], no: [String])] = [
            (router.port, ["any", "read-write", "primary", "prefer-standby"], ["read-only", "standby"]),
            (router.writerPort, ["any", "read-write", "primary", "prefer-standby"], ["read-only", "standby"]),
            (router.readerPort, ["any", "read-only", "standby", "prefer-standby"], ["read-write", "primary"]),
        ]
        for answer in answers {
            for (attributes, isRight) in answer.yes.map({ ($0, true) }) + answer.no.map({ ($0, false) }) {
                let target =
                    "host=127.0.0.1 port=\(answer.port) user=app dbname=app target_session_attrs=\(attributes)"
                let result = try? Programs.python(
                    code: "import sys, psycopg; psycopg.connect(sys.argv[1], password='app').execute('SELECT 1')",
                    [target])
                #expect((result != nil) == isRight, "\(attributes) on port \(answer.port)")
            }
        }
    }

    /// Data of a replica that stands still are too old after a while; who does not mind gets them.
    @Test func theAgeOfData() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        try cluster.primary.psql("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app", "INSERT INTO t VALUES (1)")
        try cluster.waitUntilReplayed()
        let router = try Stage.startRouter(cluster, consistency: "eventual")
        let client = try router.client()
        let old = try router.client()
        try old.succeed("SET pointsman.max_lag = '1h'")
        try client.succeed("SET pointsman.max_lag = '300ms'")
        try cluster.replicas[0].pauseReplay()
        defer { try? cluster.replicas[0].resumeReplay() }
        try cluster.primary.psql("UPDATE t SET x = 2")
        try eventually("the replica to be too old") { try client.value("SELECT x FROM t") == "2" }
        for _ in 0..<5 {
            #expect(try client.value("SELECT x FROM t") == "2")
            #expect(try old.value("SELECT x FROM t") == "1")
            #expect(try old.value("/* pointsman: max_lag=10ms */ SELECT x FROM t") == "2")
            #expect(try client.value("/* pointsman: max_lag=1h */ SELECT x FROM t") == "1")
            #expect(try old.value("/* pointsman: consistency=primary */ SELECT x FROM t") == "2")
        }
    }
}
