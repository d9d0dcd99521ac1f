// How is a command of the console carried out?

import Admin
import Locks
import Logging
import Routing
import SQL
import Sessions
import Wire

/// What a worker has told of itself lately.
struct WorkerReport: Sendable {
    var routes = RouteCounters()
    /// By cluster and place of the node.
    var outstanding: [[Int32]] = []
    /// By the number of the group.
    var traffic: [Traffic] = []
}

/// Where a worker puts it for all others, now and then.
final class PublishedReport: Sendable {
    let content = Lock<WorkerReport>(WorkerReport())
}

extension Worker {
    /// Hands readers a copy of what was counted.
    func report() {
        let outstanding = clusters.map(\.outstanding)
        guard routes.isNew || outstanding != reported else { return }
        routes.isNew = false
        reported = outstanding
        shared.reports[id.rawValue].content.withLock {
            $0.routes.copy(routes)
            $0.outstanding = outstanding
            $0.traffic = traffic
        }
    }

    /// Counts where a batch goes.
    func count(_ client: ClientConnection, _ group: PoolGroup, isPrimary: Bool) {
        guard case .serving = client.phase else { return }
        routes.count(client.routeReason, isPrimary ? .primary : .replica)
        guard let object = client.decisiveObject else { return }
        routes.count(object, group: group.number)
        client.decisiveObject = nil
    }

    /// Remembers why the batch at the offset goes where it goes, until it does.
    func note(
        _ reason: RouteReason, _ client: ClientConnection, _ bytes: Span<UInt8>, at offset: Int
    ) {
        client.routeReason = reason
        switch reason {
        case .write, .lockedRead, .primaryOnlyRead, .sessionState:
            client.decisiveObject = client.session.decisiveObject(bytes, at: offset, table: statements)
        case .replicaSafe, .replicaCoversFloor, .readerPort, .transactionControl, .writerPort, .consistencyPrimary,
            .noReplicaUp, .replicasExcluded, .replicasTooOld, .floorNotCovered, .refusedByReplica, .learned,
            .tooLargeToRepeat, .replicaReadBefore, .primaryTakesShare, .advised, .notOnReaderPort:
            break
        }
    }

    // MARK: Conversations

    /// A client that has proved who it is asks for the console; false: it may not have it.
    func enterConsole(_ client: ClientConnection, user: String) -> Bool {
        let admin = shared.settings.value.admin
        let mayChange = admin.users.contains(user)
        guard mayChange || admin.statsUsers.contains(user) else {
            flush(client, Span())
            close(
                client,
                ErrorFields(
                    .fatal, "42501", "user \"\(user)\" may not use the console",
                    hint: "Name the user in admin.users or admin.stats_users."))
            return false
        }
        client.phase = .console(ConsoleSession(onlyLooks: !mayChange), user: user)
        Welcome(reported: Console.parameters).write(
            processID: client.processID, secret: client.cancelSecret.bytes, isOnReaderPort: false, toClient: &toClient)
        return true
    }

    /// One step of a conversation; false: nothing more can be done now.
    func serveConsole(
        _ client: ClientConnection, _ session: ConsoleSession, user: String, _ bytes: Span<UInt8>,
        at offset: inout Int
    ) -> Bool {
        var session = session
        var out: [UInt8] = []
        let step = session.advance(bytes, at: &offset, out: &out)
        if case .run(let command) = step {
            guard let result = carryOut(command, client, session, user: user) else {
                toClient.write { $0.append(contentsOf: out) }
                return false
            }
            session.answer(result, out: &out)
        }
        client.phase = .console(session, user: user)
        toClient.write { $0.append(contentsOf: out) }
        switch step {
        case .needInput:
            return false
        case .run:
            return true
        case .close(let error):
            flush(client, bytes)
            close(client, error)
            return false
        }
    }

    // MARK: Tables and commands

    private var reports: [WorkerReport] {
        report()
        return shared.reports.map { report in report.content.withLock { $0 } }
    }

    var routeRows: [[String?]] {
        var all = RouteCounters()
        for report in reports { all.add(report.routes) }
        let retries = shared.retries.withLock { $0 }
        return all.rows { shared.group($0).database } + retries.rows + shared.held.rows
    }

    var nodeRows: [[String?]] {
        let reports = reports
        return clusters.enumerated().flatMap { number, cluster in
            let topology = cluster.topology
            let head = topology.primary.flatMap(topology.index).map { topology.nodes[$0].lsn.rawValue }
            let name = shared.clusters[number].settings.name
            let databases = shared.settings.value.databases.values.filter { $0.cluster == name }
            let maxLag = databases.map(\.routing.maxLag).max()?.clampedNanoseconds ?? .max
            return topology.members.map { place, node in
                let outstanding = reports.reduce(0) { sum, report in
                    guard number < report.outstanding.count, place < report.outstanding[number].count else {
                        return sum
                    }
                    return sum + Int(report.outstanding[number][place])
                }
                return Self.row(node, cluster: name, head: head, maxLag: maxLag, outstanding: outstanding)
            }
        }
    }

    /// - Parameter maxLag: in nanoseconds; what the most patient database of the cluster takes.
    private static func row(
        _ node: NodeStatus, cluster: String, head: UInt64?, maxLag: UInt64, outstanding: Int
    ) -> [String?] {
        let isReplica = node.role == .replica
        let behind = head.map { $0 > node.lsn.rawValue ? $0 - node.lsn.rawValue : 0 }
        let lags = node.isEligibleReplica && (node.lagNanoseconds ?? .max) > maxLag
        let tooOld = ReplicaObstacle.tooOld.description
        let state = node.ineligibleReason == .drained ? "drained" : node.isUp ? "up" : "down"
        return [
            cluster, node.address, "\(node.role)", state, isReplica ? behind.map { "\($0)" } : nil,
            isReplica ? node.lagNanoseconds.map { "\($0 / 1_000_000)" } : nil, "\(node.timeline)", "\(node.lsn)",
            "\(node.weight)", "\(outstanding)", node.ineligibleReason?.description ?? (lags ? tooOld : nil),
        ]
    }

    /// In every cluster that has the node.
    func setDrained(_ name: String, _ isDrained: Bool) -> ConsoleResult {
        let all = clusters.enumerated().flatMap { number, cluster in
            cluster.topology.members.map { (cluster: number, node: $0.node) }
        }
        let exact = all.filter { $0.node.address == name }
        let found = exact.isEmpty ? all.filter { $0.node.address.contains(name) } : exact
        guard Set(found.map(\.node.address)).count == 1 else {
            let known = Set(all.map(\.node.address)).sorted().joined(separator: ", ")
            return .failed(
                ErrorFields(
                    .error, "42704", found.isEmpty ? "there is no node \"\(name)\"" : "\"\(name)\" names several nodes",
                    hint: "The nodes are \(known)."))
        }
        if isDrained, let primary = found.first(where: { $0.node.role == .primary }) {
            return .failed(
                ErrorFields(
                    .error, "55000", "node \"\(primary.node.address)\" is the primary",
                    hint: "Only a replica can be drained; the primary changes by promoting another node."))
        }
        for (cluster, node) in found {
            shared.logger.notice(
                isDrained ? "a node is drained by command" : "a node is no longer drained",
                metadata: ["cluster": "\(shared.clusters[cluster].settings.name)", "node": "\(node.address)"])
            shared.clusters[cluster].setDrained(node.id, isDrained)
        }
        return .rows([])
    }

    /// As for a new session of the split port.
    func explainRoute(_ name: String?, _ statement: String) -> ConsoleResult {
        let name = name ?? shared.onlyDatabase
        guard let name else {
            return .failed(
                ErrorFields(
                    .error, "42601", "there are several databases",
                    hint: "Name one of them: EXPLAIN ROUTE IN database statement"))
        }
        guard let entry = shared.settings.value.database(named: name), let number = shared.clusterNumbers[entry.cluster]
        else {
            return .failed(ErrorFields(.error, "3D000", "database \"\(name)\" does not exist"))
        }
        let catalog = shared.catalogs.find(cluster: number, database: entry.serverName(forRequest: name))
        let settings = PoolGroup.session(
            entry, entry.pool, maxMessageSize: shared.settings.value.server.maxMessageSize)
        var session = ClientSession(
            listener: .split, profile: .base, settings: settings, catalog: catalog?.id ?? .none)
        let prospect = session.prospect(of: Array(statement.utf8), attachment: nil, table: statements)
        if case .empty = prospect.classification.command { return .failed(.nothingToExplain) }
        let demand = prospect.demand
        let request = RouteRequest(
            routeClass: demand.routeClass, consistency: demand.wishes.consistency ?? entry.routing.consistency,
            maxLag: demand.wishes.maxLag ?? entry.routing.maxLag.clampedNanoseconds, listener: demand.listener,
            needsPrimary: demand.needsPrimary)
        let cluster = clusters[number]
        let outstanding = cluster.outstanding
        let decision = Router.decide(
            request, topology: cluster.topology, settings: entry.routing, outstanding: outstanding.span,
            random: random.next())
        let explanation = RouteExplanation(
            prospect: prospect, request: request, decision: decision, settings: entry.routing,
            topology: cluster.topology, outstanding: outstanding, attached: nil,
            startedSample: shared.clusters[number].samples.started,
            isCatalogKnown: statements.knows(catalog?.id ?? .none), now: now)
        return .rows(explanation.rows)
    }
}

extension RetryCounters {
    /// What SHOW ROUTES says of reads that were run again.
    var rows: [[String?]] {
        let causes: [(String, Int, String?)] = [
            ("a replica has refused it", refused, "\(lessons) of them were done by the primary"),
            ("a replica could not finish it", interrupted, nil), ("a replica was lost with it", crashed, nil),
        ]
        let reruns: [[String?]] = causes.filter { $0.1 > 0 }.map { ["run again", $0.0, nil, nil, "\($0.1)", $0.2] }
        guard sessionsWithLostWrites > 0 else { return reruns }
        let remark = "sessions that may have been told of commits which the new primary does not have"
        return reruns + [["lost", "a change of the primary", nil, nil, "\(sessionsWithLostWrites)", remark]]
    }
}
