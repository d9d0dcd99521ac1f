// Where does one server connection stand: what was asked, what it has parsed, which settings it has?

public import SQL
public import Wire

/// A server connection after its login, as a pure machine: replies in; bytes for the client and facts out.
public struct ServerSession: ~Copyable, Sendable {
    private let anchor = Anchor()
    /// Replies that must be seen whole are collected up to this size; larger ones pass unseen.
    public static let collectLimit = 1 << 20

    public var ledger = ReplyLedger()
    public var prepared = PreparedSet()
    var guests = GuestStatements()
    /// The statement that the server's unnamed statement was parsed from.
    public private(set) var unnamed = StatementID.none
    /// How many Syncs had been sent when its Parse was; nil: the server has answered.
    private var unnamedSince: UInt64?
    /// How many requests were sent that end what a server skips after an error.
    public private(set) var syncsSent: UInt64 = 0
    var syncsAnswered: UInt64 = 0
    /// The BEGIN that was answered before is not known to have succeeded.
    public internal(set) var isBeginning = false
    /// The settings the server has.
    public var profile = ProfileID.base
    public internal(set) var status = TransactionStatus.idle
    /// Everything up to the next Sync is skipped by the server: an error came before the client's Sync.
    public internal(set) var isSkipping = false
    /// Work was sent that a Sync has to commit.
    public internal(set) var needsSync = false
    /// The server waits for CopyData.
    public internal(set) var isCopyingIn = false
    /// `nextval` may have left something that `currval` and `lastval` find.
    public var remembersSequences = false
    /// A client has chosen what `random()` gives, which nothing undoes: nobody else may have the server.
    public internal(set) var isSeeded = false
    /// Parameter values as the server last reported them.
    public var parameters: [StartupParameter]
    /// By which rules the server reads texts, as it reported last.
    public internal(set) var lexer: LexerSettings
    /// It said last that it is a standby.
    public internal(set) var isStandby = false
    /// `default_transaction_isolation` as role and database give it.
    public var defaultIsolation: IsolationLevel

    /// Errors that replace the server's own for `refusal` entries, oldest first.
    var refusals: [[UInt8]] = []
    /// Bytes of the current message still to come, and whether they are forwarded.
    private var bodyRemaining = 0
    private var bodyIsForwarded = false
    private var ownError: ReceivedError?
    /// The rows of the request of our own that is under way, if they are of interest.
    var ownRows: [[String?]] = []
    var collectsRows = false
    /// The next ReadyForQuery is to speak of a failed transaction, because its BEGIN failed.
    var hidesMissingBegin = false
    private(set) var isAbandoned = false
    /// What its client was told of settings last.
    var told: [StartupParameter] = []
    /// Settings that were reported and of which the client was not told.
    var untold: [String] = []
    /// `told` has changed.
    var hasToldNews = false
    var restoration = Restoration.no
    /// What was sent since somebody looked.
    var counts = MessageCounts()
    /// Set until it is known whether the replica does what was asked.
    var trial: Trial?

    public init(
        parameters: [StartupParameter] = [], lexer: LexerSettings = LexerSettings(),
        defaultIsolation: IsolationLevel = .readCommitted
    ) {
        self.parameters = parameters
        isStandby = parameters.contains { $0.name == "in_hot_standby" && $0.value == "on" }
        self.lexer = lexer
        self.defaultIsolation = defaultIsolation
    }

    /// Nothing is owed, nothing is half read, nothing is half done.
    @inline(__always)
    public var isQuiet: Bool { ledger.isEmpty && bodyRemaining == 0 && !isSkipping && !isCopyingIn && !needsSync }

    /// Something will come from the server unless it fails: it makes sense to wait.
    @inline(__always)
    public var willAnswer: Bool { !isCopyingIn && !ledger.isEmpty || bodyRemaining > 0 }

    /// Nothing is owed, and no transaction is open.
    @inline(__always)
    public var isIdle: Bool { status == .idle && isQuiet }

    /// The oldest request is a client's, so that a cancel would hit what the client means.
    public var runsClientsWork: Bool { ledger.first.map { $0.disposition != .own } ?? false }

    /// The client has been sent the head of a message whose rest has not come.
    public var isInsideForwardedMessage: Bool { bodyRemaining > 0 && bodyIsForwarded }

    /// What was sent since the last call.
    public mutating func takeCounts() -> MessageCounts {
        defer { counts = MessageCounts() }
        return counts
    }

    /// The client is gone: whatever the server still says is for nobody.
    public mutating func abandon() {
        isAbandoned = true
        bodyIsForwarded = false
        trial = nil
    }

    /// A new client got the server.
    public mutating func adopt() {
        precondition(isQuiet, "Only a server that owes nothing changes hands.")
        isAbandoned = false
        untold.removeAll(keepingCapacity: true)
        restoration = .no
    }

    /// After a successful `DISCARD ALL`.
    public mutating func forgetSession() {
        forget(.everything)
        unnamed = .none
    }

    private mutating func forget(_ what: Forgotten) {
        switch what {
        case .settings, .changes, .localSettings: return
        case .statements, .everything:
            prepared.removeAll()
            guests.removeAll()
            if what == .statements { return }
        }
        profile = .base
        remembersSequences = false
    }

    // MARK: Requests

    /// Notes that a request was sent (or, for `synthesise`, that its reply is to be made in turn).
    public mutating func expect(_ entry: LedgerEntry) {
        if isSkipping {
            guard entry.request == .sync else { return }
            isSkipping = false
        }
        // A server in copy mode reads over Sync.
        if isCopyingIn, entry.request == .sync { return }
        // Any other request ends the COPY, if only with an error.
        isCopyingIn = false
        switch entry.request {
        case .sync, .query, .functionCall:
            syncsSent += 1
            needsSync = false
        case .begin:
            isBeginning = true
            needsSync = true
        case .parse, .parseUnnamed, .bind, .describeStatement, .describePortal, .execute, .close, .refusal,
            .prepareGuest,
            .closeGuest:
            counts.note(entry)
            needsSync = true
        case .copyEnd: break
        }
        if entry.request == .copyEnd, ledger.isEmpty { return }
        ledger.append(entry)
    }

    /// The end of an earlier batch has not been answered.
    var owesReady: Bool { syncsAnswered != syncsSent }

    /// Whether the server's unnamed statement is this one.
    public func presence(ofUnnamed id: StatementID) -> PreparedSet.Presence {
        guard unnamed == id, id != .none else { return .absent }
        return unnamedSince == nil || unnamedSince == syncsSent ? .present : .uncertain
    }

    /// A Parse of the unnamed statement was sent.
    public mutating func parsingUnnamed(_ id: StatementID) {
        unnamed = id
        unnamedSince = syncsSent
    }

    /// Something was sent that drops the unnamed statement.
    public mutating func dropUnnamed() {
        unnamed = .none
        unnamedSince = nil
    }

    // MARK: Replies

    /// Reads replies from `start` on.
    ///
    /// - Returns: the index of the first byte that was not consumed: the head of a message that must be seen whole.
    public mutating func receive(
        _ bytes: Span<UInt8>, from start: Int = 0, toClient: inout Outbox, toServer: inout Outbox,
        facts: inout [ReplyFact]
    ) -> Int {
        var offset = start
        if let trial, !judge(trial, bytes, from: start, facts: &facts) { return start }
        if bodyRemaining > 0 {
            let part = min(bodyRemaining, bytes.count - offset)
            if bodyIsForwarded { toClient.forward(offset..<offset + part) }
            bodyRemaining -= part
            offset += part
        }
        if ledger.first?.disposition == .synthesise { settle(toClient: &toClient, facts: &facts) }
        while offset < bytes.count {
            let header: FrameHeader
            switch FrameScanner.scan(bytes, at: offset) {
            case .needMore: return offset
            case .malformed:
                facts.append(.protocolViolation("the server sent a message with an invalid length"))
                return bytes.count
            case .frame(let found): header = found
            }
            let available = bytes.count - offset
            let isWhole = header.totalLength <= available
            if !isWhole, mustBeWhole(header) { return offset }
            let frame = offset..<offset + min(header.totalLength, available)
            let isForwarded = reply(
                header, bytes, frame, isWhole: isWhole, toClient: &toClient, toServer: &toServer, facts: &facts)
            if isForwarded && !isAbandoned { toClient.forward(frame) }
            if !isWhole {
                bodyRemaining = header.totalLength - available
                bodyIsForwarded = isForwarded && !isAbandoned
            }
            offset = frame.upperBound
            settle(toClient: &toClient, facts: &facts)
        }
        return offset
    }

    /// Makes the replies that are ours to make and that are due now.
    public mutating func settle(toClient: inout Outbox, facts: inout [ReplyFact]) {
        // Nothing may stand between the head and the rest of a message.
        guard bodyRemaining == 0, trial == nil else { return }
        while let entry = ledger.first {
            if entry.request == .copyEnd {
                ledger.removeFirst()
                continue
            }
            guard entry.disposition == .synthesise else { return }
            ledger.removeFirst()
            if entry.changesClient { facts.append(.changeConfirmed) }
            guard !isAbandoned else { continue }
            toClient.write { out in
                out.appendMessage(entry.request == .close ? Backend.closeComplete : Backend.parseComplete)
            }
        }
    }

    @inline(__always)
    private func mustBeWhole(_ header: FrameHeader) -> Bool {
        guard header.totalLength <= Self.collectLimit else { return false }
        switch header.type {
        case Backend.errorResponse, Backend.readyForQuery, Backend.parameterStatus, Backend.commandComplete: return true
        case Backend.rowDescription: return ledger.first?.request == .describeStatement
        case Backend.dataRow: return collectsRows && ledger.first?.disposition == .own
        default: return false
        }
    }

    /// One message; returns whether it goes to the client.
    private mutating func reply(
        _ header: FrameHeader, _ bytes: Span<UInt8>, _ frame: Range<Int>, isWhole: Bool,
        toClient: inout Outbox, toServer: inout Outbox, facts: inout [ReplyFact]
    ) -> Bool {
        let first = ledger.first
        switch header.type {
        case Backend.dataRow, Backend.copyData, Backend.copyDone, Backend.functionCallResponse:
            if collectsRows, isWhole, first?.disposition == .own { collect(bytes, frame) }
            return first?.disposition == .forward
        case Backend.commandComplete:
            noteForgotten(bytes, frame, first, &facts)
            return completed(first, &facts)
        case Backend.emptyQueryResponse, Backend.portalSuspended:
            return completed(first, &facts)
        case Backend.bindComplete:
            return finished(first?.request == .bind, first, &facts)
        case Backend.parseComplete:
            return parsed(first, &facts)
        case Backend.closeComplete:
            return finished(closed(first, &facts), first, &facts)
        case Backend.rowDescription, Backend.noData:
            return described(header, first, bytes, frame, isWhole: isWhole, &facts)
        case Backend.parameterDescription:
            return first?.disposition == .forward
        case Backend.readyForQuery:
            return ready(bytes, frame, first, toClient: &toClient, &facts)
        case Backend.errorResponse:
            return failed(bytes, frame, first, isWhole: isWhole, toClient: &toClient, toServer: &toServer, &facts)
        case Backend.noticeResponse:
            return first.map { $0.disposition != .own } ?? true
        case Backend.notificationResponse:
            facts.append(.notified)
            return true
        case Backend.parameterStatus:
            return reported(bytes, frame, first, &facts)
        case Backend.copyInResponse:
            guard beginCopyIn() else {
                facts.append(.protocolViolation("the client sent other requests instead of the data of a COPY"))
                return false
            }
            return first?.disposition == .forward
        case Backend.copyOutResponse, Backend.copyBothResponse:
            return first?.disposition == .forward
        default:
            facts.append(.protocolViolation("the server sent a message of unknown type \(header.type)"))
            return false
        }
    }

    /// CommandComplete and its kin end an Execute; within a simple Query more may follow.
    private mutating func completed(_ first: LedgerEntry?, _ facts: inout [ReplyFact]) -> Bool {
        guard let first else {
            facts.append(.protocolViolation("the server completed a command that nobody sent"))
            return false
        }
        if first.request == .begin { isBeginning = false }
        if first.changesClient { facts.append(.changeConfirmed) }
        let isOne = first.request == .execute || first.request == .begin || first.request == .prepareGuest
        if first.statement != .none, first.request == .query || isOne { guests.prepared(first.statement) }
        if isOne { ledger.removeFirst() }
        return first.disposition == .forward
    }

    /// The tag tells what a server no longer has, however the command was written.
    private mutating func noteForgotten(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, _ facts: inout [ReplyFact]
    ) {
        guard let first, let what = Forgotten(tag: bytes, frame) else { return }
        forget(what)
        if first.disposition != .own { facts.append(.forgot(what)) }
    }

    private mutating func parsed(_ first: LedgerEntry?, _ facts: inout [ReplyFact]) -> Bool {
        let isDue = first?.request == .parse || first?.request == .parseUnnamed
        if isDue, let first {
            if first.request == .parse {
                prepared.parsed(first.statement)
            } else if first.statement == unnamed {
                unnamedSince = nil
            }
            if first.changesClient { facts.append(.changeConfirmed) }
        }
        return finished(isDue, first, &facts)
    }

    private mutating func finished(_ isDue: Bool, _ first: LedgerEntry?, _ facts: inout [ReplyFact]) -> Bool {
        guard isDue, let first else {
            facts.append(.protocolViolation("the server answered a request that nobody sent"))
            return false
        }
        ledger.removeFirst()
        return first.disposition == .forward
    }

    private mutating func described(
        _ header: FrameHeader, _ first: LedgerEntry?, _ bytes: Span<UInt8>, _ frame: Range<Int>, isWhole: Bool,
        _ facts: inout [ReplyFact]
    ) -> Bool {
        guard let first else {
            facts.append(.protocolViolation("the server described a statement that nobody asked for"))
            return false
        }
        guard first.request == .describeStatement || first.request == .describePortal else {
            return first.disposition == .forward
        }
        ledger.removeFirst()
        if first.request == .describeStatement, isWhole, first.statement != .none {
            let shape =
                header.type == Backend.noData
                ? RowShape.noRows
                : RowShape(
                    rowDescription: bytes.extracting(frame.lowerBound + FrameHeader.byteCount..<frame.upperBound))
            prepared.learned(shape, of: first.statement)
            facts.append(
                first.disposition == .forward
                    ? .described(first.statement, shape) : .shapeLearned(first.statement, shape))
        }
        return first.disposition == .forward
    }

    private mutating func ready(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, toClient: inout Outbox,
        _ facts: inout [ReplyFact]
    ) -> Bool {
        guard frame.count == FrameHeader.byteCount + 1,
            let status = TransactionStatus(rawValue: bytes[frame.upperBound - 1])
        else {
            facts.append(.protocolViolation("the server sent an invalid ReadyForQuery"))
            return false
        }
        guard let first, first.request == .sync || first.request == .query || first.request == .functionCall else {
            facts.append(.protocolViolation("the server was ready out of turn"))
            return false
        }
        self.status = status
        syncsAnswered += 1
        isCopyingIn = false
        ledger.removeFirst()
        guard first.disposition == .forward else {
            facts.append(.ownRequestDone(status, error: ownError))
            ownError = nil
            tellChanges(toClient: &toClient)
            guard restoration == .held else { return false }
            restoration = .no
            if !isAbandoned { toClient.write { $0.appendReadyForQuery(status) } }
            return false
        }
        facts.append(.ready(status))
        if restoration == .expected, ledger.isEmpty {
            restoration = status == .failed || hidesMissingBegin ? .no : .held
            if restoration == .held { return false }
        }
        tellChanges(toClient: &toClient)
        guard hidesMissingBegin else { return true }
        hidesMissingBegin = false
        if !isAbandoned { toClient.write { $0.appendReadyForQuery(.failed) } }
        return false
    }

    private mutating func failed(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, isWhole: Bool,
        toClient: inout Outbox, toServer: inout Outbox, _ facts: inout [ReplyFact]
    ) -> Bool {
        var hasRun = true
        if isWhole {
            let body = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
            let error = ReceivedError(body: bytes.extracting(body))
            hasRun = !error.isBeforeExecution
            if error.endsConnection {
                facts.append(.fatal(error))
                return false
            }
            if first?.disposition == .own { ownError = error }
            if error.sqlState == "0A000", let first { refusedPlan(first) }
        }
        guard let first else {
            facts.append(.protocolViolation("the server sent an error although nothing was asked"))
            return false
        }
        isCopyingIn = false
        if first.request == .refusal, !isAbandoned {
            let replacement = refusals[0]
            toClient.write { $0.append(contentsOf: replacement) }
        }
        let isClients = first.disposition != .own
        dropSkipped(toServer: &toServer, facts: &facts, isClients: isClients, hasRun: hasRun)
        return isClients && first.request != .refusal
    }

    /// The definition behind a statement has changed: PostgreSQL refuses it until it is parsed anew.
    private mutating func refusedPlan(_ entry: LedgerEntry) {
        guard entry.request == .bind || entry.request == .describeStatement else { return }
        prepared.outdate(entry.statement)
        if unnamed == entry.statement || entry.statement == .none { dropUnnamed() }
    }
}
