// Which function, relation or setting keeps a batch off the replicas?

public import SQL
import Wire

/// An object by its name in the text, and what it is said to do.
public struct DecisiveObject: Hashable, Sendable {
    /// Longer names are cut off.
    public static let longestName = 128

    public var note: StaticReason
    /// In lower case, unless the text has it in quotes.
    public var name: [UInt8]

    public init(note: StaticReason, name: [UInt8]) {
        self.note = note
        self.name = name
    }

    /// nil: what decided is no object with a name.
    init?(_ classification: Classification, in text: Span<UInt8>) {
        let cause = classification.cause
        let range = cause.tokenRange.clamped(to: 0..<text.count)
        guard cause.source.isAboutObject, !range.isEmpty else { return nil }
        let bytes = text.extracting(range).bytes(in: 0..<min(range.count, Self.longestName))
        let isQuoted = bytes[0] == UInt8(ascii: "\"")
        note = cause.note
        name = isQuoted ? bytes : bytes.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
    }
}

extension ClientSession {
    /// The object that gives the batch at the offset its class; nil: there is none, or something else decides.
    public func decisiveObject(
        _ input: Span<UInt8>, at offset: Int, table: borrowing StatementTable
    ) -> DecisiveObject? {
        guard demand.routeClass == batch.routeClass else { return nil }
        let decisive = batch.routeClass
        return firstStatement(input, at: offset, table: table) { classification, text in
            classification.routeClass == decisive ? DecisiveObject(classification, in: text) : nil
        }
    }

    /// What `find` makes of the first statement of the batch, with its text, of which it makes something.
    func firstStatement<Finding>(
        _ input: Span<UInt8>, at offset: Int, table: borrowing StatementTable,
        _ find: (Classification, Span<UInt8>) -> Finding?
    ) -> Finding? {
        if let classification = batch.classification {
            let start = offset + FrameHeader.byteCount
            guard batch.kind == .query, start <= input.count else { return nil }
            return find(classification, input.extracting(start..<input.count))
        }
        guard batch.kind == .extended else { return nil }
        for parsed in batch.parsed {
            if let found = table.finding(parsed.reference, find) { return found }
        }
        var walker = offset
        while walker < offset + batch.scanned, case .frame(let header) = FrameScanner.scan(input, at: walker) {
            if header.type == Frontend.bind,
                case .head(let view) = BindView.scan(input, at: walker, totalLength: header.totalLength),
                let known = statement(named: view.statement, input),
                let found = table.finding(known.reference, find)
            {
                return found
            }
            walker += header.totalLength
        }
        return nil
    }
}

extension StatementTable {
    fileprivate func finding<Finding>(
        _ reference: StatementReference, _ find: (Classification, Span<UInt8>) -> Finding?
    ) -> Finding? {
        find(classification(reference), tail(reference).span)
    }
}
