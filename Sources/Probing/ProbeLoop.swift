// When is which node asked, and who is told of the answers?

import Glibc
import Routing

/// The control thread's work: one wait for all nodes, no call that blocks.
///
/// The replicas are asked right after each sample of the primary, so that they can cover it at once. When somebody
/// waits for a sample, replicas that have not caught up with it are asked again sooner than in their turn.
final class ProbeLoop {
    private let settings: ProbeSettings
    private let requests: Requests
    private let samples: SampleCounter
    private let onTopology: @Sendable (Topology) -> Void
    private let onEvent: @Sendable (ProberEvent) -> Void
    /// By the node's place; nil: nobody is there.
    private var links: [NodeLink?] = []
    private var addresses: [NodeID: String] = [:]
    private var machine: ClusterMachine
    private var topology: Topology
    /// The last sample that was begun because somebody asked for it.
    private var pursuedSample: UInt64 = 0
    /// Replicas that answered since the last publication.
    private var answered: Set<NodeID> = []

    init(
        nodes: [NodeDefinition], settings: ProbeSettings, failoverWait: Duration, requests: Requests,
        samples: SampleCounter, onTopology: @escaping @Sendable (Topology) -> Void,
        onEvent: @escaping @Sendable (ProberEvent) -> Void
    ) {
        self.settings = settings
        self.requests = requests
        self.samples = samples
        self.onTopology = onTopology
        self.onEvent = onEvent
        var cluster = ClusterSettings()
        cluster.probeInterval = settings.interval
        cluster.probeTimeout = settings.timeout
        cluster.failuresUntilDown = settings.failuresUntilDown
        cluster.failoverWait = failoverWait
        cluster.slowStart = settings.slowStart
        cluster.isStorageShared = settings.serverKind == .aurora
        machine = ClusterMachine(nodes: nodes, settings: cluster)
        topology = machine.snapshot(at: 0)
        link(nodes.map { NodePlace($0) })
    }

    func run() {
        topology = machine.snapshot(at: SystemCalls.now())
        onTopology(topology)
        var descriptors: [pollfd] = []
        while !requests.isStopped {
            descriptors.removeAll(keepingCapacity: true)
            descriptors.append(pollfd(fd: requests.wakeUp.readEnd, events: Int16(POLLIN), revents: 0))
            for link in links { descriptors.append(link?.interest ?? pollfd(fd: -1, events: 0, revents: 0)) }
            SystemCalls.wait(&descriptors, milliseconds: timeUntilNextStep())

            let now = SystemCalls.now()
            if descriptors[0].revents != 0 { requests.wakeUp.drain() }
            for (index, link) in links.enumerated() {
                guard let link else { continue }
                digest(link.step(isReady: descriptors[index + 1].revents != 0, now: now), of: link, now: now)
            }
            takeRequests(now: now)
            publish(now: now)
            askWhoIsDue(now: now)
            publish(now: now)
        }
    }

    private func timeUntilNextStep() -> Int32 {
        let now = SystemCalls.now()
        let next = links.compactMap { $0?.wakeAt }.min() ?? .max
        guard next > now else { return 0 }
        // Rounded up: waking before the time would only mean waiting again.
        return Int32(min((next - now + 999_999) / 1_000_000, 60_000))
    }

    /// Opens links to the nodes that are new in their places, and closes those to the ones that are gone.
    private func link(_ places: [NodePlace]) {
        for (index, place) in places.enumerated() {
            let node = place.definition
            if index == links.count { links.append(nil) }
            addresses[node.id] = node.address
            guard links[index]?.node != (place.isMember ? node.id : nil) else { continue }
            links[index] = place.isMember
                ? NodeAddress(node.address).map {
                    NodeLink(node: node.id, address: $0, settings: settings, wakeUp: requests.wakeUp)
                } : nil
        }
    }

    // MARK: Requests

    private func takeRequests(now: UInt64) {
        let nodes = requests.takeNodes()
        if let members = nodes.members {
            link(members)
            machine.setMembers(members, at: now)
            for case let link? in links { link.hurryIfConnected(now: now) }
        }
        for node in nodes.lostConnections { machine.connectionLost(node) }
        for (node, isDrained) in nodes.drains { machine.setDrained(node, isDrained) }
        for case let link? in links where nodes.probes.contains(link.node) { link.hurry(now: now) }
        if requests.isSampleWanted {
            for case let link? in links where maySample(link) { link.hurryIfConnected(now: now) }
        }
    }

    /// Whether an answer of this node may be the sample that is waited for.
    private func maySample(_ link: NodeLink) -> Bool { topology.primary.map { $0 == link.node } ?? true }

    // MARK: Questions and answers

    /// A primary without replicas has nobody to be compared with, and nobody who could take over: what matters is that
    /// its connections stand. It is asked less often, unless somebody wants to know.
    private static let restOfLonePrimary: UInt64 = 1_000_000_000

    private var period: UInt64 {
        let interval = settings.interval.clampedNanoseconds
        var members = links.lazy.compactMap(\.?.node).makeIterator()
        guard let first = members.next(), members.next() == nil, topology.primary == first else { return interval }
        return max(interval, Self.restOfLonePrimary)
    }

    private func askWhoIsDue(now: UInt64) {
        for case let link? in links where link.isDueToAsk(now: now) {
            let flushes = link.node == topology.primary && machine.needsFlush(for: pursuedSample, at: now)
            let isWish = maySample(link) && requests.takeSampleWish()
            let probe = Probe(node: link.node, sample: samples.begin(), sentAt: now)
            if isWish {
                pursuedSample = probe.sample
                for case let other? in links { other.resetFollowUp() }
            }
            machine.probeStarted(probe)
            digest(link.ask(probe, flushes: flushes, period: period, now: now), of: link, now: now)
        }
    }

    private func digest(_ outcome: NodeLink.Outcome, of link: NodeLink, now: UInt64) {
        switch outcome {
        case .nothing:
            break
        case .answered(let probe, let report):
            link.toldFailure = nil
            answered.insert(link.node)
            machine.probeSucceeded(probe, report, at: now)
        case .failed(let failure):
            machine.probeFailed(link.node, failure.reason, at: now)
            tell(failure, of: link)
        }
    }

    /// Tells a failure in the server's or libpq's words, once until it changes.
    private func tell(_ failure: ConnectionFailure, of link: NodeLink) {
        guard link.toldFailure?.reason != failure.reason else { return }
        link.toldFailure = failure
        let severity: EventSeverity =
            switch failure.reason {
            case .nameNotResolved, .loginRefused, .questionFailed: .warning
            case .refused, .lost, .timedOut, .unreachable, .notAccepting: .notice
            }
        onEvent(ProberEvent(severity: severity, text: "probe of \(name(link.node)): \(failure.detail)", event: nil))
    }

    // MARK: Publication

    private func publish(now: UInt64) {
        guard machine.generation != topology.generation else { return }
        let before = topology
        topology = machine.snapshot(at: now)
        for event in machine.takeEvents() {
            onEvent(ProberEvent(severity: event.severity, text: event.text(name), event: event))
        }
        onTopology(topology)
        planAfter(before, now: now)
    }

    private func planAfter(_ before: Topology, now: UInt64) {
        defer { answered.removeAll(keepingCapacity: true) }
        if topology.primary != before.primary {
            for case let link? in links where link.node == topology.primary { link.hurry(now: now) }
        }
        let isNewSample = topology.newestSample != before.newestSample
        for (link, status) in zip(links, topology.nodes) where status.role == .replica {
            guard let link else { continue }
            if isNewSample {
                link.hurryIfConnected(now: now)
            } else if answered.contains(link.node), status.isEligibleReplica, status.coveredSample < pursuedSample,
                pursuedSample <= topology.newestSample
            {
                link.askAgain(now: now)
            }
        }
    }

    private func name(_ node: NodeID) -> String { addresses[node] ?? node.description }
}
