// What does the client ask for in the batch that begins here?

import SQL
import Wire

/// What a scan of one batch found: the messages up to Sync, or one simple Query.
struct Batch: ~Copyable, Sendable {
    enum Kind: Sendable {
        case none
        case query
        case extended
        case functionCall
    }

    /// A Parse of the batch, so that a Bind behind it finds the statement before any server has confirmed it.
    struct Parsed: Sendable {
        /// The name's bytes, relative to the start of the batch.
        var name: Range<Int>
        var reference: StatementReference
    }

    var kind = Kind.none
    /// The batch has a server, or is on its way to one: it is translated, not scanned.
    var isDecided = false
    /// Everything that the decision needs was scanned.
    var isComplete = false
    /// Bytes that were scanned, counted from the start of the batch.
    var scanned = 0
    /// Parses in order; each retains its statement until it is translated.
    var parsed: [Parsed] = []
    /// The names of statements that the batch closes, relative to its start.
    var closed: [Range<Int>] = []
    /// How many of `parsed` were translated.
    var translated = 0
    /// The class of everything that is parsed or run.
    var routeClass = RouteClass.replicaSafe
    /// Likewise, of what the texts are for whoever has to be on a replica.
    private(set) var certainClass = RouteClass.replicaSafe
    /// The effects of what is run.
    var effects = Effects()
    /// Why the session must keep its server once the batch has run.
    var pins = PinReasons()
    /// The text of a simple Query, or of what an Execute runs, when the whole batch speaks of one command only.
    var command: Command?
    var hasSeveralCommands = false
    /// The only command is none.
    var isEmptyText: Bool { if case .empty = command { true } else { false } }
    /// The verdict on a simple Query.
    var classification: Classification?
    var executes = 0
    /// The portal of the last Bind, relative to the start of the batch.
    var portal: Range<Int>?
    /// An Execute or Describe names another portal than the one that was bound last.
    var usesOtherPortal = false
    var describesStatement = false
    /// A Bind or Describe names a statement that the client does not have.
    var namesUnknownStatement = false
    /// The scan ended before a Sync: at a Flush, or because more would have to be kept than is allowed.
    var isOpenEnded = false
    /// The scan ended at a Flush, and nothing is bound or run.
    var isPreparation = false
    /// A portal is bound.
    var binds = false
    /// A portal is bound that outlives the batch, or not all of its rows are fetched.
    var leavesPortal = false
    var isUnreadable = false
    /// The command was written START TRANSACTION, and is answered so.
    var saysStart: Bool?
    /// A Parse gives a name that is taken.
    var reusesName = false
    /// A name stands for a statement that no server has confirmed.
    var isUncertain = false
    /// A setting that makes transactions read-only is set to something else.
    var setsReadWrite = false
    /// It asks for transactions that write.
    private(set) var asksForWrites = false
    /// A text is nothing for the reader port.
    var isForeignToReaders = false
    /// A text is an EXECUTE of which only a server knows what it does.
    private(set) var executesUnknown = false
    /// A text calls what may be harmless and is not known.
    private(set) var callsUnknown = false
    /// The simple Query is too large to be kept for a second try.
    var isTooLargeToRepeat = false
    /// What running one of its texts has taught.
    var lesson: LearnedStatements.Lesson?
    /// What comments at the heads of its texts ask for together.
    var comment: RouterSettings?
    /// What one of its texts leaves to the session.
    var unasked = RouterSettings.Names()
    /// All groups that comments name.
    var groups: [String] = []
    /// A text is about a setting of the router.
    var speaksToRouter = false
    var showsRouterSetting: Bool {
        guard speaksToRouter, executes == 1, !hasSeveralCommands, case .show = command else { return false }
        return true
    }
    /// A PREPARE or EXECUTE of a statement that follows the session.
    var speaksOfGuest = false
    /// It may reset what the client brought: for the transaction only, or for the session.
    var restoresLocally: Bool?
    /// The first message was looked at for the server.
    var isBegun = false
    /// What the first of what it runs does to a transaction.
    var opening: Opening?
    /// FETCH, MOVE or CLOSE.
    private(set) var continuesCursor = false
    /// One of several statements in a text may choose the isolation of a transaction.
    var namesIsolation = false
    /// A comment behind a Flush asks for more than the server was chosen for.
    var asksTooLate = false
    /// Its end is in a transaction that it has begun itself.
    private var begins = false
    /// One that it has begun ahead of something else, so that it stands if that fails.
    var beginsAmongOthers: Bool { begins && (hasSeveralCommands || (classification?.statementCount ?? 1) > 1) }

    var hasOneStatement: Bool { !hasSeveralCommands && (classification?.statementCount ?? 1) == 1 }

    mutating func add(_ classification: Classification, runs: Bool) {
        routeClass = max(routeClass, classification.routeClass)
        certainClass = max(certainClass, classification.certainClass)
        if classification.effects.contains(.routerSetting) { speaksToRouter = true }
        if classification.routeClass != .replicaSafe {
            if classification.command.asksForWrites { asksForWrites = true }
            if classification.isExecution, !classification.isForReaders {
                executesUnknown = true
            } else if !classification.isForReaders {
                isForeignToReaders = true
            }
            if classification.effects.contains(.hiddenCode) { callsUnknown = true }
        }
        if runs {
            effects.formUnion(classification.effects)
            pins.formUnion(classification.reasonsToPin)
            noteBeginning(classification)
            if opening == nil {
                opening = classification.statementCount > 1 ? .inText : Opening(classification.command)
            }
        }
        if let command, command != classification.command { hasSeveralCommands = true }
        command = classification.command
    }

    mutating func reset(table: inout StatementTable) {
        for index in translated..<parsed.count { table.release(parsed[index].reference) }
        parsed.removeAll(keepingCapacity: true)
        closed.removeAll(keepingCapacity: true)
        kind = .none
        isDecided = false
        isComplete = false
        scanned = 0
        translated = 0
        routeClass = .replicaSafe
        certainClass = .replicaSafe
        effects = []
        pins = []
        command = nil
        hasSeveralCommands = false
        classification = nil
        executes = 0
        portal = nil
        usesOtherPortal = false
        describesStatement = false
        namesUnknownStatement = false
        isOpenEnded = false
        isPreparation = false
        binds = false
        leavesPortal = false
        isUnreadable = false
        saysStart = nil
        reusesName = false
        isUncertain = false
        setsReadWrite = false
        asksForWrites = false
        isForeignToReaders = false
        executesUnknown = false
        callsUnknown = false
        isTooLargeToRepeat = false
        lesson = nil
        speaksOfGuest = false
        isBegun = false
        restoresLocally = nil
        comment = nil
        unasked = []
        groups.removeAll()
        speaksToRouter = false
        opening = nil
        continuesCursor = false
        namesIsolation = false
        asksTooLate = false
        begins = false
    }

    /// Whether a name is the same as one that was met before in the batch.
    static func isSame(_ input: Span<UInt8>, _ name: Range<Int>, _ earlier: Range<Int>, start: Int) -> Bool {
        guard name.count == earlier.count else { return false }
        for index in 0..<name.count where input[start + earlier.lowerBound + index] != input[name.lowerBound + index] {
            return false
        }
        return true
    }

    private mutating func noteBeginning(_ classification: Classification) {
        guard classification.effects.contains(.transactionControl) else { return }
        switch classification.command {
        case .begin: begins = true
        case .commit(let chain), .rollback(let chain): begins = begins && chain
        case .prepareTransaction: begins = false
        case .empty, .savepoint, .rollbackTo, .release, .commitPrepared, .rollbackPrepared, .setTransaction,
            .sessionCharacteristics, .deallocate, .deallocateAll, .discardAll, .discardPlans, .discardSequences,
            .discardTemp, .resetAll, .unlistenAll, .closeAll, .show, .set, .reset, .setConfig, .explain, .explainRoute,
            .select, .copy, .prepare, .execute, .other:
            break
        }
    }

    /// Of several statements the one that speaks of a transaction first tells whether one is begun, unless there is
    /// something else to be told of: then any word counts that could begin one.
    private mutating func noteBeginningAmongOthers(_ classification: Classification, _ text: Span<UInt8>) {
        guard classification.statementCount > 1, classification.effects.contains(.transactionControl) else { return }
        guard classification.cause.note == .transaction else {
            if text.hasWord(Self.beginnings) { begins = true }
            return
        }
        let head = Int(classification.cause.token.lowerBound)
        guard head < text.count else { return }
        // Behind the end of one transaction another one may begin.
        let isBeginning = [UInt8(ascii: "b"), UInt8(ascii: "s")].contains(text[head] | 0x20)
        if isBeginning || text.hasWord(Self.beginnings) { begins = true }
    }

    private static let beginnings = ["begin", "start"].map { Array($0.utf8) }
    private static let declare = [Array("declare".utf8)]

    /// Remembers how the beginning of a transaction was spelled, and whether its mode is set by name.
    mutating func noteSpelling(of classification: Classification, _ text: Span<UInt8>) {
        noteModes(classification, text)
        noteBeginningAmongOthers(classification, text)
        if classification.effects.contains(.cursor), !text.hasWord(Self.declare) { continuesCursor = true }
        guard case .begin = classification.command else { return }
        let start = Int(classification.cause.token.lowerBound)
        let isStart = start < text.count && text[start] | 0x20 == UInt8(ascii: "s")
        if let saysStart, saysStart != isStart { hasSeveralCommands = true }
        saysStart = isStart
    }
}

enum BatchScan: Equatable {
    case needInput
    /// Ready to be decided; the batch's bytes up to `scanned` are there.
    case ready
    /// A message that belongs to no batch.
    case stray(FrameHeader)
    case malformed(ErrorFields)
}

extension ClientSession {
    /// Scans the batch at `start` as far as its bytes are there.
    ///
    /// A batch that was ready and could not be decided (its server has to answer first) is ready the next time, too.
    mutating func scanBatch(_ input: Span<UInt8>, at start: Int, table: inout StatementTable) -> BatchScan {
        if batch.isComplete { return .ready }
        let scan = continueScan(input, at: start, table: &table)
        batch.isComplete = scan == .ready
        return scan
    }

    private mutating func continueScan(
        _ input: Span<UInt8>, at start: Int, table: inout StatementTable
    ) -> BatchScan {
        while true {
            let offset = start + batch.scanned
            let header: FrameHeader
            switch FrameScanner.scan(input, at: offset) {
            case .needMore: return keepOrEnd(input, start)
            case .malformed: return .malformed(.malformedMessage)
            case .frame(let found): header = found
            }
            guard header.totalLength <= lengthLimit(header.type) else {
                return .malformed(ErrorFields(.fatal, "08P01", "invalid message length"))
            }
            let isWhole = header.totalLength <= input.count - offset
            switch header.type {
            case Frontend.query:
                if batch.kind == .extended { return endBeforeForeignMessage() }
                return scanQuery(header, input, offset, isWhole: isWhole, table: &table)
            case Frontend.functionCall:
                if batch.kind == .extended { return endBeforeForeignMessage() }
                batch.kind = .functionCall
                batch.add(.functionCall, runs: true)
                return .ready
            case Frontend.parse, Frontend.bind, Frontend.describe, Frontend.execute, Frontend.close, Frontend.flush,
                Frontend.sync:
                batch.kind = .extended
                if !isWhole { return keepOrEnd(input, start) }
                if let error = scanExtended(header, input, offset, start: start, table: &table) {
                    return .malformed(error)
                }
                batch.scanned += header.totalLength
                if header.type == Frontend.sync { return .ready }
                if header.type == Frontend.flush {
                    // What was only parsed and described binds nobody: what runs is decided when it comes. Alone it is
                    // no part of what comes.
                    batch.isPreparation = batch.executes == 0 && !batch.binds
                    // What the router answers runs nowhere.
                    batch.isOpenEnded = !batch.isPreparation && !batch.showsRouterSetting
                    return .ready
                }
                if batch.scanned > settings.maxBufferedBatch {
                    batch.isOpenEnded = true
                    return .ready
                }
            case Frontend.copyData, Frontend.copyDone, Frontend.copyFail, Frontend.terminate:
                return batch.kind == .extended ? endBeforeForeignMessage() : .stray(header)
            default:
                return .malformed(
                    ErrorFields(.fatal, "08P01", "invalid frontend message type \(header.type)"))
            }
        }
    }

    /// The operator's limit (PostgreSQL's is 1 GiB) for messages that carry data, 10,000 bytes for the others.
    func lengthLimit(_ type: UInt8) -> Int {
        switch type {
        case Frontend.query, Frontend.parse, Frontend.bind, Frontend.copyData, Frontend.functionCall:
            settings.maxMessageSize
        default: 10_000
        }
    }

    /// A message that is no part of an extended batch comes before its Sync.
    private mutating func endBeforeForeignMessage() -> BatchScan {
        batch.isOpenEnded = true
        return .ready
    }

    private mutating func keepOrEnd(_ input: Span<UInt8>, _ start: Int) -> BatchScan {
        guard input.count - start > settings.maxBufferedBatch, batch.kind == .extended else { return .needInput }
        // One message alone may be larger than the limit; it is read from its head by the translation.
        batch.isOpenEnded = true
        return .ready
    }

    private mutating func scanQuery(
        _ header: FrameHeader, _ input: Span<UInt8>, _ offset: Int, isWhole: Bool, table: inout StatementTable
    ) -> BatchScan {
        batch.kind = .query
        guard isWhole else {
            guard header.totalLength > settings.maxReadableText else { return .needInput }
            batch.isUnreadable = true
            batch.classification = .unreadable
            batch.add(.unreadable, runs: true)
            return .ready
        }
        guard let text = queryText(input, frame: offset..<offset + header.totalLength) else {
            return .malformed(.malformedMessage)
        }
        let verdict = table.verdict(on: input.extracting(text), settings: lexerInForce, in: catalog)
        let classification = readQuery(
            input.extracting(text), verdict, length: header.totalLength, table: table)
        noteParsing(classification.effects, table: &table)
        if rerun != nil { remember(input.extracting(text)) }
        return .ready
    }

    /// More is known of what texts call: one that was not sent yet is read again.
    public mutating func reconsider(table: inout StatementTable) {
        if batch.kind == .query, !isUnsynced { batch.reset(table: &table) }
    }

    /// Takes the text of a simple Query and the verdict on it into the batch; `length` is that of the message.
    ///
    /// - Returns: the verdict, where the text speaks of prepared statements also on those.
    @inline(__always)
    mutating func readQuery(
        _ text: Span<UInt8>, _ verdict: Classification, length: Int, table: borrowing StatementTable
    ) -> Classification {
        var classification = verdict
        if classification.effects.contains(.statementName) {
            classification = resolved(classification, text, table: table)
        }
        batch.kind = .query
        batch.classification = classification
        batch.add(classification, runs: true)
        batch.noteComment(text)
        batch.noteSpelling(of: classification, text)
        if batch.opening == .inText, classification.effects.contains(.transactionControl) {
            batch.opening = Batch.Opening(Classifier.firstCommand(of: text, settings: lexerInForce))
        }
        batch.isTooLargeToRepeat = length > settings.maxBufferedBatch
        if !table.learned.isEmpty {
            batch.lesson = table.lesson(of: text, settings: lexerInForce, in: catalog)
        }
        batch.executes = 1
        return classification
    }

    private mutating func scanExtended(
        _ header: FrameHeader, _ input: Span<UInt8>, _ offset: Int, start: Int, table: inout StatementTable
    ) -> ErrorFields? {
        let frame = offset..<offset + header.totalLength
        switch header.type {
        case Frontend.parse:
            guard let view = ParseView(input, frame: frame) else { return .malformedMessage }
            if !view.name.isEmpty, referenceInBatch(named: view.name, input, start: start) != nil {
                batch.reusesName = true
            }
            let reference = table.retain(
                tail: input.extracting(view.tail), textLength: view.text.count, key: parsing)
            batch.parsed.append(
                Batch.Parsed(
                    name: view.name.lowerBound - start..<view.name.upperBound - start, reference: reference))
            batch.noteComment(input.extracting(view.text))
            let classification = asForReader(reference, table: &table)
            batch.add(classification, runs: false)
            batch.noteSpelling(of: classification, input.extracting(view.text))
            if !table.learned.isEmpty || rerun != nil { noteText(of: reference, table: &table) }
        case Frontend.bind:
            batch.binds = true
            guard case .head(let view) = BindView.scan(input, at: offset, totalLength: header.totalLength) else {
                return .malformedMessage
            }
            batch.portal = view.portal.lowerBound - start..<view.portal.upperBound - start
            if !view.portal.isEmpty { batch.leavesPortal = true }
            guard let reference = referenceInBatch(named: view.statement, input, start: start) else {
                batch.namesUnknownStatement = true
                break
            }
            batch.noteComment(of: reference, table)
            let classification = asForReader(reference, table: &table)
            batch.add(classification, runs: true)
            noteParsing(classification.effects, table: &table)
            if !table.learned.isEmpty || rerun != nil { noteText(of: reference, table: &table) }
            if classification.effects.contains(.cursor) || classification.command.isBegin {
                batch.noteSpelling(of: classification, table.tail(reference).span)
            }
        case Frontend.describe, Frontend.close:
            guard let view = ObjectView(input, frame: frame) else { return .malformedMessage }
            guard header.type == Frontend.describe else {
                guard view.kind == .statement else { break }
                batch.closed.append(view.name.lowerBound - start..<view.name.upperBound - start)
                break
            }
            guard view.kind == .statement else {
                noteUse(of: view.name, input, start: start)
                break
            }
            batch.describesStatement = true
            if let reference = referenceInBatch(named: view.name, input, start: start) {
                batch.add(asForReader(reference, table: &table), runs: false)
            } else {
                batch.namesUnknownStatement = true
            }
        case Frontend.execute:
            batch.executes += 1
            let portal = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
            guard let end = input.terminator(in: portal), portal.upperBound - end == 5 else { return .malformedMessage }
            if input.bigEndianUInt32(at: end + 1) != 0 { batch.leavesPortal = true }
            noteUse(of: portal.lowerBound..<end, input, start: start)
        default:
            break
        }
        return nil
    }

    /// The statement that a name stands for at this point of the batch.
    private mutating func referenceInBatch(
        named name: Range<Int>, _ input: Span<UInt8>, start: Int
    ) -> StatementReference? {
        let parsed = batch.parsed.last { Batch.isSame(input, name, $0.name, start: start) }
        let closed = batch.closed.last { Batch.isSame(input, name, $0, start: start) }
        if let closed, closed.lowerBound > parsed?.name.lowerBound ?? -1 { return nil }
        if let parsed { return parsed.reference }
        if isUncertain(name, input) { batch.isUncertain = true }
        return statement(named: name, input)?.reference
    }

    private mutating func noteUse(of portal: Range<Int>, _ input: Span<UInt8>, start: Int) {
        let isBound = batch.portal.map { Batch.isSame(input, portal, $0, start: start) } ?? false
        if !isBound { batch.usesOtherPortal = true }
    }
}

extension Classification {
    private static func unseen(_ pins: PinReasons) -> Classification {
        Classification(
            statementCount: 1, effects: [.mayWrite, .hiddenCode, .notUnderstood], pins: pins, command: .other,
            routeClass: .write, cause: Cause(source: .unreadable, token: 0..<0, note: .unknownStatement))
    }

    /// A text that is too long to be read.
    static let unreadable = unseen(.tooLargeToRead)
    /// A call by the function's number.
    static let functionCall = unseen(.hiddenCode)
}
