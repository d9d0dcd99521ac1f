// What would real servers do? A primary and its replicas, as far as reading one's own writes depends on them.

@testable import Routing

/// One record of a write-ahead log.
struct LogRecord: Equatable {
    /// Unique in the whole simulation: two logs agree up to a record exactly if both have it at the same place.
    var id: Int
    var end: UInt64
}

/// One server with its log.
struct ModelNode {
    var isUp = true
    var isInRecovery: Bool
    var timeline: UInt32 = 1
    var log: [LogRecord] = []
    /// How many records would survive a crash; only these are streamed.
    var flushed = 0
    /// How many records queries see.
    var replayed = 0
    /// Where a replica begins to replay after a crash.
    var restartPoint = 0
    var upstream: Int?
    var isPaused = false
    var postmasterStart: Int64 = 0
    /// Grows with each crash, also one inside a postmaster that lives on: no connection outlives it.
    var life = 0

    func shows(_ id: Int) -> Bool {
        let visible = isInRecovery ? replayed : log.count
        return log[..<visible].contains { $0.id == id }
    }

    /// The newest record that queries see.
    var newestVisible: Int? { log[..<(isInRecovery ? replayed : log.count)].last?.id }

    func has(_ id: Int) -> Bool { log.contains { $0.id == id } }
}

/// The servers and the rules by which their logs grow, travel and get lost.
struct ClusterModel {
    var nodes: [ModelNode]
    private var nextID = 1

    init(_ count: Int) {
        nodes = (0..<count).map { ModelNode(isInRecovery: $0 != 0, upstream: $0 == 0 ? nil : 0) }
        let seed = LogRecord(id: 0, end: 8192)
        for index in nodes.indices {
            nodes[index].log = [seed]
            nodes[index].flushed = 1
            nodes[index].replayed = 1
        }
    }

    // MARK: Writing and replaying

    /// Appends a record and returns its id. Ends often meet the end of a page.
    mutating func write(_ node: Int, _ random: inout SplitMix) -> Int {
        let start = nodes[node].log.last?.end ?? 0
        var end = start + UInt64.random(in: 60...900, using: &random) * 8
        let page = (start / 8192 + 1) * 8192
        if end > page { end = Bool.random(using: &random) ? page : max(end, page + 64) }
        let record = LogRecord(id: nextID, end: end)
        nextID += 1
        nodes[node].log.append(record)
        return record.id
    }

    mutating func flush(_ node: Int) { nodes[node].flushed = nodes[node].log.count }

    /// What a standby streams: its upstream's timeline, if its log is a beginning of the upstream's.
    func streamedTimeline(_ node: Int) -> UInt32? {
        guard nodes[node].isInRecovery, let upstream = nodes[node].upstream, nodes[upstream].isUp else { return nil }
        let mine = nodes[node].log
        guard mine.count <= nodes[upstream].flushed, let last = mine.last, nodes[upstream].log[mine.count - 1] == last
        else { return nil }
        return nodes[upstream].timeline
    }

    mutating func stream(_ node: Int, _ random: inout SplitMix) {
        guard nodes[node].isUp, let timeline = streamedTimeline(node), let upstream = nodes[node].upstream else {
            return
        }
        let available = nodes[upstream].flushed - nodes[node].log.count
        let count = Int.random(in: 0...available, using: &random)
        let from = nodes[node].log.count
        nodes[node].log += nodes[upstream].log[from..<(from + count)]
        nodes[node].flushed = nodes[node].log.count
        nodes[node].timeline = timeline
    }

    mutating func replay(_ node: Int, _ random: inout SplitMix) {
        guard nodes[node].isUp, nodes[node].isInRecovery, !nodes[node].isPaused else { return }
        let waiting = nodes[node].log.count - nodes[node].replayed
        nodes[node].replayed += Int.random(in: 0...waiting, using: &random)
        if Int.random(in: 0..<40, using: &random) == 0 { nodes[node].restartPoint = nodes[node].replayed }
    }

    // MARK: Accidents

    mutating func crash(_ node: Int) {
        nodes[node].isUp = false
        loseMemory(node)
    }

    /// A crash inside a postmaster that goes on, with the same start time.
    mutating func crashInside(_ node: Int) { loseMemory(node) }

    private mutating func loseMemory(_ node: Int) {
        nodes[node].life += 1
        nodes[node].log.removeLast(nodes[node].log.count - nodes[node].flushed)
        if nodes[node].isInRecovery { nodes[node].replayed = max(1, nodes[node].restartPoint) }
        nodes[node].isPaused = false
    }

    mutating func start(_ node: Int) {
        nodes[node].isUp = true
        nodes[node].life += 1
        nodes[node].postmasterStart += 1
    }

    mutating func promote(_ node: Int, _ random: inout SplitMix) {
        nodes[node].replayed = nodes[node].log.count
        nodes[node].isInRecovery = false
        nodes[node].isPaused = false
        nodes[node].upstream = nil
        nodes[node].timeline += 1
        _ = write(node, &random)
        flush(node)
    }

    /// Makes a node a replica of another, by a copy of its log.
    mutating func rebuild(_ node: Int, from source: Int, _ random: inout SplitMix) {
        start(node)
        nodes[node].isInRecovery = true
        nodes[node].isPaused = false
        nodes[node].log = Array(nodes[source].log[..<nodes[source].flushed])
        nodes[node].flushed = nodes[node].log.count
        nodes[node].replayed = Int.random(in: 1...nodes[node].log.count, using: &random)
        nodes[node].restartPoint = nodes[node].replayed
        nodes[node].timeline = nodes[source].timeline
        nodes[node].upstream = source
    }

    /// The writable node whose history counts in the end: highest timeline, first in the list.
    var authority: Int? {
        let writable = nodes.indices.filter { !nodes[$0].isInRecovery }
        return writable.max {
            nodes[$0].timeline < nodes[$1].timeline || (nodes[$0].timeline == nodes[$1].timeline && $0 > $1)
        }
    }

    /// What a node would answer to a probe.
    func report(_ node: Int) -> ProbeReport {
        let it = nodes[node]
        let end = it.log.last?.end ?? 0
        guard it.isInRecovery else {
            // Behind the header of the next page.
            let insert = end % 8192 == 0 ? end + (end % (16 << 20) == 0 ? 40 : 24) : end
            return ProbeReport(
                isInRecovery: false, insertLSN: LSN(insert), flushLSN: LSN(it.log[it.flushed - 1].end),
                timeline: it.timeline, lowestTimeline: it.timeline,
                systemIdentifier: 1, postmasterStartTime: it.postmasterStart)
        }
        let streamed = streamedTimeline(node)
        return ProbeReport(
            isInRecovery: true, replayLSN: LSN(it.log[it.replayed - 1].end), receiveLSN: LSN(end), timeline: streamed,
            lowestTimeline: it.timeline, systemIdentifier: 1, postmasterStartTime: it.postmasterStart,
            isStreaming: streamed != nil, sender: streamed == nil ? nil : it.upstream.map { "n\($0):1" })
    }
}
