// Does a private cluster start, replicate, survive what tests do to it, and vanish?

import Foundation
import PostgresCluster
import Testing

@Suite struct ClusterTests {
    @Test func startsReplicatesAndVanishes() throws {
        let begin = ContinuousClock.now
        let cluster = try PostgresCluster.start(replicas: 2)
        print("started in", ContinuousClock.now - begin)
        try cluster.primary.psql("CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
        try cluster.waitUntilReplicasStream()
        for replica in cluster.replicas {
            #expect(try replica.psql("SELECT x, pg_is_in_recovery() FROM t") == "7|t")
        }
        let pids = cluster.nodes.compactMap(\.pid)
        #expect(pids.count == 3)
        cluster.stop()
        #expect(!FileManager.default.fileExists(atPath: cluster.directory))
        for pid in pids { #expect(kill(pid, 0) == -1) }
    }
}
