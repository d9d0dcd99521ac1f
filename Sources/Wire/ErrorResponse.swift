// How is an error said in the protocol, and what does a received one say?

/// The fields of an ErrorResponse or NoticeResponse that we write.
public struct ErrorFields: Equatable, Sendable {
    public enum Severity: String, Sendable {
        case error = "ERROR"
        case fatal = "FATAL"
        case warning = "WARNING"
        case notice = "NOTICE"
    }

    private struct Content: Equatable, Sendable {
        var severity: Severity
        var sqlState: String
        var message: String
        var detail: String?
        var hint: String?
    }

    /// On the heap: errors are rare, and whatever may hold one stays a word.
    private indirect enum Box: Equatable, Sendable {
        case content(Content)
    }

    private var box: Box

    private var content: Content {
        get {
            switch box {
            case .content(let content): content
            }
        }
        set { box = .content(newValue) }
    }

    public var severity: Severity {
        get { content.severity }
        set { content.severity = newValue }
    }
    /// Five characters, see PostgreSQL's appendix of error codes.
    public var sqlState: String { content.sqlState }
    public var message: String { content.message }
    public var detail: String? {
        get { content.detail }
        set { content.detail = newValue }
    }
    public var hint: String? { content.hint }

    public init(
        _ severity: Severity, _ sqlState: String, _ message: String, detail: String? = nil, hint: String? = nil
    ) {
        box = .content(
            Content(severity: severity, sqlState: sqlState, message: message, detail: detail, hint: hint))
    }

    /// What somebody else has said, with a severity of ours.
    public init(_ severity: Severity, _ received: ReceivedError) {
        self.init(
            severity, received.sqlState, received.message, detail: received.detail, hint: received.hint)
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
    private struct Content: Equatable, Sendable {
        var severity = ""
        var sqlState = ""
        var message = ""
        var detail: String?
        var hint: String?
        var routine = ""
        var pointsIntoText = false
        var namesContext = false
    }

    /// On the heap, as in `ErrorFields`.
    private indirect enum Box: Equatable, Sendable {
        case content(Content)
    }

    private let box: Box

    private var content: Content {
        switch box {
        case .content(let content): content
        }
    }

    public var severity: String { content.severity }
    public var sqlState: String { content.sqlState }
    public var message: String { content.message }
    public var detail: String? { content.detail }
    public var hint: String? { content.hint }
    /// The function of the server that reports the error.
    public var routine: String { content.routine }

    /// Reads the fields of a body; fields that are cut off are left out.
    public init(body: Span<UInt8>) {
        var content = Content()
        var offset = 0
        var localized = ""
        while offset < body.count, body[offset] != 0 {
            let code = body[offset]
            guard let end = body.terminator(in: offset + 1..<body.count) else { break }
            let value = body.text(in: offset + 1..<end)
            switch code {
            case UInt8(ascii: "S"): localized = value
            case UInt8(ascii: "V"): content.severity = value
            case UInt8(ascii: "C"): content.sqlState = value
            case UInt8(ascii: "M"): content.message = value
            case UInt8(ascii: "D"): content.detail = value
            case UInt8(ascii: "H"): content.hint = value
            case UInt8(ascii: "R"): content.routine = value
            case UInt8(ascii: "P"): content.pointsIntoText = true
            case UInt8(ascii: "W"), UInt8(ascii: "q"): content.namesContext = true
            default: break
            }
            offset = end + 1
        }
        if content.severity.isEmpty { content.severity = localized }
        box = .content(content)
    }

    /// The statement failed while its text was read, or names a prepared statement that is none: nothing of it has run.
    /// PostgreSQL points into the client's text only then, and code that runs adds where it is.
    public var isBeforeExecution: Bool {
        (content.pointsIntoText || content.sqlState == "26000") && !content.namesContext
    }

    /// FATAL and PANIC end the connection.
    public var endsConnection: Bool { severity == "FATAL" || severity == "PANIC" }
}
