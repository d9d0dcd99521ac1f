// Are texts split as the server splits them, wherever its settings come from?

import TestSupport
import Testing

@Suite struct StringSettingTests {
    private func makeRole(_ settings: String...) throws -> String {
        let role = SharedCluster.tableName("writer")
        try Stage.cluster().primary.psql("CREATE ROLE \(role) LOGIN PASSWORD 'x'", "GRANT app TO \(role)")
        for setting in settings { try Stage.cluster().primary.psql("ALTER ROLE \(role) SET \(setting)") }
        try Stage.cluster().waitUntilReplayed()
        return role
    }

    private func router(_ role: String, poolSize: Int = 2) throws -> RouterProcess {
        try Stage.startRouter(Stage.cluster(), [
            "users.\(role)": ["password": "\"x\""], "pool": ["size": "\(poolSize)", "max_pinned": "\"100%\""],
        ])
    }

    /// A SELECT with a write behind it where a backslash is an escape; two strings where it is not.
    private static func hidden(_ statement: String) -> String { #"SELECT '\', '; "# + statement + " --'" }

    @Test func escapesByRole() throws {
        let role = try makeRole("standard_conforming_strings = off", "escape_string_warning = off")
        let table = try Stage.makeTable("x int")
        try Stage.run("GRANT ALL ON \(table) TO public")
        let router = try router(role)
        let client = try router.client(user: role)
        #expect(client.parameters["standard_conforming_strings"] == "off")
        for number in 1...10 {
            try client.succeed(Self.hidden("INSERT INTO \(table) VALUES (\(number))"))
            #expect(try client.value("SELECT count(*) FROM \(table)") == "\(number)")
        }
        // What it leaves is not left to others.
        try client.succeed(Self.hidden("SET application_name = leak"))
        #expect(try client.value("SHOW application_name") == "leak")
        let others = try (0..<3).map { _ in try router.client(user: role) }
        for other in others {
            #expect(try other.value("SHOW application_name") != "leak")
            try other.succeed("BEGIN")
            #expect(try other.value("SELECT current_setting('application_name') FOR UPDATE") != "leak")
            try other.succeed("COMMIT")
        }
        client.close()
        let plain = try router.client(user: role, options: [("options", "-c standard_conforming_strings=on")])
        for _ in 0..<5 { #expect(try plain.value(#"SELECT 'a\b'"#) == #"a\b"#) }
        for _ in 0..<5 { #expect(try others[0].value(#"SELECT 'a\\b'"#) == #"a\b"#) }
    }

    /// Statements of one text are two where they read differently.
    @Test func statementsAreNotShared() throws {
        let role = try makeRole("escape_string_warning = off")
        let router = try router(role, poolSize: 1)
        let plain = try router.client(user: role)
        let escaping = try router.client(user: role, options: [("standard_conforming_strings", "off")])
        for _ in 0..<4 {
            for (client, expected) in [(plain, #"a\\b"#), (escaping, #"a\b"#)] {
                #expect(try client.exchange([.parse(#"SELECT 'a\\b'"#, name: "s")]).errors == [])
                #expect(try client.exchange([.bind(statement: "s"), .execute()]).value == expected)
                #expect(try client.exchange([.closeStatement("s")]).errors == [])
            }
        }
    }

    /// Servers that log in later have another value; the clients stay.
    @Test func changedBetweenLogins() throws {
        let role = try makeRole("escape_string_warning = off")
        let router = try router(role)
        let table = try Stage.makeTable("x int")
        try Stage.run("GRANT ALL ON \(table) TO public")
        let client = try router.client(user: role)
        #expect(try client.value(#"SELECT '\'"#) == #"\"#)
        #expect(try client.exchange([.parse(Self.hidden("INSERT INTO \(table) VALUES (0)"), name: "s")]).errors == [])
        #expect(try client.exchange([.bind(statement: "s"), .execute()]).errors == [])
        #expect(try client.value("SELECT count(*) FROM \(table)") == "0")
        try Stage.cluster().primary.psql("ALTER ROLE \(role) SET standard_conforming_strings = off")
        try Stage.cluster().waitUntilReplayed()
        for node in try Stage.cluster().nodes {
            try node.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '\(role)'")
        }
        try eventually("servers of the new value") {
            try client.query("SHOW standard_conforming_strings").value == "off"
        }
        for number in 1...5 {
            try client.succeed(Self.hidden("INSERT INTO \(table) VALUES (\(number))"))
            #expect(try client.value("SELECT count(*) FROM \(table)") == "\(number)")
        }
        #expect(try client.exchange([.bind(statement: "s"), .execute()]).errors == ["42601"])
    }

    @Test func changedInATransaction() throws {
        let client = try Stage.client()
        try client.succeed("BEGIN")
        try client.succeed("SET LOCAL standard_conforming_strings = off")
        try client.succeed(Self.hidden("SET application_name = leak"))
        try client.succeed("COMMIT")
        #expect(try client.value("SHOW application_name") == "leak")
        #expect(try client.value(#"SELECT '\'"#) == #"\"#)
        client.close()
        for _ in 0..<5 {
            let other = try Stage.client()
            try other.succeed("BEGIN; SELECT 1 FOR UPDATE")
            #expect(try other.value("SHOW application_name") != "leak")
        }
    }

    /// The second byte of 表 is a backslash.
    @Test func encodingByRole() throws {
        let role = try makeRole("client_encoding = sjis")
        let router = try router(role)
        let client = try router.client(user: role)
        #expect(client.parameters["client_encoding"] == "SJIS")
        let text: [UInt8] = Array("SELECT '".utf8) + [0x95, 0x5C] + Array("'".utf8) + [0]
        let length = UInt32(text.count + 4)
        let message = [0x51] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + text
        try client.send(.raw(message))
        #expect(try client.readUntilReady().errors == [])
        #expect(try client.port() == Stage.primaryPort())
    }
}
