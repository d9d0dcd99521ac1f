// What does a settings file say, checked and complete?

public import Discovery
import FoundationEssentials
import Pooling
public import Probing
public import Proxy
public import Routing
public import Telemetry

/// All settings of one process, for the executable to hand to the modules that they govern.
public struct Configuration: Sendable {
    public var proxy: ProxySettings
    public var probe: ProbeSettings
    public var log: LogSettings
    /// By the name of the cluster, for those whose nodes are found out.
    public var discoveries: [String: DiscoverySettings]
    /// `[routing]`: what databases without an override of their own get.
    public var routing: RoutingSettings

    /// A configuration that did not come from a file.
    public init(
        proxy: ProxySettings, probe: ProbeSettings = ProbeSettings(), log: LogSettings = LogSettings(),
        discoveries: [String: DiscoverySettings] = [:], routing: RoutingSettings = RoutingSettings()
    ) {
        self.proxy = proxy
        self.probe = probe
        self.log = log
        self.discoveries = discoveries
        self.routing = routing
    }
}

extension Configuration {
    /// Reads and checks a settings file; the error holds every mistake in it.
    public static func load(path: String) throws(SettingsError) -> Configuration {
        if path.hasSuffix(".ini") { return try imported(path: path) }
        let text: String
        do throws(UnreadableFile) {
            text = try Surroundings.text(ofFile: path)
        } catch {
            let mistake = Mistake(file: path, line: nil, key: SettingPath(), problem: .conflict(error.reason))
            throw SettingsError(mistakes: [mistake])
        }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let environment = ProcessInfo.processInfo.environment
        return try read(text, file: path, directory: directory, environment: environment)
    }

    /// Reads a settings file of PgBouncer's.
    private static func imported(path: String) throws(SettingsError) -> Configuration {
        let imported = PgBouncerImport(path: path)
        guard imported.mistakes.isEmpty else {
            throw SettingsError(
                mistakes: imported.mistakes.map {
                    Mistake(file: path, line: nil, key: SettingPath(), problem: .conflict($0))
                })
        }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return try read(
            imported.text, file: "\(path), as pointsman import prints it", directory: directory,
            environment: ProcessInfo.processInfo.environment)
    }

    /// Checks the text of a settings file. Files that it names are looked for in `directory`.
    public static func read(
        _ text: String, file: String, directory: String, environment: [String: String]
    ) throws(SettingsError) -> Configuration {
        let lines = KeyLines(text)
        let values: [String: Value]
        do throws(SyntaxError) {
            values = try Document.parse(text, lines)
        } catch {
            let problem = Mistake.Problem.syntax(error.sentence)
            throw SettingsError(mistakes: [Mistake(file: file, line: error.line, key: SettingPath(), problem: problem)])
        }
        let surroundings = Surroundings(directory: directory, environment: environment)
        var inspection = Inspection(file: file, lines: lines, surroundings: surroundings)
        let configuration = inspection.configuration(values)
        let mistakes = inspection.mistakesInOrder
        guard mistakes.isEmpty else { throw SettingsError(mistakes: mistakes) }
        return configuration
    }
}

extension Inspection {
    fileprivate mutating func configuration(_ values: [String: Value]) -> Configuration {
        let top = open(.top, at: SettingPath(), values)
        let server = table(.server, "server", in: top)
        let authentication = table(.auth, "auth", in: top)
        let poolTable = table(.pool, "pool", in: top)

        let routing = self.routing(table(.routing, "routing", in: top), defaults: RoutingSettings())
        let pool = poolOverrides(poolTable).applied(to: PoolSettings())
        checkPool(pool, at: poolTable.path)

        let tls = table(.tls, "tls", in: top)
        let transport = clientTransport(tls)
        let adminTable = table(.admin, "admin", in: top)
        let admin = self.admin(adminTable)

        let (clusters, discoveries) = self.clusters(table(.clusters, "clusters", in: top))
        let databases = self.databases(
            table(.databases, "databases", in: top), clusters: Set(clusters.keys), pool: pool, routing: routing)
        let allUsers = table(.users, "users", in: top)
        let userTables = namedTables(.user, in: allUsers)
        let directory = self.directory(allUsers, userTables, authentication: authentication)
        let users = self.users(userTables)
        checkPools(of: users, in: databases)
        let serverSettings = self.server(server)
        var proxy = ProxySettings(
            listen: listen(table(.listen, "listen", in: top)), server: serverSettings,
            authentication: self.authentication(authentication, transport: transport), clusters: clusters,
            databases: databases, directory: directory, users: users, admin: admin)
        proxy.transport = transport
        proxy.readerSecurity = security("reader_mode", in: tls)
        proxy.writerSecurity = security("writer_mode", in: tls)
        checkTransports(proxy, tls)
        proxy.poolDefaults = pool
        proxy.access = access(authentication)
        checkAskingUser(proxy, authentication)
        checkAdminAddress(proxy, adminTable)
        proxy.peers = peers(table(.peers, "peers", in: top), own: serverSettings.peerID)
        return Configuration(
            proxy: proxy, probe: probe(table(.probe, "probe", in: top)), log: log(server), discoveries: discoveries,
            routing: routing)
    }

    /// The mistakes in the order of the lines, those without a line behind them, those of other files at the end.
    fileprivate var mistakesInOrder: [Mistake] {
        mistakes.enumerated().sorted { a, b in
            let first = (a.element.file == file ? 0 : 1, a.element.line ?? .max, a.offset)
            let second = (b.element.file == file ? 0 : 1, b.element.line ?? .max, b.offset)
            return first < second
        }.map(\.element)
    }
}
