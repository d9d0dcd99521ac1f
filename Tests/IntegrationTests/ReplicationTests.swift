// Can the primary's log be followed through the router, by PostgreSQL's own programs?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct ReplicationTests {
    private static func cluster(replicas: Int = 0) throws -> PostgresCluster {
        let cluster = try PostgresCluster.start(
            replicas: replicas, settings: ["wal_level": "logical", "wal_sender_timeout": "10s"])
        try cluster.primary.psql("ALTER ROLE app REPLICATION", "CREATE TABLE t (x int)", "GRANT ALL ON t TO app")
        try cluster.waitUntilReplicasStream()
        return cluster
    }

    /// Runs one of PostgreSQL's programs against the split port; it must succeed.
    private func run(_ name: String, _ arguments: [String], _ router: RouterProcess) throws {
        let target = ["-h", router.host, "-p", "\(router.port)", "-U", "app"]
        let program = try ServerPrograms.find().client(name, target + arguments, environment: ["PGPASSWORD": "app"])
        try program.succeed()
    }

    private func position(_ node: PostgresNode) throws -> String { try node.psql("SELECT pg_current_wal_lsn()") }

    @Test func receivesTheLog() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        let directory = router.directory + "/wal"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try cluster.primary.psql("SELECT pg_create_physical_replication_slot('archive', true)")
        let segment = try cluster.primary.psql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        for _ in 0..<3 {
            try cluster.primary.psql("INSERT INTO t SELECT generate_series(1, 100000)", "SELECT pg_switch_wal()")
        }
        // An end within a segment is reached without another record.
        try cluster.primary.psql("INSERT INTO t VALUES (0)")
        let end = try position(cluster.primary)
        try run("pg_receivewal", ["-S", "archive", "-D", directory, "--endpos", end, "--no-sync"], router)
        let received = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.contains(".") }
        #expect(received.count >= 3)
        #expect(received.contains(segment))
        for name in received {
            let original = try cluster.primary.psql("SELECT md5(pg_read_binary_file('pg_wal/\(name)'))")
            let copy = try ExternalProgram("/usr/bin/env", ["md5sum", directory + "/" + name]).succeed()
            #expect(copy.prefix(32) == original, "\(name)")
        }
        try run("pg_receivewal", ["--drop-slot", "-S", "archive"], router)
    }

    @Test func takesABaseBackup() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        let directory = router.directory + "/backup"
        try cluster.primary.psql("INSERT INTO t SELECT generate_series(1, 1000000)")
        try run("pg_basebackup", ["-D", directory, "-X", "stream", "-c", "fast", "--no-sync"], router)
        try ServerPrograms.find().client("pg_verifybackup", [directory]).succeed()
    }

    @Test func decodesADatabase() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        let slot = ["-d", "app", "-S", "changes"]
        try run("pg_recvlogical", slot + ["--create-slot", "-P", "test_decoding"], router)
        let client = try router.client()
        for number in 1...200 { try client.succeed("INSERT INTO t VALUES (\(number))") }
        let file = router.directory + "/changes"
        let end = try position(cluster.primary)
        try run("pg_recvlogical", slot + ["--start", "--endpos", end, "-f", file, "--no-loop"], router)
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let inserts = lines.filter { $0.hasPrefix("table public.t: INSERT") }
        #expect(inserts == (1...200).map { "table public.t: INSERT: x[integer]:\($0)" })
        try run("pg_recvlogical", slot + ["--drop-slot"], router)
    }

    @Test func settingsOfTheStartupPacketApply() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        let client = try router.client(options: [
            ("replication", "database"), ("options", "-c work_mem=1234kB"), ("application_name", "follower"),
        ])
        #expect(try client.value("SHOW work_mem") == "1234kB")
        #expect(try client.value("SELECT current_database()") == "app")
        let names = "SELECT application_name FROM pg_stat_activity WHERE backend_type = 'walsender'"
        #expect(try cluster.primary.psql(names) == "follower")
        client.close()
        try eventually("the server's side to end") { try cluster.primary.psql(names) == "" }
    }

    @Test func canBeCancelled() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        let client = try router.client(options: [("replication", "database")])
        try client.send(.query("SELECT pg_sleep(60)"))
        try eventually("the statement to run") {
            try cluster.primary.psql("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'") == "1"
        }
        try client.cancel()
        #expect(try client.readUntilReady().errors == ["57014"])
        #expect(try client.value("SELECT 1") == "1")
    }

    /// Login fails with this SQLSTATE.
    private func isRefused(_ sqlState: String, port: Int, user: String = "app", _ kind: String, in database: String) {
        let refusal = #expect(throws: WireClient.ServerError.self) {
            _ = try WireClient(
                port: port, user: user, database: database, password: "app", options: [("replication", kind)])
        }
        #expect(refusal?.sqlState == sqlState, "\(kind) in \(database): \(refusal?.message ?? "")")
    }

    @Test func refusals() throws {
        let cluster = try Self.cluster()
        defer { cluster.stop() }
        let router = try RouterProcess.start(cluster: cluster)
        isRefused("22023", port: router.port, "maybe", in: "app")
        isRefused("0A000", port: router.readerPort, "true", in: "app")
        isRefused("3D000", port: router.port, "database", in: "nowhere")
        try cluster.primary.psql("ALTER ROLE app NOREPLICATION")
        isRefused("42501", port: router.port, "true", in: "replication")
        try cluster.primary.psql("ALTER ROLE app REPLICATION", "ALTER SYSTEM SET max_wal_senders = 0")
        try cluster.primary.restart()
        try eventually("the router to know the primary again") {
            try router.client().query("INSERT INTO t VALUES (1)").errors.isEmpty
        }
        isRefused("53300", port: router.port, "true", in: "replication")
    }

    /// Whoever follows the log of a node that was the primary must not go on there.
    @Test func endsWhereThePrimaryChanges() throws {
        let cluster = try Self.cluster(replicas: 1)
        defer { cluster.stop() }
        let router = try Stage.startRouter(cluster)
        let follower = try router.client(options: [("replication", "true")])
        let timeline = "IDENTIFY_SYSTEM"
        #expect(try follower.query(timeline).rows[0][1] == "1")
        try cluster.replicas[0].promote()
        #expect(try follower.readUntilEnd().isEmpty)
        let next = try router.client(options: [("replication", "true")])
        #expect(try next.query(timeline).rows[0][1] == "2")
        // What its server says last arrives.
        try cluster.replicas[0].stop(.fast)
        #expect(try next.readUntilEnd().map(\.sqlState) == ["57P01"])
        #expect(router.isRunning)
    }
}
