// What has a watcher of catalogs told so far?

import Foundation
import Locks
import PostgresCluster
import Probing
import Routing
import SQL

/// A watcher of one database with everything that it told.
final class CatalogWatch: Sendable {
    private final class Shared: Sendable {
        let news = Lock<[CatalogNews]>([])
        let texts = Lock<[String]>([])
    }

    let watcher: CatalogWatcher
    let database: String
    private let told: Shared
    private let addresses: [String]

    init(
        _ addresses: [String], database: String = "app", primary: Int? = 0,
        _ change: (inout ProbeSettings) -> Void = { _ in }
    ) throws {
        var settings = ProbeSettings()
        settings.user = DatabaseRole.probe.name
        settings.password = DatabaseRole.probe.password
        change(&settings)
        let shared = Shared()
        told = shared
        self.database = database
        self.addresses = addresses
        watcher = try CatalogWatcher(
            settings: settings, onNews: { news in shared.news.withLock { $0.append(news) } },
            onEvent: { event in shared.texts.withLock { $0.append(event.text) } })
        try watcher.start()
        follow(primary: primary)
    }

    deinit { watcher.stop() }

    /// Tells the watcher which node is the primary; the first can be read only as such.
    func follow(primary: Int?) {
        let nodes = addresses.indices.map { place in
            NodeStatus(
                id: NodeID(Int32(place)), address: addresses[place], role: place == primary ? .primary : .replica,
                isUp: true, isEligibleReplica: place != primary && place > 0)
        }
        watcher.update(Topology(nodes: nodes, primary: primary.map { NodeID(Int32($0)) }))
    }

    var news: [CatalogNews] { told.news.withLock { $0 } }
    var texts: [String] { told.texts.withLock { $0 } }

    struct TimeLimit: Error, CustomStringConvertible {
        var description: String
    }

    /// Waits for news that are as wished.
    @discardableResult
    func wait(
        _ what: String, limit: Duration = .seconds(180), _ isAsWished: (CatalogNews) -> Bool
    ) throws -> CatalogNews {
        let began = ContinuousClock.now
        while true {
            if let found = news.last, isAsWished(found) { return found }
            guard ContinuousClock.now - began < limit else {
                throw TimeLimit(description: "waited in vain for \(what): \(texts)")
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Waits until the watcher has told of something.
    func waitForText(_ limit: Duration = .seconds(180), _ isAsWished: ([String]) -> Bool) throws {
        let began = ContinuousClock.now
        while !isAsWished(texts) {
            guard ContinuousClock.now - began < limit else { throw TimeLimit(description: "told only: \(texts)") }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Asks for knowledge that includes the demand, and returns it.
    func knowledge(demand: UInt64 = 1) throws -> Knowledge {
        watcher.request(database, demand: demand)
        let found = try wait("knowledge of demand \(demand)") { $0.demand >= demand && $0.knowledge != nil }
        guard let knowledge = found.knowledge else { throw TimeLimit(description: "no knowledge") }
        return knowledge
    }
}
