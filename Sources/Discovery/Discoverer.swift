// Which nodes does a cluster have now, and who is told when that changes?

import Dispatch
import Locks
public import Probing
public import Reactor

/// Asks a source for the nodes of a cluster, on a thread of its own, as long as it lives.
///
/// While the source cannot be reached, or names no node at all, the cluster stays as it was told last.
public final class Discoverer: Sendable {
    /// What came of a question; each answer is told once until it changes.
    public typealias Receiver = @Sendable (Result<[DiscoveredNode], DiscoveryFailure>) -> Void

    private let settings: DiscoverySettings
    private let probe: ProbeSettings
    private let receive: Receiver
    private let thread = Lock<WorkerThread?>(nil)
    private let state = Lock(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    private struct State {
        var isStopped = false
        var isHurried = false
    }

    /// Two questions are at least so far apart, however often somebody asks for haste.
    private static let shortestPause = 0.5
    /// Until the source has answered for the first time it is asked this often.
    private static let firstPause = 1.0

    /// - Parameter probe: how servers are asked, where they are.
    public init(settings: DiscoverySettings, probe: ProbeSettings, receive: @escaping Receiver) {
        self.settings = settings
        self.probe = probe
        self.receive = receive
    }

    /// Begins to ask. To be called once.
    public func start() throws(ReactorError) {
        let started = try WorkerThread(name: "pm-discover") { self.run() }
        thread.withLock { $0 = started }
    }

    /// The source may have news: the next question follows soon. Cheap, from any thread.
    public func hurry() {
        let isNew = state.withLock { state in
            defer { state.isHurried = true }
            return !state.isHurried
        }
        if isNew { wakeUp.signal() }
    }

    /// Ends asking and returns when the thread is gone; that takes no longer than one question.
    public func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// One answer of the source, which may take as long as the settings allow.
    public static func ask(
        _ settings: DiscoverySettings, probe: ProbeSettings
    ) throws(DiscoveryFailure) -> [DiscoveredNode] {
        try Source(settings, probe).read()
    }

    private func run() {
        let source = Source(settings, probe)
        var told: Result<[DiscoveredNode], DiscoveryFailure>?
        var isKnown = false
        while !state.withLock({ $0.isStopped }) {
            state.withLock { $0.isHurried = false }
            let answer = Result { () throws(DiscoveryFailure) in try source.read() }
            if case .success = answer { isKnown = true }
            if answer != told {
                told = answer
                receive(answer)
            }
            let regular = isKnown ? Double(settings.interval.clampedNanoseconds) / 1e9 : Self.firstPause
            pause(atLeast: min(Self.shortestPause, regular), regular: regular)
        }
    }

    /// Waits for the next question; a wish for haste cuts the regular pause short.
    private func pause(atLeast least: Double, regular: Double) {
        let start = DispatchTime.now()
        while !state.withLock({ $0.isStopped }) {
            let length = state.withLock { $0.isHurried } ? least : regular
            if wakeUp.wait(timeout: start + length) == .timedOut { return }
        }
    }
}

/// A source with what it needs between two questions.
private final class Source {
    private enum Kind {
        case dns([DiscoveredName])
        case patroni(PatroniSource)
        case aurora(AuroraSource)
    }

    private let kind: Kind

    init(_ settings: DiscoverySettings, _ probe: ProbeSettings) {
        switch settings.source {
        case .dns(let names):
            kind = .dns(names)
        case .patroni(let urls):
            kind = .patroni(
                PatroniSource(urls: urls, timeout: settings.timeout, authorities: settings.authorities))
        case .aurora(let endpoints, let domain):
            var probe = probe
            probe.timeout = settings.timeout
            kind = .aurora(AuroraSource(endpoints: endpoints, domain: domain, probe: probe))
        }
    }

    /// The nodes in an order that does not depend on the source's mood.
    func read() throws(DiscoveryFailure) -> [DiscoveredNode] {
        let nodes: [DiscoveredNode]
        switch kind {
        case .dns(let names): nodes = try Self.addresses(of: names)
        case .patroni(let patroni): nodes = try patroni.read()
        case .aurora(let aurora): nodes = try aurora.read()
        }
        guard !nodes.isEmpty else { throw DiscoveryFailure("no node is named") }
        var seen: Set<DiscoveredNode> = []
        let unique = nodes.filter { seen.insert($0).inserted }
        return unique.sorted { ($0.host, $0.port) < ($1.host, $1.port) }
    }

    /// One name that cannot be resolved makes the answer useless: its nodes would seem to have left.
    private static func addresses(of names: [DiscoveredName]) throws(DiscoveryFailure) -> [DiscoveredNode] {
        var nodes: [DiscoveredNode] = []
        for name in names {
            switch NameLookup.addresses(of: name.host) {
            case .success(let addresses): nodes += addresses.map { DiscoveredNode(host: $0.host, port: name.port) }
            case .failure(let failure): throw DiscoveryFailure(failure.description)
            }
        }
        return nodes
    }
}
