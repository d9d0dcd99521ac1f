// Which statement does a client mean by a name?

import Wire

/// What a client knows of one of its prepared statements.
public struct PreparedStatement: Equatable, Sendable {
    public var reference: StatementReference
    public var id: StatementID
    /// The row shape this client was last told; nil when it never asked.
    public var toldShape: RowShape?
    /// The attached server has it under the client's own name, unless SQL has taken it away again.
    var isOwn = false
    /// Its text is that of a PREPARE.
    var isFromSQL = false

    public init(reference: StatementReference, id: StatementID, toldShape: RowShape? = nil) {
        self.reference = reference
        self.id = id
        self.toldShape = toldShape
    }
}

/// A client's named prepared statements. Looking a name up neither copies nor allocates.
public struct StatementNames: Sendable {
    /// A client that names more statements than this gets 53400.
    public static let limit = 65_536

    private struct Entry: Sendable {
        var hash: UInt64
        var name: [UInt8]
        var statement: PreparedStatement
    }

    private var entries: [Entry] = []
    /// Open addressing: 1 + index into `entries`, 0 = free. Empty until the first name.
    private var slots: [Int32] = []

    public init() {}

    public var count: Int { entries.count }

    /// All statements, in no particular order.
    public var statements: [PreparedStatement] { entries.map(\.statement) }

    public func find(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard !entries.isEmpty else { return nil }
        let hash = Self.hash(bytes, range)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if entries[index].hash == hash, bytes.matches(entries[index].name, in: range) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    public func find(_ name: [UInt8]) -> Int? {
        find(name.span, 0..<name.count)
    }

    public subscript(index: Int) -> PreparedStatement {
        get { entries[index].statement }
        set { entries[index].statement = newValue }
    }

    public mutating func insert(_ name: [UInt8], _ statement: PreparedStatement) {
        precondition(find(name) == nil, "A name was given twice.")
        entries.append(Entry(hash: Self.hash(name.span, 0..<name.count), name: name, statement: statement))
        if entries.count * 2 > slots.count {
            rebuild(slotCount: max(8, slots.count * 2))
        } else {
            place(entries.count - 1)
        }
    }

    @discardableResult
    public mutating func remove(_ name: [UInt8]) -> PreparedStatement? {
        guard let index = find(name) else { return nil }
        let removed = entries[index].statement
        entries.swapAt(index, entries.count - 1)
        entries.removeLast()
        rebuild(slotCount: entries.isEmpty ? 0 : slots.count)
        return removed
    }

    public mutating func removeAll() {
        entries = []
        slots = []
    }

    /// Notes the row shape told for every name of a statement.
    public mutating func told(_ shape: RowShape, for id: StatementID) {
        for index in entries.indices where entries[index].statement.id == id {
            entries[index].statement.toldShape = shape
        }
    }

    /// The names of statements that the attached server has under these.
    var own: [[UInt8]] { entries.filter(\.statement.isOwn).map(\.name) }

    /// The names of the others.
    var shared: [[UInt8]] { entries.filter { !$0.statement.isOwn }.map(\.name) }

    /// The names of those that follow the client as texts of PREPARE.
    var preparedInSQL: [[UInt8]] { entries.filter { $0.statement.isFromSQL && !$0.statement.isOwn }.map(\.name) }

    private mutating func rebuild(slotCount: Int) {
        slots = Array(repeating: 0, count: slotCount)
        for index in entries.indices { place(index) }
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: entries[index].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index + 1)
    }

    private static func hash(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in range { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01b3 }
        return hash ^ (hash >> 29)
    }
}
