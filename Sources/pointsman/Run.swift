// How is a router built from its settings, and how does it end?

import Endpoints
import Locks
import Logging
import Passwords
import Proxy
import Reactor
import Settings
import Telemetry

/// Runs the router until it is told to stop.
///
/// SIGTERM drains: no new clients, and the end comes when the last has left. SIGINT sends clients away after their
/// transactions. SIGQUIT, or a second signal, ends at once. SIGHUP reads the settings file again.
func runRouter(configuration: Configuration, settingsPath: String) throws {
    let logger = Logger(label: "pointsman")
    Signal.brokenPipe.ignore()
    let descriptors = DescriptorLimit.raise()
    let needed = configuration.proxy.server.maxClients + 200
    if descriptors < needed {
        logger.warning("max_clients needs about \(needed) descriptors, and the limit is \(descriptors)")
    }
    let signals = try operatorError { () throws(ReactorError) in
        try SignalWaiter([.terminate, .interrupt, .quit, .hangup, .user1])
    }

    let running = try RunningClusters(configuration: configuration, logger: logger)
    let commands = Commands()
    let passwords = try operatorError { () throws(ReactorError) in try PasswordChecker() }
    let asking = Lock(configuration.userQuery)
    let server = try operatorError { () throws(ReactorError) in
        try ProxyServer(
            settings: configuration.proxy, clusters: running.clusters, version: pointsmanVersion, logger: logger,
            inherited: ServiceSupervisor.takeListeners()
        ) { cluster, database, user, receive in
            guard let settings = asking.withLock({ $0 }) else { return receive(.unknown) }
            running.lookUp(cluster, settings, database: database, user: user, receive)
        } verify: {
            passwords.ask($0, $1)
        } command: {
            commands.add($0)
            Signal.user1.send()
        }
    }
    let stopping = Flag()
    let endpoint = try startEndpoint(configuration.proxy.admin, running, server, stopping)
    try running.start(publishingTo: server)
    let listen = configuration.proxy.listen
    let ports = [listen.port, listen.writerPort, listen.readerPort].compactMap { $0 }.map(String.init)
    if configuration.proxy.databases.values.contains(where: { $0.routing.consistency == .global }) {
        logger.notice(
            """
            consistency "global" holds within this process: what others have written is seen by pointsman.token only
            """)
    }
    logger.info("pointsman \(pointsmanVersion) is ready on port \(ports.joined(separator: ", "))")

    let reload = Reload(
        path: settingsPath, current: configuration, clusters: running, server: server,
        setUserQuery: { new in asking.withLock { $0 = new } }, logger: logger)
    let ended = Flag()
    let waiting = try operatorError { () throws(ReactorError) in
        try WorkerThread(name: "stop") {
            server.join()
            ended.raise()
            Signal.user1.send()
        }
    }
    var hasBeenAsked = false
    ServiceSupervisor.notify(.ready)
    var nextStatus = ContinuousClock.now
    func reloadAll() -> String? {
        ServiceSupervisor.notify(.reloading)
        defer { ServiceSupervisor.notify(.ready) }
        return reload.run()
    }
    func stop(_ mode: StopMode, because reason: String) {
        hasBeenAsked = true
        stopping.raise()
        ServiceSupervisor.notify(.stopping)
        logger.info("\(reason): stopping (\(mode))")
        server.stop(mode)
    }
    while !ended.isRaised {
        for command in commands.take() {
            switch command {
            case .reload(let answer): answer(reloadAll())
            case .stop(let mode): stop(mode, because: "SHUTDOWN")
            }
        }
        if ContinuousClock.now >= nextStatus {
            nextStatus = ContinuousClock.now + .seconds(10)
            ServiceSupervisor.notify(.status(server.status(running.topologies)))
        }
        // Other threads send themselves a signal when there is something to look at.
        guard let signal = signals.wait(milliseconds: 10_000) else { continue }
        switch signal {
        case .hangup:
            _ = reloadAll()
        case .terminate, .interrupt, .quit:
            let mode: StopMode =
                hasBeenAsked || signal == .quit
                ? .immediately : (signal == .terminate ? .drain : .afterTransactions)
            stop(mode, because: signal.name)
        default:
            break
        }
    }
    waiting.join()
    running.stop()
    passwords.stop()
    endpoint?.stop()
    logger.info("pointsman has stopped")
}

/// What the console asks of the process, until the main thread does it.
private final class Commands: Sendable {
    private let waiting = Lock<[ProcessCommand]>([])

    func add(_ command: ProcessCommand) { waiting.withLock { $0.append(command) } }

    func take() -> [ProcessCommand] {
        waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}

/// Something that happens once, for other threads to see.
private final class Flag: Sendable {
    private let state = Lock(false)

    var isRaised: Bool { state.withLock { $0 } }

    func raise() { state.withLock { $0 = true } }
}

/// Answers load balancers and Prometheus over HTTP, if that is wanted.
private func startEndpoint(
    _ admin: AdminSettings, _ running: RunningClusters, _ server: ProxyServer, _ stopping: Flag
) throws -> HTTPEndpoint? {
    guard let address = admin.http else { return nil }
    do throws(EndpointError) {
        let endpoint = HTTPEndpoint(host: address.host, port: address.port) {
            Health(clusters: running.topologies, isStopping: stopping.isRaised)
        } metrics: {
            let page = server.metrics(running.topologies.map(\.topology))
            return HTTPEndpoint.Figures(text: page.text, contentType: MetricsPage.contentType)
        }
        try endpoint.start()
        return endpoint
    } catch {
        throw OperatorError(sentence: error.description)
    }
}

/// An error of the system's, as a sentence for the operator.
private func operatorError<Value>(_ body: () throws(ReactorError) -> Value) throws -> Value {
    do throws(ReactorError) {
        return try body()
    } catch {
        throw OperatorError(sentence: error.description)
    }
}
