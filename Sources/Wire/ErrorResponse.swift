// How is an error said in the protocol, and what does a received one say?

/// The fields of an ErrorResponse or NoticeResponse that we write.
public struct ErrorFields: Equatable, Sendable {
    public enum Severity: String, Sendable {
        case error = "ERROR"
        case fatal = "FATAL"
        case warning = "WARNING"
        case notice = "NOTICE"
    }

    public var severity: Severity
    /// Five characters, see PostgreSQL's appendix of error codes.
    public var sqlState: String
    public var message: String
    public var detail: String?
    public var hint: String?

    public init(
        _ severity: Severity, _ sqlState: String, _ message: String, detail: String? = nil, hint: String? = nil
    ) {
        self.severity = severity
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.hint = hint
    }

    /// The whole message: an ErrorResponse for errors, a NoticeResponse for warnings and notices.
    public var encoded: [UInt8] {
        var body: [UInt8] = []
        func field(_ code: Character, _ value: String?) {
            guard let value, let ascii = code.asciiValue else { return }
            body.append(ascii)
            body.append(contentsOf: value.utf8.filter { $0 != 0 })
            body.append(0)
        }
        field("S", severity.rawValue)
        field("V", severity.rawValue)
        field("C", sqlState)
        field("M", message)
        field("D", detail)
        field("H", hint)
        body.append(0)
        var message: [UInt8] = []
        switch severity {
        case .error, .fatal: message.appendMessage(Backend.errorResponse, body: body)
        case .warning, .notice: message.appendMessage(Backend.noticeResponse, body: body)
        }
        return message
    }
}

/// What a received ErrorResponse or NoticeResponse says.
public struct ReceivedError: Equatable, Sendable {
    public var severity: String = ""
    public var sqlState: String = ""
    public var message: String = ""
    public var detail: String?
    public var hint: String?

    /// Reads the fields of a body; fields that are cut off are left out.
    public init(body: Span<UInt8>) {
        var offset = 0
        var localized = ""
        while offset < body.count, body[offset] != 0 {
            let code = body[offset]
            guard let end = body.terminator(in: offset + 1..<body.count) else { break }
            let value = String(decoding: body.bytes(in: offset + 1..<end), as: UTF8.self)
            switch code {
            case UInt8(ascii: "S"): localized = value
            case UInt8(ascii: "V"): severity = value
            case UInt8(ascii: "C"): sqlState = value
            case UInt8(ascii: "M"): message = value
            case UInt8(ascii: "D"): detail = value
            case UInt8(ascii: "H"): hint = value
            default: break
            }
            offset = end + 1
        }
        if severity.isEmpty { severity = localized }
    }

    /// FATAL and PANIC end the connection.
    public var endsConnection: Bool { severity == "FATAL" || severity == "PANIC" }
}
