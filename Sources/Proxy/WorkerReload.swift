// What does a worker do when databases, users or their limits have changed?

import Locks
import Pooling
import Reactor
import Sessions

extension Worker {
    /// The pools of these groups get the limits that are in force now, or end.
    func updatePools(_ groups: [PoolGroup]) {
        for group in groups {
            for pool in group.existingPools {
                withPool(pool) { machine, actions in
                    if group.end != nil {
                        machine.closeAll(now: now, actions: &actions)
                    } else if machine.settings != group.pool {
                        machine.update(group.pool, now: now, actions: &actions)
                    }
                }
            }
        }
    }

    /// Clients and servers go on with the settings that are in force now.
    func groupsChanged() {
        for case let client? in clients {
            guard let group = client.group else { continue }
            client.group = shared.group(group.number)
            if client.group?.end != nil { hasLeavers = true }
        }
        for case let server? in servers { server.group = shared.group(server.group.number) }
        sendLeaversAway()
    }

    /// Ends the connections of clients who have to leave, as soon as they are in no transaction.
    func sendLeaversAway() {
        guard hasLeavers else { return }
        hasLeavers = false
        for case let client? in clients {
            guard let error = client.group?.end else { continue }
            if isAtRest(client) { close(client, error) } else { hasLeavers = true }
        }
    }

    /// The client is in no transaction, and nothing of what it sent is still to be done.
    func isAtRest(_ client: ClientConnection) -> Bool {
        guard client.wait.isNone, client.kept.isEmpty else { return false }
        return client.session.detachedStatus == .idle
            && client.server.map { $0.session.isQuiet && $0.session.status == .idle } ?? true
    }
}
