// Where does one server connection stand: what was asked, what it has parsed, which settings it has?

public import Wire

/// A server connection after its login, as a pure machine: replies in; bytes for the client and facts out.
public struct ServerSession: Sendable {
    /// Replies that must be seen whole are collected up to this size; larger ones pass unseen.
    public static let collectLimit = 1 << 20

    public var ledger = ReplyLedger()
    public var prepared = PreparedSet()
    /// The statement that the server's unnamed statement was parsed from.
    public var unnamed = StatementID.none
    /// The settings the server has.
    public var profile = ProfileID.base
    public internal(set) var status = TransactionStatus.idle
    /// Everything up to the next Sync is skipped by the server: an error came before the client's Sync.
    public internal(set) var isSkipping = false
    /// The server waits for CopyData.
    public internal(set) var isCopyingIn = false
    /// Parameter values as the server last reported them.
    public var parameters: [StartupParameter]
    /// `default_transaction_isolation` as role and database give it.
    public var defaultIsolation: String

    /// Errors that replace the server's own for `refusal` entries, oldest first.
    private var refusals: [[UInt8]] = []
    /// Bytes of the current message still to come, and whether they are forwarded.
    private var bodyRemaining = 0
    private var bodyIsForwarded = false
    private var ownError: ReceivedError?
    private var isAbandoned = false

    public init(parameters: [StartupParameter] = [], defaultIsolation: String = "read committed") {
        self.parameters = parameters
        self.defaultIsolation = defaultIsolation
    }

    /// Nothing is owed, nothing is half read.
    public var isQuiet: Bool { ledger.isEmpty && bodyRemaining == 0 && !isSkipping && !isCopyingIn }

    /// Nothing is owed, and no transaction is open.
    public var isIdle: Bool { status == .idle && isQuiet }

    /// The oldest request is a client's, so that a cancel would hit what the client means.
    public var runsClientsWork: Bool { ledger.first.map { $0.disposition != .own } ?? false }

    /// The client has been sent the head of a message whose rest has not come.
    public var isInsideForwardedMessage: Bool { bodyRemaining > 0 && bodyIsForwarded }

    /// The client is gone: whatever the server still says is for nobody.
    public mutating func abandon() {
        isAbandoned = true
        bodyIsForwarded = false
    }

    /// A new client got the server.
    public mutating func adopt() {
        precondition(isQuiet, "Only a server that owes nothing changes hands.")
        isAbandoned = false
    }

    /// After a successful `DISCARD ALL`.
    public mutating func forgetSession() {
        prepared.removeAll()
        unnamed = .none
        profile = .base
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
        if entry.request == .copyEnd {
            isCopyingIn = false
            guard !ledger.isEmpty else { return }
        }
        ledger.append(entry)
    }

    /// Sends a Bind that must fail; the client reads `error` instead.
    public mutating func refuse(_ error: ErrorFields, toServer: inout Outbox) {
        toServer.write { $0.appendBind(statement: StatementID.reservedPrefix + Array("refused".utf8)) }
        refusals.append(error.encoded)
        expect(LedgerEntry(.refusal))
    }

    /// Sends a simple Query of our own; its end is told by `ownRequestDone`.
    public mutating func ask(_ text: [UInt8], toServer: inout Outbox) {
        toServer.write { $0.appendQuery(text) }
        expect(LedgerEntry(.query, .own))
        unnamed = .none
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
        if bodyRemaining > 0 {
            let part = min(bodyRemaining, bytes.count - offset)
            if bodyIsForwarded { toClient.forward(offset..<offset + part) }
            bodyRemaining -= part
            offset += part
        }
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
                out.appendMessage(entry.request == .parse ? Backend.parseComplete : Backend.closeComplete)
            }
        }
    }

    private func mustBeWhole(_ header: FrameHeader) -> Bool {
        guard header.totalLength <= Self.collectLimit else { return false }
        switch header.type {
        case Backend.errorResponse, Backend.readyForQuery, Backend.parameterStatus: return true
        case Backend.rowDescription: return ledger.first?.request == .describeStatement
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
            return first?.disposition == .forward
        case Backend.commandComplete, Backend.emptyQueryResponse, Backend.portalSuspended:
            return completed(first, &facts)
        case Backend.bindComplete:
            return finished(.bind, first, &facts)
        case Backend.parseComplete:
            let isForwarded = finished(.parse, first, &facts)
            if let first, first.changesClient { facts.append(.changeConfirmed) }
            return isForwarded
        case Backend.closeComplete:
            return finished(.close, first, &facts)
        case Backend.rowDescription, Backend.noData:
            return described(header, first, bytes, frame, isWhole: isWhole, &facts)
        case Backend.parameterDescription:
            return first?.disposition == .forward
        case Backend.readyForQuery:
            return ready(bytes, frame, first, &facts)
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
            beginCopyIn()
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
        if first.request == .execute { ledger.removeFirst() }
        return first.disposition == .forward
    }

    private mutating func finished(
        _ request: LedgerEntry.Request, _ first: LedgerEntry?, _ facts: inout [ReplyFact]
    ) -> Bool {
        guard let first, first.request == request else {
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
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, _ facts: inout [ReplyFact]
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
        isCopyingIn = false
        ledger.removeFirst()
        guard first.disposition == .forward else {
            facts.append(.ownRequestDone(status, error: ownError))
            ownError = nil
            return false
        }
        facts.append(.ready(status))
        return true
    }

    private mutating func failed(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, isWhole: Bool,
        toClient: inout Outbox, toServer: inout Outbox, _ facts: inout [ReplyFact]
    ) -> Bool {
        if isWhole {
            let error = ReceivedError(body: bytes.extracting(frame.lowerBound + FrameHeader.byteCount..<frame.upperBound))
            if error.endsConnection {
                facts.append(.fatal(error))
                return false
            }
            if first?.disposition == .own { ownError = error }
            if let first, error.sqlState == "0A000", first.request == .bind || first.request == .describeStatement {
                prepared.outdate(first.statement)
            }
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
        dropSkipped(toServer: &toServer, facts: &facts, isClients: isClients)
        return isClients && first.request != .refusal
    }

    /// After an error the server skips everything up to the next Sync; a simple Query in progress just ends.
    private mutating func dropSkipped(toServer: inout Outbox, facts: inout [ReplyFact], isClients: Bool) {
        var changesDropped = 0
        var skipped: [LedgerEntry] = []
        var isExtended = false
        let inParse = ledger.first?.request == .parse
        while let entry = ledger.first {
            if entry.request == .sync { break }
            if entry.request == .query || entry.request == .functionCall {
                guard isExtended else { break }
                // Injected work ahead of a Query failed: the server skips the Query too and waits for a Sync.
                ledger.removeFirst()
                toServer.write { $0.appendMessage(Frontend.sync) }
                var rest = [LedgerEntry(.sync, entry.disposition)]
                while !ledger.isEmpty { rest.append(ledger.removeFirst()) }
                for entry in rest { ledger.append(entry) }
                break
            }
            isExtended = true
            ledger.removeFirst()
            skipped.append(entry)
            if entry.changesClient { changesDropped += 1 }
            if entry.request == .refusal { refusals.removeFirst() }
        }
        takeBack(skipped)
        if ledger.isEmpty { isSkipping = true }
        if isClients { facts.append(.failed(changesDropped: changesDropped, inParse: inParse)) }
    }

    /// The server has neither parsed nor closed what it skipped. The last comes first, so that what was true before wins.
    private mutating func takeBack(_ skipped: [LedgerEntry]) {
        for entry in skipped.reversed() {
            if entry.request == .close, entry.disposition == .swallow {
                prepared.insert(entry.statement)
            } else if entry.request == .parse, entry.disposition != .synthesise {
                if !entry.isUnnamed {
                    prepared.remove(entry.statement)
                } else if unnamed == entry.statement {
                    unnamed = .none
                }
            }
        }
    }

    private mutating func beginCopyIn() {
        var copyEnd = ledger.count
        for position in 0..<ledger.count where ledger[position].request == .copyEnd {
            copyEnd = position
            break
        }
        isCopyingIn = copyEnd == ledger.count
        // Syncs between the Execute and the end of the data are read over by a server in copy mode.
        ledger.filter { position, entry in
            position == 0 || position >= copyEnd || entry.request != .sync
        }
    }

    private mutating func reported(
        _ bytes: Span<UInt8>, _ frame: Range<Int>, _ first: LedgerEntry?, _ facts: inout [ReplyFact]
    ) -> Bool {
        let body = frame.lowerBound + FrameHeader.byteCount..<frame.upperBound
        guard let nameEnd = bytes.terminator(in: body),
            let valueEnd = bytes.terminator(in: nameEnd + 1..<body.upperBound)
        else {
            facts.append(.protocolViolation("the server sent an invalid ParameterStatus"))
            return false
        }
        let name = String(decoding: bytes.bytes(in: body.lowerBound..<nameEnd), as: UTF8.self)
        let value = String(decoding: bytes.bytes(in: nameEnd + 1..<valueEnd), as: UTF8.self)
        if let index = parameters.firstIndex(where: { $0.name == name }) {
            parameters[index].value = value
        } else {
            parameters.append(StartupParameter(name, value))
        }
        facts.append(.parameterStatus(name: name, value: value))
        return name != "in_hot_standby" && first.map { $0.disposition == .forward } ?? true
    }
}
