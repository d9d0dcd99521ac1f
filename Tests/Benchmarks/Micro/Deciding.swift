// What does it cost to choose a node, and to get a server of its pool?

import Pooling
import Routing
import SQL

/// Chooses among two replicas that are as good as each other.
struct Deciding: Operation {
    let name: String
    let request: RouteRequest
    let settings = RoutingSettings()
    let topology = Topology(
        generation: 1,
        nodes: [
            NodeStatus(id: NodeID(1), address: "a:1", role: .primary, isUp: true),
            NodeStatus(
                id: NodeID(2), address: "b:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 10,
                coverageBegan: 1000, lagNanoseconds: 0),
            NodeStatus(
                id: NodeID(3), address: "c:1", role: .replica, isUp: true, isEligibleReplica: true, coveredSample: 10,
                coverageBegan: 1000, lagNanoseconds: 0),
        ],
        primary: NodeID(1), newestSample: 10)
    let outstanding: [Int32] = [0, 3, 4]
    private var random: UInt64 = 0x9e37_79b9_7f4a_7c15

    init(_ name: String, _ request: RouteRequest) {
        self.name = name
        self.request = request
    }

    mutating func run(_ count: Int) -> Int {
        var sum = 0
        for _ in 0..<count { sum &+= decide() }
        return sum
    }

    /// - Returns: the number of the chosen node.
    @inline(__always)
    mutating func decide() -> Int {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let decision = Router.decide(
            request, topology: topology, settings: settings, outstanding: outstanding.span, random: random)
        switch decision.target {
        case .primary(let node), .replica(let node): return Int(node.rawValue)
        case .hold, .refuse: preconditionFailure("There is a node for every request.")
        }
    }
}

/// A pool of twenty servers that rest, of which one is taken and given back.
struct Pooled: ~Copyable, Operation {
    let name = "PoolMachine: acquire and release"
    private static let size = 20
    private var machine: PoolMachine
    private var actions: [PoolAction] = []
    private var serial = 0

    init() {
        var settings = PoolSettings()
        settings.size = Self.size
        settings.minSize = Self.size
        settings.maxConnecting = Self.size
        machine = PoolMachine(settings: settings, workerCount: 1)
        machine.expire(now: 1, actions: &actions)
        let orders = actions
        actions.removeAll(keepingCapacity: true)
        for (number, order) in orders.enumerated() {
            guard case .connect(let worker, let epoch) = order else { continue }
            machine.connected(
                ServerID(rawValue: number), worker: worker, epoch: epoch, now: 1, actions: &actions)
        }
        precondition(machine.gauges(now: 1).idle == Self.size, "All servers rest.")
    }

    mutating func run(_ count: Int) -> Int {
        var sum = 0
        for _ in 0..<count { sum &+= turn() }
        return sum
    }

    /// - Returns: the number of the server.
    @inline(__always)
    mutating func turn() -> Int {
        serial += 1
        let server = take(serial)
        giveBack(server)
        return server.rawValue
    }

    mutating func take(_ serial: Int) -> ServerID {
        actions.removeAll(keepingCapacity: true)
        machine.acquire(
            WaiterID(rawValue: serial), worker: WorkerID(rawValue: 0), now: UInt64(serial), actions: &actions)
        guard case .assign(let server, _, owner: _)? = actions.first else {
            preconditionFailure("There is a server for every client.")
        }
        return server
    }

    mutating func giveBack(_ server: ServerID) {
        actions.removeAll(keepingCapacity: true)
        machine.release(server, now: UInt64(serial), actions: &actions)
    }
}
