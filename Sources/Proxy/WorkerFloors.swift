// What must a session, and all others, see from now on?

import Locks
import Routing
import Sessions
import Synchronization

/// The floor of all sessions of one database, over all users and workers.
final class DatabaseFloor: Sendable {
    private let sample = Atomic<UInt64>(0)
    let groups = Lock(GroupFloors())

    var floor: Floor { Floor(sample: sample.load(ordering: .sequentiallyConsistent)) }

    /// - Parameter written: those for whom it was written besides.
    func raise(to floor: Floor, of written: WrittenGroups?) {
        _ = sample.max(floor.sample, ordering: .sequentiallyConsistent)
        guard let written else { return }
        groups.withLock { floors in for name in written.names { floors.raise(name, to: floor) } }
    }
}

/// For whom a client has written whose work goes on without it.
struct UnseenWrite {
    var writes: DatabaseFloor
    var groups: WrittenGroups?
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
        (client.demand.wishes.consistency ?? client.session.settings.defaults.consistency) == .monotonic
            || client.session.consistency == .monotonic
    }

    /// Work of the client that may have written was acknowledged, or will never be: called after that is known and
    /// before it is told.
    func noteWrite(_ client: ClientConnection, _ server: ServerConnection) {
        noteWrite(client, startedSample: shared.clusters[server.pool.cluster].samples.started)
    }

    private func noteWrite(_ client: ClientConnection, startedSample started: UInt64) {
        client.session.floor.raise(startedSample: started)
        client.group?.writes.raise(to: client.session.floor, of: client.session.writtenGroups)
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
        let read = LastRead(place: server.pool.node, incarnation: reads.incarnation)
        // A replica that may show less than was read before, at a weaker level, is as any other.
        let isProven =
            !server.isPrimary
            && (reads.last == read || reads.floor <= client.metFloor || covers(reads.floor, read, server))
        reads.floor.raise(startedSample: shared.clusters[server.pool.cluster].samples.started)
        reads.last = isProven ? read : nil
    }

    private func covers(_ floor: Floor, _ read: LastRead, _ server: ServerConnection) -> Bool {
        let nodes = clusters[server.pool.cluster].topology.nodes
        let freshness = nodes.span[read.place].freshness
        return freshness.incarnation == read.incarnation && freshness.covers(floor, connectedAt: server.connectedAt)
    }

    /// What the client has sent may be committed although nobody will be told, and only in a moment.
    func noteUnseenWrite(_ client: ClientConnection) {
        guard client.session.mayHaveWritten, let group = client.group else { return }
        noteWrite(client, startedSample: shared.clusters[group.cluster].samples.started &+ Self.unseenSamples)
    }

    /// What a client that is gone has sent was carried out.
    func noteUnseenWrite(on server: ServerConnection) {
        guard let unseen = server.unseen else { return }
        server.unseen = nil
        unseen.writes.raise(
            to: Floor(startedSample: shared.clusters[server.pool.cluster].samples.started), of: unseen.groups)
    }
}
