// Which server is the primary of a cluster whose servers fail, and how does another one become it?

import Foundation
import Locks
import PostgresCluster
import TestSupport

/// A cluster with the load's table in which roles change; whoever is promoted has all that was acknowledged.
final class FailoverStage: Sendable {
    let cluster: PostgresCluster
    private let first: Lock<PostgresNode>

    var primary: PostgresNode { first.withLock { $0 } }
    var replicas: [PostgresNode] { cluster.nodes.filter { $0.name != primary.name } }

    init() throws {
        cluster = try PostgresCluster.start(replicas: 2)
        first = Lock(cluster.primary)
        try FailoverLoad.prepare(cluster)
    }

    /// Replicas that cannot follow the primary any more are copied from it again: one that had received more than the
    /// new primary has, or that needs a log which the primary has no more.
    func heal() throws {
        for replica in replicas {
            do {
                // To be connected is not to follow: it may be told again and again that it cannot.
                let position = try primary.psql("SELECT pg_current_wal_flush_lsn()")
                try eventually("\(replica.name) to follow", within: .seconds(2)) {
                    try replica.psql("SELECT pg_last_wal_replay_lsn() >= '\(position)'") == "t"
                }
            } catch {
                try cluster.rebuild(replica, following: primary)
            }
        }
    }

    /// Starts replicas again, those that cannot be as new copies.
    func revive(_ stopped: [PostgresNode]) throws {
        for replica in stopped where replica.pid == nil {
            do {
                try replica.start()
            } catch {
                try cluster.rebuild(replica, following: primary)
            }
        }
    }

    /// Lets something happen to the primary, promotes another server, and makes the old one a replica of that.
    func failOver(to new: PostgresNode, _ happen: (PostgresNode) throws -> Void) throws {
        let old = primary
        try heal()
        // From here on nothing is acknowledged that the new one does not have.
        try old.set("synchronous_standby_names", "FIRST 1 (\(new.name))")
        try eventually("\(new.name) to be synchronous") {
            try old.psql("SELECT sync_state FROM pg_stat_replication WHERE application_name = '\(new.name)'") == "sync"
        }
        // A backend in the middle of a statement has not read the new settings yet.
        Thread.sleep(forTimeInterval: 0.2)
        try happen(old)
        try new.psql("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
        try new.promote()
        first.withLock { $0 = new }
        for other in replicas where other.name != old.name { try other.follow(new) }
        old.thaw()
        try cluster.rebuild(old, following: new)
    }
}
