// Does `classify --connect` judge by the catalog, and say so when it cannot be read?

import Foundation
import PostgresCluster
import TestSupport
import Testing

/// `pointsman classify` with a settings file.
enum Classification {
    static func run(
        _ statements: String, _ options: String..., configuration: RouterConfiguration
    ) throws -> ExternalProgram.Result {
        try run(statements, options, configuration)
    }

    /// The routes of statements that are JSON strings, by what the catalog tells.
    static func routes(
        ofLines lines: [String], configuration: RouterConfiguration, database: String
    ) throws -> [String] {
        let options = ["--input", "json", "--format", "route", "--connect", "--database", database]
        let result = try run(lines.joined(separator: "\n") + "\n", options, configuration)
        #expect(result.status == 0, "\(result.errors)")
        return result.output.split(separator: "\n").map(String.init)
    }

    private static func run(
        _ statements: String, _ options: [String], _ configuration: RouterConfiguration
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
}

@Suite struct ClassifyWithCatalogTests {
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
        let without = try Classification.run(statements, "--format", "route", configuration: configuration)
        #expect(without.output == "primary\nprimary\nreplica\nreplica\nprimary\n")
        let with = try Classification.run(
            statements, "--format", "route", "--connect", "--database", "app", configuration: configuration)
        #expect(with.status == 0, "\(with.errors)")
        #expect(with.output == "replica\nprimary\nprimary\nreplica\nprimary\n")
        let text = try Classification.run(
            statements, "--connect", "--database", "app", configuration: configuration)
        #expect(text.output.contains("primary  write: The function is declared VOLATILE in the database. (\(writing))"))
        let json = try Classification.run(
            statements, "--connect", "--database", "app", "--format", "json", configuration: configuration)
        #expect(json.output.split(separator: "\n")[2].contains(#""source":"catalog""#))
    }

    @Test func cannotRead() throws {
        let configuration = try RouterConfiguration(cluster: Stage.cluster())
        let nameless = try Classification.run("SELECT 1", "--connect", configuration: configuration)
        #expect(nameless.status == 1)
        #expect(nameless.errors.contains("--connect needs --database"))
        let unknown = try Classification.run(
            "SELECT 1", "--connect", "--database", "nosuch", configuration: configuration)
        #expect(unknown.status == 1)
        #expect(unknown.output == "")
        #expect(unknown.errors.contains("the catalog of database \"nosuch\" cannot be read: "))
        #expect(unknown.errors.contains("does not exist"))
    }
}
