// How does the router itself answer with rows?

/// A small result of the router's own: every column is text.
public struct ResultTable: Equatable, Sendable {
    public var columns: [String]
    public var rows: [[String?]]

    public init(columns: [String], rows: [[String?]] = []) {
        self.columns = columns
        self.rows = rows
    }

    /// The RowDescription.
    public func appendDescription(to out: inout [UInt8]) {
        var body: [UInt8] = []
        body.appendInt16(Int16(clamping: columns.count))
        for column in columns {
            body.appendCString(column)
            body.appendInt32(0)
            body.appendInt16(0)
            body.appendInt32(Self.textType)
            body.appendInt16(-1)
            body.appendInt32(-1)
            body.appendInt16(0)
        }
        out.appendMessage(Backend.rowDescription, body: body)
    }

    /// The DataRows.
    public func appendRows(to out: inout [UInt8]) {
        for row in rows {
            precondition(row.count == columns.count, "Every row has a value for each column.")
            var body: [UInt8] = []
            body.appendInt16(Int16(clamping: row.count))
            for value in row {
                guard let value else {
                    body.appendInt32(-1)
                    continue
                }
                let bytes = Array(value.utf8)
                body.appendInt32(Int32(clamping: bytes.count))
                body.append(contentsOf: bytes)
            }
            out.appendMessage(Backend.dataRow, body: body)
        }
    }

    /// `text`, which is the same in text and binary format.
    private static let textType: Int32 = 25
}
