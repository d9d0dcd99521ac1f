// Where shall the router listen, and how much may it take?

import Probing
import Proxy
import Telemetry

extension Inspection {
    mutating func listen(_ table: Table) -> ListenSettings {
        var settings = ListenSettings()
        let form = #"addresses or host names without a port, such as ["127.0.0.1", "::1"]"#
        if let addresses = strings("addresses", in: table, expected: form) {
            settings.addresses = addresses
            for (index, address) in addresses.enumerated() where !Self.isAddressWithoutPort(address) {
                let found = Value.string(address).shown
                note(.wrongValue(expected: form, found: found), at: table.path(of: "addresses").appending(index))
            }
        }
        settings.unixSocketDirectory = string("unix_socket_dir", in: table, expected: "a directory")
        let octal = #"octal digits such as "0770""#
        if let text = string("unix_socket_mode", in: table, expected: octal) {
            if let mode = UInt32(text, radix: 8), mode <= 0o777 {
                settings.unixSocketMode = mode
            } else {
                noteWrong("unix_socket_mode", in: table, expected: octal, found: .string(text))
            }
        }
        settings.port = port("port", in: table) ?? settings.port
        settings.readerPort = port("reader_port", in: table)
        settings.writerPort = port("writer_port", in: table)
        settings.sharesPort = boolean("shares_port", in: table) ?? settings.sharesPort
        let sources = #"networks, addresses or "unix", such as ["10.0.0.0/8", "127.0.0.1"]"#
        for (index, source) in (strings("proxy_protocol_from", in: table, expected: sources) ?? []).enumerated()
        where !settings.proxies.add(source) {
            let path = table.path(of: "proxy_protocol_from").appending(index)
            note(.wrongValue(expected: sources, found: Value.string(source).shown), at: path)
        }

        checkPorts(settings, table)
        checkReachable(settings, table)
        return settings
    }

    private static func isAddressWithoutPort(_ address: String) -> Bool {
        let colons = address.count { $0 == ":" }
        return colons != 1 && !address.contains { $0.isWhitespace || "[]/*".contains($0) }
    }

    private mutating func checkPorts(_ settings: ListenSettings, _ table: Table) {
        var owners: [UInt16: String] = [settings.port: "port"]
        for (key, port) in [("reader_port", settings.readerPort), ("writer_port", settings.writerPort)] {
            guard let port else { continue }
            if let owner = owners[port] {
                note(
                    .conflict("\(port) is also listen.\(owner); each needs a port of its own"), at: table.path(of: key))
            }
            owners[port] = key
        }
    }

    private mutating func checkReachable(_ settings: ListenSettings, _ table: Table) {
        if settings.addresses.isEmpty && settings.unixSocketDirectory == nil {
            note(.missing(expected: "an address, or unix_socket_dir"), at: table.path(of: "addresses"))
        }
        if let directory = settings.unixSocketDirectory {
            let longest = ListenSettings.longestSocketPath - "/.s.PGSQL.65535".utf8.count
            if directory.utf8.count > longest {
                let found = "\(directory.utf8.count) bytes"
                note(
                    .wrongValue(expected: "a directory whose name has at most \(longest) bytes", found: found),
                    at: table.path(of: "unix_socket_dir"))
            }
        }
    }

    mutating func server(_ table: Table) -> ServerSettings {
        var settings = ServerSettings()
        settings.workers = integer("workers", in: table, 0...ServerSettings.mostWorkers) ?? settings.workers
        settings.maxClients = integer("max_clients", in: table, 1...1_000_000) ?? settings.maxClients
        settings.loginTimeout =
            duration("login_timeout", in: table, atLeast: .seconds(1), atMost: .seconds(3600)) ?? settings.loginTimeout
        settings.maxMessageSize =
            size("max_message_size", in: table, 16_384...(1 << 30)) ?? settings.maxMessageSize
        settings.maxDatabaseClients = limit("max_database_clients", in: table) ?? 0
        settings.maxUserClients = limit("max_user_clients", in: table) ?? 0
        settings.maxConnections = limit("max_server_connections", in: table) ?? 0
        settings.maxNodeConnections = limit("max_node_connections", in: table) ?? 0
        settings.maxDatabaseConnections = limit("max_database_connections", in: table) ?? 0
        settings.maxUserConnections = limit("max_user_connections", in: table) ?? 0
        settings.maxHeld = integer("max_held", in: table, 0...1_000_000) ?? settings.maxHeld
        settings.maxHeldBytes = size("max_held_bytes", in: table, 65_536...(1 << 40)) ?? settings.maxHeldBytes
        settings.zone = string("zone", in: table)
        settings.logsConnections = boolean("log_connections", in: table) ?? settings.logsConnections
        settings.peerID = integer("peer_id", in: table, 1...ServerSettings.largestPeerID) ?? settings.peerID
        return settings
    }

    /// A number of connections; zero: no limit.
    mutating func limit(_ key: String, in table: Table) -> Int? { integer(key, in: table, 0...1_000_000) }

    /// The other processes, by their numbers; the process itself may stand among them, so that all can have one list.
    mutating func peers(_ table: Table, own: Int) -> [Int: NodeSettings] {
        let form = #""host:port", or "/directory:port" of a unix socket"#
        var peers: [Int: NodeSettings] = [:]
        for key in table.values.keys.sorted() {
            guard let number = Int(key), (1...ServerSettings.largestPeerID).contains(number) else {
                let expected = "numbers from 1 to \(ServerSettings.largestPeerID), as in server.peer_id"
                note(.unknownKey(advice: "expected \(expected)"), at: table.path(of: key))
                continue
            }
            guard let text = string(key, in: table, expected: form) else { continue }
            guard let address = NodeAddress(text), !text.contains(where: \.isWhitespace) else {
                noteWrong(key, in: table, expected: form, found: .string(text))
                continue
            }
            peers[number] = NodeSettings(host: address.host, port: address.port)
        }
        if own == 0, !table.values.isEmpty {
            note(.conflict("without server.peer_id no peer knows which clients are this process's"), at: table.path)
        }
        peers[own] = nil
        return peers
    }

    mutating func log(_ table: Table) -> LogSettings {
        var settings = LogSettings()
        let levels: KeyValuePairs<String, LogLevel> = [
            "debug": .debug, "info": .info, "notice": .notice, "warning": .warning, "error": .error,
        ]
        settings.level = choice("log_level", in: table, levels) ?? settings.level
        settings.format = choice("log_format", in: table, ["text": .text, "json": .json]) ?? settings.format
        return settings
    }
}
