// Which node is the primary?

extension ClusterMachine {
    /// Chooses the primary among the writable nodes: the highest timeline; on the same one the incumbent while it can
    /// be reached; otherwise none. Never the newest answer, never the highest position: an old primary may have it.
    mutating func elect(at now: UInt64) {
        // The first choice waits until every node was heard, so that it does not depend on who answers first.
        guard reign != nil || records.allSatisfy(\.isHeard) else { return }
        learnSystem()
        updateFences()

        let contenders = contenders()
        let chosen = choose(among: contenders)
        let previous = primary
        primary = chosen.map { records[$0].definition.id }
        if chosen != nil || contenders.isEmpty { contested = [] }
        if previous != nil, primary == nil {
            primaryLostAt = now
            if let previous { events.append(.primaryLost(previous)) }
        }
        if let chosen { install(chosen, previous: previous) }
    }

    // MARK: Steps

    /// The writable nodes on the highest timeline, those left out that lost before.
    private func contenders() -> [Int] {
        let candidates = records.indices.filter { records[$0].isWritable && !records[$0].isFenced }
        let top = candidates.map { records[$0].timeline }.max()
        return candidates.filter { records[$0].timeline == top }
    }

    private mutating func choose(among contenders: [Int]) -> Int? {
        guard let first = contenders.first else { return nil }
        if let incumbent = contenders.first(where: { records[$0].definition.id == reign?.node }) { return incumbent }
        let timeline = records[first].timeline
        let lost = timeline == highestTimeline ? absentIncumbent : nil
        // One server that is listed under two addresses is no rival of itself.
        let servers = Set(contenders.map { records[$0].report?.postmasterStartTime })
        // Nobody takes office while the last question to it failed.
        if servers.count == 1, lost == nil { return records[first].failure == nil ? first : nil }
        let nodes = contenders.map { records[$0].definition.id }
        if nodes != contested {
            contested = nodes
            events.append(.contested(nodes, timeline: timeline, lost: lost))
        }
        return nil
    }

    /// The last primary, when it is out of reach and was writable when it was last heard of.
    private var absentIncumbent: NodeID? {
        // Storage that is shared keeps a former writer from writing, whether it can be reached or not.
        guard !settings.isStorageShared, let reign, let index = index(of: reign.node) else { return nil }
        let record = records[index]
        return !record.isUp && !record.isForeign && record.report?.isInRecovery == false ? reign.node : nil
    }

    private mutating func install(_ index: Int, previous: NodeID?) {
        let record = records[index]
        let next = Reign(node: record.definition.id, incarnation: record.incarnation, timeline: record.timeline)
        if let old = reign {
            if old.node != next.node || old.timeline != next.timeline {
                events.append(.primaryChanged(from: old.node, to: next.node, timeline: next.timeline))
                noteLostWrites(record)
            } else if previous == nil {
                events.append(.primaryReturned(next.node))
            }
        } else {
            events.append(.primaryChanged(from: nil, to: next.node, timeline: next.timeline))
        }
        // After a first failure nothing is known of the next life yet: the samples count until it begins or the node
        // is lost.
        if reign != next, record.failure == nil {
            reign = next
            forgetSamples()
        }
        highestTimeline = max(highestTimeline, next.timeline)
        for other in records.indices where other != index && records[other].isWritable { fence(other) }
    }

    private mutating func noteLostWrites(_ record: NodeRecord) {
        lostWrites = nil
        guard let last = history.newest?.lsn, let report = record.report, let position = report.insertLSN else {
            return
        }
        let end = position.endOfLastRecord(layout: report.layout)
        guard end < last else { return }
        events.append(.writesLost(behind: end, until: last))
        lostWrites = LostWrites(timeline: record.timeline, after: history.covered(by: end)?.number ?? 0)
    }

    /// A fence falls when its node is a replica, or has a timeline that no primary had before, or when the last
    /// primary, which it lost against, follows it now.
    private mutating func updateFences() {
        let last = reign.flatMap { index(of: $0.node) }
        for index in records.indices {
            if records[index].report?.isInRecovery == true { records[index].isFenced = false }
            // It may have taken over before the writer that it takes over from was missed.
            if settings.isStorageShared, last.map({ !records[$0].isUp }) ?? true { records[index].isFenced = false }
            guard records[index].isWritable else { continue }
            let timeline = records[index].timeline
            if timeline > highestTimeline { records[index].isFenced = false }
            if timeline < highestTimeline { fence(index) }
            if timeline == highestTimeline, let last, records[last].streams(from: records[index]) {
                records[index].isFenced = false
            }
        }
    }

    private mutating func fence(_ index: Int) {
        guard !records[index].isFenced else { return }
        records[index].isFenced = true
        events.append(.fenced(records[index].definition.id, timeline: records[index].timeline))
    }

    /// The first writable node that is heard of brings the cluster's identity; between nodes that differ, that of the
    /// most nodes, then that of the first in the settings.
    private mutating func learnSystem() {
        if systemIdentifier == nil, records.contains(where: \.isWritable) {
            let found = records.compactMap { $0.report?.systemIdentifier }
            let writable = records.filter(\.isWritable).compactMap { $0.report?.systemIdentifier }
            let most = writable.map { system in found.count { $0 == system } }.max()
            systemIdentifier = writable.first { system in found.count { $0 == system } == most }
        }
        guard let expected = systemIdentifier else { return }
        for index in records.indices {
            guard let system = records[index].report?.systemIdentifier else { continue }
            let isForeign = system != expected
            if isForeign, !records[index].isForeign {
                events.append(.foreignSystem(records[index].definition.id, found: system, expected: expected))
            }
            records[index].isForeign = isForeign
        }
    }
}
