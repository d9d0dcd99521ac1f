// Do pooled connections follow a change of what sessions start with?

import PostgresCluster
import TestSupport
import Testing

@Suite struct SessionDefaultsTests {
    @Test(arguments: ["ROLE app", "DATABASE app", "ROLE app IN DATABASE app"])
    func pooledServersFollow(_ subject: String) throws {
        let cluster = try PostgresCluster.start(replicas: 1)
        defer { cluster.stop() }
        let router = try Stage.startRouter(cluster, ["pool": ["size": "3"]])
        let client = try router.client(user: "postgres")
        let ports = cluster.replicaPorts.union(["\(cluster.primary.port)"])
        for value in ["6MB", "7MB"] {
            // Connections of before, on both nodes.
            let app = try router.client()
            for question in ["", " FOR UPDATE"] { try app.succeed("SELECT 1" + question) }
            try client.succeed("ALTER \(subject) SET work_mem = '\(value)'")
            var seen: Set<String> = []
            try eventually("both nodes to give \(value)") {
                for question in ["", " FOR UPDATE"] {
                    let row =
                        try app.query(
                            "SELECT pg_catalog.inet_server_port(), pg_catalog.current_setting('work_mem')" + question
                        ).rows.first ?? []
                    if row.last == value, let port = row.first.flatMap({ $0 }) { seen.insert(port) }
                }
                return seen == ports
            }
            for _ in 0..<10 { #expect(try app.value("SELECT pg_catalog.current_setting('work_mem')") == value) }
        }
    }
}
