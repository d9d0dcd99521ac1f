// Who gets in, and does a refusal tell nothing about which users exist?

import PostgresCluster
import TestSupport
import Testing

@Suite struct LoginTests {
    private func login(
        _ router: RouterProcess, user: String = "app", password: String = "app"
    ) throws -> ExternalProgram.Result {
        try Programs.psql(port: router.port, "SELECT 'in'", user: user, password: password)
    }

    private func router(method: String) throws -> RouterProcess {
        try RouterProcess.start(
            RouterConfiguration(cluster: Stage.cluster(), overrides: ["auth": ["method": "\"\(method)\""]]))
    }

    @Test(arguments: ["plain", "md5", "scram-sha-256"]) func passwords(_ method: String) throws {
        let router = try router(method: method)
        try eventually("the right password to be taken") { try login(router).output == "in\n" }
        let wrong = try login(router, password: "wrong")
        #expect(wrong.status == 2)
        #expect(wrong.errors.contains("password authentication failed for user \"app\""))
        let unknown = try login(router, user: "nosuch", password: "wrong")
        #expect(unknown.status == 2)
        #expect(unknown.errors.replacing("nosuch", with: "app") == wrong.errors)
        #expect(try login(router, password: "").status == 2)
        #expect(try login(router).output == "in\n")
    }

    @Test func trust() throws {
        #expect(try login(Stage.router(), password: "whatever").output == "in\n")
        #expect(try login(Stage.router(), user: "postgres").output == "in\n")
    }

    @Test func aUserThatTheServersDoNotKnow() throws {
        let configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["users.ghost": ["password": "\"boo\""]])
        let router = try RouterProcess.start(configuration)
        #expect(throws: WireClient.ServerError.self) { try router.client(user: "ghost") }
        try router.waitUntilItServes()
    }

    @Test func aUsersFile() throws {
        let secret = try Stage.cluster().primary.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
        // The client's proof is all that the router has to log in to the servers with.
        var configuration = try RouterConfiguration(
            cluster: Stage.cluster(),
            overrides: ["auth": ["method": "\"scram-sha-256\"", "users_file": "\"users.txt\""]])
        configuration.tables["users.app"] = nil
        configuration.tables["users.postgres"] = nil
        let file = "; users\n\"app\" \"\(secret)\"\n\"postgres\" \"postgres\"\n"
        let router = try RouterProcess.start(configuration, files: ["users.txt": file])
        try eventually("the stored secret to be enough") { try login(router).output == "in\n" }
        #expect(try login(router, password: "wrong").errors.contains("password authentication failed"))
        #expect(try login(router, user: "postgres", password: "postgres").output == "in\n")
        for statement in ["SELECT inet_server_port()", "INSERT INTO pg_temp.x VALUES (1)"] {
            #expect(try !Programs.psql(port: router.port, statement).errors.contains("password"))
        }
    }

    @Test func aClientThatSendsGarbageInsteadOfAPassword() throws {
        let router = try router(method: "scram-sha-256")
        for garbage in ["", "SCRAM-SHA-256", "\u{1}\u{2}", String(repeating: "x", count: 5000)] {
            let client = try WireClient(silentTo: .port(router.port))
            try client.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])))
            try client.send(.password(garbage))
            let words = try client.readUntilEnd()
            #expect(words.errors.count == 1 && !words.contains { $0.kind == .readyForQuery })
        }
        try eventually("others to be served") { try login(router).output == "in\n" }
    }

    @Test func aQueryInsteadOfAPassword() throws {
        let router = try router(method: "plain")
        let client = try WireClient(silentTo: .port(router.port))
        try client.send(.raw(FrontendMessage.startup([("user", "app"), ("database", "app")])), .query("SELECT 1"))
        let words = try client.readUntilEnd()
        #expect(words.errors.count == 1 && words.rows.isEmpty)
    }
}
