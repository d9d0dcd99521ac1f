// Which settings does the console show and change, under PgBouncer's names?

import Authentication
import Pooling

/// One of PgBouncer's settings that has a counterpart here.
struct ConsoleSetting {
    enum Outcome: Equatable {
        case done
        case unknown
        case malformed(expected: String)
    }

    private let key: String
    private let read: (ProxySettings) -> String
    /// False: the value is not what it should be. nil: it cannot be changed in a running process by command.
    private let write: ((String, inout ProxySettings) -> Bool)?
    private let expected: String

    private init(
        _ key: String, expected: String = "", write: ((String, inout ProxySettings) -> Bool)? = nil,
        read: @escaping (ProxySettings) -> String
    ) {
        self.key = key
        self.read = read
        self.write = write
        self.expected = expected
    }

    /// The rows of SHOW CONFIG.
    static func rows(_ settings: ProxySettings) -> [[String?]] {
        let defaults = ProxySettings()
        return all.map { [$0.key, $0.read(settings), $0.read(defaults), $0.write == nil ? "no" : "yes"] }
    }

    static func set(_ key: String, _ value: String, _ settings: inout ProxySettings) -> Outcome {
        guard let entry = all.first(where: { $0.key == key }), let write = entry.write else { return .unknown }
        return write(value, &settings) ? .done : .malformed(expected: entry.expected)
    }

    /// A limit of pools: all databases that have the default get the new one.
    private static func pool<Value: Equatable>(
        _ key: String, _ path: WritableKeyPath<PoolSettings, Value>, expected: String,
        parse: @escaping (String) -> Value?, show: @escaping (Value) -> String
    ) -> ConsoleSetting {
        ConsoleSetting(
            key, expected: expected,
            write: { text, settings in
                guard let value = parse(text) else { return false }
                let old = settings.poolDefaults[keyPath: path]
                settings.poolDefaults[keyPath: path] = value
                for name in settings.databases.keys where settings.databases[name]?.pool[keyPath: path] == old {
                    settings.databases[name]?.pool[keyPath: path] = value
                }
                return true
            }, read: { show($0.poolDefaults[keyPath: path]) })
    }

    private static func count(
        _ key: String, _ path: WritableKeyPath<PoolSettings, Int>, from least: Int
    ) -> ConsoleSetting {
        pool(key, path, expected: "a whole number from \(least) on") { text in
            Int(text).flatMap { $0 >= least && $0 <= 100_000 ? $0 : nil }
        } show: {
            "\($0)"
        }
    }

    private static func time(_ key: String, _ path: WritableKeyPath<PoolSettings, Duration>) -> ConsoleSetting {
        pool(key, path, expected: "seconds, with a fraction or without", parse: duration, show: seconds)
    }

    private static func duration(_ text: String) -> Duration? {
        guard let seconds = Double(text), seconds >= 0, seconds < 1e9 else { return nil }
        return .milliseconds(Int(seconds * 1000))
    }

    private static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0 else { return "\(seconds)" }
        var digits = "\(1000 + milliseconds)".dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(seconds).\(digits)"
    }

    private static var all: [ConsoleSetting] { [
        ConsoleSetting("admin_users") { $0.admin.users.sorted().joined(separator: ", ") },
        ConsoleSetting("auth_type") { $0.authentication.method.rawValue },
        time("client_idle_timeout", \.clientIdleTimeout),
        ConsoleSetting(
            "client_login_timeout", expected: "seconds",
            write: { text, settings in
                guard let value = duration(text), value > .zero else { return false }
                settings.server.loginTimeout = value
                return true
            }, read: { seconds($0.server.loginTimeout) }),
        ConsoleSetting("client_tls_sslmode") { $0.transport.security.rawValue },
        count("default_pool_size", \.size, from: 1), time("idle_transaction_timeout", \.idleTransactionTimeout),
        ConsoleSetting("listen_addr") { $0.listen.addresses.joined(separator: ", ") },
        ConsoleSetting("listen_port") { "\($0.listen.port)" },
        ConsoleSetting(
            "max_client_conn", expected: "a whole number from 1 on",
            write: { text, settings in
                guard let value = Int(text), value > 0, value <= 1_000_000 else { return false }
                settings.server.maxClients = value
                return true
            }, read: { "\($0.server.maxClients)" }),
        ConsoleSetting("max_packet_size") { "\($0.server.maxMessageSize)" },
        count("max_prepared_statements", \.maxPreparedStatements, from: 1), count("min_pool_size", \.minSize, from: 0),
        ConsoleSetting("peer_id") { "\($0.server.peerID)" },
        pool(
            "pool_mode", \.mode, expected: "session, transaction or statement", parse: { PoolMode(rawValue: $0) },
            show: \.rawValue),
        time("query_timeout", \.queryTimeout), time("query_wait_notify", \.waitNotice),
        time("query_wait_timeout", \.waitTimeout), count("reserve_pool_size", \.reserveSize, from: 0),
        time("reserve_pool_timeout", \.reserveTimeout),
        ConsoleSetting("scram_iterations") { "\($0.authentication.scramIterations)" },
        time("server_connect_timeout", \.connectTimeout), time("server_idle_timeout", \.idleTimeout),
        time("server_lifetime", \.lifetime), ConsoleSetting("so_reuseport") { $0.listen.sharesPort ? "1" : "0" },
        ConsoleSetting("stats_period") { _ in "\(StatsPeriods.seconds)" },
        ConsoleSetting("stats_users") { $0.admin.statsUsers.sorted().joined(separator: ", ") },
        time("transaction_timeout", \.transactionTimeout),
        ConsoleSetting("unix_socket_dir") { $0.listen.unixSocketDirectory ?? "" },
    ] }
}
