// When is which database's catalog read, and who is told what it says?

import Glibc
import Routing
public import SQL
import Synchronization

/// What is to be known of a database from now on.
public struct CatalogNews: Sendable {
    /// Its name on the servers.
    public var database: String
    /// Changes of the catalog up to this demand are in it.
    public var demand: UInt64
    /// nil: nothing is known.
    public var knowledge: Knowledge?
}

/// The catalog thread's work: one wait for all databases, no call that blocks. What follows from the facts is worked
/// out here, too, away from the workers.
final class CatalogLoop {
    /// One database in use.
    private final class Entry {
        let database: String
        let link: CatalogLink
        /// The newest change that somebody waits to see.
        var demand: UInt64 = 0
        /// What the reading under way will show at least.
        var reading: UInt64 = 0
        /// What was seen.
        var met: UInt64 = 0
        var knowledge: Knowledge?
        /// Somebody was told what is known, even if that is nothing.
        var isTold = false
        var nextAt: UInt64 = 0
        var usedAt: UInt64
        var beganAt: UInt64 = 0
        var confirmedAt: UInt64
        /// The failure that was told last; nil since the last success.
        var toldFailure: ProbeFailure?

        init(database: String, link: CatalogLink, now: UInt64) {
            self.database = database
            self.link = link
            usedAt = now
            confirmedAt = now
        }
    }

    /// Numbers the snapshots of all databases of the process. Odd numbers are left to whoever marks one as outdated.
    private static let generations = Atomic<UInt64>(0)

    private let settings: ProbeSettings
    private let requests: CatalogRequests
    private let onNews: @Sendable (CatalogNews) -> Void
    private let onEvent: @Sendable (ProberEvent) -> Void
    private let interval: UInt64
    private var nodes = CatalogNodes()
    private var entries: [Entry] = []

    init(
        settings: ProbeSettings, requests: CatalogRequests,
        onNews: @escaping @Sendable (CatalogNews) -> Void, onEvent: @escaping @Sendable (ProberEvent) -> Void
    ) {
        self.settings = settings
        self.requests = requests
        self.onNews = onNews
        self.onEvent = onEvent
        interval = settings.catalogInterval.clampedNanoseconds
    }

    func run() {
        var descriptors: [pollfd] = []
        while !requests.isStopped {
            descriptors.removeAll(keepingCapacity: true)
            descriptors.append(pollfd(fd: requests.wakeUp.readEnd, events: Int16(POLLIN), revents: 0))
            for entry in entries { descriptors.append(entry.link.interest) }
            SystemCalls.wait(&descriptors, milliseconds: timeUntilNextStep())

            let now = SystemCalls.now()
            for (index, entry) in entries.enumerated() {
                digest(entry.link.step(isReady: descriptors[index + 1].revents != 0, now: now), of: entry)
            }
            if descriptors[0].revents != 0 { requests.wakeUp.drain() }
            takeRequests(now: now)
            beginWhatIsDue(now: now)
        }
    }

    private func timeUntilNextStep() -> Int32 {
        let now = SystemCalls.now()
        var next = entries.map(\.link.wakeAt).min() ?? .max
        if mayBegin { next = min(next, entries.filter { !$0.link.isBusy }.map(\.nextAt).min() ?? .max) }
        guard next > now else { return 0 }
        // Rounded up: waking before the time would only mean waiting again.
        return Int32(min((next - now + 999_999) / 1_000_000, 60_000))
    }

    // MARK: Requests

    private func takeRequests(now: UInt64) {
        let wishes = requests.take()
        if let changed = wishes.nodes { update(changed, now: now) }
        for (database, demand) in wishes.demands {
            let entry = entries.first { $0.database == database } ?? add(database, now: now)
            entry.usedAt = now
            guard demand > entry.demand else { continue }
            entry.demand = demand
            hurry(entry, now: now)
        }
    }

    private func add(_ database: String, now: UInt64) -> Entry {
        if entries.count >= CatalogLimits.databases { evictOne() }
        let link = CatalogLink(database: database, settings: settings, wakeUp: requests.wakeUp)
        let entry = Entry(database: database, link: link, now: now)
        entries.append(entry)
        return entry
    }

    /// The database that was used longest ago makes room.
    private func evictOne() {
        guard let index = entries.indices.min(by: { entries[$0].usedAt < entries[$1].usedAt }) else { return }
        let entry = entries.remove(at: index)
        entry.knowledge = nil
        publish(entry)
        onEvent(
            ProberEvent(
                severity: .notice,
                text: "the catalog of database \"\(entry.database)\" is no longer read, because more than "
                    + "\(CatalogLimits.databases) databases are in use",
                event: nil))
    }

    /// Another primary may lack what the one before it had.
    private func update(_ changed: CatalogNodes, now: UInt64) {
        let hasOtherPrimary = changed.primary != nil && changed.primary?.id != nodes.primary?.id
        nodes = changed
        guard hasOtherPrimary else { return }
        for entry in entries {
            entry.link.startOver()
            if let knowledge = entry.knowledge {
                entry.knowledge = knowledge.outdated(generation: Self.nextGeneration() | 1, trustsTables: false)
                publish(entry)
            }
            entry.nextAt = now
        }
    }

    // MARK: Readings

    private var mayBegin: Bool {
        nodes != CatalogNodes() && entries.count { $0.link.isBusy } < CatalogLimits.connections
    }

    private func beginWhatIsDue(now: UInt64) {
        for entry in entries where mayBegin && !entry.link.isBusy && now >= entry.nextAt {
            guard let address = (nodes.primary ?? nodes.replica).flatMap({ NodeAddress($0.address) }) else { continue }
            // Whatever was asked for until now was committed before the reading begins.
            entry.reading = entry.demand
            entry.beganAt = now
            entry.nextAt = now + interval
            digest(entry.link.begin(address, now: now), of: entry)
        }
    }

    private func hurry(_ entry: Entry, now: UInt64) {
        // A long reading is not begun again at once.
        let duration = entry.confirmedAt > entry.beganAt ? entry.confirmedAt - entry.beganAt : 0
        entry.nextAt = min(entry.nextAt, max(now, entry.confirmedAt + max(CatalogLimits.gapNanoseconds, duration)))
    }

    private func digest(_ outcome: CatalogLink.Outcome, of entry: Entry) {
        switch outcome {
        case .nothing:
            break
        case .unchanged(let isInRecovery):
            confirmed(entry, isInRecovery: isInRecovery)
        case .read(let facts, let state):
            entry.knowledge = facts.knowledge(generation: Self.nextGeneration())
            confirmed(entry, isInRecovery: state.isInRecovery)
        case .failed(let failure):
            failed(entry, failure)
        }
    }

    private func confirmed(_ entry: Entry, isInRecovery: Bool) {
        let now = SystemCalls.now()
        entry.confirmedAt = now
        entry.toldFailure = nil
        // A standby may not have replayed what the demand is about.
        if !isInRecovery { entry.met = max(entry.met, entry.reading) }
        publish(entry)
        guard entry.demand > entry.met else { return }
        if isInRecovery {
            entry.nextAt = min(entry.nextAt, now + CatalogLimits.retryNanoseconds)
        } else {
            hurry(entry, now: now)
        }
    }

    private func failed(_ entry: Entry, _ failure: ConnectionFailure) {
        let now = SystemCalls.now()
        entry.nextAt = now + min(interval, CatalogLimits.retryNanoseconds)
        let isRefused: Bool
        switch failure.reason {
        case .loginRefused, .questionFailed:
            isRefused = true
            entry.nextAt = now + interval
        case .refused, .lost, .timedOut, .unreachable, .notAccepting, .nameNotResolved:
            isRefused = false
        }
        if entry.toldFailure != failure.reason {
            entry.toldFailure = failure.reason
            tell(failure, of: entry, isRefused: isRefused)
        }
        let isStale = now > entry.confirmedAt + CatalogLimits.staleIntervals * interval
        // Who waits for the first reading need not wait for one that was refused.
        guard isRefused || isStale, entry.knowledge != nil || !entry.isTold else { return }
        entry.knowledge = nil
        entry.link.startOver()
        publish(entry)
    }

    private func tell(_ failure: ConnectionFailure, of entry: Entry, isRefused: Bool) {
        let consequence =
            isRefused
            ? "; without it, every function that its users have defined counts as a write, and its views are not known"
            : "; it is tried again"
        onEvent(
            ProberEvent(
                severity: isRefused ? .warning : .notice,
                text: "cannot read the catalog of database \"\(entry.database)\" as user \"\(settings.user)\": "
                    + failure.detail + consequence,
                event: nil))
    }

    private func publish(_ entry: Entry) {
        entry.isTold = true
        onNews(CatalogNews(database: entry.database, demand: entry.met, knowledge: entry.knowledge))
    }

    private static func nextGeneration() -> UInt64 { generations.add(4, ordering: .relaxed).newValue }
}
