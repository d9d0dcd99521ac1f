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
    /// End the transaction on the replica, and ask the router where it begins again with this statement.
    case moves(Demand)
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
    /// What the session would ask of the router if it had no server, or once it has left the one it has.
    public var demand: Demand
    public var course: Course
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
        let course = course(attachment, of: message.span, table: table)
        let demand = if case .moves(let demand) = course { demand } else { self.demand }
        return Prospect(
            text: text, classification: classification, demand: demand, course: course,
            isAskedForInComment: batch.comment != nil, port: port, pins: pins, transaction: transaction)
    }

    /// The order is that of `advance`.
    private mutating func course(
        _ attachment: Attachment?, of message: Span<UInt8>, table: borrowing StatementTable
    ) -> Course {
        if case .explainRoute(let range) = batch.command, isExplanation(attachment) {
            return Self.isMissing(range, in: message.extracting(FrameHeader.byteCount..<message.count))
                ? .refused(.nothingToExplain) : .answeredHere
        }
        if let error = objectionEverywhere { return .refused(error) }
        if transaction == .failedWithoutServer {
            return endsTransaction ? .answeredHere : .refused(.abortedTransaction)
        }
        let isFailed = attachment?.status == .failed
        if attachment == nil || needsQuietAnswer && !isFailed {
            if isAnsweredHere(message, isAttached: attachment != nil, table: table) { return .answeredHere }
        }
        var refusal: ErrorFields?
        if let attachment, isOnReplica, isPinned {
            refusal = objectionOfPinned(attachment)
        } else if let attachment, isOnReplica, !mayStayOnReplica(attachment) {
            if mayMove(attachment) { return courseBehindMove(message, table: table) }
            refusal = refusalOnReplica(attachment)
        }
        if isFailed, batch.speaksToRouter, batch.hasOneStatement { return .refused(.abortedTransaction) }
        // What the port objects to is said ahead of what the replica cannot do.
        if let error = objection(message, at: 0, isAttached: attachment != nil, table: table) ?? refusal {
            return .refused(error)
        }
        if attachment == nil { return .routed(demand) }
        return isFailed && !runsInFailedTransaction ? .refused(.abortedTransaction) : .stays
    }

    /// A transaction that has left its replica is decided like one that no server has seen.
    private mutating func courseBehindMove(_ message: Span<UInt8>, table: borrowing StatementTable) -> Course {
        let (before, split, inTransaction, sequences) = (transaction, hasSplit, isInTransaction, ownsSequences)
        defer {
            (transaction, hasSplit, isInTransaction, ownsSequences) = (before, split, inTransaction, sequences)
            isOnReplica = true
        }
        if case .open(let modes) = transaction {
            transaction = .lazy(modes)
            hasSplit = true
            isInTransaction = false
        }
        ownsSequences = false
        isOnReplica = false
        let course = course(nil, of: message, table: table)
        if case .routed(let demand) = course { return .moves(demand) }
        return course
    }

    /// Nothing but blanks, comments and semicolons stands there.
    private static func isMissing(_ statement: Range<Int>, in text: Span<UInt8>) -> Bool {
        let end = text.terminator(in: statement.lowerBound..<text.count) ?? text.count
        let rest = text.extracting(statement.lowerBound..<end)
        if case .empty = Classifier.firstCommand(of: rest, settings: LexerSettings()) { return true }
        return false
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
        let (before, split, snapshot) = (transaction, hasSplit, bringsSnapshot)
        let (settings, beyond, savepoint, rules) = (router, routerBeyond, hasSavepoint, attachedListener)
        defer {
            (transaction, hasSplit, bringsSnapshot) = (before, split, snapshot)
            (router, routerBeyond, hasSavepoint, attachedListener) = (settings, beyond, savepoint, rules)
        }
        return tagWithoutServer(command) != nil
    }

    /// Answers the EXPLAIN ROUTE at the offset; one without a statement fails, as on a server.
    public mutating func explain(
        columns: [String], rows: [[String]], _ input: Span<UInt8>, at offset: inout Int, attachment: Attachment?,
        table: inout StatementTable, toClient: inout Outbox
    ) {
        if case .explainRoute(let range) = batch.command, let text = commandText(input, at: offset, table: table),
            Self.isMissing(range, in: text.span)
        {
            guard attachment != nil, transaction != .failedWithoutServer else {
                return refuse(.nothingToExplain, input, at: &offset, table: &table, toClient: &toClient)
            }
            refuseWhole(.nothingToExplain)
            batch.isDecided = true
            return
        }
        let answer = LocalAnswer(tag: batch.executes > 0 ? "EXPLAIN" : nil, columns: columns, rows: rows)
        reply(answer, input, at: &offset, status: attachment?.status, table: &table, toClient: &toClient)
    }
}

extension ErrorFields {
    /// EXPLAIN ROUTE without a statement.
    public static let nothingToExplain = ErrorFields(
        .error, "42601", "EXPLAIN ROUTE needs a statement", hint: "Write EXPLAIN ROUTE SELECT …, for example.")
}
