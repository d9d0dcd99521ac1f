// What do the texts of a batch and their session ask of the router together?

public import Routing
import SQL
import Wire

extension ClientSession {
    /// What was asked for the batch at hand, by comments and by the session: the strictest of all.
    var wishes: RouterSettings {
        guard let comment = batch.comment else { return router }
        var wishes = router.overridden(by: comment)
        // What a text does not ask for itself its session asks for.
        if batch.unasked.contains(.consistency), let asked = comment.consistency {
            wishes.consistency = max(asked, usualConsistency)
        }
        if batch.unasked.contains(.maxLag), let asked = comment.maxLag {
            wishes.maxLag = min(asked, router.maxLag ?? settings.defaults.maxLag)
        }
        if batch.unasked.contains(.role), let asked = comment.role, let own = router.role, own != .auto, own != asked {
            wishes.role = .primary
        }
        // What several groups have written nobody knows but the primary.
        if groupsOfBatch.count > 1 { wishes.consistency = .primary }
        return wishes
    }

    /// What the session asks for, whatever single statements do.
    public var lastingWishes: RouterSettings { router }

    /// The level that holds where no comment asks for one.
    var usualConsistency: Consistency { router.consistency ?? settings.defaults.consistency }

    /// The level that was asked for; nil: the operator's.
    @inline(__always)
    public var consistency: Consistency? { hasNoWishes ? nil : wishes.consistency }

    /// Neither a comment nor the session asks for anything, as hardly anybody does.
    var hasNoWishes: Bool { router.isEmpty && batch.comment == nil }

    private var groupsOfBatch: [String] {
        guard let own = router.group, batch.comment == nil || batch.unasked.contains(.group),
            !batch.groups.contains(own)
        else { return batch.groups }
        return batch.groups + [own]
    }

    /// What may have been written is written for the groups of this moment, too.
    mutating func noteGroup() {
        for group in groupsOfBatch {
            if writtenGroups == nil { writtenGroups = WrittenGroups(group) } else { writtenGroups?.insert(group) }
        }
    }

    /// Remembers the comment of a text that comes when the server was chosen already.
    mutating func noteLateComment(_ text: Span<UInt8>) {
        let (comment, groups) = (batch.comment, batch.groups)
        batch.noteComment(text)
        compareWithChoice(comment, groups)
    }

    mutating func noteLateComment(of reference: StatementReference, _ table: borrowing StatementTable) {
        let (comment, groups) = (batch.comment, batch.groups)
        batch.noteComment(of: reference, table)
        compareWithChoice(comment, groups)
    }

    /// - Parameters: what comments had asked for before the one that was noted last.
    private mutating func compareWithChoice(_ comment: RouterSettings?, _ groups: [String]) {
        guard batch.comment != comment || batch.groups != groups, isOnReplica, asksForMoreInComment else { return }
        batch.asksTooLate = transaction == .none || seesLastCommit
    }

    /// A comment asks for something that the server was not chosen for.
    var asksForMoreInComment: Bool {
        guard let comment = batch.comment else { return false }
        if comment.group != nil { return true }
        if let asked = comment.consistency, asked > usualConsistency { return true }
        guard let asked = comment.maxLag, transaction == .none else { return false }
        return asked < router.maxLag ?? settings.defaults.maxLag
    }
}

extension Batch {
    /// Remembers what the comment at the head of a text asks for.
    mutating func noteComment(_ text: Span<UInt8>) {
        guard text.count > 0, RouterComment.mayBegin(with: text[0]) else {
            unasked = .all
            return
        }
        let found = RouterSettings(comment: text)
        unasked.formUnion(.all.subtracting(found.names))
        if found.isEmpty { return }
        if let group = found.group, !groups.contains(group) { groups.append(group) }
        comment = comment?.joined(with: found) ?? found
    }

    mutating func noteComment(of reference: StatementReference, _ table: borrowing StatementTable) {
        if table.mayHaveComment(reference) { noteComment(table.tail(reference).span) } else { unasked = .all }
    }
}

/// The groups for which a transaction may have written.
public indirect enum WrittenGroups: Equatable, Sendable {
    /// On the heap, because hardly any session has a group.
    case names([String])

    init(_ name: String) { self = .names([name]) }

    public var names: [String] {
        switch self {
        case .names(let names): names
        }
    }

    mutating func insert(_ name: String) {
        if !names.contains(name) { self = .names(names + [name]) }
    }
}
