// Do real drivers, with their pipelines and statement caches, work through the router as on a direct connection?

import PostgresCluster
import TestSupport
import Testing

@Suite struct DriverTests {
    @Test(arguments: ["psycopg_checks.py", "asyncpg_checks.py"])
    func passThroughTheRouter(_ script: String) throws {
        let cluster = try SharedCluster.get()
        let router = try RouterProcess.start(cluster: cluster)
        defer { router.stop() }
        let reads = cluster.replicas.map { "\($0.port)" }.joined(separator: ",")
        let output = try Programs.python(
            script: script,
            ["--port", "\(router.port)", "--reads", reads, "--writes", "\(cluster.primary.port)"])
        #expect(!output.contains("FAILED"))
    }
}
