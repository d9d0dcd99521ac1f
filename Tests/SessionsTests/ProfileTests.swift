// Are the settings of a client told to its servers, and only what differs?

import SQL
import Testing
import Wire

@testable import Sessions

/// The settings that clients bring, and what servers are told of them.
struct ProfileTests {
    private func list(_ pairs: (String, String)...) -> [StartupParameter] {
        pairs.map { StartupParameter($0.0, $0.1) }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func equalListsHaveOneNumber() {
        var table = ProfileTable()
        let first = table.retain(list(("DateStyle", "ISO"), ("search_path", "a")))
        #expect(table.retain(list(("search_path", "a"), ("datestyle", "ISO"))) == first)
        #expect(table.retain(list(("datestyle", "German"), ("search_path", "a"), ("DATESTYLE", "ISO"))) == first)
        #expect(table.retain(list(("search_path", "b"))).id != first.id)
        #expect(table.retain([]) == .base)
    }

    @Test func harmlessSettingsShareStatements() {
        var table = ProfileTable()
        let named = table.retain(list(("application_name", "x")))
        #expect(named.id != .base && named.parsing == .base)
        let first = table.retain(list(("search_path", "a")))
        let second = table.retain(list(("search_path", "a"), ("application_name", "x")))
        #expect(first.parsing == second.parsing && first.id != second.id)
    }

    @Test func nothingIsLeftOfClientsThatAreGone() {
        var table = ProfileTable()
        let lists = [
            list(("search_path", "a")), list(("application_name", "x")), [],
            list(("search_path", "a"), ("application_name", "x")),
        ]
        let profiles = (lists + lists).map { table.retain($0) }
        #expect(table.count == 3)
        for profile in profiles { table.release(profile) }
        #expect(table.count == 0)
        let again = table.retain(lists[0])
        #expect(!profiles.contains(again), "numbers are never given twice")
    }

    /// Clients that bring the same again and again, and servers that keep the profiles of some, come and go at random.
    @Test(arguments: [UInt64(1), 2, 3])
    func countedAsWrittenDown(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = ProfileTable()
        let lists = [
            list(("search_path", "a")), list(("application_name", "x")), [],
            list(("search_path", "a"), ("application_name", "x")), list(("APPLICATION_NAME", "x")),
        ]
        var clients: [SettingsProfile] = []
        var servers: [ProfileID] = []
        for _ in 0..<5_000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1: clients.append(table.retain(lists[Int.random(in: lists.indices, using: &random)]))
            case 2, 3:
                guard !clients.isEmpty else { continue }
                table.release(clients.remove(at: Int.random(in: clients.indices, using: &random)))
            case 4:
                guard let profile = clients.randomElement(using: &random) else { continue }
                table.retain(profile.id)
                servers.append(profile.id)
            default:
                guard !servers.isEmpty else { continue }
                table.release(servers.remove(at: Int.random(in: servers.indices, using: &random)))
            }
            let used = Set(clients.flatMap { [$0.id, $0.parsing] } + servers).subtracting([.base])
            #expect(table.count == used.count)
            #expect(used.allSatisfy { !table.parameters(of: $0).isEmpty })
        }
        for client in clients { table.release(client) }
        for server in servers { table.release(server) }
        #expect(table.count == 0)
    }

    @Test func difference() {
        var table = ProfileTable()
        let none = ProfileID.base
        let first = table.retain(list(("a", "1"), ("b.c", "it's \\ \"x\""))).id
        let second = table.retain(list(("a", "2"), ("d", "4"))).id
        #expect(table.difference(from: first, to: first) == [])
        #expect(
            text(table.difference(from: none, to: first))
                == #"SELECT pg_catalog.set_config(E'a',E'1',false),pg_catalog.set_config(E'b.c',E'it''s \\ "x"',false)"#
        )
        #expect(
            text(table.difference(from: first, to: second))
                == #"RESET "b"."c";SELECT pg_catalog.set_config(E'a',E'2',false)"#
                + #",pg_catalog.set_config(E'd',E'4',false)"#
        )
        #expect(text(table.difference(from: second, to: none)) == #"RESET "a";RESET "d";"#)
        #expect(ProfileTable.quotedName("a\"b.c") == "\"a\"\"b\".\"c\"")
    }

    @Test(arguments: [
        ("off", false), ("OFF", false), ("of", false), ("f", false), ("fal", false), ("false", false), ("n", false),
        ("no", false), ("0", false), ("on", true), ("o", true), ("true", true), ("1", true), ("", true),
    ])
    func standardConformingStrings(_ value: String, _ isOn: Bool) {
        var table = ProfileTable()
        let profile = table.retain(list(("standard_conforming_strings", value)))
        #expect(profile.lexer.standardConformingStrings == isOn)
    }

    @Test(arguments: [
        ("UTF8", true), ("latin1", true), ("SJIS", false), ("Shift_JIS", false), ("gbk", false), ("GB-18030", false),
        ("big5", false), ("EUC_JP", true), ("shift_jis_2004", false), ("uhc", false), ("johab", false),
    ])
    func encodings(_ value: String, _ isSafe: Bool) {
        var table = ProfileTable()
        #expect(table.retain(list(("client_encoding", value))).lexer.clientEncodingIsASCIISafe == isSafe)
    }

    @Test func isolation() {
        var table = ProfileTable()
        let profile = table.retain(list(("default_transaction_isolation", "Serializable")))
        #expect(profile.forbidsReplicas && profile.defaultIsolation == .serializable)
        #expect(!table.retain(list(("default_transaction_isolation", "read committed"))).forbidsReplicas)
    }

    // MARK: The startup packet

    private func read(_ pairs: (String, String)..., version: ProtocolVersion = .v3_0) -> Result<
        StartupRequest, StartupMistake
    > {
        StartupRequest.read(version: version, pairs.map { StartupParameter($0.0, $0.1) })
    }

    @Test func startup() throws {
        let request = try read(
            ("user", "alice"), ("application_name", "x"), ("options", "-c a=1 --b-c=2"), ("replication", "off")
        ).get()
        #expect(request.user == "alice" && request.database == "alice" && !request.needsNegotiation)
        #expect(request.settings == list(("a", "1"), ("b_c", "2"), ("application_name", "x")))
        #expect(try read(("user", "alice"), ("database", "app")).get().database == "app")
        #expect(read(("database", "app")) == .failure(.noUser))
    }

    @Test(arguments: [
        ("database", ReplicationKind.database), ("Database", .database), ("true", .physical), ("t", .physical),
        ("on", .physical), ("YES", .physical), ("1", .physical), ("false", nil), ("of", nil), ("n", nil), ("0", nil),
    ])
    func replication(_ value: String, _ kind: ReplicationKind?) throws {
        #expect(try read(("user", "a"), ("replication", value)).get().replication == kind)
    }

    @Test(arguments: ["", "o", "maybe", "data", "10", "truely"])
    func unknownReplication(_ value: String) {
        #expect(read(("user", "a"), ("replication", value)) == .failure(.replication(value)))
    }

    @Test func negotiation() throws {
        let cases = [(0, false, false), (1, true, false), (2, false, true), (9999, true, true)]
        for (minor, negotiates, hasLongKey) in cases {
            let version = ProtocolVersion(rawValue: 3 << 16 | Int32(minor))
            let request = try read(("user", "a"), version: version).get()
            #expect(request.needsNegotiation == negotiates && request.hasLongKey == hasLongKey, "3.\(minor)")
        }
        let request = try read(("user", "a"), ("_pq_.x", "1")).get()
        #expect(request.needsNegotiation && request.unsupportedOptions == ["_pq_.x"] && request.settings == [])
    }

    @Test(arguments: [
        ("", []), ("   ", []), ("-c a=b", ["a=b"]), ("-ca=b", ["a=b"]), ("--a=b", ["a=b"]), ("-c a=", ["a="]),
        (#"-c a=x\ y\\z"#, [#"a=x y\z"#]), ("-c a=1\t-c\nb=2", ["a=1", "b=2"]), ("-c a=b=c", ["a=b=c"]),
        (#"\-c a=1"#, ["a=1"]),
    ])
    func options(_ text: String, _ expected: [String]) throws {
        let settings = try StartupRequest.settings(inOptions: text).get()
        #expect(settings.map { "\($0.name)=\($0.value)" } == expected)
    }

    @Test(arguments: [
        ("-c", "-c"), ("-c a", "-c"), ("--", "--"), ("--a", "--a"), ("x", "x"), ("-c =1", "-c"), ("-B 5", "-B"),
    ])
    func badOptions(_ text: String, _ word: String) {
        #expect(StartupRequest.settings(inOptions: text) == .failure(.option(word)))
    }
}
