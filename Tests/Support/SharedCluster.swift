// Which PostgreSQL servers do tests share that leave no trace in them?

public import PostgresCluster
import Synchronization

/// One primary and two replicas for all tests of a process, started by the first that asks. A test that stops, promotes
/// or configures servers starts a cluster of its own; a test that makes tables here gives them names of its own.
public enum SharedCluster {
    /// With feedback a snapshot that a test holds on a replica never stops the replay which another test waits for.
    private static let outcome = Result {
        try PostgresCluster.start(replicas: 2, settings: ["hot_standby_feedback": "on"])
    }

    /// The running cluster. It ends with the process.
    public static func get() throws -> PostgresCluster {
        try outcome.get()
    }

    private static let tables = Atomic<Int>(0)

    /// A table name that no other test uses.
    public static func tableName(_ prefix: String = "t") -> String {
        "\(prefix)_\(tables.add(1, ordering: .relaxed).newValue)"
    }
}
