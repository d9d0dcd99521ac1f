// How is a router built from its settings, and how does it end?

import Endpoints
import Locks
import Logging
import Probing
import Proxy
import Reactor
import Routing
import Settings

/// Runs the router until it is told to stop.
///
/// SIGTERM drains: no new clients, and the end comes when the last has left. SIGINT sends clients away after their
/// transactions. SIGQUIT, or a second signal, ends at once.
func runRouter(configuration: Configuration) throws {
    let logger = Logger(label: "pointsman")
    Signal.brokenPipe.ignore()
    let descriptors = DescriptorLimit.raise()
    let needed = configuration.proxy.server.maxClients + 100
    if descriptors < needed {
        logger.warning("max_clients needs about \(needed) descriptors, and the limit is \(descriptors)")
    }
    let signals = try operatorError { () throws(ReactorError) in
        try SignalWaiter([.terminate, .interrupt, .quit, .hangup])
    }

    let running = try RunningClusters(configuration: configuration, logger: logger)
    let server = try operatorError { () throws(ReactorError) in
        try ProxyServer(
            settings: configuration.proxy, clusters: running.clusters, version: pointsmanVersion, logger: logger)
    }
    try running.start(publishingTo: server)
    let stopping = Flag()
    let endpoint = try startEndpoint(configuration.proxy.admin, running, stopping)
    let listen = configuration.proxy.listen
    let ports = [listen.port, listen.writerPort, listen.readerPort].compactMap { $0 }.map(String.init)
    if configuration.proxy.databases.values.contains(where: { $0.routing.consistency == .global }) {
        logger.notice(
            """
            consistency "global" holds within this process: what others have written is seen by pointsman.token only
            """)
    }
    logger.info("pointsman \(pointsmanVersion) is ready on port \(ports.joined(separator: ", "))")

    let ended = Flag()
    let waiting = try operatorError { () throws(ReactorError) in
        try WorkerThread(name: "stop") {
            server.join()
            ended.raise()
        }
    }
    var hasBeenAsked = false
    while !ended.isRaised {
        guard let signal = signals.wait(milliseconds: 100) else { continue }
        switch signal {
        case .hangup:
            logger.warning("reload is not supported by this version; restart to apply new settings")
        case .terminate, .interrupt, .quit:
            let mode: StopMode =
                hasBeenAsked || signal == .quit
                ? .immediately : (signal == .terminate ? .drain : .afterTransactions)
            hasBeenAsked = true
            stopping.raise()
            logger.info("\(signal.name): stopping (\(mode))")
            server.stop(mode)
        default:
            break
        }
    }
    waiting.join()
    running.stop()
    endpoint?.stop()
    logger.info("pointsman has stopped")
}

/// Something that happens once, for other threads to see.
private final class Flag: Sendable {
    private let state = Lock(false)

    var isRaised: Bool { state.withLock { $0 } }

    func raise() { state.withLock { $0 = true } }
}

/// Answers load balancers over HTTP, if that is wanted.
private func startEndpoint(
    _ admin: AdminSettings, _ running: RunningClusters, _ stopping: Flag
) throws -> HTTPEndpoint? {
    guard let address = admin.http else { return nil }
    do throws(EndpointError) {
        let endpoint = HTTPEndpoint(host: address.host, port: address.port) {
            Health(clusters: running.topologies, isStopping: stopping.isRaised)
        }
        try endpoint.start()
        return endpoint
    } catch {
        throw OperatorError(sentence: error.description)
    }
}

/// An error of the system's, as a sentence for the operator.
private func operatorError<Value>(_ body: () throws(ReactorError) -> Value) throws -> Value {
    do throws(ReactorError) {
        return try body()
    } catch {
        throw OperatorError(sentence: error.description)
    }
}

/// The clusters of one process with their probers.
private struct RunningClusters: Sendable {
    let clusters: [ProxyCluster]
    private let probers: [Prober]
    private let watchers: [CatalogWatcher]
    private let publishers: [Publisher]

    /// Passes pictures of a cluster on as soon as there is somebody to take them.
    private final class Publisher: Sendable {
        private let server = Lock<ProxyServer?>(nil)
        private let number: Int
        private let latest = Lock<Topology>(Topology())

        init(number: Int) {
            self.number = number
        }

        var topology: Topology { latest.withLock { $0 } }

        func begin(_ server: ProxyServer) {
            self.server.withLock { $0 = server }
        }

        func publish(_ topology: Topology) {
            latest.withLock { $0 = topology }
            server.withLock { $0 }?.publish(topology, cluster: number)
        }

        func publish(_ news: CatalogNews) {
            server.withLock { $0 }?.publish(
                news.knowledge, ofDatabase: news.database, cluster: number, demand: news.demand)
        }
    }

    init(configuration: Configuration, logger: Logger) throws {
        var clusters: [ProxyCluster] = []
        var probers: [Prober] = []
        var watchers: [CatalogWatcher] = []
        var publishers: [Publisher] = []
        let definitions = configuration.proxy.clusters.values.sorted { $0.name < $1.name }
        let zone = configuration.proxy.server.zone
        for (number, definition) in definitions.enumerated() {
            let samples = SampleCounter()
            let publisher = Publisher(number: number)
            let nodes = definition.nodes.enumerated().map { place, node in
                NodeDefinition(
                    id: NodeID(Int32(place)), address: node.address, weight: node.weight,
                    isNear: zone == nil || node.zone == zone)
            }
            var settings = configuration.probe
            settings.sslMode = definition.transportSecurity.rawValue
            let log: @Sendable (ProberEvent) -> Void = { event in
                logger.log(
                    level: event.severity.logLevel, "\(event.text)", metadata: ["cluster": "\(definition.name)"])
            }
            let prober: Prober
            let watcher: CatalogWatcher?
            do throws(ProberError) {
                watcher =
                    settings.catalogInterval > .zero
                    ? try CatalogWatcher(
                        nodes: nodes, settings: settings, onNews: { publisher.publish($0) }, onEvent: log) : nil
                prober = try Prober(
                    nodes: nodes, settings: settings, failoverWait: configuration.routing.failoverWait,
                    samples: samples,
                    onTopology: { topology in
                        publisher.publish(topology)
                        watcher?.update(topology)
                    }, onEvent: log)
            } catch {
                throw OperatorError(sentence: error.description)
            }
            var requestCatalog: (@Sendable (String, UInt64) -> Void)?
            if let watcher { requestCatalog = { watcher.request($0, demand: $1) } }
            clusters.append(
                ProxyCluster(
                    settings: definition, samples: samples, requestSample: { prober.requestSample() },
                    requestProbe: { prober.requestProbe($0, connectionLost: true) },
                    requestCatalog: requestCatalog,
                    setDrained: { prober.setDrained($0, $1) }))
            probers.append(prober)
            if let watcher { watchers.append(watcher) }
            publishers.append(publisher)
        }
        self.clusters = clusters
        self.probers = probers
        self.watchers = watchers
        self.publishers = publishers
    }

    func start(publishingTo server: ProxyServer) throws {
        for publisher in publishers { publisher.begin(server) }
        do throws(ProberError) {
            for watcher in watchers { try watcher.start() }
            for prober in probers { try prober.start() }
        } catch {
            throw OperatorError(sentence: error.description)
        }
    }

    /// The clusters as they are now.
    var topologies: [(name: String, topology: Topology)] {
        zip(clusters, publishers).map { ($0.settings.name, $1.topology) }
    }

    func stop() {
        for prober in probers { prober.stop() }
        for watcher in watchers { watcher.stop() }
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
