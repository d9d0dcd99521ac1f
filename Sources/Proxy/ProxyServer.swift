// How are the workers started, told about the cluster, and stopped?

import Locks
public import Logging
import Lookups
import Pooling
public import Reactor
public import Routing
public import SQL
import Synchronization

/// The running proxy: listeners and worker threads.
public final class ProxyServer: Sendable {
    let shared: SharedState
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let threads = Lock<[WorkerThread]>([])
    private let resolver: Resolver
    private let stalls: StallReporter

    /// Opens the listeners and starts the workers.
    ///
    /// - Parameters:
    ///   - inherited: listening sockets that somebody else has opened; with any, no others are opened.
    ///   - lookUp: finds users that the settings do not know; nil: nobody does.
    ///   - verify: asks others whether passwords are right; nil: nobody can be asked.
    ///   - command: is told, on any thread, what the console asks of the process.
    public init(
        settings: ProxySettings, clusters: [ProxyCluster], version: String, logger: Logger,
        inherited: [Listener] = [], lookUp: UserLookUp? = nil, verify: PasswordVerifier? = nil,
        command: @escaping @Sendable (ProcessCommand) -> Void
    ) throws(ReactorError) {
        let count = settings.server.workers > 0 ? settings.server.workers : CPUCount.available
        let workerCount = min(count, 64)
        shared = try SharedState(
            settings: settings, clusters: clusters, workerCount: workerCount, version: version, logger: logger,
            lookUp: lookUp, verify: verify, command: command)
        var boxes: [Mailbox<WorkerMessage>] = []
        for _ in 0..<workerCount { boxes.append(try Mailbox<WorkerMessage>()) }
        mailboxes = boxes
        let resolver = Resolver { name in
            NameLookup.addresses(of: name).map { $0.map(\.host) }.mapError {
                ResolverFailure.notResolved(name: name, reason: $0.reason)
            }
        }
        self.resolver = resolver
        let listening = try Self.open(settings.listen, workerCount: workerCount, inherited: inherited, logger)
        stalls = try StallReporter(pulses: shared.pulses, logger: logger)
        var started: [WorkerThread] = []
        for number in 0..<workerCount {
            let start = WorkerStart(
                id: WorkerID(rawValue: number), shared: shared, mailboxes: boxes, listening: listening[number],
                resolver: resolver)
            started.append(try WorkerThread(name: "worker-\(number)") { start.run() })
        }
        threads.withLock { $0 = started }
    }

    /// Hands a new picture of a cluster to all workers.
    public func publish(_ topology: Topology, cluster: Int) {
        for mailbox in mailboxes { mailbox.post(.topology(cluster: cluster, topology)) }
    }

    /// The nodes of a cluster are others from now on, by place; to be called before a picture shows them.
    public func setNodes(_ nodes: [NodeSettings], cluster: Int) { shared.setNodes(nodes, cluster: cluster) }

    /// Whether no connection leads to the node that stands, or stood, in a place.
    public func isVacant(_ place: Int, cluster: Int) -> Bool { shared.isVacant(cluster, place) }

    /// Hands what is known of a database's catalog to all workers; nil: nothing.
    ///
    /// - Parameters:
    ///   - database: its name on the servers.
    ///   - demand: changes of the catalog up to this one are included.
    public func publish(_ knowledge: Knowledge?, ofDatabase database: String, cluster: Int, demand: UInt64) {
        guard let catalog = shared.catalogs.find(cluster: cluster, database: database) else { return }
        for mailbox in mailboxes { mailbox.post(.catalog(catalog.id, knowledge, demand: demand)) }
    }

    /// Puts new settings in force, as far as the running process can follow them, and reads certificates and keys
    /// again, for connections to come. Clients whose database or user is gone leave after their transactions.
    ///
    /// - Returns: a sentence for each certificate or key that cannot be used; those stay as they were.
    public func reload(_ settings: ProxySettings) -> Set<String> {
        let mistakes = shared.transports.reload(settings)
        let groups = shared.take(settings)
        mailboxes.first?.post(.poolsChanged(groups))
        for mailbox in mailboxes { mailbox.post(.groupsChanged) }
        return mistakes
    }

    public func stop(_ mode: StopMode) {
        for mailbox in mailboxes { mailbox.post(.stop(mode)) }
    }

    /// Waits until all workers have ended.
    public func join() {
        let all = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in all { thread.join() }
        stalls.end()
        shared.deriver.end()
        resolver.stop()
    }

    /// For each worker the sockets it accepts from.
    private static func open(
        _ settings: ListenSettings, workerCount: Int, inherited: [Listener], _ logger: Logger
    ) throws(ReactorError) -> [[ListenerPart]] {
        var parts: [[ListenerPart]] = Array(repeating: [], count: workerCount)
        var ports: [(UInt16, ListenerKind)] = [(settings.port, .split)]
        if let port = settings.writerPort { ports.append((port, .writer)) }
        if let port = settings.readerPort { ports.append((port, .reader)) }
        if !inherited.isEmpty {
            parts[0] = inherited.map { listener in
                let port: UInt16? =
                    switch listener.place {
                    case .tcp(let address): address.port
                    case .unix(let path): path.split(separator: ".").last.flatMap { UInt16($0) }
                    }
                let kind = ports.first { $0.0 == port }?.1 ?? .split
                logger.notice("listening on \(listener.place), which the service manager has opened (\(kind) port)")
                return ListenerPart(listener: listener, kind: kind, deals: true)
            }
            return parts
        }
        for (port, kind) in ports {
            for name in settings.addresses {
                for address in try addresses(of: name, port: port) {
                    let group = try Listener.tcpGroup(
                        address.host, port: port, count: workerCount, sharesWithOthers: settings.sharesPort)
                    for (number, listener) in group.enumerated() {
                        parts[number].append(ListenerPart(listener: listener, kind: kind, deals: false))
                    }
                }
            }
            if let directory = settings.unixSocketDirectory {
                let listener = try Listener.unix(directory: directory, port: port, mode: settings.unixSocketMode)
                parts[0].append(ListenerPart(listener: listener, kind: kind, deals: true))
            }
        }
        return parts
    }

    private static func addresses(of name: String, port: UInt16) throws(ReactorError) -> [SocketAddress] {
        if let address = SocketAddress(name, port: port) { return [address] }
        switch NameLookup.addresses(of: name) {
        case .success(let found): return found.map { $0.with(port: port) }
        case .failure(let failure): throw .nameNotResolved(name: name, reason: failure.reason)
        }
    }
}

struct ListenerPart: Sendable {
    var listener: Listener
    var kind: ListenerKind
    var deals: Bool
}

/// What a worker's thread is started with.
private struct WorkerStart: Sendable {
    var id: WorkerID
    var shared: SharedState
    var mailboxes: [Mailbox<WorkerMessage>]
    var listening: [ListenerPart]
    var resolver: Resolver

    func run() {
        do throws(ReactorError) {
            let resolver = resolver
            let worker = try Worker(id: id, shared: shared, mailboxes: mailboxes) { name, receive in
                resolver.resolve(name) { answer in
                    switch answer {
                    case .success(let addresses): receive(addresses, nil)
                    case .failure(let failure): receive([], failure.description)
                    }
                }
            }
            for part in listening { try worker.listen(on: part.listener, kind: part.kind, deals: part.deals) }
            worker.run()
        } catch {
            shared.logger.critical("a worker could not start: \(error)")
            // The others shall not wait for it when they stop.
            shared.acceptorCount.subtract(1, ordering: .sequentiallyConsistent)
            shared.pulses[id.rawValue].end()
        }
    }
}
