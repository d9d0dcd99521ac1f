// What follows from the answers of a cluster's nodes?

/// What the machine needs to know about the prober's habits.
public struct ClusterSettings: Equatable, Sendable {
    /// Time between two regular probes of a node.
    public var probeInterval: Duration = .milliseconds(200)
    /// How long an answer may take.
    public var probeTimeout: Duration = .seconds(1)
    /// How many failures in a row make a node down; a refused connection does at once.
    public var failuresUntilDown = 2
    /// How long the lag of replicas stands still while no primary is known.
    public var failoverWait: Duration = .seconds(30)
    /// How long a node that has come up gets less than its share.
    public var slowStart: Duration = .seconds(10)
    /// The nodes have one storage (Aurora): it takes writes of one node only, and there are no timelines and no streams
    /// to follow. No position of a replica can be compared with one of the primary.
    public var isStorageShared = false

    public init() {}
}

/// Turns facts about nodes into pictures of the cluster. Instants are monotonic nanoseconds, given by the caller.
public struct ClusterMachine: Equatable, Sendable {
    var records: [NodeRecord]
    let settings: ClusterSettings

    /// The node that takes writes.
    var primary: NodeID?
    /// The current or last primary's time in office: coverage is about its samples alone.
    var reign: Reign?
    var history = SampleHistory()
    var idleLog = IdleLog()
    /// The highest timeline that a primary was ever on.
    var highestTimeline: UInt32 = 0
    /// The cluster's, from the first primary on.
    var systemIdentifier: UInt64?
    /// The nodes between which no primary could be chosen.
    var contested: [NodeID] = []
    var primaryLostAt: UInt64 = 0
    /// Of the last change of the primary.
    var lostWrites: LostWrites?
    /// Grows with every fact.
    public private(set) var generation: UInt64 = 0
    var events: [ClusterEvent] = []

    /// One life of one primary on one timeline.
    struct Reign: Equatable, Sendable {
        var node: NodeID
        var incarnation: UInt64
        var timeline: UInt32
    }

    public init(nodes: [NodeDefinition], settings: ClusterSettings = ClusterSettings()) {
        precondition(nodes.count <= NodeSet.capacity, "a cluster has at most 64 nodes")
        precondition(Set(nodes.map(\.id)).count == nodes.count, "each node has an id of its own")
        records = nodes.map(NodeRecord.init)
        self.settings = settings
    }

    // MARK: Facts

    /// A question is about to be sent.
    public mutating func probeStarted(_ probe: Probe) {
        guard let index = index(of: probe.node) else { return }
        records[index].lastStarted = max(records[index].lastStarted, probe.sample)
    }

    /// A question was answered.
    public mutating func probeSucceeded(_ probe: Probe, _ report: ProbeReport, at now: UInt64) {
        guard let index = index(of: probe.node) else { return }
        // An answer that was overtaken by a later one or by the end of its connection.
        guard probe.sample > records[index].ignoredThrough else { return }
        guard report.isInRecovery || (report.insertLSN != nil && report.timeline != nil) else {
            return probeFailed(probe.node, .questionFailed, at: now)
        }
        let wasUp = records[index].isUp
        let wasWritable = records[index].report?.isInRecovery == false
        let restarted = records[index].accept(report, probe: probe, at: now)
        if !wasUp {
            events.append(.nodeUp(probe.node, isInRecovery: report.isInRecovery))
        } else if restarted {
            events.append(.nodeRestarted(probe.node))
        }
        if wasUp, wasWritable, report.isInRecovery { events.append(.becameReplica(probe.node)) }
        notePrivilege(index)
        elect(at: now)
        if primary == probe.node, let insertLSN = report.insertLSN {
            let end = insertLSN.endOfLastRecord(layout: report.layout)
            let flushed = min(report.flushLSN ?? end, end)
            take(Sample(number: probe.sample, lsn: end, flushed: flushed, sentAt: probe.sentAt))
        }
        refresh()
    }

    /// A node could not be asked, or did not answer. Answers to questions begun before are ignored from now on.
    public mutating func probeFailed(_ node: NodeID, _ reason: ProbeFailure, at now: UInt64) {
        guard let index = index(of: node) else { return }
        let wentDown = records[index].fail(reason, limit: settings.failuresUntilDown)
        if wentDown { events.append(.nodeDown(node, reason)) }
        elect(at: now)
        refresh()
    }

    /// Traffic lost or was refused a connection to a node: what a replica had replayed counts no more until it is asked
    /// again. A primary's samples stay: if it did restart, its probe connection is lost too.
    public mutating func connectionLost(_ node: NodeID) {
        guard node != primary, let index = index(of: node) else { return }
        records[index].dropCoverage()
        refresh()
    }

    /// The operator takes a replica out of the choice, or puts it back.
    public mutating func setDrained(_ node: NodeID, _ isDrained: Bool) {
        guard let index = index(of: node) else { return }
        records[index].isDrained = isDrained
        refresh()
    }

    /// The cluster has these nodes from now on, each in its place. Places do not become fewer; what happened between
    /// two calls need not be told.
    public mutating func setMembers(_ places: [NodePlace], at now: UInt64) {
        precondition(places.count >= records.count, "a place never vanishes")
        for (place, new) in places.enumerated() {
            if place == records.count {
                records.append(NodeRecord(new.definition))
                records[place].isRemoved = true
            }
            let isSame = records[place].definition.id == new.definition.id
            if !new.isMember {
                if !records[place].isRemoved { events.append(.nodeRemoved(records[place].definition.id)) }
                if !records[place].isRemoved || !isSame { replace(place, with: new.definition) }
                records[place].isRemoved = true
            } else if isSame, !records[place].isRemoved {
                records[place].definition = new.definition
            } else {
                replace(place, with: new.definition)
                events.append(.nodeAdded(new.definition.id))
            }
        }
        elect(at: now)
        refresh()
    }

    /// Forgets all that was known of the node in a place; lives are numbered on, so that none is taken for another.
    private mutating func replace(_ place: Int, with definition: NodeDefinition) {
        let incarnation = records[place].incarnation + 1
        records[place] = NodeRecord(definition)
        records[place].incarnation = incarnation
    }

    /// What happened since the last call, in order.
    public mutating func takeEvents() -> [ClusterEvent] {
        defer { events.removeAll() }
        return events
    }

    // MARK: Samples and coverage

    private mutating func take(_ sample: Sample) {
        if let newest = history.newest, !history.continues(with: sample) {
            events.append(.logWentBack(primaryOrLast, from: newest.lsn, to: sample.lsn))
            forgetSamples()
        }
        history.append(sample)
    }

    private var primaryOrLast: NodeID {
        guard let reign else { preconditionFailure("samples are taken of a primary only") }
        return reign.node
    }

    /// Makes every older floor "the first sample to come": numbers grow, so nothing but new samples can reach a floor.
    mutating func forgetSamples() {
        history.clear()
        for index in records.indices { records[index].coveredSample = 0 }
    }

    /// Draws the conclusions about coverage from the facts as they are now.
    private mutating func refresh() {
        generation += 1
        updateProofs()
        guard let reign, !settings.isStorageShared else { return }
        for index in records.indices {
            records[index].hasNewest = false
            guard let lsn = records[index].replayedLSN(on: reign.timeline), isProven(records[index]) else { continue }
            if let sample = history.covered(by: lsn) {
                records[index].coveredSample = max(records[index].coveredSample, sample.number)
            }
            if let sample = history.complete(by: lsn) {
                records[index].hasNewest = sample.number == history.newest?.number
                records[index].completeAsOf = max(records[index].completeAsOf ?? 0, sample.sentAt)
            }
        }
    }

    private mutating func notePrivilege(_ index: Int) {
        let isMissing = records[index].report?.hasMonitorPrivilege == false
        if isMissing, !records[index].isPrivilegeMissing {
            events.append(.missingPrivilege(records[index].definition.id))
        }
        records[index].isPrivilegeMissing = isMissing
    }

    func index(of node: NodeID) -> Int? { records.firstIndex { $0.definition.id == node && !$0.isRemoved } }
}
