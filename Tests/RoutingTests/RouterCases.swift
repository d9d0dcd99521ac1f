// What do the tests of the router start from?

import Routing
import SQL

/// Two replicas (nodes 2 and 3) and a primary (node 1) in the ordinary state; cases change what they need.
func cluster(_ change: (inout Topology) -> Void = { _ in }) -> Topology {
    var topology = Topology(
        generation: 1,
        nodes: [
            NodeStatus(id: NodeID(1), address: "a:1", role: .primary, isUp: true),
            NodeStatus(
                id: NodeID(2), address: "b:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 10,
                coverageBegan: 1000, lagNanoseconds: 0),
            NodeStatus(
                id: NodeID(3), address: "c:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 8,
                coverageBegan: 1000, lagNanoseconds: 5_000_000_000),
        ],
        primary: NodeID(1), newestSample: 10)
    change(&topology)
    return topology
}

func decide(
    _ request: RouteRequest, _ topology: Topology = cluster(), _ settings: RoutingSettings = RoutingSettings(),
    outstanding: [Int32] = [0, 0, 0], random: UInt64 = 0
) -> RouteDecision {
    Router.decide(request, topology: topology, settings: settings, outstanding: outstanding.span, random: random)
}

func settings(_ change: (inout RoutingSettings) -> Void) -> RoutingSettings {
    var settings = RoutingSettings()
    change(&settings)
    return settings
}

let primary = Target.primary(NodeID(1))
let second = Target.replica(NodeID(2))
let third = Target.replica(NodeID(3))
