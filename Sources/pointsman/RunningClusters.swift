// How are the clusters of one process watched, and how do their nodes come and go?

import Discovery
import Locks
import Logging
import Probing
import Proxy
import Reactor
import Routing
import Settings

/// The clusters of one process with their probers.
struct RunningClusters: Sendable {
    /// As the proxy numbers them.
    let clusters: [ProxyCluster]
    private let watched: [WatchedCluster]

    init(configuration: Configuration, logger: Logger) throws {
        let definitions = configuration.proxy.clusters.values.sorted { $0.name < $1.name }
        watched = try definitions.enumerated().map { number, definition in
            try WatchedCluster(number: number, definition: definition, configuration: configuration, logger: logger)
        }
        clusters = watched.map(\.cluster)
    }

    func start(publishingTo server: ProxyServer) throws {
        for cluster in watched { try cluster.start(publishingTo: server) }
    }

    /// The clusters as they are now.
    var topologies: [(name: String, topology: Topology)] {
        watched.map { ($0.name, $0.topology) }
    }

    /// The nodes that the settings list for a cluster are others now.
    func setNodes(_ nodes: [NodeSettings], ofCluster name: String) {
        watched.first { $0.name == name }?.setNodes(nodes)
    }

    /// Asks a cluster what it knows of a user, with the query of the settings in force.
    func lookUp(
        _ number: Int, _ settings: UserQuery.Settings, database: String, user: String,
        _ receive: @escaping @Sendable (UserAnswer) -> Void
    ) {
        watched[number].users.ask(settings, database: database, user: user) { answer in
            switch answer {
            case .secret(let secret): receive(.secret(secret))
            case .unknown: receive(.unknown)
            case .failed(let reason): receive(.failed(reason))
            }
        }
    }

    func stop() {
        for cluster in watched { cluster.stop() }
    }
}

/// One cluster: its nodes, who watches them, and who is told.
private final class WatchedCluster: Sendable {
    let name: String
    let cluster: ProxyCluster

    private let number: Int
    private let zone: String?
    private let prober: Prober
    private let watcher: CatalogWatcher?
    let users: UserQuery
    private let discovery: DiscoverySettings?
    private let probe: ProbeSettings
    private let members = Lock(Members())
    private let publisher: Publisher
    private let logger: Logger

    private struct Members {
        var membership = Membership()
        /// By place; of a node that has left, what it was.
        var nodes: [NodeSettings] = []
    }

    /// Passes pictures of a cluster on as soon as there is somebody to take them.
    private final class Publisher: Sendable {
        private let number: Int
        private let target = Lock<ProxyServer?>(nil)
        private let latest = Lock<Topology>(Topology())
        let discoverer = Lock<Discoverer?>(nil)

        init(number: Int) {
            self.number = number
        }

        var server: ProxyServer? { target.withLock { $0 } }
        var topology: Topology { latest.withLock { $0 } }

        func begin(_ server: ProxyServer) {
            target.withLock { $0 = server }
        }

        func publish(_ topology: Topology) {
            latest.withLock { $0 = topology }
            // Whoever becomes the primary may be a node that nobody has told of yet.
            if topology.primary == nil { discoverer.withLock { $0 }?.hurry() }
            server?.publish(topology, cluster: number)
        }

        func publish(_ news: CatalogNews) {
            server?.publish(news.knowledge, ofDatabase: news.database, cluster: number, demand: news.demand)
        }
    }

    init(number: Int, definition: ClusterDefinition, configuration: Configuration, logger: Logger) throws {
        name = definition.name
        self.number = number
        zone = configuration.proxy.server.zone
        discovery = configuration.discoveries[definition.name]
        var named = logger
        named[metadataKey: "cluster"] = "\(definition.name)"
        self.logger = named
        let samples = SampleCounter()
        let publisher = Publisher(number: number)
        self.publisher = publisher
        let places = members.withLock { members in
            Self.update(&members, definition.nodes, zone: configuration.proxy.server.zone, server: nil).places
        }

        var settings = configuration.probe
        settings.take(definition, discovery)
        probe = settings
        let log: @Sendable (ProberEvent) -> Void = { [named] event in
            named.log(level: event.severity.logLevel, "\(event.text)")
        }
        let prober: Prober
        let watcher: CatalogWatcher?
        do throws(ProberError) {
            watcher =
                settings.catalogInterval > .zero
                ? try CatalogWatcher(settings: settings, onNews: { publisher.publish($0) }, onEvent: log) : nil
            prober = try Prober(
                nodes: places.map(\.definition), settings: settings,
                failoverWait: configuration.routing.failoverWait, samples: samples,
                onTopology: { topology in
                    publisher.publish(topology)
                    watcher?.update(topology)
                }, onEvent: log)
            users = try UserQuery(probe: settings) { publisher.topology.nodeToAsk }
        } catch {
            throw OperatorError(sentence: error.description)
        }
        self.prober = prober
        self.watcher = watcher
        var requestCatalog: (@Sendable (String, UInt64) -> Void)?
        if let watcher { requestCatalog = { watcher.request($0, demand: $1) } }
        cluster = ProxyCluster(
            settings: definition, samples: samples, requestSample: { prober.requestSample() },
            requestProbe: { prober.requestProbe($0, connectionLost: true) }, requestCatalog: requestCatalog,
            setDrained: { prober.setDrained($0, $1) })
    }

    var topology: Topology { publisher.topology }

    func start(publishingTo server: ProxyServer) throws {
        publisher.begin(server)
        do throws(ProberError) {
            try watcher?.start()
            try users.start()
            try prober.start()
        } catch {
            throw OperatorError(sentence: error.description)
        }
        guard let discovery else { return }
        let asking = Discoverer(settings: discovery, probe: probe) { [weak self] answer in self?.take(answer) }
        publisher.discoverer.withLock { $0 = asking }
        do throws(ReactorError) {
            try asking.start()
        } catch {
            throw OperatorError(sentence: error.description)
        }
    }

    func stop() {
        publisher.discoverer.withLock { $0 }?.stop()
        prober.stop()
        users.stop()
        watcher?.stop()
    }

    // MARK: Nodes

    private func take(_ answer: Result<[DiscoveredNode], DiscoveryFailure>) {
        switch answer {
        case .success(let found): setNodes(found.map(NodeSettings.init))
        case .failure(let failure): logger.warning("the nodes stay as they were: \(failure)")
        }
    }

    /// The cluster has these nodes from now on.
    func setNodes(_ nodes: [NodeSettings]) {
        // Under the lock until the prober is told, so that of two lists the later one counts.
        let left = members.withLock { members in
            let server = publisher.server
            let (places, left) = Self.update(&members, nodes, zone: zone) { [number] place in
                server?.isVacant(place, cluster: number) ?? true
            }
            // Before a picture shows a new place, the workers must be able to reach it.
            server?.setNodes(members.nodes, cluster: number)
            do throws(ProberError) {
                try prober.setMembers(places)
            } catch {
                logger.error("the nodes stay as they were: \(error)")
            }
            return left
        }
        if !left.isEmpty {
            logger.error("no place is left for \(left.joined(separator: ", ")): a cluster has at most 64 nodes")
        }
    }

    private static func update(
        _ members: inout Members, _ nodes: [NodeSettings], zone: String?, server isVacant: ((Int) -> Bool)?
    ) -> (places: [NodePlace], left: [String]) {
        let descriptions = nodes.map { node in
            NodeDescription(
                address: node.address, weight: node.weight, isNear: zone == nil || node.zone == zone,
                isBalanced: node.isBalanced)
        }
        let left = members.membership.update(
            descriptions, at: MonotonicClock.now(), isVacant: isVacant ?? { _ in true })
        let places = members.membership.places
        for (place, member) in places.enumerated() where member.isMember {
            guard let node = nodes.first(where: { $0.address == member.definition.address }) else { continue }
            if place == members.nodes.count { members.nodes.append(node) } else { members.nodes[place] = node }
        }
        return (places, left)
    }
}

extension Topology {
    /// The address of the primary, or of a replica that answers.
    fileprivate var nodeToAsk: String? {
        let nodes = members.map(\.node)
        return nodes.first { $0.isUp && $0.role == .primary }?.address ?? nodes.first { $0.isUp }?.address
    }
}

extension ProbeSettings {
    /// What the cluster itself says of how its nodes are asked.
    mutating func take(_ cluster: ClusterDefinition, _ discovery: DiscoverySettings?) {
        encryption.sslMode = cluster.transport.security.rawValue
        encryption.sslRootCertificate = cluster.transport.tls.authorities
        encryption.sslCertificate = cluster.transport.tls.certificate
        encryption.sslKey = cluster.transport.tls.key
        encryption.sslMinimumVersion = "TLSv\(cluster.transport.tls.minimumVersion.rawValue)"
        if case .aurora? = discovery?.source { serverKind = .aurora }
    }
}

extension NodeSettings {
    init(_ node: DiscoveredNode) {
        self.init(host: node.host, port: node.port, zone: node.zone, isBalanced: node.isBalanced)
    }
}

extension EventSeverity {
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .notice: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
