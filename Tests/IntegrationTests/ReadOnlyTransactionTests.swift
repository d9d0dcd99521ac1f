// Do READ ONLY transactions run on a replica, whole, and move to the primary only when that changes nothing?

import TestSupport
import Testing

@Suite struct ReadOnlyTransactionTests {
    @Test(arguments: ["BEGIN READ ONLY", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "BEGIN"])
    func onOneReplica(_ begin: String) throws {
        let client = try Stage.client()
        var seen: Set<String> = []
        try eventually("transactions on both replicas") {
            try client.succeed(begin)
            if begin == "BEGIN" { try client.succeed("SET TRANSACTION READ ONLY") }
            let port = try #require(try client.port())
            for _ in 0..<5 { #expect(try client.port() == port) }
            #expect(try client.extended("SELECT inet_server_port()").value == port)
            seen.insert(port)
            try client.succeed("COMMIT")
            return try seen.isSuperset(of: Stage.replicaPorts())
        }
        #expect(try seen == Stage.replicaPorts())
    }

    @Test func oneSnapshot() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
        try Stage.run("INSERT INTO \(table) VALUES (1)")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
        try client.succeed("COMMIT")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "1")
    }

    @Test func cursors() throws {
        let client = try Stage.client()
        for _ in 0..<5 {
            try client.succeed("BEGIN READ ONLY")
            try client.succeed(
                "DECLARE c SCROLL CURSOR FOR SELECT n, inet_server_port() FROM generate_series(1, 100) n")
            let first = try client.query("FETCH 10 FROM c").rows
            #expect(first.map(\.first) == (1...10).map { "\($0)" })
            #expect(try Stage.replicaPorts().contains(first[0][1] ?? ""))
            #expect(try client.port() == first[0][1])
            try client.succeed("MOVE FORWARD 10 FROM c")
            #expect(try client.extended("FETCH NEXT FROM c").value == "21")
            #expect(try client.value("FETCH ABSOLUTE 3 FROM c") == "3")
            try client.succeed("CLOSE c")
            try client.succeed("COMMIT")
        }
    }

    @Test func portals() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        var numbers = try client.exchange([
            .parse("SELECT n FROM generate_series(1, 25) n"), .bind(portal: "p"), .execute(portal: "p", limit: 10),
        ]).rows.map(\.first)
        for _ in 0..<2 { numbers += try client.exchange([.execute(portal: "p", limit: 10)]).rows.map(\.first) }
        #expect(numbers == (1...25).map { "\($0)" })
        try client.succeed("COMMIT")
    }

    /// A transaction without cursor, savepoint or SET LOCAL can begin again on the primary.
    @Test func movesToThePrimary() throws {
        let table = try Stage.makeTable("x int")
        for read in ["pg_current_wal_lsn() >= '0/0'", "pg_walfile_name('0/5000000') > ''"] {
            let client = try Stage.client()
            try client.succeed("BEGIN READ ONLY")
            #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
            #expect(try client.value("SELECT \(read)") == "t")
            #expect(try client.port() == Stage.primaryPort())
            #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25006"])
            try client.succeed("ROLLBACK")
            #expect(client.transactionState == "I")
        }
    }

    /// Who asks for a read-only transaction asks for a replica: that one tells of itself.
    @Test func whatDescribesTheNode() throws {
        let client = try Stage.client()
        #expect(try client.value("SELECT pg_is_in_recovery()") == "f")
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.value("SELECT pg_is_in_recovery()") == "t")
        #expect(try client.extended("SELECT pg_is_in_recovery()").value == "t")
        #expect(try client.value("SELECT count(*) >= 0 FROM pg_stat_activity") == "t")
        #expect(try client.value("SHOW in_hot_standby") == "on")
        let port = try client.port()
        #expect(try Stage.replicaPorts().contains(port ?? ""))
        // A lock there would exclude nobody.
        try client.succeed("SELECT pg_advisory_xact_lock(4711)")
        #expect(try client.port() == Stage.primaryPort())
        try client.succeed("COMMIT")
    }

    @Test(arguments: ["SAVEPOINT s", "DECLARE c CURSOR FOR SELECT 1", "SET LOCAL work_mem = '5MB'"])
    func staysWhereItIsRooted(_ root: String) throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.port() != nil)
        try client.query(root)
        if client.transactionState == "T", try client.port() != Stage.primaryPort() {
            let answer = try client.query("DELETE FROM \(table)")
            #expect(answer.errors == ["25006"])
            #expect(client.transactionState == "E")
        }
        try client.succeed("ROLLBACK")
        #expect(try client.value("SELECT 1") == "1")
    }

    @Test func repeatableReadDoesNotMove() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
        #expect(try client.query("SELECT txid_current()").errors == ["25006"])
        #expect(try client.query("SELECT 1").errors == ["25P02"])
        try client.succeed("ROLLBACK")
    }

    @Test func whatNeedsThePrimaryAtOnce() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25006"])
        #expect(client.transactionState == "E")
        try client.succeed("ROLLBACK")
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.value("SELECT inet_server_port(), pg_backend_pid()") == Stage.primaryPort())
        #expect(try client.port() == Stage.primaryPort())
        try client.succeed("COMMIT")
    }

    /// A snapshot is found on the node where it was exported: both sides are the primary's, as in `pg_dump --jobs`.
    @Test(arguments: ["", "READ ONLY"])
    func exportedSnapshots(_ mode: String) throws {
        let table = try Stage.makeTable("x int")
        let first = try Stage.client()
        let second = try Stage.client()
        try first.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ \(mode)")
        let snapshot = try first.value("SELECT pg_export_snapshot()") ?? ""
        try Stage.run("INSERT INTO \(table) VALUES (1)")
        try second.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try second.succeed("SET TRANSACTION SNAPSHOT '\(snapshot)'")
        #expect(try second.value("SELECT count(*) FROM \(table)") == "0")
        for client in [first, second] { try client.succeed("COMMIT") }
    }

    @Test func snapshotsOfAReplica() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.port() != Stage.primaryPort())
        try client.succeed("SELECT pg_export_snapshot()")
        #expect(try client.port() == Stage.primaryPort())
        try client.succeed("COMMIT")
        try client.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        #expect(try client.port() != Stage.primaryPort())
        #expect(try client.query("SELECT pg_export_snapshot()").errors == ["25006"])
        try client.succeed("ROLLBACK")
    }

    @Test func errorsOnAReplica() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        #expect(try client.query("SELECT 1/0").errors == ["22012"])
        #expect(try client.query("SELECT 1").errors == ["25P02"])
        #expect(try client.extended("SELECT 1").errors == ["25P02"])
        #expect(try client.query("COMMIT").transcript == ["CommandComplete(ROLLBACK)", "ReadyForQuery(I)"])
        #expect(try Stage.replicaPorts().contains(client.port() ?? ""))
    }

    @Test func savepointsOnAReplica() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN READ ONLY")
        let port = try client.port()
        for statement in ["SAVEPOINT a", "SELECT 1"] { try client.succeed(statement) }
        #expect(try client.query("SELECT 1/0").errors == ["22012"])
        try client.succeed("ROLLBACK TO a")
        #expect(try client.port() == port)
        try client.succeed("COMMIT")
    }

    @Test func readOnlyByDefault() throws {
        let table = try Stage.makeTable("x int")
        let client = try Stage.client(options: [("default_transaction_read_only", "on")])
        #expect(try client.query("INSERT INTO \(table) VALUES (1)").errors == ["25006"])
        try client.succeed("BEGIN READ WRITE")
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        try client.succeed("COMMIT")
        #expect(try client.value("SELECT count(*) FROM \(table)") == "1")
    }
}
