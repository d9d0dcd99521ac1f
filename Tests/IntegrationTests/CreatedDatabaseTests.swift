// Can a database be used through the router the moment it exists?

import TestSupport
import Testing

@Suite struct CreatedDatabaseTests {
    @Test func createdAMomentAgo() throws {
        // Behind DROP DATABASE its replicas serve nobody for a moment.
        let router = try Stage.startRouter()
        defer { router.stop() }
        let admin = try router.client(user: "postgres", database: "postgres")
        for round in 0..<3 {
            let name = SharedCluster.tableName("fresh")
            try admin.succeed("CREATE DATABASE \(name) OWNER app")
            let client = try router.client(database: name)
            #expect(try client.value("SELECT current_database()") == name)
            try client.succeed("CREATE TABLE t (x int)")
            try client.succeed("INSERT INTO t VALUES (\(round))")
            for _ in 0..<20 { #expect(try client.value("SELECT x FROM t") == "\(round)") }
            let other = try router.client(database: name)
            for _ in 0..<20 { #expect(try other.value("SELECT current_database()") == name) }
            // Once they have it, the replicas answer.
            try eventually("a replica to answer for \(name)", within: .seconds(30)) {
                try Stage.replicaPorts().contains(other.port() ?? "")
            }
            client.close()
            other.close()
            try admin.succeed("DROP DATABASE \(name) WITH (FORCE)")
        }
        #expect(try admin.value("SELECT 1") == "1")
    }

    @Test func databasesThatDoNotExist() throws {
        let router = try Stage.router()
        for _ in 0..<3 {
            do {
                _ = try router.client(database: "nosuchdatabase")
                Issue.record("a database that does not exist took a client")
            } catch let error as WireClient.ServerError {
                #expect(error.description == "3D000: database \"nosuchdatabase\" does not exist")
            }
        }
        #expect(try Stage.client().value("SELECT 1") == "1")
    }

    /// It is there as soon as it was created, although it was asked for before.
    @Test func refusedBeforeItWasCreated() throws {
        let router = try Stage.router()
        let name = SharedCluster.tableName("later")
        #expect(throws: WireClient.ServerError.self) { try router.client(database: name) }
        let admin = try router.client(user: "postgres", database: "postgres")
        try admin.succeed("CREATE DATABASE \(name)")
        #expect(try router.client(user: "postgres", database: name).value("SELECT current_database()") == name)
    }

    @Test func anAliasOfADatabase() throws {
        let router = try Stage.startRouter(["databases.other": ["cluster": "\"main\"", "dbname": "\"app\""]])
        let client = try router.client(database: "other")
        for _ in 0..<10 { #expect(try client.value("SELECT current_database()") == "app") }
    }

    @Test func databasesThatAreNotServed() throws {
        var configuration = try RouterConfiguration(cluster: Stage.cluster())
        configuration.tables[#"databases."*""#] = nil
        configuration.tables["databases.app"] = ["cluster": "\"main\""]
        let router = try RouterProcess.start(configuration)
        try router.waitUntilItServes()
        do {
            _ = try router.client(database: "postgres")
            Issue.record("a database that is not served took a client")
        } catch let error as WireClient.ServerError {
            #expect(error.sqlState == "3D000")
        }
    }
}
