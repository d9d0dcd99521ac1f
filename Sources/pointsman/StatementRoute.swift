// Where would a statement go, and why?

import Routing
import SQL

/// The route of a statement that comes alone, on the split port, while the primary and a caught-up replica are there.
struct StatementRoute {
    let classification: Classification
    /// The class to route by: at least the text's own.
    let routeClass: RouteClass
    let decision: RouteDecision
    /// Only `node_functions` keeps the statement from a replica.
    private let asksForNode: Bool

    /// Routes with the functions that the router itself uses.
    ///
    /// - Parameter knowledge: of the database that the statement is for.
    init(_ text: Span<UInt8>, settings: RoutingSettings, knowledge: Knowledge? = nil) {
        classification = Classifier.classify(text, settings: LexerSettings(), knowledge: knowledge)
        asksForNode = settings.nodeFunctions == .primary && classification.effects.contains(.nodeAddress)
        routeClass = Self.demand(classification, asksForNode: asksForNode)
        let request = RouteRequest(routeClass: routeClass, consistency: settings.consistency, maxLag: .max)
        decision = Router.decide(
            request, topology: Self.topology, settings: settings, outstanding: [Int32](repeating: 0, count: 2).span,
            random: 0)
    }

    var goesToReplica: Bool {
        switch decision.target {
        case .replica: true
        case .primary, .hold, .refuse: false
        }
    }

    /// The sentence for people: the text's own rule, unless something beside the text decided.
    var sentence: String {
        if asksForNode, classification.routeClass == .replicaSafe { return "The node_functions are 'primary'." }
        switch decision.reason {
        case .replicaSafe, .replicaCoversFloor, .write, .lockedRead, .primaryOnlyRead, .transactionControl,
            .sessionState:
            return classification.cause.note.sentence
        case .consistencyPrimary:
            return "The consistency is 'primary'."
        case .readerPort, .writerPort, .noReplicaUp, .replicasExcluded, .replicasTooOld, .floorNotCovered,
            .replicaReadBefore, .primaryTakesShare, .refusedByReplica, .learned, .tooLargeToRepeat, .advised,
            .notOnReaderPort:
            return decision.reason.description
        }
    }

    /// As sessions ask: a cursor without a transaction is PostgreSQL's to refuse.
    private static func demand(_ classification: Classification, asksForNode: Bool) -> RouteClass {
        if classification.effects.contains(.cursor) { return max(classification.routeClass, .write) }
        return asksForNode ? max(classification.routeClass, .primaryOnlyRead) : classification.routeClass
    }

    private static let topology = Topology(
        nodes: [
            NodeStatus(id: NodeID(0), address: "primary", role: .primary, isUp: true),
            NodeStatus(
                id: NodeID(1), address: "replica", role: .replica, isUp: true, isEligibleReplica: true,
                lagNanoseconds: 0),
        ],
        primary: NodeID(0))
}
