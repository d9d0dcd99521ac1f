// How does a test talk to a server message by message, so that its transcript can be compared?

public import PostgresCluster

/// A client of PostgreSQL's protocol 3.0 that does nothing on its own: it sends what it is told and returns what comes.
/// It blocks, and every wait has the client's deadline. It proves itself with a plain password at most.
public final class WireClient {
    /// The parameters the server reported last.
    public private(set) var parameters: [String: String] = [:]
    /// The number and the key with which a query of this connection is cancelled.
    public private(set) var backendPID: Int32 = 0
    public private(set) var backendKey: [UInt8] = []
    /// The transaction state of the last ReadyForQuery.
    public private(set) var transactionState: Character = "?"
    /// What came between the connection and the first ReadyForQuery.
    public private(set) var greeting: [BackendMessage] = []

    private let target: Target
    private let limit: Duration
    private var socket: StreamSocket?
    private var received: [UInt8] = []
    private var readPosition = 0

    /// Where a server listens.
    public enum Target: Sendable {
        case port(Int)
        case unixSocket(String)

        func connect() throws -> StreamSocket {
            switch self {
            case .port(let port): try StreamSocket(port: port)
            case .unixSocket(let path): try StreamSocket(path: path)
            }
        }
    }

    /// Connects and logs in. `options` are further startup parameters. An error of the server throws `ServerError`.
    public init(
        to target: Target, user: String = "app", database: String = "app", password: String? = nil,
        options: [(String, String)] = [], deadline: Duration = .seconds(20)
    ) throws {
        self.target = target
        limit = deadline
        socket = try target.connect()
        try send(.raw(FrontendMessage.startup([("user", user), ("database", database)] + options)))
        try logIn(password: password)
    }

    /// Connects to a port of the loopback address and logs in.
    public convenience init(
        port: Int, user: String = "app", database: String = "app", password: String? = nil,
        options: [(String, String)] = [], deadline: Duration = .seconds(20)
    ) throws {
        try self.init(
            to: .port(port), user: user, database: database, password: password, options: options,
            deadline: deadline)
    }

    /// Connects to a server itself, past the router, over its Unix socket: for what PostgreSQL's own answer is.
    public convenience init(
        direct node: PostgresNode, user: String = "app", database: String = "app",
        options: [(String, String)] = [], deadline: Duration = .seconds(20)
    ) throws {
        let path = node.socketDirectory + "/.s.PGSQL.\(node.port)"
        try self.init(
            to: .unixSocket(path), user: user, database: database, options: options, deadline: deadline)
    }

    /// Connects and says nothing.
    public init(silentTo target: Target, deadline: Duration = .seconds(20)) throws {
        self.target = target
        limit = deadline
        socket = try target.connect()
    }

    /// The server's refusal of a login.
    public struct ServerError: Error, CustomStringConvertible {
        public let sqlState: String
        public let message: String

        public var description: String { "\(sqlState): \(message)" }
    }

    /// Reads up to the first ReadyForQuery.
    public func logIn(password: String? = nil) throws {
        while true {
            let message = try receive()
            greeting.append(message)
            if message.kind == .readyForQuery { return }
            if message.kind == .errorResponse {
                throw ServerError(sqlState: message.sqlState ?? "?", message: message.fields["M"] ?? "?")
            }
            if message.kind == .authentication { try answer(message, password: password) }
        }
    }

    private func answer(_ message: BackendMessage, password: String?) throws {
        let code = message.authenticationCode
        if code == 0 { return }
        guard code == 3, let password else { throw SupportError("the server asks for authentication \(code)") }
        try send(.password(password))
    }

    // MARK: Messages

    /// Sends messages in one piece.
    public func send(_ messages: FrontendMessage...) throws {
        try send(messages)
    }

    /// Sends messages in one piece.
    public func send(_ messages: [FrontendMessage]) throws {
        try openSocket().send(messages.flatMap(\.bytes), deadline: .now + limit)
    }

    /// The next message. An end of the connection is an error; see `receiveOrEnd`.
    public func receive() throws -> BackendMessage {
        guard let message = try receiveOrEnd() else { throw SupportError("the connection was closed") }
        return message
    }

    /// The next message, nil at the end of the connection.
    public func receiveOrEnd() throws -> BackendMessage? {
        guard try fill(5) else { return nil }
        let length = received[(readPosition + 1)..<(readPosition + 5)].reduce(0) { $0 << 8 | Int($1) }
        guard length >= 4, try fill(1 + length) else { throw SupportError("the connection ended in a message") }
        let letter = received[readPosition]
        guard let kind = BackendMessage.Kind(rawValue: letter) else {
            throw SupportError("the server sent a message of kind \(letter)")
        }
        let body = Array(received[(readPosition + 5)..<(readPosition + 1 + length)])
        readPosition += 1 + length
        let message = BackendMessage(kind: kind, body: body)
        note(message)
        return message
    }

    /// All messages up to and including the next ReadyForQuery, without notices of changed parameters.
    public func readUntilReady() throws -> [BackendMessage] {
        try read(until: .readyForQuery)
    }

    /// All messages up to and including the next of a kind, without notices of changed parameters.
    public func read(until kind: BackendMessage.Kind) throws -> [BackendMessage] {
        var messages: [BackendMessage] = []
        while true {
            let message = try receive()
            if message.kind != .parameterStatus { messages.append(message) }
            if message.kind == kind { return messages }
        }
    }

    /// Whether nothing comes in for this long.
    public func isSilent(for duration: Duration) throws -> Bool {
        guard readPosition == received.count else { return false }
        do {
            received += try openSocket().receive(deadline: .now + duration)
            return false
        } catch {
            return true
        }
    }

    /// All messages up to the end of the connection.
    public func readUntilEnd() throws -> [BackendMessage] {
        var messages: [BackendMessage] = []
        while let message = try receiveOrEnd() { messages.append(message) }
        return messages
    }

    /// A byte outside of messages, as in the answer to an SSLRequest.
    public func receiveByte() throws -> UInt8 {
        guard try fill(1) else { throw SupportError("the connection was closed") }
        defer { readPosition += 1 }
        return received[readPosition]
    }

    /// Whether nothing has come that was not read.
    public var isQuiet: Bool {
        readPosition == received.count && !(socket?.isReadable ?? true)
    }

    // MARK: Conversations

    /// One simple query and its whole answer.
    @discardableResult
    public func query(_ sql: String) throws -> [BackendMessage] {
        try send(.query(sql))
        return try readUntilReady()
    }

    /// A query's only value; an error is thrown.
    public func value(_ sql: String) throws -> String? {
        let answer = try query(sql)
        if let error = answer.first(where: { $0.kind == .errorResponse }) {
            throw ServerError(sqlState: error.sqlState ?? "?", message: error.fields["M"] ?? "?")
        }
        return answer.value
    }

    /// Sends messages and a Sync, and reads the whole answer.
    @discardableResult
    public func exchange(_ messages: [FrontendMessage]) throws -> [BackendMessage] {
        try send(messages + [.sync])
        return try readUntilReady()
    }

    /// One statement of the extended protocol with its Sync, and its whole answer.
    @discardableResult
    public func extended(_ sql: String, _ values: [String?] = []) throws -> [BackendMessage] {
        try exchange(FrontendMessage.extended(sql, values))
    }

    /// Asks over another connection to cancel what this one runs; returns when that connection was closed.
    public func cancel(pid: Int32? = nil, key: [UInt8]? = nil) throws {
        let other = try target.connect()
        let request = FrontendMessage.cancelRequest(pid: pid ?? backendPID, key: key ?? backendKey)
        try other.send(request, deadline: .now + limit)
        while try !other.receive(deadline: .now + limit).isEmpty {}
    }

    // MARK: End

    /// Says goodbye and closes the connection.
    public func close() {
        // The server may have closed it first.
        try? send(.terminate)
        socket = nil
    }

    /// Closes the connection without a word.
    public func vanish() { socket = nil }

    /// Closes the connection with a reset, as when the machine loses its power and comes back.
    public func reset() {
        socket?.resetWhenClosed()
        socket = nil
    }

    /// Sends no more; can still receive.
    /// The port of the client's end.
    public var localPort: Int { socket?.localPort ?? 0 }

    public func finishSending() { socket?.finishSending() }

    // MARK: Bytes

    /// Makes at least `count` unread bytes available; false at the end of the connection.
    private func fill(_ count: Int) throws -> Bool {
        while received.count - readPosition < count {
            let bytes = try openSocket().receive(deadline: .now + limit)
            if bytes.isEmpty { return false }
            if readPosition > 1 << 20 || readPosition == received.count {
                received.removeFirst(readPosition)
                readPosition = 0
            }
            received += bytes
        }
        return true
    }

    private func openSocket() throws -> StreamSocket {
        guard let socket else { throw SupportError("the client was closed") }
        return socket
    }

    private func note(_ message: BackendMessage) {
        if let parameter = message.parameter { parameters[parameter.name] = parameter.value }
        if let state = message.transactionState { transactionState = state }
        if message.kind == .backendKeyData {
            var reader = BodyReader(message.body)
            backendPID = reader.int32()
            backendKey = reader.remaining
        }
    }
}
