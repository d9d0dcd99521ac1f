// Do nodes keep their places while others come and go, and is nothing of one taken for another's?

import Testing

@testable import Routing

@Suite struct MembershipTests {
    private func described(_ addresses: [String]) -> [NodeDescription] {
        addresses.map { NodeDescription(address: $0) }
    }

    private func addresses(_ membership: Membership) -> [String?] {
        membership.places.map { $0.isMember ? $0.definition.address : nil }
    }

    @Test func placesAndIdentities() {
        var membership = Membership()
        #expect(membership.update(described(["a", "b", "c", "b"]), at: 1, isVacant: { _ in true }) == [])
        #expect(addresses(membership) == ["a", "b", "c"])
        let ids = membership.places.map(\.definition.id)
        // The order does not matter; one that leaves and comes back is who it was.
        _ = membership.update(described(["c", "a"]), at: 2, isVacant: { _ in true })
        #expect(addresses(membership) == ["a", nil, "c"])
        _ = membership.update(described(["a", "b", "c", "d"]), at: 3, isVacant: { _ in true })
        #expect(addresses(membership) == ["a", "b", "c", "d"])
        #expect(membership.places.prefix(3).map(\.definition.id) == ids)
        let heavy = NodeDescription(address: "b", weight: 7, isNear: false, isBalanced: false)
        _ = membership.update([heavy], at: 4, isVacant: { _ in true })
        #expect(addresses(membership) == [nil, "b", nil, nil])
        #expect(
            membership.places[1].definition
                == NodeDefinition(id: NodeID(1), address: "b", weight: 7, isNear: false, isBalanced: false))
    }

    @Test func aPlaceIsGivenAwayWhenNobodyRemembersIt() {
        var membership = Membership()
        _ = membership.update(described(["a", "b"]), at: 0, isVacant: { _ in true })
        _ = membership.update(described(["b"]), at: 0, isVacant: { _ in true })
        _ = membership.update(described(["b", "c"]), at: Membership.quarantine - 1, isVacant: { _ in true })
        #expect(addresses(membership) == [nil, "b", "c"])
        _ = membership.update(described(["b", "c", "d"]), at: Membership.quarantine, isVacant: { $0 != 0 })
        #expect(addresses(membership) == [nil, "b", "c", "d"])
        _ = membership.update(described(["b", "c", "d", "e"]), at: Membership.quarantine, isVacant: { $0 == 0 })
        #expect(addresses(membership) == ["e", "b", "c", "d"])
        #expect(membership.places[0].definition.id == NodeID(4))
    }

    @Test func moreThanACapacity() {
        var membership = Membership()
        let all = (1...66).map { "n\($0)" }
        #expect(membership.update(described(all), at: 0, isVacant: { _ in true }) == ["n65", "n66"])
        #expect(membership.places.count == NodeSet.capacity)
    }
}

@Suite struct MembersOfAClusterTests {
    private func node(_ id: Int32) -> NodeID { NodeID(id) }
    private func place(_ id: Int32, weight: Int = 1, isBalanced: Bool = true) -> NodePlace {
        NodePlace(
            NodeDefinition(id: node(id), address: "n\(id):5432", weight: weight, isBalanced: isBalanced))
    }

    private func left(_ id: Int32) -> NodePlace { NodePlace(place(id).definition, isMember: false) }

    private func started() -> ScriptedCluster {
        var cluster = ScriptedCluster(3)
        for _ in 1...2 {
            cluster.primary(1, 5000)
            cluster.replica(2, 5000)
            cluster.replica(3, 5000)
        }
        _ = cluster.news()
        return cluster
    }

    @Test func aReplicaLeavesAndReturns() {
        var cluster = started()
        let lives = cluster.topology.nodes.map(\.incarnation)
        cluster.setMembers([place(1), left(2), place(3)])
        #expect(cluster.news() == [.nodeRemoved(node(2))])
        #expect(cluster.topology.primary == node(1))
        #expect(cluster.topology.members.map(\.place) == [0, 2])
        #expect(cluster.topology.nodes[1].role == .unknown && !cluster.topology.nodes[1].isUp)
        #expect(cluster.topology.nodes[1].ineligibleReason == .removed)
        #expect(cluster.topology.index(of: node(3)) == 2)
        // An answer that was on its way means nothing.
        cluster.replica(2, 9000)
        #expect(!cluster.topology.nodes[1].isUp)
        cluster.setMembers([place(1), place(2), place(3)])
        #expect(cluster.news() == [.nodeAdded(node(2))])
        #expect(!cluster.topology.nodes[1].isEligibleReplica)
        #expect(cluster.topology.nodes[1].incarnation > lives[1], "what was read there does not count any more")
        cluster.replica(2, 9000)
        #expect(cluster.topology.nodes[1].isEligibleReplica)
    }

    @Test func weightsChangeInPlace() {
        var cluster = started()
        let before = cluster.status(2)
        cluster.setMembers([place(1), place(2, weight: 5), place(3)])
        #expect(cluster.news() == [])
        #expect(cluster.status(2).weight == 5 && cluster.status(2).incarnation == before.incarnation)
        #expect(cluster.status(2).isEligibleReplica && cluster.topology.primary == node(1))
        cluster.setMembers([place(1), place(2, weight: 5), place(3, isBalanced: false)])
        #expect(cluster.status(3).ineligibleReason == .notBalanced)
    }

    @Test func thePrimaryLeaves() {
        var cluster = started()
        cluster.setMembers([left(1), place(2), place(3)])
        #expect(cluster.topology.primary == nil)
        #expect(cluster.news() == [.nodeRemoved(node(1)), .primaryLost(node(1))])
        cluster.primary(2, 6000, timeline: 2)
        #expect(cluster.topology.primary == node(2))
        // The former one is as unwelcome as if it had never left.
        cluster.setMembers([place(1), place(2), place(3)])
        cluster.primary(1, 9000)
        #expect(cluster.topology.primary == node(2) && cluster.status(1).role == .fenced)
    }

    @Test func anotherNodeInAPlace() {
        var cluster = started()
        cluster.setMembers([place(1), left(2), place(3)])
        cluster.setMembers([place(1), place(9), place(3), place(10)])
        #expect(cluster.topology.nodes.map(\.id) == [1, 9, 3, 10].map { node($0) })
        #expect(cluster.topology.nodes[1].ineligibleReason == .notProbedYet)
        cluster.replica(9, 5000)
        #expect(cluster.status(9).isEligibleReplica)
    }

    /// A cluster whose nodes are found out begins with none.
    @Test func noNodeAtFirst() {
        var machine = ClusterMachine(nodes: [])
        #expect(machine.snapshot(at: 0).primary == nil)
        machine.setMembers([place(1), place(2)], at: 1)
        #expect(machine.snapshot(at: 1).nodes.count == 2)
    }

    /// The machine may be told of the last of several changes only.
    @Test func severalChangesAtOnce() {
        var machine = ClusterMachine(nodes: [])
        machine.setMembers([left(1), place(2)], at: 1)
        #expect(machine.takeEvents() == [.nodeAdded(node(2))])
        machine.setMembers([left(5), place(3), left(4)], at: 2)
        #expect(machine.takeEvents() == [.nodeAdded(node(3))])
        #expect(machine.snapshot(at: 2).members.map(\.node.id) == [node(3)])
        #expect(machine.snapshot(at: 2).nodes.map(\.id) == [node(5), node(3), node(4)])
    }
}

@Suite struct SharedStorageTests {
    private func node(_ id: Int32) -> NodeID { NodeID(id) }

    private func started() -> ScriptedCluster {
        var settings = ClusterSettings()
        settings.isStorageShared = true
        var cluster = ScriptedCluster(2, settings: settings)
        cluster.primary(1, 5000)
        var reader = cluster.standby(2, 0)
        reader.ownLag = 20_000_000
        cluster.answer(cluster.begin(2), reader)
        cluster.primary(1, 5000)
        return cluster
    }

    @Test func readersCoverNothing() {
        let cluster = started()
        #expect(cluster.status(2).isEligibleReplica && cluster.status(2).coveredSample == 0)
        // Its own word, and the time since.
        #expect(cluster.status(2).lagNanoseconds.map { $0 >= 20_000_000 && $0 < 30_000_000 } ?? false)
    }

    @Test(arguments: [true, false])
    func aReaderTakesOver(beforeTheWriterIsMissed isEarly: Bool) {
        var cluster = started()
        if isEarly {
            cluster.primary(2, 6000)
            #expect(cluster.topology.primary == node(1) && cluster.status(2).role == .fenced)
        }
        cluster.fail(1)
        cluster.primary(2, 6000)
        #expect(cluster.topology.primary == node(2))
        // The former one wakes up and has not heard of it.
        cluster.primary(1, 9000)
        #expect(cluster.topology.primary == node(2) && cluster.status(1).role == .fenced)
        cluster.replica(1, 0)
        #expect(cluster.status(1).role == .replica)
    }
}
