// Where are PostgreSQL's server programs, and under which account may they run?

import Foundation

/// The installed server programs and the way to run them. PostgreSQL refuses to run as root; then each program runs
/// under an unprivileged account.
public struct ServerPrograms: Sendable {
    /// The directory of `initdb`, `postgres`, `pg_basebackup`, `psql` and the others.
    public let directory: String
    /// The account to change to, nil when the current one will do.
    let account: Account?

    struct Account: Sendable, Equatable {
        var name: String
        var uid: UInt32
        var gid: UInt32
    }

    private static let needed = ["initdb", "postgres", "pg_basebackup", "psql"]

    /// Finds the newest installed server.
    public static func find() throws(ClusterError) -> ServerPrograms {
        let candidates = versionedDirectories() + configuredDirectory() + searchPath()
        let found = candidates.first { directory in
            needed.allSatisfy { FileManager.default.isExecutableFile(atPath: directory + "/" + $0) }
        }
        guard let found else {
            throw .postgresNotInstalled(searched: ["/usr/lib/postgresql/*/bin", "pg_config --bindir", "PATH"])
        }
        return ServerPrograms(directory: found, account: try unprivilegedAccount())
    }

    /// A program run by the account that owns the cluster.
    func owned(_ name: String, _ arguments: [String], in workingDirectory: String) -> ExternalProgram {
        let path = directory + "/" + name
        guard let account else { return ExternalProgram(path, arguments, workingDirectory: workingDirectory) }
        let change = ["--reuid=\(account.uid)", "--regid=\(account.gid)", "--clear-groups", "--", path]
        return ExternalProgram(
            "/usr/bin/setpriv", change + arguments, environment: ["HOME": workingDirectory],
            workingDirectory: workingDirectory)
    }

    /// A client program, run by whoever we are.
    public func client(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) -> ExternalProgram {
        ExternalProgram(directory + "/" + name, arguments, environment: environment)
    }

    // Debian's layout, newest version first.
    private static func versionedDirectories() -> [String] {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
    }

    private static func configuredDirectory() -> [String] {
        let answer = try? ExternalProgram("/usr/bin/env", ["pg_config", "--bindir"]).succeed(limit: .seconds(10))
        return answer.map { [$0.trimmingCharacters(in: .whitespacesAndNewlines)] } ?? []
    }

    private static func searchPath() -> [String] {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    }

    private static func unprivilegedAccount() throws(ClusterError) -> Account? {
        guard geteuid() == 0 else { return nil }
        let wanted = ["postgres", "nobody"]
        let accounts = parseAccounts((try? String(contentsOfFile: "/etc/passwd", encoding: .utf8)) ?? "")
        for name in wanted {
            if let account = accounts.first(where: { $0.name == name }) { return account }
        }
        throw .noUnprivilegedAccount(tried: wanted)
    }

    /// Reads lines of `/etc/passwd`: name, password, uid, gid and so on, separated by colons.
    static func parseAccounts(_ text: String) -> [Account] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return Account(name: String(fields[0]), uid: uid, gid: gid)
        }
    }
}
