// Which instances does an Aurora cluster have?

import Probing
import Reactor

/// Asks `aurora_replica_status()` at the given endpoints in turn, beginning with the one that answered last.
///
/// The function is described in the Amazon Aurora User Guide, "Aurora PostgreSQL functions reference".
final class AuroraSource {
    /// Of an instance that is gone the status stays for a while without being updated.
    private static let question = """
        SELECT server_id FROM aurora_replica_status() WHERE session_id = 'MASTER_SESSION_ID' \
        OR last_update_timestamp IS NULL OR last_update_timestamp > now() - interval '5 minutes'
        """

    private let endpoints: [DiscoveredName]
    private let domain: String
    private let probe: ProbeSettings
    private var preferred = 0

    init(endpoints: [DiscoveredName], domain: String, probe: ProbeSettings) {
        self.endpoints = endpoints
        self.domain = domain
        self.probe = probe
    }

    func read() throws(DiscoveryFailure) -> [DiscoveredNode] {
        var failures: [String] = []
        for turn in endpoints.indices {
            let index = (preferred + turn) % endpoints.count
            do throws(DiscoveryFailure) {
                let nodes = try ask(endpoints[index])
                preferred = index
                return nodes
            } catch {
                failures.append("\(endpoints[index].host): \(error)")
            }
        }
        throw DiscoveryFailure(failures.joined(separator: "; "))
    }

    private func ask(_ endpoint: DiscoveredName) throws(DiscoveryFailure) -> [DiscoveredNode] {
        let addresses: [String]
        switch NameLookup.addresses(of: endpoint.host) {
        case .success(let found): addresses = found.map(\.host)
        case .failure(let failure): throw DiscoveryFailure(failure.reason)
        }
        do throws(SingleQuestion.Failure) {
            let rows = try SingleQuestion.rows(
                Self.question, host: endpoint.host, addresses: addresses, port: endpoint.port, settings: probe)
            return rows.compactMap { row in
                guard let id = row.first ?? nil, !id.isEmpty else { return nil }
                return DiscoveredNode(host: id + domain, port: endpoint.port)
            }
        } catch {
            throw DiscoveryFailure(error.description)
        }
    }
}
