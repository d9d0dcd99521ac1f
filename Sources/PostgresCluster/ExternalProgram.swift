// How is another program run, with a limit on its time and its output at hand?

package import Foundation

/// A program with its arguments. The child's environment is small and explicit, so that the caller's `PG…` variables
/// and locale do not leak into it.
public struct ExternalProgram: Sendable {
    public var path: String
    public var arguments: [String]
    public var environment: [String: String]
    public var workingDirectory: String

    /// What a program left when it ended.
    public struct Result: Sendable, Equatable {
        public var status: Int32
        public var output: String
        public var errors: String
    }

    public init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], workingDirectory: String = "/"
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = Self.plainEnvironment.merging(environment) { $1 }
        self.workingDirectory = workingDirectory
    }

    private static let plainEnvironment = [
        "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": ProcessInfo.processInfo.environment["HOME"] ?? "/", "LC_ALL": "C.UTF-8", "TZ": "UTC",
    ]

    /// The name for messages.
    public var name: String { String(path.split(separator: "/").last ?? "") }

    /// A process of this program that has not been started yet, reading nothing.
    package func process() -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: workingDirectory)
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs the program to its end; a program that takes longer than `limit` is killed and that is an error.
    public func run(limit: Duration = .seconds(60)) throws(ClusterError) -> Result {
        try start().finish(limit: limit)
    }

    /// As `run`, and any status but 0 is an error that carries what the program said.
    @discardableResult
    public func succeed(limit: Duration = .seconds(60)) throws(ClusterError) -> String {
        try start().succeed(limit: limit)
    }

    /// Starts the program; the caller ends it with `finish` or `succeed`.
    public func start() throws(ClusterError) -> RunningProgram {
        try RunningProgram(self)
    }
}

/// A started program whose output is being collected.
public final class RunningProgram: Sendable {
    private let name: String
    private let process: Process
    private let ended = DispatchSemaphore(value: 0)
    private let output: OutputFile
    private let errors: OutputFile

    fileprivate init(_ program: ExternalProgram) throws(ClusterError) {
        name = program.name
        process = program.process()
        output = try OutputFile()
        errors = try OutputFile()
        process.standardOutput = output.handle
        process.standardError = errors.handle
        process.terminationHandler = { [ended] _ in ended.signal() }
        do {
            try process.run()
        } catch {
            throw .notStarted(program: program.path, reason: "\(error)")
        }
    }

    public var pid: Int32 { process.processIdentifier }
    public var isRunning: Bool { process.isRunning }

    /// Waits for the end; kills the program when `limit` is over. Once.
    public func finish(limit: Duration = .seconds(60)) throws(ClusterError) -> ExternalProgram.Result {
        // Foundation keeps the handles of a process that has ended.
        defer {
            output.close()
            errors.close()
        }
        let deadline = DispatchTime.now() + limit.inSeconds
        // Foundation learns of a child's end by a descriptor, which another program that was started at the same moment
        // may have inherited, and then holds open.
        var overlooked: Int32?
        while ended.wait(timeout: min(deadline, .now() + Self.patience)) == .timedOut {
            if let overlooked {
                return ExternalProgram.Result(status: overlooked, output: output.text(), errors: errors.text())
            }
            overlooked = ProcessTable.status(ofEnded: pid)
            guard DispatchTime.now() >= deadline else { continue }
            _ = kill(pid, SIGKILL)
            _ = ended.wait(timeout: .now() + Self.patience)
            throw .timeLimit(waitedFor: name, limit: limit, output: output.text() + errors.text())
        }
        return ExternalProgram.Result(
            status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
            output: output.text(), errors: errors.text())
    }

    /// In seconds.
    private static let patience = 1.0

    /// As `finish`, and any status but 0 is an error.
    @discardableResult
    public func succeed(limit: Duration = .seconds(60)) throws(ClusterError) -> String {
        let result = try finish(limit: limit)
        guard result.status == 0 else {
            throw .failed(program: name, status: result.status, output: result.errors + result.output)
        }
        return result.output
    }
}

/// A file without a name into which a child writes: unlike a pipe it is never full and needs no reader thread.
private struct OutputFile: Sendable {
    let handle: FileHandle

    init() throws(ClusterError) {
        let path = NSTemporaryDirectory() + "/pointsman-output-" + UUID().uuidString
        _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw .notStarted(program: path, reason: "the temporary directory is not writable")
        }
        self.handle = handle
        // The open file lives on without its name.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// All that was written, once the writer has ended: the position in the file is shared with it.
    func text() -> String {
        guard (try? handle.seek(toOffset: 0)) != nil, let data = try? handle.readToEnd() else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    func close() { try? handle.close() }
}
