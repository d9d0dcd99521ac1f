// What would the session do with a statement if that came now?

public import Routing
public import SQL
public import Wire

/// What a session would do with a statement.
public enum Course: Equatable, Sendable {
    /// Answer it without any server.
    case answeredHere
    /// Run it on the server that the session has.
    case stays
    /// End the read-only transaction on the replica, and begin it again on the primary with this statement.
    case moves
    /// Tell the client this.
    case refused(ErrorFields)
    /// Ask the router for a server.
    case routed(Demand)
}

/// A statement as the session sees it that it might come to.
public struct Prospect: Equatable, Sendable {
    /// The text of the statement.
    public var text: [UInt8]
    public var classification: Classification
    /// What the session would ask of the router if it had no server.
    public var demand: Demand
    public var course: Course
    /// What running the statement has taught.
    public var lesson: LearnedStatements.Lesson?
    /// A comment at its head asks for something.
    public var isAskedForInComment: Bool
    public var port: ListenerKind
    public var pins: PinReasons
    public var transaction: ClientSession.Transaction
}

extension ClientSession {
    /// Whether the batch speaks of nothing but one EXPLAIN ROUTE, and can be answered here as a whole.
    func isExplanation(_ attachment: Attachment?) -> Bool {
        guard !batch.hasSeveralCommands, !batch.isOpenEnded, !batch.namesUnknownStatement, !batch.isUnreadable,
            !batch.reusesName, !batch.usesOtherPortal, batch.executes <= 1, !isUnsynced
        else { return false }
        guard let attachment else { return true }
        return !attachment.isSkipping && !attachment.isCopyingIn
    }

    /// What would become of the statement of the EXPLAIN ROUTE at the offset, by the functions that decide. Nothing of
    /// the session changes. nil: the statement is not asked for yet, only parsed or described.
    public mutating func prospect(
        _ input: Span<UInt8>, at offset: Int, attachment: Attachment?, table: borrowing StatementTable
    ) -> Prospect? {
        guard case .explainRoute(let range) = batch.command, batch.executes == 1,
            let text = commandText(input, at: offset, table: table)
        else { return nil }
        let end = text.span.terminator(in: range.lowerBound..<text.count) ?? text.count
        return prospect(of: Array(text[range.lowerBound..<end]), attachment: attachment, table: table)
    }

    /// What would become of a simple Query with this text.
    public mutating func prospect(
        of text: [UInt8], attachment: Attachment?, table: borrowing StatementTable
    ) -> Prospect {
        var actual = Batch()
        swap(&actual, &batch)
        defer { swap(&actual, &batch) }
        let verdict = Classifier.classify(
            text.span, settings: lexerInForce, knowledge: table.knowledge(of: catalog))
        let classification = readQuery(
            text.span, verdict, length: FrameHeader.byteCount + text.count + 1, table: table)
        var message: [UInt8] = []
        message.appendQuery(text)
        return Prospect(
            text: text, classification: classification, demand: demand,
            course: course(attachment, of: message.span, table: table), lesson: batch.lesson,
            isAskedForInComment: batch.comment != nil, port: port, pins: pins, transaction: transaction)
    }

    /// The order is that of `advance`.
    private mutating func course(
        _ attachment: Attachment?, of message: Span<UInt8>, table: borrowing StatementTable
    ) -> Course {
        if transaction == .failedWithoutServer {
            return endsTransaction ? .answeredHere : .refused(.abortedTransaction)
        }
        let isFailed = attachment?.status == .failed
        if attachment == nil || needsQuietAnswer && !isFailed {
            if isAnsweredHere(message, isAttached: attachment != nil, table: table) { return .answeredHere }
        }
        if let attachment, isOnReplica, isPinned {
            if let error = objectionOfPinned(attachment) { return .refused(error) }
        } else if let attachment, isOnReplica, !mayStayOnReplica(attachment) {
            return mayMove(attachment) ? .moves : .refused(refusalOnReplica(attachment))
        }
        if isFailed, batch.speaksToRouter, batch.hasOneStatement { return .refused(.abortedTransaction) }
        let error = objection(message, at: 0, isAttached: attachment != nil, table: table)
        if let error { return .refused(error) }
        if attachment == nil { return .routed(demand) }
        return isFailed && !runsInFailedTransaction ? .refused(.abortedTransaction) : .stays
    }

    var endsTransaction: Bool {
        if case .commit = batch.command { return true }
        if case .rollback = batch.command { return true }
        return false
    }

    /// Of several statements in one text the first may end the transaction.
    private var runsInFailedTransaction: Bool {
        endsTransaction || [.rollbackTo, .prepareTransaction].contains(batch.command)
            || batch.classification?.statementCount != 1
    }

    private mutating func isAnsweredHere(
        _ message: Span<UInt8>, isAttached: Bool, table: borrowing StatementTable
    ) -> Bool {
        guard let command = batch.command else { return false }
        if batch.speaksToRouter { return mistakeInRouterSetting(message, at: 0, table: table) == nil }
        if case .deallocate(let name) = command {
            let title = Identifier.value(of: message.extracting(FrameHeader.byteCount..<message.count).extracting(name))
            return names.find(title).map { !names[$0].isOwn } ?? false
        }
        if isAttached { return false }
        let (before, settings, beyond, savepoint) = (transaction, router, routerBeyond, hasSavepoint)
        defer { (transaction, router, routerBeyond, hasSavepoint) = (before, settings, beyond, savepoint) }
        return tagWithoutServer(command) != nil
    }

    /// Answers the EXPLAIN ROUTE at the offset.
    public mutating func explain(
        columns: [String], rows: [[String]], _ input: Span<UInt8>, at offset: inout Int, attachment: Attachment?,
        table: inout StatementTable, toClient: inout Outbox
    ) {
        let answer = LocalAnswer(tag: batch.executes > 0 ? "EXPLAIN" : nil, columns: columns, rows: rows)
        reply(answer, input, at: &offset, status: attachment?.status, table: &table, toClient: &toClient)
    }
}
