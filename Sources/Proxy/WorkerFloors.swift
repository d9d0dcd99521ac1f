// What must a session, and all others, see from now on?

import Locks
import Routing
import Synchronization

/// The floor of all sessions of one database, over all users and workers.
final class DatabaseFloor: Sendable {
    private let sample = Atomic<UInt64>(0)
    let groups = Lock(GroupFloors())

    var floor: Floor { Floor(sample: sample.load(ordering: .sequentiallyConsistent)) }

    func raise(to floor: Floor) {
        _ = sample.max(floor.sample, ordering: .sequentiallyConsistent)
    }
}

/// What a session that has asked for monotonic reads has read, at any level, which it must not see again in an older
/// state.
final class MonotonicReads {
    /// Which data any other replica must have.
    var floor = Floor()
    var last: LastRead?
    /// Of the node whose server the session was given last, at that time.
    var incarnation: UInt64 = 0
}

extension Worker {
    /// Whether what the client is told is read under monotonic consistency: it may have asked for that with its server
    /// in hand.
    func isMonotonic(_ client: ClientConnection, _ group: PoolGroup) -> Bool {
        (client.demand.wishes.consistency ?? group.routing.consistency) == .monotonic
            || client.session.consistency == .monotonic
    }

    /// Work of the client that may have written was acknowledged, or will never be: called after that is known and
    /// before it is told.
    func noteWrite(_ client: ClientConnection, _ server: ServerConnection) {
        let started = shared.clusters[server.pool.cluster].samples.started
        client.session.floor.raise(startedSample: started)
        guard let writes = client.group?.writes else { return }
        writes.raise(to: client.session.floor)
        if let groups = client.session.writtenGroups {
            let floor = client.session.floor
            writes.groups.withLock { floors in for name in groups.names { floors.raise(name, to: floor) } }
        }
    }

    /// Remembers in which life of the node the client has its server.
    @discardableResult
    func beginMonotonicReads(_ client: ClientConnection, _ server: ServerConnection) -> MonotonicReads {
        let reads = client.reads ?? MonotonicReads()
        reads.incarnation = clusters[server.pool.cluster].topology.nodes[server.pool.node].incarnation
        client.reads = reads
        return reads
    }

    /// What a session that asks for monotonic reads has read so far. Nobody has counted the reads of one that asks for
    /// the first time: they have shown nothing that is newer than this moment.
    func reads(of client: ClientConnection, _ group: PoolGroup) -> MonotonicReads? {
        guard client.reads == nil, client.hasRead else { return client.reads }
        let reads = MonotonicReads()
        reads.floor.raise(startedSample: shared.clusters[group.cluster].samples.started)
        client.reads = reads
        return reads
    }

    /// The client is about to be told what a node has answered.
    func noteRead(_ client: ClientConnection, _ server: ServerConnection) {
        guard client.reads != nil || isMonotonic(client, server.group) else {
            client.hasRead = true
            return
        }
        let reads = client.reads ?? beginMonotonicReads(client, server)
        reads.floor.raise(startedSample: shared.clusters[server.pool.cluster].samples.started)
        reads.last = server.isPrimary ? nil : LastRead(place: server.pool.node, incarnation: reads.incarnation)
    }
}
