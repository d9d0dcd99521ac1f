// How does a test run a real Patroni cluster, and change it?

import Foundation
import PostgresCluster
import TestSupport

/// etcd and Patroni members, run by `clients/patroni_cluster.py`; they end with this object or this process.
final class PatroniStage {
    struct Member {
        var name: String
        /// Of its REST API.
        var restPort: Int
        var port: Int

        var address: String { "127.0.0.1:\(port)" }
        var url: String { "http://127.0.0.1:\(restPort)" }
    }

    private let process: Process
    private let commands = Pipe()
    private let answers = Pipe()
    let directory: String

    init() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/patroni"),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/etcd")
        else { throw SupportError("Patroni and etcd are not installed; run: make deps") }
        let programs = try ServerPrograms.find()
        directory = "/tmp/pointsman-patroni-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let script = Repository.path("Tests/IntegrationTests/clients/patroni_cluster.py")
        let account = geteuid() == 0 ? ["--account", "postgres"] : []
        process = ExternalProgram(
            "/usr/bin/python3",
            ["-B", script, "--directory", directory, "--postgres", programs.directory] + account
        ).process()
        process.standardInput = commands
        process.standardOutput = answers
        process.standardError = FileHandle.standardError
        try process.run()
        _ = try answer()
    }

    deinit {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func add(_ name: String) throws -> Member {
        let ports = try tell("add \(name)").split(separator: " ").compactMap { Int($0) }
        guard ports.count == 2 else { throw SupportError("\(name) has no ports") }
        return Member(name: name, restPort: ports[0], port: ports[1])
    }

    func remove(_ member: Member) throws { _ = try tell("remove \(member.name)") }
    func kill(_ member: Member) throws { _ = try tell("kill \(member.name)") }
    func switchOver(to member: Member) throws { _ = try tell("failover \(member.name)") }

    /// Runs statements as the superuser on a member.
    @discardableResult
    func psql(_ member: Member, _ statements: String..., database: String = "postgres") throws -> String {
        let target = ["-h", directory, "-p", "\(member.port)", "-U", "postgres", "-d", database]
        let program = try ServerPrograms.find().client(
            "psql", ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"] + target + statements.flatMap { ["-c", $0] })
        return try program.succeed().trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func tell(_ command: String) throws -> String {
        try commands.fileHandleForWriting.write(contentsOf: Data("\(command)\n".utf8))
        return try answer()
    }

    private func answer() throws -> String {
        var line: [UInt8] = []
        while true {
            guard let byte = try answers.fileHandleForReading.read(upToCount: 1)?.first else {
                throw SupportError("the Patroni cluster is gone")
            }
            if byte == UInt8(ascii: "\n") { break }
            line.append(byte)
        }
        let text = String(decoding: line, as: UTF8.self)
        guard text.hasPrefix("ok") else { throw SupportError(text) }
        return String(text.dropFirst(3))
    }
}
