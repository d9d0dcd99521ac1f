// How does the demonstration run the router? As its users do: this same program with `run --config`.

import Foundation
import PostgresCluster
import Reactor

/// The router as a child process. Its files stand in the cluster's directory, whose keeper ends it with the servers.
struct DemoRouter {
    let process: Process
    let settingsPath: String
    let logPath: String

    private static let readyWithin = Duration.seconds(20)
    /// What the log says when all ports are open.
    private static let readyMark = " is ready on port "

    /// Starts the router and returns when its split port answers statements.
    static func start(cluster: PostgresCluster, ports: DemoPorts) throws -> DemoRouter {
        let settingsPath = cluster.directory + "/pointsman.toml"
        let logPath = cluster.directory + "/pointsman.log"
        try write(settings(cluster: cluster, ports: ports), to: settingsPath)
        try write("", to: logPath)

        let program = ExternalProgram(
            try ownPath(), ["run", "--config", settingsPath] + (ProcessUser.isRoot ? ["--user", "root"] : []),
            workingDirectory: cluster.directory)
        let process = program.process()
        let log = FileHandle(forWritingAtPath: logPath)
        process.standardOutput = log
        process.standardError = log
        try process.run()
        try write("\(process.processIdentifier)\n", to: cluster.directory + "/pointsman.pid")

        let router = DemoRouter(process: process, settingsPath: settingsPath, logPath: logPath)
        try router.waitUntilItServes(DemoClient(programs: cluster.programs, port: ports.split))
        return router
    }

    /// The last lines of the router's log.
    var lastWords: String {
        let log = (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
        return log.split(separator: "\n").suffix(5).joined(separator: "\n")
    }

    private func waitUntilItServes(_ client: DemoClient) throws {
        do {
            try waitUntil("the router to serve", limit: Self.readyWithin, every: .milliseconds(100)) {
                guard process.isRunning else { return true }
                // Until the router says that it listens, whoever answers on its port may be another.
                let log = try String(contentsOfFile: logPath, encoding: .utf8)
                guard log.contains(Self.readyMark) else { return false }
                return try client.rows(["SELECT 1"]) == ["1"]
            }
        } catch {
            throw OperatorError(sentence: "\(error)\n\(lastWords)")
        }
        guard process.isRunning else {
            throw OperatorError(sentence: "the router ended by itself: \(lastWords)")
        }
    }

    /// Clients are trusted: the router listens on the loopback address alone, and the data are a demonstration's.
    private static func settings(cluster: PostgresCluster, ports: DemoPorts) -> String {
        let nodes = cluster.nodes.map { "\"\($0.address)\"" }.joined(separator: ", ")
        let probe = DatabaseRole.probe
        let users = [DatabaseRole.application, .superuser]
        return """
            # The settings of this demonstration's router.
            [listen]
            addresses   = ["127.0.0.1"]
            port        = \(ports.split)
            reader_port = \(ports.reader)
            writer_port = \(ports.writer)

            [auth]
            method = "trust"

            [probe]
            user     = "\(probe.name)"
            password = "\(probe.password)"
            database = "postgres"

            [clusters.demo]
            nodes = [\(nodes)]

            [databases."*"]
            cluster = "demo"

            [admin]
            users       = ["\(DatabaseRole.superuser.name)"]
            stats_users = ["\(DatabaseRole.application.name)"]

            \(users.map { "[users.\($0.name)]\npassword = \"\($0.password)\"\n" }.joined(separator: "\n"))
            """
    }

    private static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// The file of the running program, wherever it was called from.
    private static func ownPath() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }
}

/// `psql` on a port of the router, as the application's role.
struct DemoClient {
    let programs: ServerPrograms
    let port: Int

    /// Runs statements one after another in one session; the lines that they return.
    func rows(_ statements: [String]) throws -> [String] {
        let output = try program(statements).succeed()
        return output.split(separator: "\n").map(String.init)
    }

    /// Begins to run statements one after another in one session.
    func start(_ statements: [String]) throws -> RunningProgram { try program(statements).start() }

    private func program(_ statements: [String]) -> ExternalProgram {
        let options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        let target = ["-h", "127.0.0.1", "-p", "\(port)", "-U", "app", "-d", "app"]
        return programs.client("psql", options + target + statements.flatMap { ["-c", $0] })
    }
}
