// What do the tables say that the console shows of the process as a whole?

import Admin
import Locks
import Pooling
import Reactor
import Routing
import Sessions

extension Worker {
    /// The rows of a table; nil: all workers have to be asked.
    func rows(of view: ConsoleView) -> [[String?]]? {
        switch view {
        case .help: Console.help
        case .version: [["Pointsman \(shared.version)"]]
        case .nodes: nodeRows
        case .routes: routeRows
        case .pools: poolRows
        case .nodePools: nodePoolRows
        case .databases: databaseRows
        case .users: userRows
        case .stats: statsRows { $0.values + $1.values }
        case .statsTotals: statsRows { all, _ in all.values }
        case .statsAverages: statsRows { _, average in average.values }
        case .totals: totalRows
        case .lists: listRows
        case .state: stateRows
        case .config: ConsoleSetting.rows(shared.settings.value)
        case .peers: peerRows.map { $0 + ["0"] }
        case .peerPools: peerRows.map { [$0[0], "0", "0", "0", "0"] }
        case .dnsHosts: nameRows
        case .dnsZones, .descriptors: []
        case .clients, .servers, .sockets, .activeSockets, .pins, .statements, .memory: nil
        }
    }

    /// What all workers are asked for a table.
    func question(for view: ConsoleView) -> ConsoleQuestion? {
        switch view {
        case .clients: .clients
        case .servers: .servers
        case .sockets: .sockets(activeOnly: false)
        case .activeSockets: .sockets(activeOnly: true)
        case .pins: .pins
        case .statements: .statements
        case .memory: .memory
        case .help, .version, .nodes, .routes, .pools, .nodePools, .databases, .users, .stats, .statsTotals,
            .statsAverages, .totals, .lists, .state, .config, .peers, .peerPools, .dnsHosts, .dnsZones, .descriptors:
            nil
        }
    }

    // MARK: Pools

    private var livingGroups: [PoolGroup] {
        shared.allGroups.filter { $0.end == nil }.sorted { ($0.database, $0.user) < ($1.database, $1.user) }
    }

    private var poolRows: [[String?]] {
        let traffic = shared.traffic
        return livingGroups.map { group in
            let gauges = group.existingPools.map { pool in pool.machine.withLock { $0.gauges(now: now) } }
            let clients = group.number < traffic.count ? traffic[group.number].clients : 0
            let waiting = gauges.reduce(0) { $0 + $1.waiting }
            return [group.database, group.user, "\(max(0, clients - waiting))"] + Self.figures(gauges, group)
        }
    }

    private var nodePoolRows: [[String?]] {
        livingGroups.flatMap { group in
            group.existingPools.map { pool in
                let gauges = pool.machine.withLock { $0.gauges(now: now) }
                return [group.database, group.user] + Self.figures([gauges], group) + [address(pool)]
            }
        }
    }

    /// From `cl_waiting` on, of one pool or several together.
    private static func figures(_ pools: [PoolGauges], _ group: PoolGroup) -> [String?] {
        func sum(_ path: KeyPath<PoolGauges, Int>) -> String { "\(pools.reduce(0) { $0 + $1[keyPath: path] })" }
        let wait = pools.map(\.longestWaitNanoseconds).max() ?? 0
        return [
            sum(\.waiting), "0", "0", sum(\.busy), "0", "0", sum(\.idle), "0", sum(\.inTransit), sum(\.connecting),
            "\(wait / 1_000_000_000)", "\(wait / 1000 % 1_000_000)", group.pool.mode.rawValue,
            "\(group.routing.loadBalance)", sum(\.pinned),
        ]
    }

    /// Servers of the groups that fit, as SHOW DATABASES and SHOW USERS count them.
    private func connections(_ isMeant: (PoolGroup) -> Bool) -> Int {
        shared.allGroups.filter(isMeant).flatMap(\.existingPools).reduce(0) { sum, pool in
            let gauges = pool.machine.withLock { $0.gauges(now: now) }
            return sum + gauges.idle + gauges.busy + gauges.inTransit + gauges.connecting
        }
    }

    private func clientCount(_ isMeant: (PoolGroup) -> Bool) -> Int {
        let traffic = shared.traffic
        return shared.allGroups.filter { isMeant($0) && $0.number < traffic.count }.reduce(0) {
            $0 + traffic[$1.number].clients
        }
    }

    private var databaseRows: [[String?]] {
        let settings = shared.settings.value
        // Databases that clients have named through the wildcard stand beside those of the settings.
        let named = Set(settings.databases.keys).union(shared.allGroups.filter { $0.end == nil }.map(\.database))
        let console: [String?] = [
            "pgbouncer", nil, "\(settings.listen.port)", "pgbouncer", "pgbouncer", "2", "0", "0", "0", "statement",
            nil, "0", "0", "0", "0", "0", "0", nil,
        ]
        return [console]
            + named.sorted().compactMap { name in
                guard let entry = settings.database(named: name), let number = shared.clusterNumbers[entry.cluster]
                else {
                    return nil
                }
                let topology = clusters[number].topology
                let nodes = topology.members.map { shared.node(number, $0.place) }
                let primary = topology.primaryPlace.map { shared.node(number, $0) } ?? nodes.first
                return [
                    name, nodes.map(\.host).joined(separator: ","), primary.map { "\($0.port)" },
                    entry.serverName(forRequest: name), entry.user, "\(entry.pool.size)", "\(entry.pool.minSize)",
                    "\(entry.pool.reserveSize)", "\(entry.pool.lifetime.components.seconds)", entry.pool.mode.rawValue,
                    "\(entry.routing.loadBalance)", "\(entry.maxConnections ?? settings.server.maxDatabaseConnections)",
                    "\(connections { $0.database == name })",
                    "\(entry.maxClients ?? settings.server.maxDatabaseClients)",
                    "\(clientCount { $0.database == name })", shared.pauses.isPaused(name) ? "1" : "0",
                    shared.pauses.isDisabled(name) ? "1" : "0", entry.cluster,
                ]
            }
    }

    private var userRows: [[String?]] {
        let settings = shared.settings.value
        return settings.directory.names.union(settings.users.keys).sorted().map { name in
            let pool = settings.users[name]?.pool
            return [
                name, pool?.size.map { "\($0)" }, pool?.reserveSize.map { "\($0)" }, pool?.mode?.rawValue,
                "\(settings.users[name]?.maxConnections ?? settings.server.maxUserConnections)",
                "\(connections { $0.user == name })",
                "\(settings.users[name]?.maxClients ?? settings.server.maxUserClients)",
                "\(clientCount { $0.user == name })",
            ]
        }
    }

    // MARK: Figures

    private func statsRows(_ values: (StatsFigures, StatsFigures) -> [UInt64]) -> [[String?]] {
        report()
        let periods = shared.periods.withLock { $0 }
        return shared.stats.sorted { $0.key < $1.key }.map { name, figures in
            [name] + values(figures, periods.average(name)).map { "\($0)" }
        }
    }

    private var totalRows: [[String?]] {
        let names = ConsoleView.stats.columns.dropFirst()
        let sums = statsRows { $0.values + $1.values }.reduce(into: [UInt64](repeating: 0, count: names.count)) {
            sums, row in
            for (index, value) in row.dropFirst().enumerated() { sums[index] &+= value.flatMap { UInt64($0) } ?? 0 }
        }
        return zip(names, sums).map { [$0, "\($1)"] }
    }

    private var listRows: [[String?]] {
        report()
        let groups = shared.allGroups.filter { $0.end == nil }
        let gauges = groups.flatMap(\.existingPools).map { pool in pool.machine.withLock { $0.gauges(now: now) } }
        let clients = shared.clientCount.load(ordering: .relaxed)
        let loggedIn = shared.traffic.reduce(0) { $0 + $1.clients }
        let names = nameRows.count
        let items: [(String, Int)] = [
            ("databases", shared.settings.value.databases.count),
            ("users", shared.settings.value.directory.names.count),
            ("peers", shared.settings.value.peers.count), ("pools", groups.reduce(0) { $0 + $1.existingPools.count }),
            ("peer_pools", shared.settings.value.peers.count), ("free_clients", 0), ("used_clients", clients),
            ("login_clients", max(0, clients - loggedIn)), ("free_servers", gauges.reduce(0) { $0 + $1.idle }),
            ("used_servers", gauges.reduce(0) { $0 + $1.busy + $1.inTransit + $1.connecting }),
            ("dns_names", names), ("dns_zones", 0), ("dns_queries", 0), ("dns_pending", 0),
        ]
        return items.map { [$0.0, "\($0.1)"] }
    }

    private var stateRows: [[String?]] {
        func word(_ isSo: Bool) -> String { isSo ? "yes" : "no" }
        let isPaused = shared.pauses.isAllPaused
        let isSuspended = shared.pauses.isSuspended
        return [
            ["active", word(!isPaused)], ["paused", word(isPaused && !isSuspended)],
            ["suspended", word(isSuspended)],
        ]
    }

    // MARK: Names

    private var peerRows: [[String?]] {
        shared.settings.value.peers.sorted { $0.key < $1.key }.map { ["\($0.key)", $0.value.host, "\($0.value.port)"] }
    }

    /// Nodes with host names, and the addresses of their connections.
    private var nameRows: [[String?]] {
        var addresses: [String: Set<String>] = [:]
        for case let server? in servers {
            let host = shared.node(server.pool.cluster, server.pool.node).host
            guard !host.hasPrefix("/"), SocketAddress(host, port: 0) == nil else { continue }
            if case .tcp(let address)? = server.endpoint { addresses[host, default: []].insert(address.host) }
        }
        return addresses.sorted { $0.key < $1.key }.map { [$0.key, "0", $0.value.sorted().joined(separator: ",")] }
    }
}
