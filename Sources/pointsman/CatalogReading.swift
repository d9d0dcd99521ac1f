// What does the catalog of one database say, if it is asked once?

import Discovery
import Dispatch
import Locks
import Probing
import Proxy
import Routing
import SQL
import Settings

/// One reading of a catalog, by the threads that the router itself has for it.
struct CatalogReading {
    /// How long it may take on top of the probe's own patience.
    private static let patience = Duration.seconds(15)

    private final class Answer: Sendable {
        let knowledge = Lock<Knowledge?>(nil)
        let texts = Lock<[String]>([])
        private let isThere = DispatchSemaphore(value: 0)

        func take(_ news: CatalogNews) {
            guard let found = news.knowledge else { return }
            knowledge.withLock { $0 = found }
            isThere.signal()
        }

        func note(_ event: ProberEvent) {
            guard event.severity != .notice else { return }
            texts.withLock { if $0.last != event.text { $0.append(event.text) } }
        }

        /// A catalog that cannot be read now will not be waited for.
        func noteFailure(_ event: ProberEvent) {
            note(event)
            if event.severity != .notice { isThere.signal() }
        }

        func wait(_ limit: Duration) -> Knowledge? {
            _ = isThere.wait(timeout: .now() + .nanoseconds(Int(clamping: limit.clampedNanoseconds)))
            return knowledge.withLock { $0 }
        }
    }

    /// What clients call it.
    let database: String
    let settings: DatabaseSettings
    private let cluster: ClusterDefinition
    private let discovery: DiscoverySettings?
    private let probe: ProbeSettings

    /// - Parameter database: nil: the only one in the settings.
    init(_ configuration: Configuration, database: String?) throws {
        let names = configuration.proxy.databases.keys
        guard let name = database ?? (names.count == 1 ? names.first : nil), name != DatabaseSettings.wildcard else {
            throw OperatorError(sentence: "--connect needs --database: the settings do not name a single one")
        }
        guard let settings = configuration.proxy.database(named: name),
            let cluster = configuration.proxy.clusters[settings.cluster]
        else { throw OperatorError(sentence: "no [databases] table serves \"\(name)\"") }
        self.database = name
        self.settings = settings
        self.cluster = cluster
        discovery = configuration.discoveries[cluster.name]
        var probe = configuration.probe
        probe.take(cluster, discovery)
        // Nothing is read twice.
        probe.catalogInterval = .seconds(3_600)
        self.probe = probe
    }

    /// Those of the settings file, or those that the source of the cluster tells of.
    private var nodes: [NodeSettings] {
        get throws {
            guard let discovery else { return cluster.nodes }
            do throws(DiscoveryFailure) {
                return try Discoverer.ask(discovery, probe: probe).map(NodeSettings.init)
            } catch {
                throw OperatorError(sentence: "the nodes of cluster \"\(cluster.name)\" are not known: \(error)")
            }
        }
    }

    /// Finds the primary, or else a replica, and reads.
    func knowledge() throws -> Knowledge {
        let answer = Answer()
        let nodes = try self.nodes.enumerated().map { place, node in
            NodeDefinition(id: NodeID(Int32(place)), address: node.address, weight: node.weight)
        }
        do throws(ProberError) {
            let watcher = try CatalogWatcher(
                settings: probe, onNews: { answer.take($0) },
                onEvent: { answer.noteFailure($0) })
            let prober = try Prober(
                nodes: nodes, settings: probe, samples: SampleCounter(),
                onTopology: { watcher.update($0) }, onEvent: { answer.note($0) })
            try watcher.start()
            defer { watcher.stop() }
            try prober.start()
            defer { prober.stop() }
            watcher.request(settings.serverName(forRequest: database), demand: 1)
            if let knowledge = answer.wait(Self.patience + probe.timeout) { return knowledge }
        } catch {
            throw OperatorError(sentence: error.description)
        }
        let reasons = answer.texts.withLock { $0 }.suffix(3).joined(separator: "; ")
        throw OperatorError(
            sentence: "the catalog of database \"\(database)\" cannot be read: "
                + (reasons.isEmpty ? "no node has answered in time" : reasons))
    }
}
