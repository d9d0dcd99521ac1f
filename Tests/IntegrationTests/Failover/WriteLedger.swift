// What was a load of writers and readers told, and does it agree with what the servers have?

import Foundation
import Locks
import PostgresCluster
import TestSupport

/// What clients were told of each row that they sent, in the order of the telling.
struct WriteLedger: CustomStringConvertible {
    /// Committed, as the client was told; with the moment.
    private(set) var acknowledged: [Int: ContinuousClock.Instant] = [:]
    /// 08007: nobody knows.
    private(set) var unknown: Set<Int> = []
    /// Any other error: certainly not stored.
    private(set) var failed: [Int: String] = [:]
    /// Reads that missed a row which the same session had been told of.
    private(set) var stale = 0
    private(set) var reads = 0
    /// Errors of reads, by SQLSTATE.
    private(set) var readErrors: [String: Int] = [:]
    /// Whatever the rules do not allow.
    private(set) var violations: [String] = []

    /// Errors of writes by the manner of the writing and by SQLSTATE.
    private(set) var errors: [FailoverLoad.Manner: [String: Int]] = [:]

    mutating func note(_ id: Int, _ manner: FailoverLoad.Manner, _ sqlState: String?) {
        if let sqlState { errors[manner, default: [:]][sqlState, default: 0] += 1 }
        switch sqlState {
        case nil: acknowledged[id] = .now
        case "08007": if acknowledged[id] == nil { unknown.insert(id) }
        case let state?: failed[id] = state
        }
    }

    mutating func noteRead(found: Bool, error: String?) {
        reads += 1
        if let error { readErrors[error, default: 0] += 1 } else if !found { stale += 1 }
    }

    mutating func violate(_ text: String) { violations.append(text) }

    var description: String {
        let tally = errors.map { "\($0.key) \($0.value)" }.sorted().joined(separator: "; ")
        let writes = "\(acknowledged.count) writes, longest pause \(longestPause), failed: \(tally)"
        return writes + "; \(reads) reads, failed: \(readErrors)"
    }

    /// The longest time without an acknowledgement.
    var longestPause: Duration {
        let moments = acknowledged.values.sorted()
        return zip(moments, moments.dropFirst()).map { $1 - $0 }.max() ?? .zero
    }

    /// The time until the first acknowledgement after a moment.
    func firstWrite(after moment: ContinuousClock.Instant) -> Duration? {
        acknowledged.values.filter { $0 > moment }.min().map { $0 - moment }
    }

    /// Compares with the rows of the node that is the primary now: none twice, none that was refused, and those that
    /// are missing of the acknowledged.
    func compare(with node: PostgresNode, table: String) throws -> (missing: Set<Int>, faults: [String]) {
        let rows = try node.psql("SELECT id FROM \(table)").split(separator: "\n").compactMap { Int($0) }
        var counts: [Int: Int] = [:]
        for row in rows { counts[row, default: 0] += 1 }
        var faults: [String] = []
        for (id, count) in counts where count > 1 { faults.append("row \(id) is there \(count) times") }
        for (id, state) in failed where counts[id] != nil { faults.append("row \(id) failed (\(state)) and is there") }
        return (Set(acknowledged.keys).subtracting(counts.keys), faults)
    }
}
