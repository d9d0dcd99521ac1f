// Do random schedules over several workers break any promise of a pool?

import Pooling
import Testing

struct PoolScheduleTests {
    struct Schedule: Sendable, CustomTestStringConvertible {
        var name: String
        var workers: Int
        var settings: PoolSettings
        var testDescription: String { name }

        init(_ name: String, workers: Int, _ change: (inout PoolSettings) -> Void = { _ in }) {
            self.name = name
            self.workers = workers
            settings = PoolSettings()
            settings.size = 5
            settings.waitTimeout = .milliseconds(400)
            settings.idleTimeout = .milliseconds(300)
            settings.lifetime = .seconds(2)
            settings.reserveTimeout = .milliseconds(50)
            settings.retryDelay = .milliseconds(10)
            settings.maxRetryDelay = .milliseconds(80)
            change(&settings)
        }
    }

    static let schedules = [
        Schedule("one worker", workers: 1),
        Schedule("four workers", workers: 4),
        Schedule("one server for all", workers: 3) { $0.size = 1 },
        Schedule("reserve", workers: 3) { $0.reserveSize = 2 },
        Schedule("minimum", workers: 2) { $0.minSize = 3 },
        Schedule("overtaking", workers: 3) { $0.maxOvertaking = .milliseconds(20) },
        Schedule("short queue", workers: 2) { $0.maxWaiters = 3 },
        Schedule("one attempt at a time", workers: 4) { $0.maxConnecting = 1 },
        Schedule("everything", workers: 5) {
            $0.size = 8
            $0.minSize = 2
            $0.reserveSize = 3
            $0.maxPinned = .count(3)
            $0.maxOvertaking = .milliseconds(5)
        },
    ]

    @Test(arguments: schedules, [1, 2, 3] as [UInt64])
    func keepsItsPromises(schedule: Schedule, seed: UInt64) {
        let simulation = PoolSimulation(seed: seed, settings: schedule.settings, workers: schedule.workers)
        var step = 0
        do {
            while step < 4000 {
                try Self.event(simulation)
                step += 1
            }
            try Self.comeToRest(simulation)
            try Self.close(simulation)
        } catch {
            Issue.record("\(schedule.name), seed \(seed), step \(step): \(error)")
        }
    }

    /// All limits are met in the schedules; otherwise they prove nothing about them.
    @Test func schedulesMeetEveryLimit() throws {
        var met: Set<String> = []
        var all: Set<String> = []
        for schedule in Self.schedules {
            let simulation = PoolSimulation(seed: 42, settings: schedule.settings, workers: schedule.workers)
            for _ in 0..<4000 { try Self.event(simulation) }
            for (label, value) in Mirror(reflecting: simulation.machine.counters).children {
                all.insert(label ?? "")
                if value as? UInt64 ?? 0 > 0 { met.insert(label ?? "") }
            }
        }
        #expect(all.subtracting(met).isEmpty)
    }

    private static func event(_ simulation: PoolSimulation) throws {
        // A pool that was made smaller is so for a while.
        if simulation.machine.settings != simulation.settings, Int.random(in: 0..<40, using: &simulation.random) == 0 {
            try simulation.settingsChange(simulation.settings)
        }
        switch Int.random(in: 0..<1000, using: &simulation.random) {
        case 0..<280: try simulation.clientAsks(pinned: Int.random(in: 0..<12, using: &simulation.random) == 0)
        case 280..<480:
            if let server = pick(simulation.servers.filter { $0.value.user != nil }.keys, simulation) {
                try simulation.serverIsReleased(server)
            }
        case 480..<680:
            let worker = Int.random(in: 0..<simulation.workers, using: &simulation.random)
            try simulation.messageArrives(at: worker)
        case 680..<760:
            guard !simulation.attempts.isEmpty else { return }
            let index = Int.random(in: 0..<simulation.attempts.count, using: &simulation.random)
            if Int.random(in: 0..<10, using: &simulation.random) == 0 { return try simulation.attemptIsDenied(index) }
            let failure: Int32? = Int.random(in: 0..<4, using: &simulation.random) == 0 ? 7 : nil
            try simulation.attemptEnds(index, failure: failure, isFinal: Bool.random(using: &simulation.random))
        case 760..<880: try simulation.timePasses(UInt64.random(in: 0..<20_000_000, using: &simulation.random))
        case 880..<910:
            if let client = pick(simulation.clients.keys, simulation) { try simulation.clientVanishes(client) }
        case 910..<930:
            if let server = pick(simulation.servers.keys, simulation) { try simulation.serverBreaks(server) }
        case 930..<960:
            if let server = pick(simulation.servers.filter { $0.value.user != nil }.keys, simulation) {
                try simulation.serverIsPinned(server)
            }
        case 960..<970:
            if let server = pick(simulation.servers.filter { $0.value.user != nil }.keys, simulation) {
                simulation.serverIsUnpinned(server)
            }
        case 970..<980: try simulation.lateCancel()
        case 980..<984: try simulation.poolIsDrained()
        case 984..<988: try simulation.waitersAreTurnedAway()
        case 988..<990: try simulation.retry()
        case 990..<992: try simulation.aServerIsEvicted()
        case 992..<994: try simulation.timePasses(500_000_000)
        case 994..<996: try simulation.timePasses(2_500_000_000)
        default:
            var settings = simulation.settings
            settings.size = min(2, settings.size)
            try simulation.settingsChange(settings)
        }
    }

    /// Without further clients and failures, everybody is served or sent away.
    private static func comeToRest(_ simulation: PoolSimulation) throws {
        var turns = 0
        while !simulation.clients.isEmpty || simulation.mailboxes.contains(where: { !$0.isEmpty }) {
            turns += 1
            try simulation.require(turns < 2000, "\(simulation.clients.count) clients are never served")
            for worker in 0..<simulation.workers { try simulation.messageArrives(at: worker) }
            while !simulation.attempts.isEmpty { try simulation.attemptEnds(0, failure: nil, isFinal: false) }
            for server in simulation.servers.keys.sorted() { try simulation.serverIsReleased(server) }
            try simulation.timePasses(1_000_000)
        }
    }

    private static func close(_ simulation: PoolSimulation) throws {
        for _ in 0..<20 { try simulation.clientAsks(pinned: false) }
        try simulation.poolIsClosed()
        try comeToRest(simulation)
        while !simulation.attempts.isEmpty { try simulation.attemptEnds(0, failure: nil, isFinal: false) }
        try comeToRest(simulation)
        try simulation.clientAsks(pinned: false)
        try simulation.require(simulation.clients.isEmpty, "a closed pool took a client")
        try simulation.require(simulation.machine.isEmpty, "a closed pool keeps connections")
    }

    private static func pick(_ keys: some Collection<Int>, _ simulation: PoolSimulation) -> Int? {
        keys.sorted().randomElement(using: &simulation.random)
    }
}
