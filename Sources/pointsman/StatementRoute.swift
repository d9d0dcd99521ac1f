// Where would a statement go, and why?

import Routing
import SQL

/// The route of a statement that comes alone, on the split port, while the primary and a caught-up replica are there.
struct StatementRoute {
    let classification: Classification
    let decision: RouteDecision

    /// Routes with the functions that the router itself uses.
    init(_ text: Span<UInt8>, settings: RoutingSettings) {
        classification = Classifier.classify(text, settings: LexerSettings())
        let request = RouteRequest(
            routeClass: Self.demand(classification, settings), consistency: settings.consistency, maxLag: .max)
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
        switch decision.reason {
        case .replicaSafe, .replicaCoversFloor, .write, .lockedRead, .primaryOnlyRead, .transactionControl,
            .sessionState:
            classification.cause.note.sentence
        case .readerPort, .writerPort, .consistencyPrimary, .noReplicaUp, .replicasExcluded, .replicasTooOld,
            .floorNotCovered, .notOnReaderPort:
            "The " + decision.reason.description + "."
        }
    }

    /// What the statement asks of the router: more than its class says where settings or the lack of a transaction
    /// object to a replica.
    private static func demand(_ classification: Classification, _ settings: RoutingSettings) -> RouteClass {
        if classification.effects.contains(.cursor) { return max(classification.routeClass, .write) }
        if settings.nodeFunctions == .primary, classification.effects.contains(.nodeAddress) {
            return max(classification.routeClass, .primaryOnlyRead)
        }
        return classification.routeClass
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

extension RouteClass {
    /// The class in the words of the documentation.
    var name: String {
        switch self {
        case .replicaSafe: "replica-safe"
        case .primaryOnlyRead: "primary-only read"
        case .lockedRead: "locked read"
        case .write: "write"
        case .transactionControl: "transaction control"
        case .sessionState: "session state"
        }
    }
}
