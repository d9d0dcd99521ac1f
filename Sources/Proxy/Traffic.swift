// How much was done for a database and user, and how much of it lately?

import Locks
import Pooling
import Sessions
import Wire

/// What one worker has done for the clients of one pair of database and user since its start. Times are nanoseconds.
struct Traffic: Sendable {
    /// Bytes from clients, and to clients.
    var received: UInt64 = 0
    var sent: UInt64 = 0
    var queries: UInt64 = 0
    var transactions: UInt64 = 0
    /// From the first message of a batch to its ReadyForQuery, on primaries and on replicas.
    var primaryTimes = Histogram()
    var replicaTimes = Histogram()
    /// From the first statement on a server to the end of the transaction.
    var transactionTimes = Histogram()
    /// From the wish for a server to its fulfilment.
    var waits = Histogram()
    var messages = MessageCounts()
    var logins: UInt64 = 0
    /// Logged in now.
    var clients = 0

    /// A batch of a client's was answered.
    mutating func note(
        _ status: TransactionStatus, isPrimary: Bool, began: UInt64, attached: UInt64, now: UInt64,
        _ messages: MessageCounts
    ) {
        queries &+= 1
        if isPrimary { primaryTimes.note(now &- began) } else { replicaTimes.note(now &- began) }
        self.messages.add(messages)
        guard status == .idle else { return }
        transactions &+= 1
        transactionTimes.note(now &- attached)
    }

    mutating func add(_ other: Traffic) {
        received &+= other.received
        sent &+= other.sent
        queries &+= other.queries
        transactions &+= other.transactions
        primaryTimes.add(other.primaryTimes)
        replicaTimes.add(other.replicaTimes)
        transactionTimes.add(other.transactionTimes)
        waits.add(other.waits)
        messages.add(other.messages)
        logins &+= other.logins
        clients += other.clients
    }
}

/// The figures of SHOW STATS for one database, in the order in which they are shown. Times are microseconds.
struct StatsFigures: Equatable, Sendable {
    var assignments: UInt64 = 0
    var transactions: UInt64 = 0
    var queries: UInt64 = 0
    var received: UInt64 = 0
    var sent: UInt64 = 0
    var transactionTime: UInt64 = 0
    var queryTime: UInt64 = 0
    var waitTime: UInt64 = 0
    var clientParses: UInt64 = 0
    var serverParses: UInt64 = 0
    var binds: UInt64 = 0
    var logins: UInt64 = 0

    var values: [UInt64] {
        [
            assignments, transactions, queries, received, sent, transactionTime, queryTime, waitTime, clientParses,
            serverParses, binds, logins,
        ]
    }

    mutating func add(_ traffic: Traffic) {
        transactions &+= traffic.transactions
        queries &+= traffic.queries
        received &+= traffic.received
        sent &+= traffic.sent
        transactionTime &+= traffic.transactionTimes.sum / 1000
        queryTime &+= (traffic.primaryTimes.sum &+ traffic.replicaTimes.sum) / 1000
        clientParses &+= traffic.messages.clientParses
        serverParses &+= traffic.messages.serverParses
        binds &+= traffic.messages.binds
        logins &+= traffic.logins
    }

    mutating func add(_ counters: PoolCounters) {
        assignments &+= counters.assignments
        waitTime &+= counters.waitedNanoseconds / 1000
    }

    mutating func add(_ other: StatsFigures) {
        assignments &+= other.assignments
        transactions &+= other.transactions
        queries &+= other.queries
        received &+= other.received
        sent &+= other.sent
        transactionTime &+= other.transactionTime
        queryTime &+= other.queryTime
        waitTime &+= other.waitTime
        clientParses &+= other.clientParses
        serverParses &+= other.serverParses
        binds &+= other.binds
        logins &+= other.logins
    }

    /// What was done since an earlier reading: counts for each second, times for each of what took them.
    func average(since old: StatsFigures, seconds: UInt64) -> StatsFigures {
        func rate(_ path: KeyPath<StatsFigures, UInt64>) -> UInt64 {
            (self[keyPath: path] &- old[keyPath: path]) / max(1, seconds)
        }
        func mean(_ time: KeyPath<StatsFigures, UInt64>, _ count: KeyPath<StatsFigures, UInt64>) -> UInt64 {
            (self[keyPath: time] &- old[keyPath: time]) / max(1, self[keyPath: count] &- old[keyPath: count])
        }
        return StatsFigures(
            assignments: rate(\.assignments), transactions: rate(\.transactions), queries: rate(\.queries),
            received: rate(\.received), sent: rate(\.sent), transactionTime: mean(\.transactionTime, \.transactions),
            queryTime: mean(\.queryTime, \.queries), waitTime: mean(\.waitTime, \.assignments),
            clientParses: rate(\.clientParses), serverParses: rate(\.serverParses), binds: rate(\.binds),
            logins: rate(\.logins))
    }
}

/// What was done for each database at the ends of the last two periods.
struct StatsPeriods: Sendable {
    /// PgBouncer's `stats_period`.
    static let seconds: UInt64 = 60

    private var last: [String: StatsFigures] = [:]
    private var averages: [String: StatsFigures] = [:]
    private var nextAt: UInt64 = 0

    /// To be called often; `figures` is asked when a period is over.
    mutating func update(now: UInt64, _ figures: () -> [String: StatsFigures]) {
        guard now >= nextAt else { return }
        let isFirst = nextAt == 0
        nextAt = now &+ Self.seconds * 1_000_000_000
        if isFirst { return }
        let new = figures()
        averages = new.reduce(into: [:]) { averages, entry in
            averages[entry.key] = entry.value.average(
                since: last[entry.key] ?? StatsFigures(), seconds: Self.seconds)
        }
        last = new
    }

    func average(_ database: String) -> StatsFigures { averages[database] ?? StatsFigures() }
}

extension SharedState {
    /// By database, over all workers.
    var stats: [String: StatsFigures] {
        var figures: [String: StatsFigures] = [:]
        let groups = allGroups
        for group in groups {
            for pool in group.existingPools {
                figures[group.database, default: StatsFigures()].add(pool.machine.withLock { $0.counters })
            }
        }
        for (number, traffic) in traffic.enumerated() where number < groups.count {
            figures[groups[number].database, default: StatsFigures()].add(traffic)
        }
        return figures
    }

    /// By the number of the group, over all workers; as old as the workers' last reports.
    var traffic: [Traffic] {
        var sum: [Traffic] = []
        for report in reports {
            let part = report.content.withLock { $0.traffic }
            while sum.count < part.count { sum.append(Traffic()) }
            for (number, traffic) in part.enumerated() { sum[number].add(traffic) }
        }
        return sum
    }
}

extension Worker {
    /// Changes what is counted for the group of that number.
    @inline(__always)
    func count(_ number: Int, _ change: (inout Traffic) -> Void) {
        while traffic.count <= number { traffic.append(Traffic()) }
        change(&traffic[number])
        routes.isNew = true
    }

    /// A batch of the client's was answered.
    func noteAnswer(_ client: ClientConnection, _ server: ServerConnection, _ status: TransactionStatus) {
        let messages = server.session.takeCounts()
        count(server.group.number) {
            $0.note(
                status, isPrimary: server.isPrimary, began: client.startedAt, attached: client.transactionAt, now: now,
                messages)
        }
        client.activeAt = now
        client.startedAt = now
        if status == .idle { client.transactionAt = now }
    }
}
