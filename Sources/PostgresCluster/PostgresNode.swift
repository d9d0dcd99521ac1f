// How is one server of a private cluster started, stopped, killed, promoted and asked?

import Foundation
import Locks

/// One PostgreSQL server with a data directory of its own on a loopback port of its own.
public final class PostgresNode: Sendable {
    /// `primary`, `replica1`, `replica2` …: also its `cluster_name`, and the `application_name` of its WAL receiver.
    public let name: String
    public let host = "127.0.0.1"
    public let port: Int
    public let dataDirectory: String
    /// The directory of the server's Unix socket, where every role is trusted.
    public let socketDirectory: String

    private let programs: ServerPrograms
    private let process = Lock<Process?>(nil)

    /// How a server is told to end.
    public enum StopMode: Sendable {
        /// Waits for the clients to leave.
        case smart
        /// Disconnects the clients, writes a checkpoint.
        case fast
        /// Ends as if the power had failed.
        case immediate

        var signal: Int32 {
            switch self {
            case .smart: SIGTERM
            case .fast: SIGINT
            case .immediate: SIGQUIT
            }
        }
    }

    init(name: String, port: Int, clusterDirectory: String, programs: ServerPrograms) {
        self.name = name
        self.port = port
        self.programs = programs
        dataDirectory = clusterDirectory + "/" + name
        socketDirectory = clusterDirectory
    }

    /// `host:port`, as it stands in a settings file.
    public var address: String { "\(host):\(port)" }

    /// The process number of the postmaster, nil when the server is not running.
    public var pid: Int32? {
        process.withLock { $0.flatMap { $0.isRunning ? $0.processIdentifier : nil } }
    }

    /// What the server has written to its log so far.
    public var log: String {
        (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
    }

    private var logPath: String { dataDirectory + ".log" }

    // MARK: Life

    /// Starts the server and returns when it accepts connections.
    public func start(limit: Duration = .seconds(30)) throws(ClusterError) {
        try launch()
        try waitUntilReady(limit: limit)
    }

    /// Starts the server without waiting for it.
    func launch() throws(ClusterError) {
        let arguments = [
            "-D", dataDirectory, "-p", "\(port)", "-k", socketDirectory, "-c", "cluster_name=\(name)",
        ]
        let server = programs.owned("postgres", arguments, in: socketDirectory).process()
        guard let log = openLog() else {
            throw .notStarted(program: "postgres", reason: "\(logPath) is not writable")
        }
        server.standardOutput = log
        server.standardError = log
        do {
            try server.run()
        } catch {
            throw .notStarted(program: "postgres", reason: "\(error)")
        }
        process.withLock { $0 = server }
    }

    /// Waits until the server says in its lock file that it takes connections.
    func waitUntilReady(limit: Duration) throws(ClusterError) {
        try waitUntil("\(name) to accept connections", limit: limit) {
            self.state == "ready" || self.pid == nil
        }
        guard pid != nil else { throw .failed(program: "postgres", status: 1, output: log) }
    }

    /// Ends the server and returns when it is gone.
    public func stop(_ mode: StopMode = .fast, limit: Duration = .seconds(30)) throws(ClusterError) {
        kill(mode.signal)
        try waitUntilStopped(limit: limit)
    }

    /// Stops the server and starts it again on the same port.
    public func restart(_ mode: StopMode = .fast) throws(ClusterError) {
        try stop(mode)
        try start()
    }

    /// Sends a signal to the postmaster, if it runs. SIGKILL ends it without a word to its clients.
    public func kill(_ signal: Int32) {
        if let pid { _ = Foundation.kill(pid, signal) }
    }

    /// Returns when the server's process is gone, whoever ended it.
    public func waitUntilStopped(limit: Duration = .seconds(30)) throws(ClusterError) {
        try waitUntil("\(name) to stop", limit: limit) { self.pid == nil }
    }

    /// Makes a replica a primary; returns when it accepts writes.
    public func promote() throws(ClusterError) {
        let answer = try psql("SELECT pg_promote(true, 30)")
        guard answer == "t" else { throw .failed(program: "pg_promote", status: 1, output: log) }
    }

    /// Stops all processes of the server where they stand, as a machine that hangs: connections stay open, nothing
    /// answers, new connections are taken by the kernel alone.
    public func freeze() { signalAll(SIGSTOP) }

    /// Lets a frozen server go on.
    public func thaw() { signalAll(SIGCONT) }

    /// The postmaster first, so that it starts no process that is missed.
    private func signalAll(_ signal: Int32) {
        guard let pid else { return }
        _ = Foundation.kill(pid, signal)
        for child in ProcessTable.children(of: pid) { _ = Foundation.kill(child, signal) }
    }

    // MARK: Questions

    /// Runs statements one after another as the superuser over the Unix socket and returns the rows of all, one per
    /// line, columns separated by `|`.
    @discardableResult
    public func psql(
        _ statements: String..., database: String = "app", user: String = "postgres",
        limit: Duration = .seconds(60)
    ) throws(ClusterError) -> String {
        let options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        let target = ["-h", socketDirectory, "-p", "\(port)", "-U", user, "-d", database]
        let commands = statements.flatMap { ["-c", $0] }
        let output = try programs.client("psql", options + target + commands).succeed(limit: limit)
        return output.trimmingCharacters(in: .newlines)
    }

    /// Changes settings with `ALTER SYSTEM` and has the server read them.
    public func set(_ name: String, _ value: String) throws(ClusterError) {
        try psql(
            "ALTER SYSTEM SET \(name) = '\(value.replacing("'", with: "''"))'", "SELECT pg_reload_conf()")
    }

    /// How a replica connects to this server.
    func connection(for replica: PostgresNode) -> String {
        "host=\(socketDirectory) port=\(port) user=postgres application_name=\(replica.name)"
    }

    /// Has a replica stream from another server.
    public func follow(_ source: PostgresNode) throws(ClusterError) {
        try set("primary_conninfo", source.connection(for: self))
    }

    /// Holds the replay of a replica where it is; returns when it stands. WAL is still received.
    public func pauseReplay() throws(ClusterError) {
        try psql("SELECT pg_wal_replay_pause()")
        try waitUntil("\(name) to pause its replay", limit: .seconds(10)) {
            try self.psql("SELECT pg_get_wal_replay_pause_state()") == "paused"
        }
    }

    /// Lets a paused replay go on.
    public func resumeReplay() throws(ClusterError) {
        try psql("SELECT pg_wal_replay_resume()")
    }

    /// The eighth line of the lock file, where the postmaster keeps its state.
    private var state: String {
        let text = (try? String(contentsOfFile: dataDirectory + "/postmaster.pid", encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 7, Int32(lines[0]) == pid else { return "" }
        return lines[7].trimmingCharacters(in: .whitespaces)
    }

    private func openLog() -> FileHandle? {
        if !FileManager.default.fileExists(atPath: logPath) {
            _ = FileManager.default.createFile(atPath: logPath, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: logPath) else { return nil }
        _ = try? handle.seekToEnd()
        return handle
    }
}
