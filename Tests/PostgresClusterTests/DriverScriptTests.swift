// Do the scripts with real drivers pass on a direct connection? Otherwise their failures say nothing of the router.

import PostgresCluster
import TestSupport
import Testing

@Suite struct DriverScriptTests {
    @Test(arguments: ["psycopg_checks.py", "asyncpg_checks.py"])
    func passDirectly(_ script: String) throws {
        let port = "\(try SharedCluster.get().primary.port)"
        let output = try Programs.python(
            script: script, ["--port", port, "--reads", port, "--writes", port])
        #expect(!output.contains("FAILED") && output.contains("ok reads_are_spread"))
    }
}
