// Are Patroni's answers understood, and are useless ones told from empty clusters?

import Testing

@testable import Discovery

@Suite struct PatroniClusterTests {
    @Test func members() throws {
        let json = """
            {"members": [
              {"name": "a", "role": "leader", "state": "running", "api_url": "http://10.0.0.1:8008/patroni",
               "host": "10.0.0.1", "port": 5432, "timeline": 3, "tags": {"zone": "west", "clonefrom": true}},
              {"name": "b", "role": "replica", "state": "streaming", "host": "b.internal", "port": 5433, "timeline": 3,
               "lag": 0, "tags": {"noloadbalance": true, "nofailover": "true", "failover_priority": 2}},
              {"name": "c", "role": "sync_standby", "state": "running", "host": "::1", "port": 5432, "lag": "unknown",
               "tags": {"noloadbalance": false, "nested": {"x": [1]}}},
              {"name": "d", "role": "replica", "state": "stopped"},
              {"name": "e", "role": "replica", "state": "stopped", "host": "10.0.0.9", "port": 70000}
            ], "scope": "demo"}
            """
        #expect(
            try PatroniCluster.nodes(Array(json.utf8)) == [
                DiscoveredNode(host: "10.0.0.1", port: 5432, zone: "west"),
                DiscoveredNode(host: "b.internal", port: 5433, isBalanced: false),
                DiscoveredNode(host: "::1", port: 5432),
            ])
        #expect(try PatroniCluster.nodes(Array(#"{"members": []}"#.utf8)).isEmpty)
    }

    @Test(arguments: ["", "null", "[]", #"{"members": 3}"#, #"{"state": "running"}"#, "<html>"])
    func otherAnswers(_ text: String) {
        #expect(throws: DiscoveryFailure.self) { try PatroniCluster.nodes(Array(text.utf8)) }
    }
}
