// Do clients get through the router, byte for byte, what they would get from PostgreSQL?

import Sessions
import Testing
import Wire

/// Random conversations over random timing and random cuts of both streams, against one model server that the same
/// client would have had to itself.
@Suite(.serialized)
struct RandomConversationTests {
    /// Everything a run depends on.
    struct Schedule {
        /// Messages are cut anywhere.
        var cutsBytes = true
        /// The client does not wait for answers.
        var pipelines = true
        var clientCount = 1
        var settings = SessionSettings()
        var allowsPins = false
        var changesSettings = false
        var preparesInSQL = false
        /// Replicas fail what can be run again.
        var hasFaults = false
    }

    /// - Returns: whether everything was as it should be.
    private func run(seed: UInt64, _ schedule: Schedule) -> Bool {
        var random = SeededRandom(seed: seed)
        let rig = Rig()
        rig.takesLast = Bool.random(using: &random)
        if schedule.hasFaults { rig.faults = SeededRandom(seed: seed &* 7) }
        var references: [ModelServer] = []
        var scripts: [[UInt8]] = []
        for client in 0..<schedule.clientCount {
            var conversation = RandomConversation(seed: seed &* 31 &+ UInt64(client))
            conversation.allowsPins = schedule.allowsPins
            conversation.changesSettings = schedule.changesSettings
            conversation.preparesInSQL = schedule.preparesInSQL
            let batches = conversation.batches(Int.random(in: 2...12, using: &random))
            scripts.append(batches.flatMap { $0 }.bytes)
            var reference = ModelServer()
            reference.receive(batches.flatMap { $0 }.bytes)
            references.append(reference)
            rig.addClient(settings: schedule.settings)
        }
        var sent = Array(repeating: 0, count: scripts.count)
        while rig.problems.isEmpty {
            let senders = scripts.indices.filter { client in
                sent[client] < scripts[client].count
                    && (schedule.pipelines || rig.clients[client].server == nil
                        || !rig.servers.contains(where: \.hasNews))
            }
            let readers = rig.servers.indices.filter { rig.servers[$0].hasNews }
            if senders.isEmpty, readers.isEmpty { break }
            if !senders.isEmpty, readers.isEmpty || Bool.random(using: &random) {
                let client = senders[Int.random(in: 0..<senders.count, using: &random)]
                let left = scripts[client].count - sent[client]
                let count = schedule.cutsBytes ? min(left, Int.random(in: 1...40, using: &random)) : left
                rig.send(Array(scripts[client][sent[client]..<sent[client] + count]), by: client)
                sent[client] += count
            } else {
                let server = readers[Int.random(in: 0..<readers.count, using: &random)]
                let count = schedule.cutsBytes ? Int.random(in: 1...40, using: &random) : Int.max
                rig.deliver(server, count)
            }
        }
        let story = rig.lines.joined(separator: "\n")
        guard rig.problems.isEmpty else {
            Issue.record("seed \(seed): \(rig.problems)\n\(scripts.map(Reading.client))\n\(story)")
            return false
        }
        for client in scripts.indices where rig.clients[client].received != references[client].output {
            Issue.record(
                """
                seed \(seed), client \(client) of \(scripts.count)
                says     \(Reading.client(scripts[client]))
                gets     \(Reading.server(rig.clients[client].received))
                expected \(Reading.server(references[client].output))
                \(story)
                """)
            return false
        }
        let written = rig.servers.flatMap(\.model.committed).sorted()
        guard written == references.flatMap(\.committed).sorted() else {
            Issue.record("seed \(seed): committed \(written)\n\(scripts.map(Reading.client))\n\(story)")
            return false
        }
        for client in scripts.indices { rig.end(client, .goodbye) }
        guard rig.table.retainedCount == 0 else {
            Issue.record("seed \(seed): statements are not given back\n\(scripts.map(Reading.client))\n\(story)")
            return false
        }
        return true
    }

    private func run(_ seeds: Range<UInt64>, _ schedule: Schedule) {
        for seed in seeds where !run(seed: seed, schedule) { break }
    }

    @Test func messagesOneByOne() {
        run(1..<300, Schedule(cutsBytes: false, pipelines: false))
    }

    @Test func pipelined() {
        run(1_000..<1_300, Schedule(cutsBytes: false))
    }

    @Test func pipelinedAndCut() {
        run(2_000..<2_400, Schedule())
    }

    @Test func severalClients() {
        run(3_000..<3_300, Schedule(clientCount: 3))
    }

    @Test func fewStatementsPerServer() {
        run(4_000..<4_300, Schedule(clientCount: 2, settings: SessionSettings(maxPreparedStatements: 1)))
    }

    @Test func smallBuffers() {
        run(5_000..<5_300, Schedule(clientCount: 2, settings: SessionSettings(maxBufferedBatch: 20)))
    }

    @Test func withoutLazyBegin() {
        run(6_000..<6_200, Schedule(settings: SessionSettings(lazyBegin: false)))
    }

    @Test func splitTransactions() {
        run(13_000..<13_300, Schedule(settings: SessionSettings(splitTransactions: true)))
        run(14_000..<14_300, Schedule(settings: SessionSettings(splitTransactions: true), hasFaults: true))
    }

    /// No client sees anything of it.
    @Test func replicasFail() {
        run(10_000..<10_400, Schedule(clientCount: 2, hasFaults: true))
        run(11_000..<11_300, Schedule(cutsBytes: false, pipelines: false, hasFaults: true))
        run(12_000..<12_300, Schedule(settings: SessionSettings(maxPreparedStatements: 1), hasFaults: true))
    }

    /// What a session has set follows it, and nobody else has it.
    @Test func settings() {
        run(15_000..<15_400, Schedule(clientCount: 3, changesSettings: true))
        run(16_000..<16_300, Schedule(cutsBytes: false, pipelines: false, clientCount: 2, changesSettings: true))
        run(
            17_000..<17_300,
            Schedule(settings: SessionSettings(maxPreparedStatements: 1), allowsPins: true, changesSettings: true))
    }

    /// What a session has prepared in SQL follows it, and nobody else has it.
    @Test func preparedInSQL() {
        run(18_000..<18_230, Schedule(cutsBytes: false, pipelines: false, preparesInSQL: true))
        run(22_000..<22_500, Schedule(clientCount: 3, preparesInSQL: true))
        run(26_000..<26_400, Schedule(clientCount: 2, preparesInSQL: true, hasFaults: true))
        run(
            31_000..<31_500,
            Schedule(
                clientCount: 2, settings: SessionSettings(maxPreparedStatements: 1),
                allowsPins: true, preparesInSQL: true))
    }

    @Test func withPins() {
        run(7_000..<7_300, Schedule(clientCount: 2, allowsPins: true))
    }
}
