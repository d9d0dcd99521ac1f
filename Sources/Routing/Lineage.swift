// Does a replica follow the primary, or another node on a timeline of the same number?

/// One primary on one timeline: a history that no other node can have written.
struct Lineage: Equatable, Sendable {
    var primary: NodeID
    var timeline: UInt32
}

/// How well it is known whom a replica follows.
enum LineageProof: Equatable, Sendable {
    /// The chain of senders ends at the primary.
    case chain(Lineage)
    /// The timeline has the right number, and the sender has a name that the settings do not know.
    case number(Lineage)
}

extension ClusterMachine {
    /// Draws the conclusions from what streaming replicas say. One that does not stream keeps its last proof while it
    /// lives.
    mutating func updateProofs() {
        guard let reign else { return }
        let lineage = Lineage(primary: reign.node, timeline: reign.timeline)
        for index in records.indices where records[index].isStreaming {
            records[index].proof = records[index].lineage == lineage.timeline ? proof(of: records[index], lineage) : nil
        }
    }

    /// Whether a replica on the primary's timeline is believed to follow the primary.
    func isProven(_ record: NodeRecord) -> Bool {
        guard let reign, !settings.isStorageShared else { return true }
        let lineage = Lineage(primary: reign.node, timeline: reign.timeline)
        switch record.proof {
        case .chain(let proven): return proven == lineage
        case .number(let believed): return believed == lineage && !hasTwin(lineage)
        // It never streamed in this life; its control file gives the number.
        case nil: return record.lineage == nil && !hasTwin(lineage)
        }
    }

    /// Follows the senders from a streaming replica to the primary.
    private func proof(of record: NodeRecord, _ lineage: Lineage) -> LineageProof? {
        var current = record
        // A chain is no longer than the list of nodes; a circle of replicas leads to no primary.
        for _ in records {
            guard let sender = current.sender, let next = records.first(where: { $0.isNamed(sender) }) else {
                return .number(lineage)
            }
            if next.definition.id == lineage.primary { return .chain(lineage) }
            // What is known of the sender must be older than the question: it may have been another one's replica
            // before.
            let isOlder = next.lifeSeenAt <= current.probeSentAt
            guard isOlder, next.report?.isInRecovery == true, !next.isForeign, next.lineage == lineage.timeline else {
                return nil
            }
            current = next
        }
        return nil
    }

    /// Whether another node was promoted to the timeline with the same number.
    private func hasTwin(_ lineage: Lineage) -> Bool {
        records.contains {
            $0.definition.id != lineage.primary && $0.isFenced && $0.timeline == lineage.timeline
        }
    }
}
