// How does one get a private PostgreSQL primary with streaming replicas, and get rid of it again?

import Foundation

/// A PostgreSQL primary and its streaming replicas in a temporary directory, on free loopback ports, made from the
/// server programs installed here. Ends with `stop`, with the last reference or with the process, whichever comes
/// first.
public final class PostgresCluster: Sendable {
    /// The server that is the primary at the start.
    public let primary: PostgresNode
    /// The servers that are replicas at the start.
    public let replicas: [PostgresNode]
    /// Everything of the cluster lies below this directory.
    public let directory: String
    /// The installed programs from which the cluster is made: `psql`, `pgbench` and the others are there.
    public let programs: ServerPrograms

    private let keeper: ProcessKeeper

    /// The application's database.
    public static let database = NodeConfiguration.database

    /// All servers, the first primary first.
    public var nodes: [PostgresNode] { [primary] + replicas }

    /// Starts a primary and `replicas` replicas that stream from it. `settings` go into every server's configuration.
    public static func start(
        replicas: Int = 2, settings: [String: String] = [:]
    ) throws(ClusterError) -> PostgresCluster {
        let cluster = try PostgresCluster(replicas: replicas)
        do {
            try cluster.startPrimary(settings: settings)
            try cluster.startReplicas()
            try cluster.waitUntilReplicasStream()
        } catch {
            cluster.stop()
            throw error
        }
        return cluster
    }

    private init(replicas count: Int) throws(ClusterError) {
        let programs = try ServerPrograms.find()
        self.programs = programs
        directory = try Self.makeDirectory(for: programs)
        keeper = try ProcessKeeper(directory: directory)
        primary = PostgresNode(
            name: "primary", port: try LoopbackPort.free(), clusterDirectory: directory, programs: programs)
        var replicas: [PostgresNode] = []
        for number in 0..<count {
            replicas.append(
                PostgresNode(
                    name: "replica\(number + 1)", port: try LoopbackPort.free(), clusterDirectory: directory,
                    programs: programs))
        }
        self.replicas = replicas
    }

    deinit {
        keeper.finish()
    }

    /// Ends all servers at once and removes the directory. Calling it twice does no harm.
    public func stop() {
        keeper.finish()
    }

    /// Waits until every replica that runs streams from the primary and has replayed all that the primary has written.
    public func waitUntilReplicasStream(deadline: Duration = .seconds(30)) throws(ClusterError) {
        let names = replicas.filter { $0.pid != nil }.map { "'\($0.name)'" }
        guard !names.isEmpty else { return }
        let question = """
            SELECT count(DISTINCT application_name) FROM pg_stat_replication \
            WHERE state = 'streaming' AND replay_lsn >= pg_current_wal_flush_lsn() \
            AND application_name IN (\(names.joined(separator: ", ")))
            """
        try waitUntil("the replicas to stream", limit: deadline, every: .milliseconds(25)) {
            try self.primary.psql(question) == "\(names.count)"
        }
    }

    // MARK: Making

    private func startPrimary(settings: [String: String]) throws(ClusterError) {
        let options = [
            "-D", primary.dataDirectory, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust",
            "--no-sync", "--no-instructions",
        ]
        try programs.owned("initdb", options, in: directory).succeed()
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value.replacing("'", with: "''"))'\n" }
        try write(NodeConfiguration.settings + Array(lines.joined().utf8), to: "postgresql.conf")
        try write(NodeConfiguration.accessRules, to: "pg_hba.conf")
        try primary.start()
        for statement in NodeConfiguration.statements {
            try primary.psql(statement, database: "postgres")
        }
    }

    /// Replaces the content of a file that `initdb` made, keeping its owner.
    private func write(_ bytes: [UInt8], to name: String) throws(ClusterError) {
        let path = primary.dataDirectory + "/" + name
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw .notStarted(program: "postgres", reason: "\(path) is not writable")
        }
        do {
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(bytes))
            try file.close()
        } catch {
            throw .notStarted(program: "postgres", reason: "\(path): \(error)")
        }
    }

    /// Copies the primary to all replicas at the same time, then starts them at the same time.
    private func startReplicas() throws(ClusterError) {
        var copies: [RunningProgram] = []
        for replica in replicas { copies.append(try copy(of: primary, to: replica).start()) }
        for copy in copies { try copy.succeed() }
        for replica in replicas { try replica.launch() }
        for replica in replicas { try replica.waitUntilReady(limit: .seconds(30)) }
    }

    /// The program that makes a server a copy that follows another one.
    private func copy(of source: PostgresNode, to node: PostgresNode) -> ExternalProgram {
        let options = [
            "-d", source.connection(for: node), "-D", node.dataDirectory, "-R", "-X", "stream", "-c", "fast",
            "--no-sync",
        ]
        return programs.owned("pg_basebackup", options, in: directory)
    }

    /// Makes a server, running or not, a replica of another one, from a new copy of that one's data.
    public func rebuild(_ node: PostgresNode, following source: PostgresNode) throws(ClusterError) {
        if node.pid != nil { try node.stop(.immediate) }
        do {
            try FileManager.default.removeItem(atPath: node.dataDirectory)
        } catch {
            throw .notStarted(program: "pg_basebackup", reason: "\(node.dataDirectory): \(error)")
        }
        try copy(of: source, to: node).succeed()
        try node.start()
    }

    /// A directory that the servers' account owns. Its path is short because a Unix socket's may have 107 bytes only.
    private static func makeDirectory(for programs: ServerPrograms) throws(ClusterError) -> String {
        let path = "/tmp/pointsman-cluster-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        } catch {
            throw .notStarted(program: "postgres", reason: "\(path): \(error)")
        }
        if let account = programs.account {
            try ExternalProgram("/usr/bin/env", ["chown", "\(account.uid):\(account.gid)", path]).succeed()
        }
        return path
    }
}
