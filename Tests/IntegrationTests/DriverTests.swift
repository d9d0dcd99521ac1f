// Do real drivers, with their pipelines and statement caches, work through the router as on a direct connection?

import PostgresCluster
import TestSupport
import Testing

@Suite struct DriverTests {
    @Test(arguments: [
        ("psycopg_checks.py", 16), ("asyncpg_checks.py", 16), ("state_checks.py", 5), ("reader_checks.py", 5),
    ])
    func passThroughTheRouter(_ script: String, _ checks: Int) throws {
        let cluster = try Stage.cluster()
        let router = try Stage.startRouter()
        defer { router.stop() }
        let reads = cluster.replicas.map { "\($0.port)" }.joined(separator: ",")
        let port = script.hasPrefix("reader") ? router.readerPort : router.port
        let output = try Programs.python(
            script: script,
            ["--port", "\(port)", "--reads", reads, "--writes", "\(cluster.primary.port)"])
        #expect(!output.contains("FAILED"))
        #expect(output.split(separator: "\n").count { $0.hasPrefix("ok ") } >= checks)
    }
}
