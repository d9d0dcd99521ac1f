// Does `classify --connect` judge by the catalog, and say so when it cannot be read?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct ClassifyWithCatalogTests {
    private func classify(
        _ statements: String, _ options: String..., configuration: RouterConfiguration
    ) throws -> ExternalProgram.Result {
        let directory = NSTemporaryDirectory() + "/pointsman-classify-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Data(configuration.toml.utf8).write(to: URL(fileURLWithPath: directory + "/pointsman.toml"))
        try Data(statements.utf8).write(to: URL(fileURLWithPath: directory + "/statements"))
        let command = [try Repository.program(), "classify", "--config", "pointsman.toml"] + options
        return try ExternalProgram(
            "/bin/sh", ["-c", "exec \"$0\" \"$@\" < statements"] + command, workingDirectory: directory
        ).run()
    }

    @Test func judgesByTheCatalog() throws {
        let (harmless, writing) = (SharedCluster.tableName("f"), SharedCluster.tableName("f"))
        let (view, sequence) = (SharedCluster.tableName("v"), SharedCluster.tableName("s"))
        try Stage.run(
            "CREATE FUNCTION \(harmless)() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
            "CREATE SEQUENCE \(sequence)",
            "CREATE FUNCTION \(writing)() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''\(sequence)'')'",
            "CREATE VIEW \(view) AS SELECT \(writing)()")
        let statements = "SELECT \(harmless)()\nSELECT \(writing)()\nSELECT * FROM \(view)\nSELECT 1\nINSERT INTO t\n"
        let configuration = try RouterConfiguration(cluster: Stage.cluster())
        let without = try classify(statements, "--format", "route", configuration: configuration)
        #expect(without.output == "primary\nprimary\nreplica\nreplica\nprimary\n")
        let with = try classify(
            statements, "--format", "route", "--connect", "--database", "app", configuration: configuration)
        #expect(with.status == 0, "\(with.errors)")
        #expect(with.output == "replica\nprimary\nprimary\nreplica\nprimary\n")
        let text = try classify(statements, "--connect", "--database", "app", configuration: configuration)
        #expect(text.output.contains("primary  write: The function is declared VOLATILE in the database. (\(writing))"))
        let json = try classify(
            statements, "--connect", "--database", "app", "--format", "json", configuration: configuration)
        #expect(json.output.split(separator: "\n")[2].contains(#""source":"catalog""#))
    }

    @Test func cannotRead() throws {
        let configuration = try RouterConfiguration(cluster: Stage.cluster())
        let nameless = try classify("SELECT 1", "--connect", configuration: configuration)
        #expect(nameless.status == 1)
        #expect(nameless.errors.contains("--connect needs --database"))
        let unknown = try classify("SELECT 1", "--connect", "--database", "nosuch", configuration: configuration)
        #expect(unknown.status == 1)
        #expect(unknown.output == "")
        #expect(unknown.errors.contains("the catalog of database \"nosuch\" cannot be read: "))
        #expect(unknown.errors.contains("does not exist"))
    }
}
