// Does the process get on with a service manager: readiness, reloads, sockets that are opened for it, its user?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ServiceTests {
    @Test func readinessAndReloads() throws {
        let directory = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["admin": ["users": #"["postgres"]"#]])
        try configuration.toml.write(toFile: "\(directory)/pointsman.toml", atomically: true, encoding: .utf8)
        let command = [try Repository.program()] + Repository.run("\(directory)/pointsman.toml")
        try Programs.python(script: "service_checks.py", [directory] + command)
    }

    @Test func rootMustBeInsistedOn() throws {
        guard geteuid() == 0 else { return }
        let directory = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = "\(directory)/pointsman.toml"
        try RouterConfiguration(cluster: Stage.cluster()).toml.write(toFile: path, atomically: true, encoding: .utf8)
        let program = try Repository.program()
        let refused = try ExternalProgram(program, ["run", "--config", path]).run()
        #expect(refused.status == 1 && refused.errors.contains("it must not run as root"))
        let unknown = try ExternalProgram(program, ["run", "--config", path, "--user", "nosuchuser"]).run()
        #expect(unknown.status == 1 && unknown.errors.contains("there is no user nosuchuser"))
    }

    /// `ListenStream=` of systemd: the sockets are there before the process, and stay when it goes.
    @Test func socketsThatAreOpenedForIt() throws {
        let directory = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var configuration = try RouterConfiguration(cluster: Stage.cluster())
        // Nobody could listen there: the addresses are ignored.
        configuration.tables["listen"]?["addresses"] = #"["192.0.2.1"]"#
        try configuration.toml.write(toFile: "\(directory)/pointsman.toml", atomically: true, encoding: .utf8)
        let ports = ["port", "reader_port"].map { configuration.tables["listen"]?[$0] ?? "" }
        let command = [try Repository.program()] + Repository.run("\(directory)/pointsman.toml")
        try Programs.python(
            script: "socket_activation.py", ports + ["\(Stage.cluster().primary.port)"] + command)
    }
}
