// Does psql work as it does on a direct connection?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct PsqlTests {
    private func psql(_ statements: String..., options: [String] = ["-A", "-t", "-q"]) throws -> ExternalProgram.Result
    {
        let commands = statements.flatMap { ["-c", $0] }
        let target = ["-h", "127.0.0.1", "-p", "\(try Stage.router().port)", "-U", "app", "-d", "app"]
        return try Stage.cluster().programs.client("psql", ["-X"] + options + target + commands).run()
    }

    /// Runs a script from a file, as `psql -f`.
    private func script(_ text: String, options: [String] = ["-A", "-t", "-q"]) throws -> ExternalProgram.Result {
        try inDirectory { directory in
            let path = directory + "/script.sql"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            return try psql(options: options + ["-f", path])
        }
    }

    private func inDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
        let directory = NSTemporaryDirectory() + "/pointsman-psql-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try body(directory)
    }

    @Test func aScript() throws {
        let table = SharedCluster.tableName("psql")
        let result = try script(
            """
            \\set ON_ERROR_STOP 1
            CREATE TABLE \(table) (x int PRIMARY KEY, y text);
            BEGIN;
            INSERT INTO \(table) SELECT n, 'row ' || n FROM generate_series(1, 10) n;
            SAVEPOINT a;
            DELETE FROM \(table);
            ROLLBACK TO a;
            COMMIT;
            SELECT count(*) FROM \(table);
            COPY \(table) FROM STDIN;
            11\televen
            12\ttwelve
            \\.
            SELECT y FROM \(table) WHERE x = 12;
            DO $$ BEGIN RAISE NOTICE 'hello'; END $$;
            SELECT 1 AS a \\gset
            SELECT :a + 1;
            DROP TABLE \(table);
            """)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == "10\ntwelve\n2\n")
        #expect(result.errors.contains("NOTICE:  hello"))
    }

    @Test func errorsAndAutomaticSavepoints() throws {
        let result = try script(
            """
            \\set ON_ERROR_ROLLBACK on
            BEGIN;
            SELECT 1;
            SELECT 1/0;
            SELECT 2;
            COMMIT;
            SELECT nosuch;
            SELECT 3;
            """)
        #expect(result.output == "1\n2\n3\n")
        #expect(result.errors.contains("division by zero") && result.errors.contains("LINE 1: SELECT nosuch;"))
    }

    @Test func copyCommands() throws {
        let table = try Stage.makeTable("x int, y text")
        try inDirectory { directory in
            let rows = (1...5000).map { "\($0)\trow \($0)\n" }.joined()
            try Data(rows.utf8).write(to: URL(fileURLWithPath: directory + "/in"))
            let result = try psql(
                "\\copy \(table) FROM '\(directory)/in'", "\\copy \(table) TO '\(directory)/out'",
                "\\copy (SELECT count(*) FROM \(table)) TO STDOUT")
            #expect(result.status == 0 && result.output == "5000\n", "\(result.errors)")
            #expect(try String(contentsOfFile: directory + "/out", encoding: .utf8) == rows)
        }
    }

    @Test func descriptions() throws {
        let result = try script("SELECT 1 AS a, 'x'::text AS b, now() AS c \\gdesc")
        #expect(result.output == "a|integer\nb|text\nc|timestamp with time zone\n")
        let table = try Stage.makeTable("x int PRIMARY KEY, y text DEFAULT 'z'")
        let shown = try psql("\\d \(table)", "\\dt \(table)", "\\df now", "\\l", "\\du", "\\conninfo", "\\dn+")
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains("y|text||") && shown.output.contains("\(table)|table|app"))
    }

    @Test func otherWaysToRunAQuery() throws {
        let result = try script(
            """
            SELECT 'SELECT ' || n FROM generate_series(1, 3) n \\gexec
            \\set FETCH_COUNT 10
            SELECT sum(n) FROM generate_series(1, 100) n;
            SELECT n FROM generate_series(1, 25) n;
            \\set FETCH_COUNT 0
            SELECT 5 AS x, 6 AS y \\gx
            SELECT 1 \\; SELECT 2;
            SELECT n / 2 AS a, n % 2 AS b, n FROM generate_series(1, 4) n \\crosstabview
            """)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("1\n2\n3\n5050\n1\n2\n"))
    }

    /// It ends with the error that comes at the third time.
    @Test func watch() throws {
        let name = SharedCluster.tableName("watched")
        try Stage.run("CREATE SEQUENCE \(name)")
        let result = try script("SELECT 'left', 10 / (3 - nextval('\(name)')) \\watch 0.05")
        #expect(result.output.contains("left|5") && result.output.contains("left|10"))
        #expect(result.errors.contains("division by zero"))
    }

    @Test func aConnectionString() throws {
        let target =
            "postgresql://app@127.0.0.1:\(try Stage.router().port)/app?options=-c%20work_mem%3D7MB"
            + "&application_name=by%20url&target_session_attrs=read-write&sslmode=prefer"
        let result = try Stage.cluster().programs.client(
            "psql", ["-X", "-A", "-t", target, "-c", "SHOW work_mem", "-c", "SHOW application_name"]
        ).run()
        #expect(result.output == "7MB\nby url\n", "\(result.errors)")
    }

    @Test func dumpAndRestore() throws {
        let table = try Stage.makeTable("x int PRIMARY KEY, y text")
        try Stage.run("INSERT INTO \(table) SELECT n, 'row ' || n FROM generate_series(1, 1000) n")
        let target = ["-h", "127.0.0.1", "-p", "\(try Stage.router().port)", "-U", "app", "-d", "app"]
        let dump = try Stage.cluster().programs.client("pg_dump", target + ["-t", table]).succeed()
        #expect(dump.contains("COPY public.\(table)"))
        try Stage.run("DROP TABLE \(table)")
        let restored = try script(dump, options: ["-q", "-v", "ON_ERROR_STOP=1"])
        #expect(restored.status == 0, "\(restored.errors)")
        #expect(try Stage.client().value("SELECT count(*) FROM \(table) WHERE pg_backend_pid() > 0") == "1000")
    }

    /// The jobs import the snapshot that the first connection exports.
    @Test func dumpWithJobs() throws {
        let tables = try (0..<3).map { _ in try Stage.makeTable("x int") }
        for table in tables { try Stage.run("INSERT INTO \(table) SELECT generate_series(1, 1000)") }
        let target = ["-h", "127.0.0.1", "-p", "\(try Stage.router().port)", "-U", "app", "-d", "app", "-j", "2"]
        let programs = try Stage.cluster().programs
        try inDirectory { directory in
            let options = ["-F", "directory", "-f", directory + "/dump"] + tables.flatMap { ["-t", $0] }
            try programs.client("pg_dump", target + options).succeed()
            for table in tables { try Stage.run("DROP TABLE \(table)") }
            try programs.client("pg_restore", target + [directory + "/dump"]).succeed()
        }
        try Stage.cluster().waitUntilReplayed()
        for table in tables { #expect(try Stage.client().value("SELECT count(*) FROM \(table)") == "1000") }
    }
}
