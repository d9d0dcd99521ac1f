// Which server does a client's batch get, and what if there is none?

import Locks
import Logging
import Pooling
import Reactor
import Routing
import Sessions
import Wire

extension Worker {
    /// The pool's name for the client's present wait; each wait has its own, so that a late order ends no other.
    func waiterID(_ client: ClientConnection) -> WaiterID {
        WaiterID(rawValue: id.rawValue << 56 | Int(client.waitSerial) << 32 | client.token.index)
    }

    /// A number for a token that is unique over all workers.
    func identity(_ token: Token) -> Int {
        id.rawValue << 56 | Int(token.generation) << 32 | token.index
    }

    private func client(_ waiter: WaiterID) -> ClientConnection? {
        let slot = waiter.rawValue & 0xffff_ffff
        guard slot < clients.count, let client = clients[slot], waiterID(client) == waiter else { return nil }
        return client
    }

    /// Finds a server for the client's batch.
    ///
    /// - Returns: whether the client can go on: a server is attached, or the batch was refused.
    func acquire(_ client: ClientConnection, _ bytes: Span<UInt8>, at offset: inout Int) -> Bool {
        guard let group = client.group else { preconditionFailure("Only a client with a database asks for servers.") }
        let cluster = clusters[group.cluster]
        while !client.isClosed {
            if let error = client.refusal {
                client.refusal = nil
                if error.severity == .fatal {
                    close(client, error)
                    return false
                }
                return refuse(client, error, bytes, at: &offset)
            }
            if waitsForResume(client, group) { return false }
            let decision = decide(client, group, cluster)
            if client.session.rerun != nil, let error = objection(to: decision.target, for: client, group) {
                return refuse(client, error, bytes, at: &offset)
            }
            if let stop = client.stop {
                switch consequence(of: stop, group) {
                case .goOn: client.stop = nil
                case .wait:
                    hold(client, .noPrimary, group, unused: bytes.count - offset)
                    return false
                case .tell(let error): return refuse(client, error, bytes, at: &offset)
                }
            }
            if decision.reason == .floorNotCovered { shared.clusters[group.cluster].requestSample() }
            let node: NodeID
            switch decision.target {
            case .primary(let id), .replica(let id):
                node = id
            case .hold(let reason):
                hold(client, reason, group, unused: bytes.count - offset)
                return false
            case .refuse(let reason):
                let error = ErrorFields(
                    .error, reason.sqlState.description, "\(reason)", detail: "\(decision.reason)")
                return refuse(client, error, bytes, at: &offset)
            }
            note(decision.reason, client, bytes, at: offset)
            guard let place = cluster.place(of: node) else {
                preconditionFailure("The router names a node of the cluster.")
            }
            waitSerial = (waitSerial + 1) & 0xff_ffff
            client.waitSerial = waitSerial
            client.wait = .pool(node: place)
            client.activeAt = now
            acquiring = client.token
            withPool(pool(group, place)) { machine, actions in
                machine.acquire(waiterID(client), worker: id, now: now, actions: &actions)
            }
            acquiring = nil
            if client.server != nil { return true }
            if !client.wait.isNone {
                if case .pool = client.wait {
                    // Who waits in the queue of a node is work for it as well.
                    cluster.outstanding[place] += 1
                    client.isCountedInQueue = true
                }
                tickFast()
                return false
            }
        }
        return false
    }

    /// The pool of the node in a place. A pool that was made stays, so that it need not be asked for again.
    private func pool(_ group: PoolGroup, _ place: Int) -> Pool {
        let number = group.number * NodeSet.capacity + place
        if number < knownPools.count, let known = knownPools[number] { return known }
        while knownPools.count <= number { knownPools.append(nil) }
        let pool = group.pool(place)
        knownPools[number] = pool
        return pool
    }

    /// What is asked of the router for work of a client.
    func request(_ demand: Demand, of client: ClientConnection, _ group: PoolGroup) -> RouteRequest {
        // Those of its beginning, whatever was reloaded since.
        let defaults = client.session.settings.defaults
        var request = RouteRequest(
            routeClass: demand.routeClass, floor: client.session.floor, consistency: defaults.consistency,
            maxLag: defaults.maxLag, listener: demand.listener, excluded: client.excluded,
            waitedFor: client.waitedFor, needsPrimary: demand.needsPrimary)
        let wishes = demand.wishes
        if !wishes.isEmpty {
            if let consistency = wishes.consistency { request.consistency = consistency }
            if let maxLag = wishes.maxLag { request.maxLag = maxLag }
            if let name = wishes.group {
                request.floor.raise(to: group.writes.groups.withLock { $0.floor(of: name) })
            }
        }
        switch request.consistency {
        case .monotonic:
            let reads = reads(of: client, group)
            request.readFloor = reads?.floor ?? .none
            request.lastRead = reads?.last
        case .global, .primary:
            request.globalFloor = group.writes.floor
        case .eventual, .session: break
        }
        return request
    }

    private func decide(
        _ client: ClientConnection, _ group: PoolGroup, _ cluster: ClusterView
    ) -> RouteDecision {
        var request = request(client.demand, of: client, group)
        request.excluded.formUnion(cluster.misnaming)
        guard case .welcoming = client.phase else { return decide(request, group, cluster) }
        request.consistency = .eventual
        request.maxLag = .max
        request.listener = .split
        let decision = decide(request, group, cluster)
        switch decision.target {
        case .primary, .replica: return decision
        case .hold, .refuse:
            // What settings say of reads is not said of logins.
            request.routeClass = .write
            return decide(request, group, cluster)
        }
    }

    func decide(_ request: RouteRequest, _ group: PoolGroup, _ cluster: ClusterView) -> RouteDecision {
        let outstanding = cluster.outstanding
        let latencies = group.routing.loadBalance == .latency ? cluster.latencies.map { $0.expected(at: now) } : []
        return Router.decide(
            request, topology: cluster.topology, settings: group.routing, outstanding: outstanding.span,
            latency: latencies.span, random: group.routing.loadBalance == .roundRobin ? nextTurn() : random.next())
    }

    /// The batch gets no server: the client is told, or sent away if it is not in service yet.
    private func refuse(
        _ client: ClientConnection, _ error: ErrorFields, _ bytes: Span<UInt8>, at offset: inout Int
    ) -> Bool {
        client.endedSearch()
        guard case .serving = client.phase else {
            var fatal = error
            fatal.severity = .fatal
            close(client, fatal)
            return false
        }
        client.session.refuse(error, bytes, at: &offset, table: &statements, toClient: &toClient)
        return true
    }

    // MARK: Pools

    /// Tells a pool a fact and carries out its orders.
    func withPool(_ pool: Pool, _ body: (inout PoolMachine, inout [PoolAction]) -> Void) {
        let start = poolActions.count
        pool.machine.withLock { body(&$0, &poolActions) }
        // Carrying an order out may bring further ones, which stand behind these while they last.
        for index in start..<poolActions.count {
            let action = poolActions[index]
            if action.worker == id {
                perform(action, pool)
            } else {
                mailboxes[action.worker.rawValue].post(.pool(action, pool))
            }
        }
        while poolActions.count > start { poolActions.removeLast() }
    }

    func perform(_ action: PoolAction, _ pool: Pool) {
        switch action {
        case .assign(let server, let waiter, owner: _):
            assign(server, to: waiter, pool)
        case .handOver(let server, from: _, let worker, _):
            handOver(server, to: worker, pool)
        case .connect(_, let epoch):
            openServer(pool, epoch: epoch)
        case .close(let id, owner: _, let reason):
            if let server = server(id) { close(server, reason.rawValue) }
        case .waitTimedOut(let waiter, worker: _, _):
            guard let client = client(waiter), case .pool = client.wait else { return }
            endPoolWait(client)
            client.refusal = waitTimeout(pool)
            resumeLater(client)
        case .refuse(let waiter, worker: _, let reason):
            guard let client = client(waiter), case .pool(let node) = client.wait else { return }
            endPoolWait(client)
            refused(client, node: node, pool, reason)
        }
    }

    /// The client waits in the queue of a pool no longer.
    func endPoolWait(_ client: ClientConnection) {
        defer { client.wait = .none }
        guard case .pool(let place) = client.wait, client.isCountedInQueue, let group = client.group else { return }
        client.isCountedInQueue = false
        clusters[group.cluster].outstanding[place] -= 1
    }

    private func waitTimeout(_ pool: Pool) -> ErrorFields {
        let group = shared.group(pool.group)
        var error = ErrorFields(
            .error, "57014", "no server connection became free within wait_timeout",
            detail: "Pool: database \"\(group.database)\", user \"\(group.user)\", node \(address(pool)); waited"
                + " \(group.pool.waitTimeout).",
            hint: "Raise pool.size, or shorten transactions.")
        if let last = pool.lastError.withLock({ $0 }) {
            error.detail = (error.detail ?? "") + " Last connection attempt: \(last.message)."
        }
        return error
    }

    /// A pool turned the client away: another node may serve it, or it is told.
    private func refused(
        _ client: ClientConnection, node: Int, _ pool: Pool, _ reason: Pooling.RefuseReason
    ) {
        defer { if client.token != acquiring, client.wait.isNone { resumeLater(client) } }
        if !clusters[pool.cluster].isPrimary(node) {
            client.excluded.insert(node)
            return
        }
        switch reason {
        case .connectFailed:
            let error =
                pool.lastError.withLock { $0 }
                ?? ErrorFields(.error, "08006", "cannot connect to the server", detail: "Node: \(address(pool)).")
            if error.isPassing, let group = client.group {
                // To another worker, or a moment ago, it was no primary, and no attempt was worth waiting for.
                hold(client, .noPrimary, group)
            } else {
                client.refusal = error
            }
        case .tooManyWaiters(let limit):
            client.refusal = ErrorFields(
                .error, "53300", "too many clients wait for a server connection", detail: "max_waiters is \(limit).")
        case .tooManyPinned(let limit):
            client.refusal = ErrorFields(
                .error, "53300", "too many pinned sessions in this pool", detail: "max_pinned is \(limit).")
        case .turnedAway:
            // The node was lost a moment ago; the next decision knows it.
            break
        case .poolClosed:
            client.refusal = shared.group(pool.group).end ?? .removed("the database was removed")
        }
    }

    func address(_ pool: Pool) -> String {
        shared.node(pool.cluster, pool.node).address
    }

    /// A server is there for a waiting client.
    private func assign(_ id: ServerID, to waiter: WaiterID, _ pool: Pool) {
        guard let server = server(id) else {
            preconditionFailure("A pool assigns servers that exist.")
        }
        guard let client = client(waiter), case .pool = client.wait else {
            // The client left while the order was on its way.
            return giveBack(server)
        }
        endPoolWait(client)
        let cluster = clusters[pool.cluster]
        if !suits(server, client, cluster) {
            if cluster.isPrimary(pool.node) {
                // It is none any more: whoever is will be found by asking.
                askForProbe(server)
                hold(client, .noPrimary, server.group)
            } else {
                client.excluded.insert(pool.node)
            }
            giveBack(server)
            if client.token != acquiring, client.wait.isNone { resumeLater(client) }
            return
        }
        attach(client, server, cluster)
    }

    /// Whether the very connection may serve the client's batch.
    private func suits(_ server: ServerConnection, _ client: ClientConnection, _ cluster: ClusterView) -> Bool {
        let place = server.pool.node
        let nodes = cluster.topology.nodes
        guard place < nodes.count else { return true }
        if cluster.isPrimary(place) {
            return nodes.span[place].isPrimary(
                onConnectionOf: server.connectedAt, reportingStandby: server.session.isStandby)
        }
        if cluster.misnaming.contains(place) { return false }
        // A standby refuses whatever runs under SERIALIZABLE, even the order that would change it.
        if server.session.defaultIsolation == .serializable { return false }
        // What a transaction has read there it could not leave behind.
        if !client.session.mayBegin(on: server.session) { return false }
        client.metFloor = .none
        if case .welcoming = client.phase { return true }
        // Floors may have risen since the node was chosen; they never sink.
        let request = request(client.demand, of: client, server.group)
        let freshness = nodes.span[place].freshness
        client.metFloor = request.floor(for: place, incarnation: freshness.incarnation)
        return request.mayUse(freshness, at: place, connectedAt: server.connectedAt)
    }

    /// Whether the replica shows what the next statement of a transaction or of a pinned session must see: the session
    /// may have been given a token meanwhile, and others may have written.
    func mayRead(_ client: ClientConnection, _ server: ServerConnection) -> Bool {
        var demand = client.demand
        let wishes = client.session.lastingWishes
        demand.wishes.consistency = wishes.consistency
        demand.wishes.group = wishes.group
        demand.wishes.maxLag = wishes.maxLag
        let place = server.pool.node
        let nodes = clusters[server.pool.cluster].topology.nodes
        let freshness = nodes.span[place].freshness
        let request = request(demand, of: client, server.group)
        if request.consistency == .primary, request.listener == .split, !client.session.isPinned { return false }
        // A transaction does not leave what was young enough when it began.
        if client.session.isPinned, request.isTooOld(freshness) { return false }
        // What was read on this very connection it cannot show in an older state.
        let hasReadHere = client.reads.map { $0.last == LastRead(place: place, incarnation: $0.incarnation) } ?? false
        let isExempt = hasReadHere && request.consistency == .monotonic
        let floor = isExempt ? request.floor : request.floor(for: place, incarnation: freshness.incarnation)
        // What the server has shown once it does not lose, whatever is known of its node at the moment.
        if floor <= client.metFloor { return true }
        guard request.mayUse(freshness, at: place, connectedAt: server.connectedAt) else { return false }
        client.metFloor = floor
        return true
    }

    /// The running number of a choice in turn.
    private func nextTurn() -> UInt64 {
        turn &+= 1
        return turn
    }

    private func attach(_ client: ClientConnection, _ server: ServerConnection, _ cluster: ClusterView) {
        precondition(toServer.isEmpty, "Bytes for one server must not reach another.")
        let group = server.group
        let place = server.pool.node
        client.endedSearch()
        client.server = server
        server.client = client
        server.phase = .attached
        server.isPrimary = cluster.isPrimary(place)
        client.attachedAt = now
        client.transactionAt = now
        count(group.number) { $0.waits.note(now &- client.activeAt) }
        if client.reads != nil || isMonotonic(client, group) { beginMonotonicReads(client, server) }
        count(client, group, isPrimary: server.isPrimary)
        cluster.outstanding[place] += 1
        server.isCounted = true
        let difference = difference(from: server, to: client)
        client.session.attached(
            to: &server.session, isReplica: !server.isPrimary, difference: difference, toServer: &toServer)
        if difference.isEmpty { holdProfile(server) }
        guard client.token != acquiring else { return }
        // The order came while somebody else's bytes were handled.
        sendOwn(server)
        resumeLater(client)
    }

    func configure(_ client: ClientConnection, _ server: ServerConnection) {
        let difference = difference(from: server, to: client)
        client.session.configure(&server.session, difference: difference, toServer: &toServer)
    }

    private func difference(from server: ServerConnection, to client: ClientConnection) -> [UInt8] {
        let wanted = client.session.profile.id
        guard server.session.profile != wanted else { return [] }
        return shared.profiles.withLock { $0.difference(from: server.session.profile, to: wanted) }
    }

    /// The table keeps a profile as long as a server has it.
    func holdProfile(_ server: ServerConnection) {
        guard server.heldProfile != server.session.profile else { return }
        shared.profiles.withLock {
            $0.retain(server.session.profile)
            $0.release(server.heldProfile)
        }
        server.heldProfile = server.session.profile
    }
}
