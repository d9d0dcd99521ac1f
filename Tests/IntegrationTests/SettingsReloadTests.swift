// Do databases, users and limits change by a reload, and do only those leave who have to?

import PostgresCluster
import TestSupport
import Testing

@Suite struct SettingsReloadTests {
    /// A router with two databases that are the same one on the servers.
    private func start() throws -> (RouterConfiguration, RouterProcess) {
        var settings = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["auth": ["method": "\"plain\""]])
        settings.tables[#"databases."*""#] = nil
        for name in ["one", "two"] {
            settings.tables["databases.\(name)"] = ["cluster": "\"main\"", "dbname": "\"app\""]
        }
        let router = try RouterProcess.start(settings)
        try eventually("the router to serve") { try Self.ask(router, "one").output == "in\n" }
        return (settings, router)
    }

    private static func ask(
        _ router: RouterProcess, _ database: String, user: String = "app", password: String = "app"
    ) throws -> ExternalProgram.Result {
        try Programs.psql(port: router.port, "SELECT 'in'", user: user, database: database, password: password)
    }

    private func client(_ router: RouterProcess, _ database: String) throws -> WireClient {
        let client = try WireClient(silentTo: .port(router.port))
        try client.send(.raw(FrontendMessage.startup([("user", "app"), ("database", database)])))
        try client.logIn(password: "app")
        return client
    }

    private func reload(_ router: RouterProcess, _ settings: RouterConfiguration) throws {
        let before = router.log.ranges(of: "the settings have been read again").count
        try router.reload(settings)
        try eventually("the settings to be read") {
            router.log.ranges(of: "the settings have been read again").count > before
        }
        #expect(!router.log.contains("a restart is needed"))
    }

    @Test func aDatabaseGoes() throws {
        var (settings, router) = try start()
        let staying = try client(router, "one")
        let idle = try client(router, "two")
        let busy = try client(router, "two")
        try busy.succeed("BEGIN")
        try busy.succeed("SELECT txid_current()")
        settings.tables["databases.two"] = nil
        settings.tables["databases.three"] = settings.tables["databases.one"]
        try reload(router, settings)
        #expect("\(try idle.readUntilEnd())".contains("database \"two\" was removed"))
        // A transaction is finished first.
        #expect(try busy.value("SELECT 1") == "1")
        try busy.succeed("COMMIT")
        #expect("\(try busy.readUntilEnd())".contains("database \"two\" was removed"))
        #expect(try staying.value("SELECT 1") == "1")
        #expect(try Self.ask(router, "two").errors.contains("database \"two\" does not exist"))
        #expect(try Self.ask(router, "three").output == "in\n")
        // And may come back.
        settings.tables["databases.two"] = settings.tables["databases.one"]
        try reload(router, settings)
        #expect(try Self.ask(router, "two").output == "in\n")
    }

    @Test func aDatabaseMoves() throws {
        var (settings, router) = try start()
        let moved = try client(router, "two")
        settings.tables["databases.two"]?["dbname"] = "\"postgres\""
        try reload(router, settings)
        #expect("\(try moved.readUntilEnd())".contains("database \"two\" is served elsewhere"))
        let there = try client(router, "two")
        #expect(try there.value("SELECT current_database()") == "postgres")
    }

    @Test func usersComeAndGo() throws {
        var (settings, router) = try start()
        let app = try client(router, "one")
        settings.tables["users.app"] = nil
        try reload(router, settings)
        #expect("\(try app.readUntilEnd())".contains("user \"app\" was removed"))
        #expect(try Self.ask(router, "one").errors.contains("password authentication failed"))
        #expect(try Self.ask(router, "one", user: "postgres", password: "postgres").output == "in\n")
        // The password that clients prove is the router's.
        settings.tables["users.app"] = ["password": "\"app\""]
        settings.tables["users.postgres"] = ["password": "\"another\""]
        try reload(router, settings)
        #expect(try Self.ask(router, "one").output == "in\n")
        #expect(try Self.ask(router, "one", user: "postgres", password: "postgres").status == 2)
    }

    @Test func aPoolGrows() throws {
        var (settings, router) = try start()
        settings.tables["pool"] = ["size": "1", "wait_timeout": "\"1s\""]
        try reload(router, settings)
        let first = try client(router, "one")
        let second = try client(router, "one")
        try first.succeed("BEGIN")
        try first.succeed("SELECT txid_current()")
        #expect("\(try second.query("SELECT txid_current()"))".contains("wait_timeout"))
        settings.tables["pool"] = ["size": "2", "wait_timeout": "\"20s\""]
        try reload(router, settings)
        try second.succeed("SELECT txid_current()")
        try first.succeed("COMMIT")
    }

    @Test func limitsOfTheProcess() throws {
        var (settings, router) = try start()
        settings.tables["server"]?["max_clients"] = "1"
        let first = try client(router, "one")
        try reload(router, settings)
        let refused = try Self.ask(router, "one")
        #expect(refused.errors.contains("too many clients"))
        settings.tables["server"]?["max_clients"] = "100"
        settings.tables["admin"] = ["users": "[\"app\"]"]
        try reload(router, settings)
        #expect(try Self.ask(router, "one").output == "in\n")
        let console = try Programs.psql(port: router.port, "SHOW VERSION", database: "pointsman")
        #expect(console.output.hasPrefix("Pointsman "))
        #expect(try first.value("SELECT 1") == "1")
    }
}
