// How does the rest of the process use the prober?

import Locks
public import Routing

/// Something that the operator should read.
public struct ProberEvent: Equatable, Sendable {
    public var severity: EventSeverity
    /// A sentence for the log.
    public var text: String
    /// The change in the cluster; nil when it is only a detail of a failed probe.
    public var event: ClusterEvent?

    public init(severity: EventSeverity, text: String, event: ClusterEvent?) {
        self.severity = severity
        self.text = text
        self.event = event
    }
}

/// Why a prober cannot be made or started.
public enum ProberError: Error, Equatable, CustomStringConvertible {
    /// Not `host:port`.
    case badAddress(String)
    /// The process has no descriptor or thread left.
    case noResources

    public var description: String {
        switch self {
        case .badAddress(let text): "'\(text)' is no address: expected host:port"
        case .noResources: "the probing thread cannot be started: no descriptor or thread is left for this process"
        }
    }
}

/// Watches the nodes of one cluster from a thread of its own and tells what it sees.
///
/// Both callbacks run on that thread: they hand over what they are given and return. They must not call `stop`.
public final class Prober: Sendable {
    private let requests: Requests
    private let makeLoop: @Sendable (Requests) -> ProbeLoop
    private let thread = Lock<ControlThread?>(nil)

    /// - Parameters:
    ///   - failoverWait: How long the lag of replicas stands still while no primary is known.
    ///   - samples: The cluster's shared counter, from which the workers take their floors.
    ///   - onTopology: Gets a picture at the start and whenever something was learned, at least once per interval.
    ///   - onEvent: Gets what belongs into the log; each change once.
    public init(
        nodes: [NodeDefinition], settings: ProbeSettings, failoverWait: Duration = .seconds(30), samples: SampleCounter,
        onTopology: @escaping @Sendable (Topology) -> Void, onEvent: @escaping @Sendable (ProberEvent) -> Void
    ) throws(ProberError) {
        for node in nodes where NodeAddress(node.address) == nil { throw .badAddress(node.address) }
        guard let wakeUp = WakeUp() else { throw .noResources }
        requests = Requests(wakeUp: wakeUp)
        makeLoop = { requests in
            ProbeLoop(
                nodes: nodes, settings: settings, failoverWait: failoverWait, requests: requests, samples: samples,
                onTopology: onTopology, onEvent: onEvent)
        }
    }

    /// A prober that nobody holds ends by itself.
    deinit {
        requests.stop()
        thread.withLock { $0?.detach() }
    }

    /// Begins to probe. To be called once.
    public func start() throws(ProberError) {
        let started = thread.withLock { thread in
            precondition(thread == nil && !requests.isStopped, "a prober is started once")
            thread = ControlThread(name: "pm-probe") { [requests, makeLoop] in makeLoop(requests).run() }
            return thread != nil
        }
        guard started else { throw .noResources }
    }

    /// Ends probing and returns when the thread is gone. Calling it twice does no harm.
    public func stop() {
        requests.stop()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Wants a sample of the primary that is begun after this call, because a session waits to read its own write on a
    /// replica. Requests are merged, at most one probe per `minInterval` follows from them. Cheap, from any thread.
    public func requestSample() { requests.wantSample() }

    /// Wants a node to be looked at now, because traffic shows that something happened to it. From any thread.
    ///
    /// - Parameter connectionLost: A connection to it was lost or refused: what it had replayed no longer counts.
    public func requestProbe(_ node: NodeID, connectionLost: Bool = false) {
        requests.wantProbe(node, connectionLost: connectionLost)
    }

    /// The cluster has other nodes from now on, each in its place. From any thread.
    ///
    /// - Throws: `badAddress`, and nothing changes.
    public func setMembers(_ places: [NodePlace]) throws(ProberError) {
        for place in places where NodeAddress(place.definition.address) == nil {
            throw .badAddress(place.definition.address)
        }
        requests.setMembers(places)
    }

    /// Takes a replica out of the choice without breaking what runs on it, or puts it back. From any thread.
    public func setDrained(_ node: NodeID, _ isDrained: Bool) { requests.setDrained(node, isDrained) }
}
