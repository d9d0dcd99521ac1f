// What happens to the settings when the process is told to read them again?

import Authentication
import Logging
import Probing
import Proxy
import Settings

/// Reads the settings file again. What can be changed in a running process is changed; of the rest it is said that it
/// waits for a restart. A file with mistakes changes nothing.
final class Reload {
    private let path: String
    private let clusters: RunningClusters
    private let server: ProxyServer
    private let setUserQuery: (UserQuery.Settings?) -> Void
    private let logger: Logger
    /// What is in force, but for what waits for a restart.
    private var current: Configuration

    init(
        path: String, current: Configuration, clusters: RunningClusters, server: ProxyServer,
        setUserQuery: @escaping (UserQuery.Settings?) -> Void, logger: Logger
    ) {
        self.setUserQuery = setUserQuery
        self.path = path
        self.server = server
        self.current = current
        self.clusters = clusters
        self.logger = logger
    }

    /// - Returns: why the file changes nothing; nil: it was taken.
    func run() -> String? {
        let new: Configuration
        do throws(SettingsError) {
            new = try Configuration.load(path: path)
        } catch {
            logger.error("the settings stay as they were: \(error)")
            return "\(error)"
        }
        for (name, cluster) in new.proxy.clusters {
            guard let old = current.proxy.clusters[name], old.nodes != cluster.nodes else { continue }
            guard !cluster.nodes.isEmpty, !old.nodes.isEmpty else { continue }
            clusters.setNodes(cluster.nodes, ofCluster: name)
            current.proxy.clusters[name]?.nodes = cluster.nodes
        }
        current.takeWhatCanChange(from: new)
        setUserQuery(current.userQuery)
        for mistake in server.reload(current.proxy) { logger.error("TLS stays as it was: \(mistake)") }
        let waiting = current.sectionsThatDiffer(from: new)
        if waiting.isEmpty {
            logger.notice("the settings have been read again")
        } else {
            let tables = waiting.joined(separator: ", ")
            logger.warning("the settings have been read again; a restart is needed for what changed in \(tables)")
        }
        return nil
    }
}

extension Configuration {
    /// Who asks servers for users, and what; nil: nobody.
    var userQuery: UserQuery.Settings? {
        guard let query = proxy.authentication.query, let user = proxy.authentication.queryUser,
            case .plain(let password)? = proxy.directory.lookup(user)
        else { return nil }
        return UserQuery.Settings(question: query, user: user, password: password)
    }

    /// Takes over what a running process can follow.
    fileprivate mutating func takeWhatCanChange(from new: Configuration) {
        proxy.transport = new.proxy.transport
        proxy.readerSecurity = new.proxy.readerSecurity
        proxy.writerSecurity = new.proxy.writerSecurity
        proxy.authentication = new.proxy.authentication
        proxy.access = new.proxy.access
        proxy.databases = new.proxy.databases
        proxy.directory = new.proxy.directory
        proxy.users = new.proxy.users
        proxy.admin.users = new.proxy.admin.users
        proxy.admin.statsUsers = new.proxy.admin.statsUsers
        proxy.peers = new.proxy.peers
        proxy.poolDefaults = new.proxy.poolDefaults
        proxy.server.maxClients = new.proxy.server.maxClients
        proxy.server.logsConnections = new.proxy.server.logsConnections
        proxy.server.maxDatabaseClients = new.proxy.server.maxDatabaseClients
        proxy.server.maxUserClients = new.proxy.server.maxUserClients
        proxy.server.maxConnections = new.proxy.server.maxConnections
        proxy.server.maxNodeConnections = new.proxy.server.maxNodeConnections
        proxy.server.maxDatabaseConnections = new.proxy.server.maxDatabaseConnections
        proxy.server.maxUserConnections = new.proxy.server.maxUserConnections
        proxy.server.loginTimeout = new.proxy.server.loginTimeout
        proxy.server.maxMessageSize = new.proxy.server.maxMessageSize
        routing = new.routing
    }

    /// The tables of the settings file whose content is not the same.
    func sectionsThatDiffer(from other: Configuration) -> [String] {
        let (one, two) = (proxy, other.proxy)
        let same: [(String, Bool)] = [
            ("listen", one.listen == two.listen), ("server", one.server == two.server && log == other.log),
            ("peers", one.peers == two.peers),
            ("auth", one.authentication == two.authentication), ("probe", probe == other.probe),
            ("clusters", one.clusters == two.clusters && discoveries == other.discoveries),
            ("databases, pool or routing", one.databases == two.databases && routing == other.routing),
            ("users", one.users == two.users && one.directory == two.directory), ("admin", one.admin == two.admin),
        ]
        return same.filter { !$0.1 }.map { "[\($0.0)]" }
    }
}
