// What is answered to those who ask whether the router is well?

public import Routing

/// The state of a process, and what follows from it for load balancers and schedulers.
public struct Health: Sendable {
    /// By name, in order.
    public var clusters: [(name: String, topology: Topology)]
    /// The process takes no new clients.
    public var isStopping: Bool

    public init(clusters: [(name: String, topology: Topology)], isStopping: Bool = false) {
        self.clusters = clusters
        self.isStopping = isStopping
    }

    /// A status of HTTP with a text for people.
    public struct Answer: Equatable, Sendable {
        public var status: Int
        public var text: String

        public init(status: Int, text: String) {
            self.status = status
            self.text = text
        }
    }

    /// The paths that are answered.
    public static let paths = ["/healthz", "/readyz", "/primary", "/replica"]

    /// - Parameters:
    ///   - path: `/healthz`: the process lives. `/readyz`: it takes clients, and each cluster has a node that answers
    ///     reads. `/primary`: each cluster has a primary. `/replica`: each cluster has a replica that answers reads.
    ///   - cluster: the only cluster that is asked about.
    /// - Returns: 200, or 503 where the answer is no; 404 for what is not known.
    public func answer(path: String, cluster: String? = nil) -> Answer {
        let asked = clusters.filter { cluster == nil || $0.name == cluster }
        guard Self.paths.contains(path) else { return Answer(status: 404, text: "not found\n") }
        if let cluster, asked.isEmpty { return Answer(status: 404, text: "there is no cluster \"\(cluster)\"\n") }
        let isGood: Bool
        switch path {
        case "/readyz": isGood = !isStopping && asked.allSatisfy { $0.topology.answersReads }
        case "/primary": isGood = asked.allSatisfy { $0.topology.primary != nil }
        case "/replica": isGood = asked.allSatisfy { $0.topology.eligibleReplicas > 0 }
        default: isGood = true
        }
        let state = (isStopping ? ["stopping"] : []) + asked.map { "\($0.name): \($0.topology.summary)" }
        return Answer(status: isGood ? 200 : 503, text: state.joined(separator: "\n") + "\n")
    }
}

extension Topology {
    fileprivate var eligibleReplicas: Int { nodes.count { $0.isEligibleReplica } }

    fileprivate var answersReads: Bool { primary != nil || eligibleReplicas > 0 }

    fileprivate var summary: String {
        let place = primary.flatMap { index(of: $0) }
        let known = place.map { "primary \(nodes[$0].address)" } ?? "no primary"
        return "\(known), \(eligibleReplicas) of \(members.count - (place == nil ? 0 : 1)) others answer reads"
    }
}
