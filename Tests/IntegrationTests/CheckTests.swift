// Does `check --connect` tell what each node says, and does `run` tell what keeps it from starting?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct CheckTests {
    private func run(_ configuration: RouterConfiguration, _ arguments: (String) -> [String]) throws
        -> ExternalProgram.Result
    {
        let path = NSTemporaryDirectory() + "/pointsman-check-" + UUID().uuidString + ".toml"
        try Data(configuration.toml.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try ExternalProgram(try Repository.program(), arguments(path)).run(limit: .seconds(60))
    }

    private func check(_ configuration: RouterConfiguration) throws -> ExternalProgram.Result {
        try run(configuration) { ["check", "--config", $0, "--connect"] }
    }

    @Test func everyNodeIsAsked() throws {
        let cluster = try Stage.cluster()
        let result = try check(RouterConfiguration(cluster: cluster))
        #expect(result.status == 0, "\(result)")
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 1 + cluster.nodes.count, "\(lines)")
        let version = try cluster.primary.psql("SHOW server_version").prefix { !$0.isWhitespace }
        for node in cluster.nodes {
            let role = node.address == cluster.primary.address ? "primary" : "replica"
            #expect(lines.contains("main: \(node.address): \(role), timeline 1, PostgreSQL \(version)"), "\(lines)")
        }
    }

    @Test func aNodeThatCannotBeAsked() throws {
        let cluster = try Stage.cluster()
        let wrong = try check(
            RouterConfiguration(cluster: cluster, overrides: ["probe": ["password": "\"wrong\""]]))
        #expect(wrong.status == 1)
        #expect(wrong.output.contains("password authentication failed"), "\(wrong.output)")
        #expect(wrong.output.contains("; look at user, password and database of [probe]"))
        let nowhere = "127.0.0.1:\(try LoopbackPort.free())"
        let nodes = RouterConfiguration.list(cluster.replicas.map(\.address) + [nowhere])
        let missing = try check(
            RouterConfiguration(cluster: cluster, overrides: ["clusters.main": ["nodes": nodes]]))
        #expect(missing.status == 1)
        #expect(missing.output.contains("main: \(nowhere): cannot be asked: "), "\(missing.output)")
        #expect(missing.output.contains("main: no node is a primary"))
    }

    private func start(_ overrides: [String: [String: String]]) throws -> String {
        let configuration = try RouterConfiguration(cluster: Stage.cluster(), overrides: overrides)
        let result = try run(configuration) { Repository.run($0) }
        #expect(result.status == 1, "\(result)")
        return result.errors
    }

    /// Before any node was asked.
    @Test func anAddressThatIsTaken() throws {
        let taken = "127.0.0.1:\(try Stage.cluster().primary.port)"
        let errors = try start(["admin": ["http": "\"\(taken)\""]])
        let sentence =
            "pointsman: cannot listen for HTTP on \(taken) (admin.http): another process listens there already; stop it"
            + " or choose another port\n"
        #expect(errors.hasSuffix(sentence), "\(errors)")
        #expect(!errors.contains("primary"), "\(errors)")
    }

    @Test func aNameWithoutAnAddress() throws {
        let errors = try start(["listen": ["addresses": "[\"nosuch.invalid\"]"]])
        #expect(errors.contains("cannot listen on \"nosuch.invalid\" (listen.addresses): the name cannot be resolved"))
    }
}
