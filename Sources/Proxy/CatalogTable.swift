// Which databases have a catalog that something may be known of, and how often was each seen to change?

import Locks
import Sessions
import Synchronization

/// One database of one cluster, whatever names clients have for it.
final class Catalog: Sendable {
    let id: CatalogID
    let cluster: Int
    /// Its name on the servers.
    let database: String
    /// How many changes were seen passing, over all workers.
    let changes = Atomic<UInt64>(0)
    /// Transactions that change the catalog were prepared here: each that is committed may be one of them.
    let hasPreparedChanges = Atomic<Bool>(false)
    /// Likewise, of names of roles.
    let hasPreparedNames = Atomic<Bool>(false)

    init(id: CatalogID, cluster: Int, database: String) {
        self.id = id
        self.cluster = cluster
        self.database = database
    }
}

/// All catalogs, behind a lock that only logins and news take.
final class CatalogTable: Sendable {
    /// Of more databases nothing is known: names are the clients' to choose.
    static let limit = 10_000

    private struct Key: Hashable {
        var cluster: Int
        var database: String
    }

    private struct Entries {
        var list: [Catalog] = []
        var byKey: [Key: Catalog] = [:]
    }

    private let entries = Lock(Entries())

    /// The catalog of a database, made at its first use; nil beyond the limit.
    func use(cluster: Int, database: String) -> Catalog? {
        entries.withLock { entries in
            let key = Key(cluster: cluster, database: database)
            if let known = entries.byKey[key] { return known }
            guard entries.list.count < Self.limit else { return nil }
            let catalog = Catalog(
                id: CatalogID(rawValue: Int32(entries.list.count)), cluster: cluster, database: database)
            entries.list.append(catalog)
            entries.byKey[key] = catalog
            return catalog
        }
    }

    func all(ofCluster cluster: Int) -> [Catalog] {
        entries.withLock { $0.list.filter { $0.cluster == cluster } }
    }

    func find(cluster: Int, database: String) -> Catalog? {
        entries.withLock { $0.byKey[Key(cluster: cluster, database: database)] }
    }
}
