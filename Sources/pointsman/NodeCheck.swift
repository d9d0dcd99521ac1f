// What do the nodes of the settings say when they are asked once?

import Discovery
import Probing
import Proxy
import Reactor
import Routing
import Settings

/// One question to each node, with the role, the database and the encryption that the router itself would ask with.
struct NodeCheck {
    /// One for each node, in the order of the settings, and one for what is wrong with a whole cluster.
    private(set) var lines: [String] = []
    /// Whether every node has answered.
    private(set) var isComplete = true

    init(_ configuration: Configuration) {
        for cluster in configuration.proxy.clusters.values.sorted(by: { $0.name < $1.name }) {
            let discovery = configuration.discoveries[cluster.name]
            var probe = configuration.probe
            probe.take(cluster, discovery)
            do throws(DiscoveryFailure) {
                let nodes = try discovery.map { settings throws(DiscoveryFailure) in
                    try Discoverer.ask(settings, probe: probe).map(NodeSettings.init)
                }
                ask(cluster.name, nodes ?? cluster.nodes, probe)
            } catch {
                isComplete = false
                let place = "clusters.\(cluster.name).discovery"
                lines.append("\(cluster.name): the nodes are not known: \(error); look at \(place)")
            }
        }
    }

    private mutating func ask(_ cluster: String, _ nodes: [NodeSettings], _ probe: ProbeSettings) {
        var reports: [(node: NodeSettings, report: ProbeReport)] = []
        for node in nodes {
            let name = "\(cluster): \(node.address): "
            do throws(SingleQuestion.Failure) {
                let report = try Self.report(node, probe)
                reports.append((node, report))
                lines.append(name + Self.words(report, user: probe.user))
            } catch {
                isComplete = false
                let reason = error.description.split(whereSeparator: \.isNewline).joined(separator: " ")
                lines.append(name + "cannot be asked: \(reason); \(Self.advice(error.reason))")
            }
        }
        let primaries = reports.filter { !$0.report.isInRecovery }
        if primaries.isEmpty, !reports.isEmpty {
            lines.append("\(cluster): no node is a primary, for which writes would wait; is one missing from the list?")
        } else if primaries.count > 1 {
            let names = primaries.map(\.node.address).joined(separator: ", ")
            lines.append("\(cluster): several nodes take writes (\(names)); one of them is not meant to")
        }
        guard let system = (primaries.first ?? reports.first)?.report.systemIdentifier else { return }
        for (node, report) in reports where report.systemIdentifier != system {
            let identifier = "system identifier \(report.systemIdentifier)"
            lines.append("\(cluster): \(node.address) belongs to another cluster (\(identifier))")
        }
    }

    private static func report(
        _ node: NodeSettings, _ probe: ProbeSettings
    ) throws(SingleQuestion.Failure) -> ProbeReport {
        switch NameLookup.addresses(of: node.host) {
        case .success(let found):
            try SingleQuestion.report(
                host: node.host, addresses: found.map(\.host), port: node.port, settings: probe)
        case .failure(let failure):
            throw SingleQuestion.Failure(unresolved: failure.description)
        }
    }

    private static func words(_ report: ProbeReport, user: String) -> String {
        let role = report.isInRecovery ? "replica" : "primary"
        let timeline = report.timeline ?? report.lowestTimeline
        var words = "\(role), timeline \(timeline), PostgreSQL \(version(report.serverVersion))"
        if report.isInRecovery, !report.isStreaming { words += "; it does not stream from another node now" }
        if !report.hasMonitorPrivilege {
            words += "; \(user) may not see all of it: GRANT pg_monitor TO \"\(user)\""
        }
        return words
    }

    /// 180001 → "18.1".
    private static func version(_ number: Int) -> String { "\(number / 10_000).\(number % 10_000)" }

    private static func advice(_ reason: ProbeFailure?) -> String {
        switch reason {
        case .refused?: "does PostgreSQL run there, on that port?"
        case .nameNotResolved?: "write the node's name as the name service knows it, or its address"
        case .timedOut?, .unreachable?, .lost?: "is the address right, and does a firewall let the router through?"
        case .notAccepting?: "the server starts or stops: try again"
        case .loginRefused?: "look at user, password and database of [probe], and at pg_hba.conf of the server"
        case .questionFailed?: "the role of [probe] needs pg_monitor, and the server PostgreSQL 14 or later"
        case nil: "look at clusters.NAME.nodes"
        }
    }
}
