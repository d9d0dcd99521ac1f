// How does a test run the router as users run it: the built program with a settings file?

import Foundation
public import PostgresCluster

/// A running `pointsman run --config …` in a directory of its own. Ends with `stop`, with the last reference or with
/// the test process, whichever comes first.
public final class RouterProcess: Sendable {
    public let host = "127.0.0.1"
    /// Statement by statement.
    public let port: Int
    public let readerPort: Int
    public let writerPort: Int
    public let directory: String

    private let process: Process
    private let keeper: ProcessKeeper

    /// Starts the router and returns when its split port takes connections, and a node can be reached through it.
    public static func start(
        cluster: PostgresCluster, consistency: String = "session", overrides: [String: [String: String]] = [:]
    ) throws -> RouterProcess {
        let router = try start(
            RouterConfiguration(cluster: cluster, consistency: consistency, overrides: overrides))
        do {
            try router.waitUntilItServes()
        } catch {
            router.stop()
            throw error
        }
        return router
    }

    /// Starts the router with any settings and returns when its split port takes connections. `files` are written
    /// beside the settings file first.
    public static func start(
        _ configuration: RouterConfiguration, files: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> RouterProcess {
        let router = try RouterProcess(configuration, files: files, environment: environment)
        do {
            try router.waitUntilItListens()
        } catch {
            router.stop()
            throw error
        }
        return router
    }

    private init(
        _ configuration: RouterConfiguration, files: [String: String], environment: [String: String]
    ) throws {
        port = try configuration.port("port")
        readerPort = try configuration.port("reader_port")
        writerPort = try configuration.port("writer_port")
        directory = "/tmp/pointsman-router-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        keeper = try ProcessKeeper(directory: directory)
        for (name, text) in files {
            // A private key that others can read is refused.
            let facts: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
            guard FileManager.default.createFile(
                atPath: directory + "/" + name, contents: Data(text.utf8), attributes: facts)
            else { throw SupportError("\(directory)/\(name) is not writable") }
        }
        try Data(configuration.toml.utf8).write(to: URL(fileURLWithPath: directory + "/pointsman.toml"))
        process = try Self.launch(in: directory, environment)
        // Read by the keeper, should this process die.
        try Data("\(process.processIdentifier)\n".utf8).write(to: URL(fileURLWithPath: directory + "/router.pid"))
    }

    private static func launch(in directory: String, _ environment: [String: String]) throws -> Process {
        let arguments = Repository.run(directory + "/pointsman.toml")
        let program = ExternalProgram(
            try Repository.program(), arguments, environment: environment, workingDirectory: directory)
        let process = program.process()
        let logPath = directory + "/router.log"
        _ = FileManager.default.createFile(atPath: logPath, contents: nil)
        guard let log = FileHandle(forWritingAtPath: logPath) else { throw SupportError("\(logPath) is not writable") }
        process.standardOutput = log
        process.standardError = log
        try process.run()
        return process
    }

    deinit {
        keeper.finish()
    }

    // MARK: Waiting

    private func waitUntilItListens() throws {
        let port = port
        try eventually("the router to listen on \(port)") {
            guard process.isRunning else { return true }
            _ = try StreamSocket(port: port)
            // Another program may have taken the port in the meantime.
            return log.contains("is ready on port")
        }
        guard process.isRunning else {
            throw SupportError("the router ended with status \(process.terminationStatus): \(log)")
        }
    }

    /// Waits until statements are answered on the split port, hence until the primary is known.
    public func waitUntilItServes() throws {
        do {
            try eventually("the router to serve", within: .seconds(20)) {
                let client = try WireClient(port: port, deadline: .seconds(5))
                defer { client.close() }
                return try client.query("BEGIN; SELECT 1; COMMIT").contains { $0.kind == .dataRow }
            }
        } catch {
            throw SupportError("\(error)\n\(log)")
        }
    }

    // MARK: Life

    /// Everything the router wrote to standard output and standard error so far.
    public var log: String {
        (try? String(contentsOfFile: directory + "/router.log", encoding: .utf8)) ?? ""
    }

    public var isRunning: Bool { process.isRunning }
    public var pid: Int32 { process.processIdentifier }

    /// Sends a signal to the router.
    public func signal(_ signal: Int32) {
        if process.isRunning { _ = kill(process.processIdentifier, signal) }
    }

    /// Writes another settings file and has the router read it.
    /// Has the router read its settings again, which are as they were.
    public func reload() throws { signal(SIGHUP) }

    public func reload(_ configuration: RouterConfiguration) throws { try reload(toml: configuration.toml) }

    public func reload(toml: String) throws {
        try Data(toml.utf8).write(to: URL(fileURLWithPath: directory + "/pointsman.toml"), options: .atomic)
        signal(SIGHUP)
    }

    /// Waits for the router's end and returns its exit code; 128 + the signal when a signal ended it.
    public func waitUntilExit(within limit: Duration = .seconds(15)) throws -> Int32 {
        try eventually("the router to end", within: limit) { !process.isRunning }
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// Ends the router at once and removes its directory. Calling it twice does no harm.
    public func stop() {
        keeper.finish()
    }

    // MARK: Figures

    /// Resident memory in bytes, nil when the router has ended.
    public var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
