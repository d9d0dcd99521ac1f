// Where would a statement go, and why?

import Routing
import SQL
import Sessions
import Wire

/// What is the same for all statements that are judged.
struct StatementJudge {
    let settings: RoutingSettings
    private let session: SharedSettings
    private let catalog: CatalogID
    private let table: StatementTable

    /// - Parameter knowledge: of the database that the statements are for.
    init(settings: RoutingSettings, knowledge: Knowledge? = nil) {
        self.settings = settings
        session = SharedSettings(SessionSettings(settings))
        var table = StatementTable(worker: 0)
        catalog = knowledge == nil ? .none : CatalogID(rawValue: 0)
        table.learn(knowledge, of: catalog)
        self.table = table
    }

    /// What a new session of the split port would do with the statement.
    func prospect(of text: Span<UInt8>) -> Prospect {
        var new = ClientSession(listener: .split, profile: .base, settings: session, catalog: catalog)
        return new.prospect(of: text.indices.map { text[$0] }, attachment: nil, table: table)
    }
}

/// The route of a statement that comes alone, on the split port, while the primary and a caught-up replica are there.
struct StatementRoute {
    enum Destination: String {
        case replica, primary
        /// The client would get an error.
        case nowhere
    }

    let classification: Classification
    /// The class to route by: at least the text's own.
    let routeClass: RouteClass
    let destination: Destination
    /// For people: the text's own rule, unless something beside the text decided.
    let sentence: String

    /// Routes with the functions that the router itself uses.
    init(_ text: Span<UInt8>, by judge: StatementJudge) {
        let prospect = judge.prospect(of: text)
        let demand = prospect.demand
        let request = RouteRequest(
            routeClass: demand.routeClass, consistency: demand.wishes.consistency ?? judge.settings.consistency,
            maxLag: .max, listener: demand.listener, needsPrimary: demand.needsPrimary)
        let decision = Router.decide(
            request, topology: Self.topology, settings: judge.settings,
            outstanding: [Int32](repeating: 0, count: 2).span, random: 0)
        classification = prospect.classification
        routeClass = demand.routeClass
        if case .refused(let error) = prospect.course {
            destination = .nowhere
            sentence = "\(error.severity.rawValue) \(error.sqlState), \(error.message)."
            return
        }
        switch decision.target {
        case .replica: destination = .replica
        case .primary, .hold: destination = .primary
        case .refuse: destination = .nowhere
        }
        let asksForNode =
            judge.settings.nodeFunctions == .primary && classification.effects.contains(.nodeAddress)
            && classification.routeClass == .replicaSafe
        if demand.listener != .split {
            let role = demand.listener == .reader ? "replica" : "primary"
            sentence = "The comment asks for the role '\(role)'."
        } else {
            sentence =
                asksForNode ? "The node_functions are 'primary'." : Self.sentence(decision.reason, classification)
        }
    }

    private static func sentence(_ reason: RouteReason, _ classification: Classification) -> String {
        switch reason {
        case .replicaSafe, .replicaCoversFloor, .write, .lockedRead, .primaryOnlyRead, .transactionControl,
            .sessionState:
            return classification.cause.note.sentence
        case .consistencyPrimary:
            return "The consistency is 'primary'."
        case .readerPort, .writerPort, .noReplicaUp, .replicasExcluded, .replicasTooOld, .floorNotCovered,
            .replicaReadBefore, .primaryTakesShare, .refusedByReplica, .learned, .tooLargeToRepeat, .advised,
            .notOnReaderPort:
            return reason.description
        }
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
