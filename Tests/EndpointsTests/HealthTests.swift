// Is the answer to "are you well" the truth of the clusters?

import Endpoints
import Routing
import Testing

@Suite struct HealthTests {
    private func topology(_ nodes: (isPrimary: Bool, isEligible: Bool)...) -> Topology {
        let statuses = nodes.enumerated().map { place, node in
            NodeStatus(
                id: NodeID(Int32(place)), address: "10.0.0.\(place):5432", role: node.isPrimary ? .primary : .replica,
                isUp: true, isEligibleReplica: node.isEligible)
        }
        let primary = statuses.first { $0.role == .primary }?.id
        return Topology(generation: 1, nodes: statuses, primary: primary, newestSample: 1)
    }

    private func statuses(_ health: Health, cluster: String? = nil) -> [Int] {
        Health.paths.map { health.answer(path: $0, cluster: cluster).status }
    }

    @Test func whole() {
        let health = Health(clusters: [("main", topology((true, false), (false, true)))])
        #expect(statuses(health) == [200, 200, 200, 200])
        #expect(health.answer(path: "/readyz").text == "main: primary 10.0.0.0:5432, 1 of 1 others answer reads\n")
    }

    @Test func withoutPrimary() {
        let health = Health(clusters: [("main", topology((false, true), (false, false)))])
        #expect(statuses(health) == [200, 200, 503, 200])
        #expect(health.answer(path: "/primary").text == "main: no primary, 1 of 2 others answer reads\n")
    }

    @Test func withoutReplica() {
        #expect(statuses(Health(clusters: [("main", topology((true, false), (false, false)))])) == [200, 200, 200, 503])
    }

    @Test func lost() {
        #expect(statuses(Health(clusters: [("main", topology((false, false)))])) == [200, 503, 503, 503])
        #expect(statuses(Health(clusters: [("main", Topology())])) == [200, 503, 503, 503])
    }

    @Test func stopping() {
        var health = Health(clusters: [("main", topology((true, false), (false, true)))])
        health.isStopping = true
        #expect(statuses(health) == [200, 503, 200, 200])
    }

    @Test func severalClusters() {
        let health = Health(clusters: [("a", topology((true, false), (false, true))), ("b", topology((false, true)))])
        #expect(statuses(health) == [200, 200, 503, 200])
        #expect(statuses(health, cluster: "a") == [200, 200, 200, 200])
        #expect(statuses(health, cluster: "c") == [404, 404, 404, 404])
        #expect(health.answer(path: "/").status == 404)
    }
}
