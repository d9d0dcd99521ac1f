// What does a PostgreSQL server say?

/// A message from server to client, with its body as it came.
public struct BackendMessage: Sendable, Equatable, CustomStringConvertible {
    public let kind: Kind
    public let body: [UInt8]

    public init(kind: Kind, body: [UInt8]) {
        self.kind = kind
        self.body = body
    }

    public enum Kind: UInt8, Sendable {
        case authentication = 0x52  // R
        case backendKeyData = 0x4b  // K
        case bindComplete = 0x32  // 2
        case closeComplete = 0x33  // 3
        case commandComplete = 0x43  // C
        case copyBothResponse = 0x57  // W
        case copyData = 0x64  // d
        case copyDone = 0x63  // c
        case copyInResponse = 0x47  // G
        case copyOutResponse = 0x48  // H
        case dataRow = 0x44  // D
        case emptyQueryResponse = 0x49  // I
        case errorResponse = 0x45  // E
        case functionCallResponse = 0x56  // V
        case negotiateProtocolVersion = 0x76  // v
        case noData = 0x6e  // n
        case noticeResponse = 0x4e  // N
        case notificationResponse = 0x41  // A
        case parameterDescription = 0x74  // t
        case parameterStatus = 0x53  // S
        case parseComplete = 0x31  // 1
        case portalSuspended = 0x73  // s
        case readyForQuery = 0x5a  // Z
        case rowDescription = 0x54  // T
    }

    /// The text values of a row, nil for NULL; nil for any other message.
    public var row: [String?]? {
        guard kind == .dataRow else { return nil }
        var reader = BodyReader(body)
        return (0..<reader.int16()).map { _ in reader.value() }
    }

    /// The column names of a row description.
    public var columns: [String]? {
        guard kind == .rowDescription else { return nil }
        var reader = BodyReader(body)
        return (0..<reader.int16()).map { _ in
            let name = reader.text()
            reader.skip(18)
            return name
        }
    }

    /// The fields of an error or a notice by their letter: `C` is the SQLSTATE, `M` the message.
    public var fields: [Character: String] {
        guard kind == .errorResponse || kind == .noticeResponse else { return [:] }
        var reader = BodyReader(body)
        var fields: [Character: String] = [:]
        while let letter = reader.byte(), letter != 0 {
            fields[Character(Unicode.Scalar(letter))] = reader.text()
        }
        return fields
    }

    /// The five characters of an error.
    public var sqlState: String? { fields["C"] }

    /// Who has notified, and of what.
    public var notification: (pid: Int32, channel: String, payload: String)? {
        guard kind == .notificationResponse else { return nil }
        var reader = BodyReader(body)
        return (reader.int32(), reader.text(), reader.text())
    }

    /// The tag of a finished command, such as `SELECT 1`.
    public var tag: String? {
        guard kind == .commandComplete else { return nil }
        var reader = BodyReader(body)
        return reader.text()
    }

    /// `I`, `T` or `E` of a ReadyForQuery.
    public var transactionState: Character? {
        kind == .readyForQuery ? body.first.map { Character(Unicode.Scalar($0)) } : nil
    }

    /// Name and value of a ParameterStatus.
    public var parameter: (name: String, value: String)? {
        guard kind == .parameterStatus else { return nil }
        var reader = BodyReader(body)
        return (reader.text(), reader.text())
    }

    /// One line of a transcript: `DataRow(1, null)`, `ErrorResponse(42601: syntax error …)`.
    public var description: String {
        let name = "\(kind)".prefix(1).uppercased() + "\(kind)".dropFirst()
        let details: String? =
            switch kind {
            case .dataRow: row.map { $0.map { $0 ?? "null" }.joined(separator: ", ") }
            case .rowDescription: columns.map { $0.joined(separator: ", ") }
            case .errorResponse, .noticeResponse: "\(fields["C"] ?? "?"): \(fields["M"] ?? "?")"
            case .commandComplete: tag
            case .readyForQuery: transactionState.map(String.init)
            case .parameterStatus: parameter.map { "\($0.name)=\($0.value)" }
            case .authentication: "\(authenticationCode)"
            case .copyData: String(decoding: body, as: UTF8.self).trimmingNewlines
            case .parameterDescription, .functionCallResponse, .notificationResponse, .negotiateProtocolVersion,
                .backendKeyData, .bindComplete, .closeComplete, .copyBothResponse, .copyDone, .copyInResponse,
                .copyOutResponse, .emptyQueryResponse, .noData, .parseComplete, .portalSuspended:
                nil
            }
        return details.map { "\(name)(\($0))" } ?? name
    }

    var authenticationCode: Int32 {
        var reader = BodyReader(body)
        return reader.int32()
    }
}

extension Sequence<BackendMessage> {
    /// A line for each message, to compare with an expected transcript.
    public var transcript: [String] { map(\.description) }

    /// The rows of all results.
    public var rows: [[String?]] { compactMap(\.row) }

    /// The only value of the first row.
    public var value: String? { rows.first?.first ?? nil }

    /// The SQLSTATEs of all errors.
    public var errors: [String] { compactMap { $0.kind == .errorResponse ? $0.sqlState : nil } }
}

extension String {
    fileprivate var trimmingNewlines: String { String(self.reversed().drop { $0 == "\n" }.reversed()) }
}

/// Reads a body from its beginning; what is not there reads as zero or empty.
struct BodyReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func int16() -> Int {
        let bytes = rest.prefix(2)
        rest = rest.dropFirst(2)
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func int32() -> Int32 {
        let bytes = rest.prefix(4)
        rest = rest.dropFirst(4)
        return Int32(bitPattern: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }

    mutating func text() -> String {
        let bytes = rest.prefix { $0 != 0 }
        rest = rest.dropFirst(bytes.count + 1)
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func value() -> String? {
        let length = int32()
        guard length >= 0 else { return nil }
        let bytes = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func skip(_ count: Int) { rest = rest.dropFirst(count) }

    var remaining: [UInt8] { Array(rest) }
}
