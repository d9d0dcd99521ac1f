// Which replies does a server still owe, and whose are they?

/// One request whose reply has not come yet.
public struct LedgerEntry: Equatable, Sendable {
    public enum Request: UInt8, Equatable, Sendable {
        case parse
        case parseUnnamed
        case bind
        case describeStatement
        case describePortal
        case execute
        /// The Execute of the BEGIN that was answered before.
        case begin
        case close
        /// The Execute of a PREPARE that the client sent before, to another server or a while ago.
        case prepareGuest
        /// The Close of what a PREPARE has left.
        case closeGuest
        case query
        case functionCall
        case sync
        /// A Bind that must fail; its error is replaced by one of ours.
        case refusal
        /// CopyDone or CopyFail: nothing is owed; marks which Syncs a server in copy mode has eaten.
        case copyEnd
    }

    public enum Disposition: UInt8, Equatable, Sendable {
        /// The client asked and gets the reply.
        case forward
        /// We asked on the client's behalf: success is swallowed, an error is the client's.
        case swallow
        /// We asked for ourselves: nothing of it reaches a client.
        case own
        /// The client asked, the server need not: the reply is ours to make.
        case synthesise
    }

    public var request: Request
    public var disposition: Disposition
    /// The client's map of statements changes when this succeeds.
    public var changesClient: Bool
    /// What is parsed, prepared, described or closed; for a Bind only if it names a statement.
    public var statement: StatementID

    public init(
        _ request: Request, _ disposition: Disposition = .forward, changesClient: Bool = false,
        statement: StatementID = .none
    ) {
        self.request = request
        self.disposition = disposition
        self.changesClient = changesClient
        self.statement = statement
    }
}

/// A ring of ledger entries, oldest first.
public struct ReplyLedger: Sendable {
    /// More unanswered requests than this pause the reading of the client.
    public static let softLimit = 16_384

    private var ring: [LedgerEntry]
    private var head = 0
    public private(set) var count = 0

    public init() {
        ring = Array(repeating: LedgerEntry(.sync), count: 16)
    }

    public var isEmpty: Bool { count == 0 }

    public var first: LedgerEntry? { count == 0 ? nil : ring[head] }

    public subscript(position: Int) -> LedgerEntry {
        precondition(position < count, "A ledger has no entry behind its end.")
        return ring[(head + position) & (ring.count - 1)]
    }

    public mutating func append(_ entry: LedgerEntry) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = entry
        count += 1
    }

    @discardableResult
    public mutating func removeFirst() -> LedgerEntry {
        precondition(count > 0, "A reply was taken from an empty ledger.")
        let entry = ring[head]
        head = (head + 1) & (ring.count - 1)
        count -= 1
        return entry
    }

    /// The oldest request changes nothing of what the client has.
    mutating func firstChangesNothing() {
        ring[head].changesClient = false
        ring[head].statement = .none
    }

    /// Keeps the entries for which `keep` holds; the order stays.
    public mutating func filter(_ keep: (Int, LedgerEntry) -> Bool) {
        var kept: [LedgerEntry] = []
        for position in 0..<count where keep(position, self[position]) { kept.append(self[position]) }
        removeAll()
        for entry in kept { append(entry) }
    }

    public mutating func removeAll() {
        head = 0
        count = 0
    }

    private mutating func grow() {
        var larger = Array(repeating: LedgerEntry(.sync), count: ring.count * 2)
        for position in 0..<count { larger[position] = self[position] }
        ring = larger
        head = 0
    }
}
