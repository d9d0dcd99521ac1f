// How is a client told where its statement would go?

import Routing
import Sessions
import Synchronization
import Wire

extension Worker {
    /// Answers the EXPLAIN ROUTE at the offset, with the functions and the facts that would decide.
    func explain(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) {
        guard let group = client.group else { preconditionFailure("Only a client with a database asks for routes.") }
        let attachment = attachment(of: client)
        let prospect = client.session.prospect(bytes, at: offset, attachment: attachment, table: statements)
        client.session.explain(
            columns: RouteExplanation.columns, rows: prospect.map { explanation(of: $0, client, group).rows } ?? [],
            bytes, at: &offset, attachment: attachment, table: &statements, toClient: &toClient)
    }

    private func explanation(
        of prospect: Prospect, _ client: ClientConnection, _ group: PoolGroup
    ) -> RouteExplanation {
        let cluster = clusters[group.cluster]
        var request = request(prospect.demand, of: client, group)
        request.excluded.formUnion(cluster.misnaming)
        // A standby has no SERIALIZABLE transactions.
        if group.core.isSerializable.load(ordering: .relaxed) {
            for (place, node) in cluster.topology.members where node.role == .replica { request.excluded.insert(place) }
        }
        return RouteExplanation(
            prospect: prospect, request: request, decision: decide(request, group, cluster), settings: group.routing,
            topology: cluster.topology, outstanding: cluster.outstanding, attached: client.server?.pool.node,
            startedSample: shared.clusters[group.cluster].samples.started,
            isCatalogKnown: statements.knows(group.catalog?.id ?? .none), now: now)
    }
}
