// Does each setting arrive where it belongs?

import Authentication
import Discovery
import Foundation
import Pooling
import Probing
import Proxy
import Routing
import Telemetry
import Testing

@testable import Settings

@Suite struct ConfigurationTests {
    @Test func leastFileGivesTheDefaults() throws {
        let configuration = try Fixture.read("minimal.toml")
        #expect(configuration.proxy.listen == ListenSettings())
        #expect(configuration.proxy.server == ServerSettings())
        #expect(configuration.proxy.authentication.method == .trust)
        #expect(
            configuration.proxy.clusters == [
                "main": ClusterDefinition(name: "main", nodes: [NodeSettings(host: "10.0.0.1")])
            ])
        #expect(configuration.proxy.databases == ["*": DatabaseSettings(name: "*", cluster: "main")])
        #expect(configuration.proxy.users == ["alice": UserSettings(name: "alice")])
        #expect(configuration.proxy.directory.lookup("alice") == .unusable)
        #expect(configuration.proxy.directory.lookup("bob") == nil)
        #expect(configuration.probe == ProbeSettings())
        #expect(configuration.log == LogSettings())
        #expect(configuration.routing == RoutingSettings())
    }

    static let full = Result { try Fixture.read("full.toml") }

    @Test func listenServerLogProbe() throws {
        let configuration = try Self.full.get()
        var listen = ListenSettings(
            addresses: ["127.0.0.2", "::1"], unixSocketDirectory: "/run/pointsman", port: 7432, writerPort: 7434,
            readerPort: 7433)
        listen.sharesPort = true
        listen.unixSocketMode = 0o770
        #expect(configuration.proxy.listen == listen)
        var server = ServerSettings(
            workers: 3, maxClients: 500, loginTimeout: .seconds(5), maxMessageSize: 1 << 20)
        server.peerID = 2
        server.logsConnections = false
        server.maxDatabaseClients = 300
        server.maxUserClients = 200
        server.maxConnections = 90
        server.maxNodeConnections = 80
        server.maxDatabaseConnections = 70
        server.maxUserConnections = 60
        server.maxHeld = 50
        server.maxHeldBytes = 1 << 20
        #expect(configuration.proxy.server == server)
        #expect(
            configuration.proxy.peers == [
                1: NodeSettings(host: "10.0.0.1", port: 6432),
                31: NodeSettings(host: "/run/pointsman-31", port: 7432),
            ])
        #expect(configuration.log == LogSettings(level: .warning, format: .json))
        var probe = ProbeSettings()
        probe.user = "watcher"
        probe.password = "from the environment"
        probe.database = "template1"
        probe.interval = .milliseconds(50)
        probe.minInterval = .milliseconds(5)
        probe.timeout = .milliseconds(700)
        probe.failuresUntilDown = 4
        probe.catalogInterval = .seconds(300)
        #expect(configuration.probe == probe)
    }

    @Test func transports() throws {
        let proxy = try Self.full.get().proxy
        func path(_ name: String) -> String { "\(Fixture.directory)/\(name)" }
        var clients = TransportSettings(.disable)
        clients.tls.certificate = path("server.crt")
        clients.tls.key = path("server.key")
        clients.tls.authorities = path("authority.crt")
        clients.tls.minimumVersion = .v1_3
        clients.tls.ciphers = "ECDHE+AESGCM"
        clients.tls.cipherSuites = "TLS_AES_256_GCM_SHA384"
        #expect(proxy.transport == clients)
        #expect(proxy.readerSecurity == .disable && proxy.writerSecurity == .disable)
        var main = TransportSettings(.verifyFull)
        main.tls = clients.tls
        main.tls.certificate = nil
        main.tls.key = nil
        main.isDirect = true
        #expect(proxy.clusters["main"]?.transport == main)
        var second = TransportSettings(.disable)
        second.tls.certificate = path("client.crt")
        second.tls.key = path("client.key")
        #expect(proxy.clusters["second one"]?.transport == second)
        #expect(proxy.clusters["dns"]?.transport == TransportSettings(.prefer))
    }

    @Test func clusters() throws {
        var clusters = try Self.full.get().proxy.clusters
        for name in clusters.keys { clusters[name]?.transport = TransportSettings(.prefer) }
        #expect(
            clusters == [
                "main": ClusterDefinition(
                    name: "main",
                    nodes: [
                        NodeSettings(host: "10.0.0.1"),
                        NodeSettings(host: "fe80::1", port: 5433, weight: 2, zone: "a"), NodeSettings(host: "db-3"),
                    ]),
                "second one": ClusterDefinition(name: "second one", nodes: [NodeSettings(host: "10.1.0.1")]),
                "patroni": ClusterDefinition(name: "patroni"), "dns": ClusterDefinition(name: "dns"),
                "aurora": ClusterDefinition(name: "aurora"), "elsewhere": ClusterDefinition(name: "elsewhere"),
            ])
    }

    @Test func discoveries() throws {
        #expect(
            try Self.full.get().discoveries == [
                "patroni": DiscoverySettings(
                    source: .patroni(urls: ["http://10.0.0.1:8008/cluster", "https://db-2:8008/cluster"]),
                    interval: .seconds(1), timeout: .milliseconds(300),
                    authorities: "\(Fixture.directory)/userlist.txt"),
                "dns": DiscoverySettings(
                    source: .dns([
                        DiscoveredName(host: "pg.internal", port: 5433),
                        DiscoveredName(host: "other.internal", port: 5432),
                    ])),
                "aurora": DiscoverySettings(
                    source: .aurora(
                        [DiscoveredName(host: "a.cluster-abc.eu-west-1.rds.amazonaws.com", port: 5432)],
                        domain: ".abc.eu-west-1.rds.amazonaws.com")),
                "elsewhere": DiscoverySettings(
                    source: .aurora([DiscoveredName(host: "writer.internal", port: 5433)], domain: ".internal")),
            ])
    }

    @Test func poolsOfDatabasesAndUsers() throws {
        let proxy = try Self.full.get().proxy
        var pool = PoolSettings()
        pool.size = 40
        pool.minSize = 1
        pool.reserveSize = 4
        pool.reserveTimeout = .seconds(3)
        pool.maxPinned = .percent(25)
        pool.maxPreparedStatements = 50
        pool.maxClients = 33
        pool.maxWaiters = 99
        pool.maxConnecting = 2
        pool.waitTimeout = .seconds(7)
        pool.idleTimeout = .seconds(8)
        pool.lifetime = .seconds(540)
        pool.connectTimeout = .seconds(2)
        pool.retryDelay = .milliseconds(20)
        pool.maxRetryDelay = .seconds(2)
        pool.maxOvertaking = .milliseconds(5)
        pool.queryTimeout = .seconds(30)
        pool.transactionTimeout = .seconds(600)
        pool.idleTransactionTimeout = .seconds(60)
        pool.clientIdleTimeout = .seconds(3600)
        pool.waitNotice = .seconds(2)
        let wildcard = try #require(proxy.database(named: "anything"))
        #expect(wildcard.name == "*")
        #expect(wildcard.pool == pool)
        #expect(proxy.poolSettings(database: wildcard, user: "nobody") == pool)

        let app = try #require(proxy.database(named: "app"))
        pool.size = 7
        pool.maxPinned = .count(2)
        #expect(app.pool == pool)
        pool.size = 3
        #expect(proxy.poolSettings(database: app, user: "alice") == pool)
        pool.size = 7
        pool.waitTimeout = .seconds(1)
        #expect(proxy.poolSettings(database: app, user: "carol") == pool)
    }

    @Test func routingOfDatabases() throws {
        let configuration = try Self.full.get()
        var routing = RoutingSettings()
        routing.consistency = .primary
        routing.maxLag = .seconds(2)
        routing.readFallback = .wait
        routing.readerFallback = .error
        routing.nodeFunctions = .primary
        routing.afterWrite = .wait
        routing.afterWriteWait = .milliseconds(100)
        routing.lazyBegin = false
        routing.splitTransactions = true
        routing.failoverWait = .seconds(3)
        routing.maxBufferedBatch = 8192
        #expect(configuration.routing == routing)
        #expect(configuration.proxy.databases["*"]?.routing == routing)
        routing.consistency = .eventual
        routing.maxLag = .seconds(1)
        #expect(configuration.proxy.databases["app"]?.routing == routing)
    }

    @Test func databaseNames() throws {
        let proxy = try Self.full.get().proxy
        #expect(proxy.database(named: "app")?.serverName(forRequest: "app") == "app_production")
        #expect(proxy.database(named: "other")?.serverName(forRequest: "other") == "other")
        #expect(try Fixture.read("minimal.toml").proxy.database(named: "app")?.cluster == "main")
    }

    @Test func usersOfBothPlaces() throws {
        let configuration = try Self.full.get()
        let directory = configuration.proxy.directory
        #expect(configuration.proxy.authentication.method == .scramSHA256)
        #expect(configuration.proxy.authentication.query == "SELECT name, secret FROM users WHERE name = $1")
        #expect(configuration.proxy.authentication.queryUser == "bob")
        #expect(configuration.proxy.authentication.queryDatabase == "accounts")
        #expect(configuration.proxy.authentication.pamService == "login")
        var ldap = LDAPSettings()
        ldap.url = "ldaps://ldap.example"
        ldap.usesStartTLS = true
        ldap.prefix = "uid="
        ldap.suffix = ",dc=example"
        ldap.base = "dc=example"
        ldap.bindName = "cn=reader,dc=example"
        ldap.bindPassword = "reader's"
        ldap.attribute = "cn"
        ldap.filter = "(cn=$username)"
        #expect(configuration.proxy.authentication.ldap == ldap)
        #expect(configuration.proxy.access?.rules.map(\.line) == [2, 3, 4])
        #expect(configuration.proxy.access?.maps.map(\.map) == ["admins", "certificates"])
        #expect(configuration.proxy.authentication.scramIterations == 5000)
        #expect(directory.lookup("alice") == .plain("alice's password"))
        #expect(directory.lookup("bob") == .plain("hunter2"))
        #expect(directory.lookup("carol") == .md5("5f4dcc3b5aa765d61d8327deb882cf99"))
        #expect(directory.lookup("dora") == .plain("dora's \"quoted\" password"))
        #expect(directory.lookup("eve") == nil)
        #expect(directory.count == 4)
    }

    @Test func filesAreFoundBesideTheSettingsFile() throws {
        let relative = try Fixture.text("full.toml")
            .replacing("{ env = \"PROBE_PASSWORD\" }", with: "{ file = \"bob.password\" }")
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for name in ["bob.password", "userlist.txt", "authority.crt", "hba.conf", "ident.conf"] {
            try FileManager.default.copyItem(
                atPath: "\(Fixture.directory)/\(name)", toPath: directory.appendingPathComponent(name).path)
        }
        let path = directory.appendingPathComponent("settings.toml").path
        try relative.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try Configuration.load(path: path).probe.password == "hunter2")
    }

    @Test func unreadableFiles() throws {
        let missing = #expect(throws: SettingsError.self) { try Configuration.load(path: "/nowhere/settings.toml") }
        #expect(missing?.description == "/nowhere/settings.toml: no such file: /nowhere/settings.toml")
        let directory = #expect(throws: SettingsError.self) { try Configuration.load(path: "/") }
        #expect(directory?.description == "/: a directory, not a file: /")
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try Data([0x61, 0x20, 0x3D, 0x20, 0xFF]).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let binary = #expect(throws: SettingsError.self) { try Configuration.load(path: path) }
        #expect(binary?.description == "\(path): not UTF-8 text: \(path)")
        #expect(
            Fixture.mistakes("a = 1\nb = \"\u{0}\"")
                == "test.toml:2: this is not valid TOML: the file contains a zero byte\n")
    }

    @Test func noMessageShowsASecret() {
        let secrets = ["hunter2", "SCRAM-SHA-256$hunter2", "md5hunter2"]
        for secret in secrets {
            for value in [
                "\"\(secret)\"", "[\"\(secret)\"]", "{ value = \"\(secret)\" }", "{ env = \"X\", x = \"\(secret)\" }",
            ] {
                let text = "probe.password = \(value)\nusers.a.password = \(value)\nprobe.pass = \(value)"
                #expect(!Fixture.mistakes(text).contains("hunter2"), "\(value)")
            }
            for text in ["\(secret)", "\"\(secret)", "\(secret)\"", "'\(secret)\n'", "\"\(secret)\\q\"", "[\(secret)]"]
            {
                let mistakes = Fixture.mistakes("probe.password = \(text)\n")
                #expect(!mistakes.isEmpty && !mistakes.contains("hunter2"), "\(mistakes)")
            }
        }
    }

    /// A key that is listed and not read would be ignored in silence: a wrong value must be a mistake of every key.
    @Test(arguments: Section.allCases) func everyListedKeyIsRead(_ section: Section) {
        for key in section.keys {
            let path = section.rawValue.replacing("nodes[]", with: "nodes").replacing("NAME", with: "n")
            let text =
                switch section {
                case .top: "\(key) = 07:32:00"
                case .node:
                    "clusters.n.nodes = [{ address = \"a:1\", \(key) = 07:32:00 }]".replacing(
                        "address = \"a:1\", address", with: "address")
                case .secret: "users.n.password = { \(key) = 07:32:00 }"
                default: "\(path).\(key) = 07:32:00"
                }
            let mistakes = Fixture.mistakes(text)
            let place =
                ": " + (section == .top ? "" : section == .secret ? "users.n.password." : "\(path).") + "\(key): "
            let found = mistakes.replacing("nodes[0]", with: "nodes")
            #expect(
                found.contains(place + "expected ") || (found.contains(place) && found.contains("not supported")),
                "\(text):\n\(mistakes)")
        }
    }
}
