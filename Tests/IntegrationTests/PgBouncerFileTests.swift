// Does the router run with a settings file of PgBouncer's as it is?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct PgBouncerFileTests {
    private func write(_ files: [String: String]) throws -> String {
        let directory = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
        }
        return directory
    }

    @Test func asItIs() throws {
        let cluster = try Stage.cluster()
        let port = try LoopbackPort.free()
        let ini = """
            [databases]
            shop = host=127.0.0.1 port=\(cluster.primary.port) dbname=app
            as_app = host=127.0.0.1 port=\(cluster.primary.port) dbname=app user=app password=app

            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            auth_type = md5
            auth_file = userlist.txt
            admin_users = postgres
            pool_mode = transaction
            max_client_conn = 100
            default_pool_size = 20
            """
        let directory = try write([
            "pgbouncer.ini": ini, "userlist.txt": "\"app\" \"app\"\n\"postgres\" \"postgres\"\n",
        ])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let program = ExternalProgram(
            try Repository.program(), Repository.run("\(directory)/pgbouncer.ini"), workingDirectory: directory)
        let router = program.process()
        try router.run()
        defer {
            router.terminate()
            router.waitUntilExit()
        }
        func ask(_ sql: String, _ database: String, user: String = "app") throws -> String {
            try Programs.psql(port: port, sql, user: user, database: database, password: user).output
        }
        try eventually("the router to serve") { try ask("SELECT current_database()", "shop") == "app\n" }
        #expect(try ask("SELECT current_user", "shop", user: "postgres") == "postgres\n")
        // Whoever logs in, the servers see the user of the database.
        #expect(try ask("SELECT current_user", "as_app", user: "postgres") == "app\n")
        #expect(try ask("SHOW POOLS", "pgbouncer", user: "postgres").contains("as_app|app|"))
        #expect(try ask("SHOW CONFIG", "pgbouncer", user: "postgres").contains("default_pool_size|20|20|yes"))
    }

    @Test func mistakesAreTold() throws {
        let directory = try write(["pgbouncer.ini": "[databases]\nx = host='h\n"])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for command in [["import"], ["run", "--config"], ["check", "--config"]] {
            let program = ExternalProgram(try Repository.program(), command + ["\(directory)/pgbouncer.ini"])
            let result = try program.run()
            #expect(result.status == 1 && result.errors.contains("the connection string cannot be read"))
        }
    }
}
