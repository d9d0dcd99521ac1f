// How is the way of a statement told to people?

public import Routing
import SQL
import Wire

/// Everything that decides where a statement goes, as rows of names and values.
public struct RouteExplanation: Sendable {
    public static let columns = ["item", "value"]

    let prospect: Prospect
    let request: RouteRequest
    /// Of a router that is asked now; it counts where the session has to ask.
    let decision: RouteDecision
    let settings: RoutingSettings
    let topology: Topology
    let outstanding: [Int32]
    /// The place of the node whose server the session has.
    let attached: Int?
    let startedSample: UInt64
    let isCatalogKnown: Bool
    let now: UInt64

    public init(
        prospect: Prospect, request: RouteRequest, decision: RouteDecision, settings: RoutingSettings,
        topology: Topology, outstanding: [Int32], attached: Int?, startedSample: UInt64, isCatalogKnown: Bool,
        now: UInt64
    ) {
        self.prospect = prospect
        self.request = request
        self.decision = decision
        self.settings = settings
        self.topology = topology
        self.outstanding = outstanding
        self.attached = attached
        self.startedSample = startedSample
        self.isCatalogKnown = isCatalogKnown
        self.now = now
    }

    public var rows: [[String]] {
        var rows = [["goes to", destination], ["because", reason], ["class", routeClass], ["decided by", source]]
        rows.append(["rule", prospect.classification.cause.note.sentence])
        if let token { rows.append(["token", token]) }
        if !prospect.classification.pins.isEmpty {
            rows.append(["would pin", prospect.classification.pins.description])
        }
        rows.append(["session", session])
        rows.append(["consistency", consistency])
        rows.append(["samples", samples])
        rows.append(["max_lag", request.maxLag == .max ? "any" : Self.time(request.maxLag)])
        if let choice { rows.append(["choice", choice]) }
        return rows + nodes
    }

    // MARK: Where

    private var destination: String {
        switch prospect.course {
        case .answeredHere: "no server: the router answers it"
        case .stays: attached.map(place) ?? "the server that the session has"
        case .refused(let error): "nowhere: \(error.severity.rawValue) \(error.sqlState), \(error.message)"
        case .moves, .routed:
            switch decision.target {
            case .primary(let id), .replica(let id): topology.index(of: id).map(place) ?? "\(id)"
            case .hold(let reason): "nowhere yet: it would wait, because \(reason)"
            case .refuse(let reason): "nowhere: ERROR \(reason.sqlState), \(reason)"
            }
        }
    }

    private func place(_ index: Int) -> String {
        guard index < topology.nodes.count else { return "a node that is no more" }
        return "\(topology.nodes[index].address) (\(topology.nodes[index].role))"
    }

    private var reason: String {
        switch prospect.course {
        case .answeredHere: "nothing in it needs a server now"
        case .stays where !prospect.pins.isEmpty: "pinned: \(prospect.pins)"
        case .stays: "the session's transaction, or what it has sent before, is there"
        case .moves: "it cannot run on the replica of its transaction, which begins again; \(decision.reason)"
        case .refused(let error): error.hint ?? error.detail ?? "the session's state forbids it"
        case .routed: decision.reason.description
        }
    }

    private var choice: String? {
        guard case .routed = prospect.course, case .replica = decision.target else { return nil }
        let count = verdicts.count { $0 == .eligible }
        return count > 1 ? "\(settings.loadBalance.rawValue), among \(count)" : "the only eligible replica"
    }

    // MARK: What the statement is

    private var routeClass: String {
        let own = prospect.classification.routeClass
        let asked = prospect.demand.routeClass
        return own == asked ? own.name : "\(own.name), here routed as \(asked.name)"
    }

    private var source: String {
        if prospect.port != request.listener {
            return prospect.isAskedForInComment ? "hint" : "setting of the session"
        }
        switch prospect.course {
        case .moves, .routed:
            switch decision.reason {
            case .learned: return "learned"
            case .consistencyPrimary, .primaryTakesShare, .advised, .tooLargeToRepeat: return "setting"
            case .noReplicaUp, .replicasExcluded, .replicasTooOld, .floorNotCovered, .replicaReadBefore:
                return "state of the replicas"
            case .replicaSafe, .replicaCoversFloor, .readerPort, .write, .lockedRead, .primaryOnlyRead,
                .transactionControl, .sessionState, .writerPort, .refusedByReplica, .notOnReaderPort:
                break
            }
        case .answeredHere, .stays, .refused:
            break
        }
        let source = prospect.classification.cause.source
        let isUnknown = source == .unknownFunction && !isCatalogKnown
        return source.name + (isUnknown ? "; the catalog has not been read" : "")
    }

    private static let longestToken = 100

    /// The bytes that decided, if any did.
    private var token: String? {
        let range = prospect.classification.cause.tokenRange.clamped(to: 0..<prospect.text.count)
        guard !range.isEmpty else { return nil }
        let text = String(decoding: prospect.text[range].prefix(Self.longestToken), as: UTF8.self)
        return text + (range.count > Self.longestToken ? "…" : "")
    }

    // MARK: What the session is

    private var session: String {
        let port =
            switch prospect.port {
            case .split: "split port"
            case .writer: "writer port"
            case .reader: "reader port"
            }
        let transaction =
            switch prospect.transaction {
            case .none: "no transaction"
            case .lazy(let modes): "a transaction\(Self.words(modes)) that no server has seen yet"
            case .open(let modes): "in a transaction\(Self.words(modes))"
            case .failedWithoutServer: "in a failed transaction"
            }
        let asked = request.listener == .reader ? "replica" : "primary"
        let role = prospect.port == request.listener ? "" : " in the role \(asked)"
        let pins = prospect.pins.isEmpty ? "not pinned" : "pinned: \(prospect.pins)"
        return "\(port)\(role); \(transaction); \(pins)"
    }

    private static func words(_ modes: TransactionModes) -> String {
        switch modes.readOnly {
        case true: " READ ONLY"
        case false: " READ WRITE"
        case nil: ""
        }
    }

    private var consistency: String {
        let floor = request.effectiveFloor
        return request.consistency.rawValue
            + (floor == .none ? "; no floor" : "; floor \(floor.sample): sample \(floor.sample) must be covered")
    }

    private var samples: String {
        let age = now > topology.takenAt ? now - topology.takenAt : 0
        return "newest \(topology.newestSample) as of \(Self.time(age)) ago; \(startedSample) begun"
    }

    // MARK: What the nodes are

    private var verdicts: [NodeVerdict] { Router.verdicts(request, topology: topology) }

    private var nodes: [[String]] {
        let verdicts = verdicts
        return topology.members.map { index, node in
            var facts = ["\(node.role)"]
            if node.role == .replica {
                facts.append("lag \(node.lagNanoseconds.map(Self.time) ?? "unknown")")
                facts.append("covers \(node.coveredSample)")
            }
            facts.append("outstanding \(index < outstanding.count ? outstanding[index] : 0)")
            if node.weight != 1 { facts.append("weight \(node.weight)") }
            return ["node \(node.address)", facts.joined(separator: ", ") + ": \(verdicts[index])"]
        }
    }

    /// Nanoseconds in a unit that people read.
    static func time(_ nanoseconds: UInt64) -> String {
        nanoseconds < 10_000_000_000 ? "\(nanoseconds / 1_000_000) ms" : "\(nanoseconds / 1_000_000_000) s"
    }
}
