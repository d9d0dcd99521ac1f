// Do drivers with statement caches, pipelines and pools of their own work as on a direct connection?

import TestSupport
import Testing

@Suite(.serialized) struct DriverTests {
    @Test(arguments: ["psycopg_checks.py", "asyncpg_checks.py"]) func checks(_ script: String) throws {
        let cluster = try Stage.cluster()
        let router = try Stage.startRouter()
        let reads = cluster.replicas.map { "\($0.port)" }.joined(separator: ",")
        let output = try Programs.python(
            script: script, ["--port", "\(router.port)", "--reads", reads, "--writes", "\(cluster.primary.port)"],
            limit: .seconds(240))
        #expect(!output.contains("FAILED"), "\(output)")
        #expect(output.split(separator: "\n").count { $0.hasPrefix("ok ") } > 15)
    }
}
