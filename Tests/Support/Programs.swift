// How does a test run the programs that users run against the router?

import Foundation
public import PostgresCluster

/// PostgreSQL's own clients and the drivers' scripts, each with a time limit.
public enum Programs {
    /// Runs `psql` with statements, one `-c` each; its whole outcome.
    public static func psql(
        port: Int, _ statements: String..., user: String = "app", database: String = "app", password: String = "app",
        options: [String] = ["-A", "-t", "-q"], limit: Duration = .seconds(60)
    ) throws -> ExternalProgram.Result {
        let target = target(port: port, user: user, database: database)
        let commands = statements.flatMap { ["-c", $0] }
        return try client("psql", ["-X"] + options + target + commands, password: password, limit: limit)
    }

    /// Runs `pgbench`; fails with its output when it reports an error.
    @discardableResult
    public static func pgbench(
        port: Int, _ arguments: [String], user: String = "app", database: String = "app", password: String = "app",
        limit: Duration = .seconds(120)
    ) throws -> String {
        let target = target(port: port, user: user, database: nil) + [database]
        let result = try client("pgbench", arguments + target, password: password, limit: limit)
        guard result.status == 0 else {
            throw SupportError("pgbench failed with status \(result.status): \(result.errors)\(result.output)")
        }
        return result.output
    }

    /// Runs a script of `Tests/IntegrationTests/clients` with the Python of `make deps`; what it printed.
    @discardableResult
    public static func python(
        script: String, _ arguments: [String], limit: Duration = .seconds(120)
    ) throws -> String {
        let path = Repository.path("Tests/IntegrationTests/clients/\(script)")
        return try python(["-B", path] + arguments, limit: limit)
    }

    /// Runs a line of Python with the modules of `make deps`; what it printed.
    @discardableResult
    public static func python(
        code: String, _ arguments: [String], limit: Duration = .seconds(60)
    ) throws -> String {
        try python(["-c", code] + arguments, limit: limit)
    }

    private static func python(_ arguments: [String], limit: Duration) throws -> String {
        let interpreter = Repository.path(".build/venv/bin/python")
        guard FileManager.default.isExecutableFile(atPath: interpreter) else {
            throw SupportError("the PostgreSQL drivers for Python are not installed; run: make deps")
        }
        return try ExternalProgram(interpreter, arguments).succeed(limit: limit)
    }

    private static func client(
        _ name: String, _ arguments: [String], password: String, limit: Duration
    ) throws -> ExternalProgram.Result {
        let program = try ServerPrograms.find().client(name, arguments, environment: ["PGPASSWORD": password])
        return try program.run(limit: limit)
    }

    private static func target(port: Int, user: String, database: String?) -> [String] {
        ["-h", "127.0.0.1", "-p", "\(port)", "-U", user] + (database.map { ["-d", $0] } ?? [])
    }
}
