// Does a private cluster start, replicate, survive what tests do to it, and vanish?

import Foundation
import Testing

@testable import PostgresCluster

@Suite struct ClusterTests {
    @Test func startsReplicatesAndVanishes() throws {
        let cluster = try PostgresCluster.start(replicas: 2, settings: ["work_mem": "3MB"])
        defer { cluster.stop() }
        try cluster.primary.psql("CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
        try cluster.waitUntilReplicasStream()
        for replica in cluster.replicas {
            #expect(try replica.psql("SELECT x, pg_is_in_recovery() FROM t") == "7|t")
            #expect(try replica.psql("SELECT inet_server_port() IS NULL, current_setting('work_mem')") == "t|3MB")
        }
        let senders = "SELECT application_name FROM pg_stat_replication ORDER BY 1"
        #expect(try cluster.primary.psql(senders) == "replica1\nreplica2")

        let pids = cluster.nodes.compactMap(\.pid)
        #expect(pids.count == 3)
        cluster.stop()
        cluster.stop()
        #expect(!FileManager.default.fileExists(atPath: cluster.directory))
        for pid in pids { #expect(kill(pid, 0) == -1) }
    }

    @Test func theLastReferenceEndsTheServers() throws {
        var cluster: PostgresCluster? = try PostgresCluster.start(replicas: 0)
        let directory = try #require(cluster?.directory)
        #expect(FileManager.default.fileExists(atPath: directory))
        cluster = nil
        #expect(!FileManager.default.fileExists(atPath: directory))
    }

    @Test func rolesProveTheirPasswordsOverTCP() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        for role in [DatabaseRole.superuser, .probe, .application] {
            #expect(try login(cluster, role.name, role.password).status == 0)
            #expect(try login(cluster, role.name, "wrong").errors.contains("password authentication failed"))
        }
        let rights = "SELECT rolsuper, pg_has_role('pointsman', 'pg_monitor', 'member') FROM pg_roles "
        #expect(try cluster.primary.psql(rights + "WHERE rolname = 'pointsman'") == "f|t")
        let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'"
        #expect(try cluster.primary.psql(owner) == "app")
    }

    @Test func nodesStopDieAndComeBack() throws {
        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        try cluster.primary.psql("CREATE TABLE t (x int)")

        cluster.replicas[0].kill(SIGKILL)
        try cluster.replicas[0].waitUntilStopped()
        #expect(cluster.replicas[0].pid == nil)
        try cluster.primary.psql("INSERT INTO t VALUES (1)")
        try cluster.replicas[0].start()
        try cluster.waitUntilReplicasStream()
        #expect(try cluster.replicas[0].psql("SELECT x FROM t") == "1")

        let port = cluster.primary.port
        try cluster.primary.restart(.immediate)
        #expect(cluster.primary.port == port)
        try cluster.waitUntilReplicasStream()

        try cluster.primary.stop()
        try cluster.replicas[1].promote()
        try cluster.replicas[1].psql("INSERT INTO t VALUES (2)")
        #expect(try cluster.replicas[1].psql("SELECT pg_is_in_recovery(), sum(x) FROM t") == "f|3")
    }

    @Test func frozenNodeAnswersNothing() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        cluster.replicas[0].freeze()
        #expect(throws: ClusterError.self) {
            try cluster.replicas[0].psql("SELECT 1", limit: .milliseconds(300))
        }
        cluster.replicas[0].thaw()
        #expect(try cluster.replicas[0].psql("SELECT 1") == "1")
    }

    @Test func pausedReplayStaysBehind() throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        try cluster.replicas[0].pauseReplay()
        try cluster.primary.psql("CREATE TABLE later (x int)")
        #expect(try cluster.replicas[0].psql("SELECT to_regclass('later') IS NULL") == "t")
        try cluster.replicas[0].resumeReplay()
        try cluster.waitUntilReplicasStream()
        #expect(try cluster.replicas[0].psql("SELECT to_regclass('later') IS NULL") == "f")
    }

    @Test func failuresAreSentences() throws {
        let cluster = try PostgresCluster.start(replicas: 0)
        defer { cluster.stop() }
        do throws(ClusterError) {
            try cluster.primary.psql("SELECT 1/0")
            Issue.record("division by zero succeeded")
        } catch {
            #expect("\(error)".contains("psql failed with status 1") && "\(error)".contains("division by zero"))
        }
        let missing = ClusterError.postgresNotInstalled(searched: ["/here"])
        #expect("\(missing)".contains("found in /here") && "\(missing)".contains("apt-get install postgresql"))
        #expect(throws: ClusterError.self) { try PostgresCluster.start(replicas: 0, settings: ["no_such": "1"]) }
    }

    private func login(
        _ cluster: PostgresCluster, _ user: String, _ password: String
    ) throws -> ExternalProgram.Result {
        let target = "host=127.0.0.1 port=\(cluster.primary.port) user=\(user) dbname=app password=\(password)"
        return try cluster.programs.client("psql", ["-X", "-c", "SELECT 1", target]).run()
    }
}

@Suite struct PartsTests {
    @Test func portsComeOnceAndAreFree() throws {
        let ports = try (0..<50).map { _ in try LoopbackPort.free() }
        #expect(Set(ports).count == 50)
        #expect(LoopbackPort.portsInUse().isDisjoint(with: ports))
    }

    @Test(
        arguments: [
            ("", []),
            ("  sl  local_address rem_address\n   0: 0100007F:1538 00000000:0000 0A\n", [.init(port: 5432, state: 10)]),
            (
                " sl\n 0: 00000000000000000000000001000000:0016 0:0 0A x\n 1: 0100007F:FFFF x 01 more",
                [.init(port: 22, state: 10), .init(port: 65535, state: 1)]
            ),
            (" sl\n garbage\n 0: nonsense 1 0A\n 0: 0:16 x zz", []),
        ] as [(String, [LoopbackPort.LocalSocket])])
    func socketTable(_ text: String, _ sockets: [LoopbackPort.LocalSocket]) {
        #expect(LoopbackPort.parseSockets(text) == sockets)
    }

    @Test(arguments: [
        ("", 0), ("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n", 2), ("a:b\n:::\n", 0),
    ])
    func accounts(_ text: String, _ count: Int) {
        #expect(ServerPrograms.parseAccounts(text).count == count)
    }

    @Test func aSlowProgramIsEnded() throws {
        let begin = ContinuousClock.now
        #expect(throws: ClusterError.timeLimit(waitedFor: "sleep", limit: .milliseconds(100), output: "")) {
            try ExternalProgram("/bin/sleep", ["60"]).run(limit: .milliseconds(100))
        }
        #expect(ContinuousClock.now - begin < .seconds(10))
    }

    @Test func aProgramsOutputAndStatus() throws {
        let result = try ExternalProgram("/bin/sh", ["-c", "echo out; echo err >&2; exit 3"]).run()
        #expect(result == .init(status: 3, output: "out\n", errors: "err\n"))
        let killed = try ExternalProgram("/bin/sh", ["-c", "kill -9 $$"]).run()
        #expect(killed.status == 137)
        let large = try ExternalProgram("/bin/sh", ["-c", "head -c 1000000 /dev/zero"]).succeed()
        #expect(large.utf8.count == 1_000_000)
        #expect(throws: ClusterError.self) { try ExternalProgram("/no/such/program", []).run() }
    }

    @Test func nothingOfTheCallersEnvironmentLeaks() throws {
        let lines = try ExternalProgram("/usr/bin/env", [], environment: ["PGUSER": "app"]).succeed()
        let names = Set(lines.split(separator: "\n").map { $0.prefix { $0 != "=" } })
        #expect(names == ["PATH", "HOME", "LC_ALL", "TZ", "PGUSER"])
    }
}
