// Which figures does a running proxy show?

import Locks
import Pooling
import Reactor
public import Routing
import Synchronization
public import Telemetry

extension ProxyServer {
    /// All counters and states of now.
    ///
    /// - Parameter topologies: how each cluster looks now, as the clusters are numbered.
    public func metrics(_ topologies: [Topology]) -> MetricsPage {
        var page = MetricsPage()
        page.add("pointsman_info", .gauge, "The version.", [.init(["version": shared.version], 1)])
        page.add(
            "pointsman_clients", .gauge, "Client connections.", shared.clientCount.load(ordering: .relaxed))
        addNodes(topologies, to: &page)
        addRoutes(to: &page)
        addHolds(to: &page)
        let refusals = shared.refusals.withLock { $0 }
        page.add(
            "pointsman_client_limits_total", .counter, "Clients that ran into a limit of time or number.",
            refusals.sorted { $0.key < $1.key }.map { .init(["reason": $0.key], $0.value) })
        addPools(topologies, to: &page)
        addTraffic(to: &page)
        return page
    }

    /// One line for people.
    ///
    /// - Parameter topologies: how each cluster looks now, with its name.
    public func status(_ topologies: [(name: String, topology: Topology)]) -> String {
        let clusters = topologies.map { name, topology in
            let primary = topology.primaryPlace.map { topology.nodes[$0].address } ?? "none"
            let replicas = topology.members.count { $0.node.isEligibleReplica }
            return "\(name): primary \(primary), \(replicas) replicas"
        }
        let clients = shared.clientCount.load(ordering: .relaxed)
        return "\(clients) clients; " + clusters.joined(separator: "; ")
    }

    // MARK: Traffic

    private func addTraffic(to page: inout MetricsPage) {
        let groups = shared.allGroups
        let traffic = shared.traffic
        let entries = groups.filter { $0.number < traffic.count }.map { (group: $0, traffic: traffic[$0.number]) }
        func labels(_ group: PoolGroup) -> KeyValuePairs<String, String> {
            ["database": group.database, "user": group.user]
        }
        func add(_ name: String, _ help: String, _ value: (Traffic) -> UInt64) {
            page.add(
                "pointsman_\(name)_total", .counter, help,
                entries.map { .init(labels($0.group), value($0.traffic)) })
        }
        add("queries", "Batches of clients that a server has answered.") { $0.queries }
        add("transactions", "Transactions that have ended on a server.") { $0.transactions }
        add("logins", "Clients that have logged in.") { $0.logins }
        add("received_bytes", "Bytes of clients for servers.") { $0.received }
        add("sent_bytes", "Bytes of servers for clients.") { $0.sent }
        add("client_parses", "Parse messages of clients.") { $0.messages.clientParses }
        add("server_parses", "Parse messages that servers got.") { $0.messages.serverParses }
        add("binds", "Bind messages of clients.") { $0.messages.binds }
        page.add(
            "pointsman_logged_in_clients", .gauge, "Clients by database and user.",
            entries.map { .init(labels($0.group), $0.traffic.clients) })
        page.addHistogram(
            "pointsman_query_seconds", "From a batch's first message to its answer, by the role of the server.",
            entries.flatMap { entry in
                [("primary", entry.traffic.primaryTimes), ("replica", entry.traffic.replicaTimes)].map {
                    Self.series(["database": entry.group.database, "user": entry.group.user, "role": $0.0], $0.1)
                }
            })
        page.addHistogram(
            "pointsman_transaction_seconds", "From a transaction's first statement on a server to its end.",
            entries.map { Self.series(labels($0.group), $0.traffic.transactionTimes) })
        page.addHistogram(
            "pointsman_wait_seconds", "From the wish for a server to its fulfilment.",
            entries.map { Self.series(labels($0.group), $0.traffic.waits) })
    }

    private static func series(
        _ labels: KeyValuePairs<String, String>, _ histogram: Histogram
    ) -> MetricsPage.Series {
        var ranges: [MetricsPage.Series.Range] = []
        for range in 0..<Histogram.rangeCount {
            ranges.append(
                .init(
                    bound: Histogram.bound(of: range).map { Double($0) / 1e9 }, count: histogram.counts[range]))
        }
        return MetricsPage.Series(labels, ranges, sum: Double(histogram.sum) / 1e9)
    }

    // MARK: Nodes

    private struct NodeEntry {
        var cluster: String
        var node: NodeStatus
        /// Bytes behind the primary.
        var behind: UInt64?
    }

    private func addNodes(_ topologies: [Topology], to page: inout MetricsPage) {
        let entries = zip(shared.clusters, topologies).flatMap { cluster, topology in
            let head = topology.primaryPlace.map { topology.nodes[$0].lsn.rawValue }
            return topology.members.map { _, node in
                let behind = head.map { $0 > node.lsn.rawValue ? $0 - node.lsn.rawValue : 0 }
                return NodeEntry(cluster: cluster.settings.name, node: node, behind: behind)
            }
        }
        func add(_ name: String, _ help: String, _ value: (NodeEntry) -> Double?) {
            let samples = entries.compactMap { entry in
                value(entry).map {
                    MetricsPage.Sample(["cluster": entry.cluster, "node": entry.node.address], fraction: $0)
                }
            }
            page.add("pointsman_node_\(name)", .gauge, help, samples)
        }
        page.add(
            "pointsman_node_role", .gauge, "1 for the role that a node has.",
            entries.map {
                .init(["cluster": $0.cluster, "node": $0.node.address, "role": "\($0.node.role)"], 1)
            })
        add("up", "Whether the node answers.") { $0.node.isUp ? 1 : 0 }
        add("eligible", "Whether the node answers reads as a replica.") { $0.node.isEligibleReplica ? 1 : 0 }
        add("timeline", "The node's timeline.") { Double($0.node.timeline) }
        add("weight", "Its share of the reads, as configured.") { Double($0.node.weight) }
        add("lag_seconds", "Age of a replica's data.") {
            $0.node.role == .replica ? $0.node.lagNanoseconds.map { Double($0) / 1e9 } : nil
        }
        add("lag_bytes", "Log that a replica has not replayed.") {
            $0.node.role == .replica ? $0.behind.map(Double.init) : nil
        }
    }

    // MARK: Routes

    private func addRoutes(to page: inout MetricsPage) {
        var routes = RouteCounters()
        for report in shared.reports { routes.add(report.content.withLock { $0.routes }) }
        page.add(
            "pointsman_routed_batches_total", .counter, "Batches that were given a server, by where and why.",
            RouteReason.allCases.flatMap { reason in
                RouteCounters.Place.allCases.compactMap { place in
                    let count = routes[reason, place]
                    return count > 0 ? .init(["role": "\(place)", "reason": "\(reason)"], count) : nil
                }
            })
        page.add(
            "pointsman_pins_total", .counter, "Sessions that began to keep their server, by the reasons.",
            routes.pins.map { .init(["reason": "\($0.key)"], $0.value) })
        let retries = shared.retries.withLock { $0 }
        page.add(
            "pointsman_reruns_total", .counter, "Reads that were run again because a replica did not do them.",
            [
                .init(["reason": "refused"], retries.refused), .init(["reason": "interrupted"], retries.interrupted),
                .init(["reason": "lost"], retries.crashed),
            ])
        page.add(
            "pointsman_learned_statements_total", .counter,
            "Statements that the primary did after a replica had refused them.", retries.lessons)
        page.add(
            "pointsman_lost_write_sessions_total", .counter,
            "Sessions that may have been told of commits which a new primary does not have.",
            retries.sessionsWithLostWrites)
    }

    private func addHolds(to page: inout MetricsPage) {
        let held = shared.held.figures
        page.add("pointsman_held_batches", .gauge, "Batches that wait for the cluster to change.", held.now)
        page.add("pointsman_held_batches_total", .counter, "Batches that have waited so.", held.admitted)
        page.add(
            "pointsman_held_refusals_total", .counter, "Batches refused by max_held or max_held_bytes.", held.refused)
    }

    // MARK: Pools

    private struct PoolEntry {
        var database: String
        var user: String
        var node: String
        var counters: PoolCounters
        var gauges: PoolGauges

        func sample(_ value: some BinaryInteger) -> MetricsPage.Sample {
            .init(["database": database, "user": user, "node": node], value)
        }

        func sample(seconds nanoseconds: UInt64) -> MetricsPage.Sample {
            .init(["database": database, "user": user, "node": node], fraction: Double(nanoseconds) / 1e9)
        }

        func sample(state: String, _ value: Int) -> MetricsPage.Sample {
            .init(["database": database, "user": user, "node": node, "state": state], value)
        }

        func sample(reason: String, _ value: UInt64) -> MetricsPage.Sample {
            .init(["database": database, "user": user, "node": node, "reason": reason], value)
        }
    }

    private func addPools(_ topologies: [Topology], to page: inout MetricsPage) {
        let now = MonotonicClock.now()
        let entries = shared.allGroups.flatMap { group in
            group.existingPools.map { pool in
                let address = shared.node(pool.cluster, pool.node).address
                return pool.machine.withLock { machine in
                    PoolEntry(
                        database: group.database, user: group.user, node: address, counters: machine.counters,
                        gauges: machine.gauges(now: now))
                }
            }
        }
        page.add(
            "pointsman_pool_servers", .gauge, "Server connections; those of pinned sessions are busy, too.",
            entries.flatMap { entry in
                let gauges = entry.gauges
                return [
                    ("idle", gauges.idle), ("busy", gauges.busy), ("pinned", gauges.pinned),
                    ("moving", gauges.inTransit), ("connecting", gauges.connecting), ("closing", gauges.closing),
                ].map { entry.sample(state: $0.0, $0.1) }
            })
        page.add(
            "pointsman_pool_waiting_clients", .gauge, "Clients that wait for a server.",
            entries.map { $0.sample($0.gauges.waiting) })
        page.add(
            "pointsman_pool_longest_wait_seconds", .gauge, "How long the first of them has waited.",
            entries.map { $0.sample(seconds: $0.gauges.longestWaitNanoseconds) })
        page.add(
            "pointsman_pool_wait_seconds_total", .counter, "Time that clients waited until they got a server.",
            entries.map { $0.sample(seconds: $0.counters.waitedNanoseconds) })
        addPoolCounters(entries, to: &page)
    }

    private func addPoolCounters(_ entries: [PoolEntry], to page: inout MetricsPage) {
        func add(_ name: String, _ help: String, _ value: (PoolCounters) -> UInt64) {
            let samples = entries.map { $0.sample(value($0.counters)) }
            page.add("pointsman_pool_\(name)_total", .counter, help, samples)
        }
        func add(_ name: String, _ help: String, _ values: (PoolCounters) -> KeyValuePairs<String, UInt64>) {
            let samples = entries.flatMap { entry in
                values(entry.counters).map { entry.sample(reason: $0.key, $0.value) }
            }
            page.add("pointsman_pool_\(name)_total", .counter, help, samples)
        }
        add("acquisitions", "Times that a client asked for a server.") { $0.acquisitions }
        add("assignments", "Times that a client got one.") { $0.assignments }
        add("waits", "Times that a client had to wait for one.") { $0.waits }
        add("hand_overs", "Servers moved to another worker.") { $0.handOvers }
        add("connects", "Attempts to open a connection.") { $0.connectAttempts }
        add("connect_failures", "Attempts that failed.") { $0.connectFailures }
        add("servers_lost", "Connections that broke by themselves.") { $0.lost }
        add("reserve_uses", "Attempts to open a connection beyond size.") { $0.reserveUses }
        add("refusals", "Clients that got no server.") {
            [
                "wait_timeout": $0.waitTimeouts, "max_waiters": $0.refusedByWaiterLimit,
                "max_pinned": $0.refusedByPinLimit, "no_connection": $0.refusedByFailure,
                "turned_away": $0.turnedAway,
            ]
        }
        add("limits_hit", "Times that no connection could be opened for a client at once.") {
            [
                "size": $0.sizeLimitHits, "max_connecting": $0.connectLimitHits, "retry_delay": $0.retryDelayHits,
                "max_connections": $0.denied,
            ]
        }
        add("servers_closed", "Connections that the router closed.") {
            [
                "idle_timeout": $0.closedIdle, "lifetime": $0.closedByLifetime, "surplus": $0.closedSurplus,
                "evicted": $0.evicted,
                "drain": $0.closedByOrder,
            ]
        }
    }
}
