// What does libpq say about one connection?

import CLibpq
import Routing

/// A failure with libpq's own words.
struct ConnectionFailure: Error, Equatable {
    var reason: ProbeFailure
    /// One line for the log.
    var detail: String
}

/// One asynchronous libpq connection. No call blocks. Owned by the control thread.
///
/// The pointer is made in `init`, used only here, and freed once, in `deinit`.
@safe final class PostgresConnection {
    /// What the connection waits for.
    enum Interest { case readable, writable }

    enum Progress: Equatable {
        case pending
        case done
        case failed(ConnectionFailure)
    }

    enum Answer: Equatable {
        case pending
        case row([String?])
        case failed(ConnectionFailure)
    }

    private let handle: OpaquePointer
    /// What has arrived of an answer with any number of rows.
    enum Rows: Equatable {
        case pending
        case done
        case failed(ConnectionFailure)
    }

    private(set) var interest: Interest = .writable
    /// Whether the server was reached at all.
    private var wasReached = false
    private var row: [String?]?
    private var questionFailure: ConnectionFailure?

    /// Begins to connect. `parameters` are libpq's; `hostaddr` must be among them, or a socket directory, so that no
    /// name service is asked. Nil when there is no memory.
    init?(parameters: [(String, String)]) {
        let text = parameters.map { "\($0.0)='\(Self.quoted($0.1))'" }.joined(separator: " ")
        guard let handle = unsafe PQconnectStart(text) else { return nil }
        unsafe self.handle = handle
        // The SQLSTATE of a refused login is told in the text only, and in this form only.
        unsafe PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit { unsafe PQfinish(handle) }

    /// The descriptor to wait on; it may change while connecting. Negative = none.
    var descriptor: Int32 { unsafe PQsocket(handle) }

    // MARK: Connecting

    /// Goes on connecting, after the first call only when the descriptor is ready.
    func connect() -> Progress {
        let step = unsafe PQconnectPoll(handle)
        switch unsafe PQstatus(handle) {
        case CONNECTION_AWAITING_RESPONSE, CONNECTION_AUTH_OK, CONNECTION_OK, CONNECTION_SSL_STARTUP: wasReached = true
        default: break
        }
        switch step {
        case PGRES_POLLING_READING:
            interest = .readable
            return .pending
        case PGRES_POLLING_WRITING:
            interest = .writable
            return .pending
        case PGRES_POLLING_OK:
            guard unsafe PQsetnonblocking(handle, 1) == 0 else { return .failed(loginFailure()) }
            interest = .readable
            return .done
        default:
            return .failed(loginFailure())
        }
    }

    private func loginFailure() -> ConnectionFailure {
        let detail = message
        let state = Self.sqlState(in: detail)
        let reason: ProbeFailure =
            if let state {
                ["57P01", "57P02", "57P03"].contains(state) ? .notAccepting : .loginRefused
            } else if wasReached {
                detail.contains("closed the connection") || detail.contains("reset by peer") ? .lost : .loginRefused
            } else if detail.contains("Connection refused") || detail.contains("No such file or directory") {
                .refused
            } else {
                .unreachable
            }
        return ConnectionFailure(reason: reason, detail: detail)
    }

    // MARK: Asking

    /// Sends a question. One at a time.
    func send(_ question: String) -> Progress {
        row = nil
        questionFailure = nil
        guard unsafe PQsendQuery(handle, question) == 1 else { return .failed(lost()) }
        return flush()
    }

    /// As `send`, for an answer of many rows, which `receiveRows` hands out one by one.
    func sendForRows(_ question: String) -> Progress { forRows(send(question)) }

    /// As `sendForRows`, with a text for `$1`.
    func sendForRows(_ question: String, _ value: String) -> Progress {
        row = nil
        questionFailure = nil
        // libpq copies the value before it returns.
        let isSent = unsafe value.withCString { text in
            var pointer = unsafe Optional(text)
            return unsafe PQsendQueryParams(handle, question, 1, nil, &pointer, nil, nil, 0)
        }
        return isSent == 1 ? forRows(flush()) : .failed(lost())
    }

    private func forRows(_ progress: Progress) -> Progress {
        if case .failed = progress { return progress }
        return unsafe PQsetSingleRowMode(handle) == 1 ? progress : .failed(lost())
    }

    /// Reads what has arrived of an answer and hands out its rows.
    func receiveRows(_ take: ([String?]) -> Void) -> Rows {
        if interest == .writable, case .failed(let failure) = flush() { return .failed(failure) }
        guard unsafe PQconsumeInput(handle) == 1 else { return .failed(questionFailure ?? lost()) }
        while unsafe PQisBusy(handle) == 0 {
            guard let result = unsafe PQgetResult(handle) else {
                return questionFailure.map { .failed($0) } ?? .done
            }
            // The result is ours; everything is copied out of it before it is cleared.
            switch unsafe PQresultStatus(result) {
            case PGRES_SINGLE_TUPLE: take(unsafe Self.values(of: result))
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK: break
            default: unsafe self.take(result)
            }
            unsafe PQclear(result)
        }
        return .pending
    }

    private func flush() -> Progress {
        switch unsafe PQflush(handle) {
        case 0:
            interest = .readable
            return .done
        case 1:
            interest = .writable
            return .pending
        default:
            return .failed(lost())
        }
    }

    /// Reads what has arrived of the answer.
    func receive() -> Answer {
        if interest == .writable, case .failed(let failure) = flush() { return .failed(failure) }
        guard unsafe PQconsumeInput(handle) == 1 else { return .failed(questionFailure ?? lost()) }
        while unsafe PQisBusy(handle) == 0 {
            guard let result = unsafe PQgetResult(handle) else { return finished() }
            // The result is ours; everything is copied out of it before it is cleared.
            unsafe take(result)
            unsafe PQclear(result)
        }
        return .pending
    }

    /// While nothing was asked: whether the connection still stands.
    func isAlive() -> Bool {
        guard unsafe PQconsumeInput(handle) == 1 else { return false }
        // Has libpq look at what came, so that it does not pile up: notices, changed parameters.
        _ = unsafe PQisBusy(handle)
        return unsafe PQstatus(handle) == CONNECTION_OK
    }

    private func finished() -> Answer {
        if let questionFailure { return .failed(questionFailure) }
        guard let row else {
            return .failed(ConnectionFailure(reason: .questionFailed, detail: "the answer has no row"))
        }
        return .row(row)
    }

    private func take(_ result: OpaquePointer) {
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK:
            guard unsafe PQntuples(result) == 1 else { return }
            row = unsafe Self.values(of: result)
        default:
            // Field 'C' of an error is its SQLSTATE.
            let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { unsafe String(cString: $0) }
            let text = unsafe PQresultErrorMessage(result).map { unsafe String(cString: $0) } ?? ""
            let reason: ProbeFailure =
                switch state {
                case nil, "57P01", "57P02", "57P03", "57P05": .lost
                case "57014": .timedOut
                default: .questionFailed
                }
            questionFailure = ConnectionFailure(reason: reason, detail: Self.oneLine(text))
        }
    }

    /// The first row of a result that has one.
    private static func values(of result: OpaquePointer) -> [String?] {
        // Row 0 exists, columns are counted; libpq's texts end with NUL and live as long as the result.
        (0..<(unsafe PQnfields(result))).map { column in
            guard unsafe PQgetisnull(result, 0, column) == 0, let text = unsafe PQgetvalue(result, 0, column) else {
                return nil
            }
            return unsafe String(cString: text)
        }
    }

    private func lost() -> ConnectionFailure { ConnectionFailure(reason: .lost, detail: message) }

    // MARK: Texts

    private var message: String {
        unsafe PQerrorMessage(handle).map { unsafe Self.oneLine(String(cString: $0)) } ?? ""
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }.filter {
            !$0.hasPrefix("LOCATION:")
        }
        .joined(separator: "; ")
    }

    /// The code in `FATAL:  57P03: the database system is starting up`.
    static func sqlState(in message: String) -> String? {
        for part in message.split(separator: ":", omittingEmptySubsequences: true) {
            let word = part.drop(while: { $0 == " " })
            guard word.utf8.count == 5 else { continue }
            let isCode = word.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
            // Every code has a digit, unlike the words FATAL and ERROR before it.
            if isCode, word.utf8.contains(where: { (0x30...0x39).contains($0) }) { return String(word) }
        }
        return nil
    }

    /// As libpq's connection strings want it between single quotes.
    private static func quoted(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
}
