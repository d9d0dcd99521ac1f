// How does a connection to a server become one that serves clients?

public import Authentication
import SQL
public import Wire

/// One server connection from its StartupMessage to the first ReadyForQuery that counts, as a pure machine.
public struct ServerLogin: Sendable {
    public enum Step: Equatable, Sendable {
        case needInput
        /// The connection may serve clients.
        case ready
        /// Lend the keys to the cache and call again from the same offset.
        case derive(KeyDerivation)
        /// The server refused.
        case refused(ReceivedError)
        /// The login cannot succeed; the sentence says why.
        case failed(String)
    }

    private enum State: Sendable {
        case authenticating
        case settingUp
        case askingDefaults
    }

    /// Longest message of a login that is collected.
    static let maxMessage = 1 << 20

    private var state = State.authenticating
    private var authentication: ServerAuthentication
    public private(set) var parameters: [StartupParameter] = []
    public private(set) var processID: Int32 = 0
    public private(set) var secret: [UInt8] = []
    private var defaultIsolation = IsolationLevel.readCommitted
    /// The connection will serve sessions, which must know what holds for them.
    private let asksDefaults: Bool

    /// Writes the StartupMessage of a connection that serves sessions.
    public init(
        user: String, database: String, authentication: ServerAuthentication, toServer: inout Outbox
    ) {
        self.authentication = authentication
        asksDefaults = true
        toServer.write {
            $0.appendStartup(parameters: [StartupParameter("user", user), StartupParameter("database", database)])
        }
    }

    /// Writes the StartupMessage of a replication connection for a client that asks for it.
    public init(
        replication: ReplicationKind, _ request: StartupRequest, database: String,
        authentication: ServerAuthentication, toServer: inout Outbox
    ) {
        self.authentication = authentication
        asksDefaults = false
        let names = [
            StartupParameter("user", request.user), StartupParameter("database", database),
            StartupParameter("replication", replication == .physical ? "true" : "database"),
        ]
        toServer.write { $0.appendStartup(parameters: names + request.settings) }
    }

    /// The server as the sessions know it; valid after `ready`.
    public var session: ServerSession {
        ServerSession(
            parameters: parameters, lexer: LexerSettings(reported: parameters), defaultIsolation: defaultIsolation)
    }

    /// Reads the server's bytes from `offset` on.
    public mutating func receive(
        _ input: Span<UInt8>, at offset: inout Int, cache: inout DerivedKeysCache, toServer: inout Outbox
    ) -> Step {
        while true {
            let header: FrameHeader
            switch FrameScanner.scan(input, at: offset) {
            case .needMore: return .needInput
            case .malformed: return .failed("the server does not speak PostgreSQL's protocol")
            case .frame(let found): header = found
            }
            guard header.totalLength <= Self.maxMessage else { return .failed("the server sent too long a message") }
            guard input.count - offset >= header.totalLength else { return .needInput }
            let body = offset + FrameHeader.byteCount..<offset + header.totalLength
            offset += header.totalLength
            if let step = message(header.type, input, body, cache: &cache, toServer: &toServer) {
                if case .derive = step { offset -= header.totalLength }
                return step
            }
        }
    }

    private mutating func message(
        _ type: UInt8, _ input: Span<UInt8>, _ body: Range<Int>, cache: inout DerivedKeysCache,
        toServer: inout Outbox
    ) -> Step? {
        switch type {
        case Backend.authentication:
            guard case .authenticating = state else { return .failed("the server asked for a password out of turn") }
            switch authentication.received(input.bytes(in: body), cache: &cache) {
            case .send(let bytes): toServer.write { $0.append(contentsOf: bytes) }
            case .waitMore: break
            case .succeeded: state = .settingUp
            case .derive(let derivation): return .derive(derivation)
            case .failed(let failure): return .failed(failure.description)
            }
        case Backend.errorResponse:
            return .refused(ReceivedError(body: input.extracting(body)))
        case Backend.parameterStatus:
            guard let nameEnd = input.terminator(in: body),
                let valueEnd = input.terminator(in: nameEnd + 1..<body.upperBound)
            else { return .failed("the server sent a malformed ParameterStatus") }
            parameters.append(
                StartupParameter(
                    input.text(in: body.lowerBound..<nameEnd),
                    input.text(in: nameEnd + 1..<valueEnd)))
        case Backend.backendKeyData:
            guard body.count >= 8 else { return .failed("the server sent a malformed BackendKeyData") }
            processID = Int32(bitPattern: input.bigEndianUInt32(at: body.lowerBound))
            secret = input.bytes(in: body.lowerBound + 4..<body.upperBound)
        case Backend.dataRow:
            guard case .askingDefaults = state, body.count >= 6 else { return .failed("the server sent a stray row") }
            let name = input.text(in: body.lowerBound + 6..<body.upperBound)
            guard let level = IsolationLevel(setting: name) else {
                return .failed("the server has an unknown default_transaction_isolation: \(name)")
            }
            defaultIsolation = level
        case Backend.readyForQuery:
            return ready(toServer: &toServer)
        case Backend.noticeResponse, Backend.rowDescription, Backend.commandComplete,
            Backend.negotiateProtocolVersion:
            break
        default:
            return .failed("the server sent an unexpected message of type \(type) during the login")
        }
        return nil
    }

    /// What role and database say about isolation is not reported, so it is asked for once.
    private mutating func ready(toServer: inout Outbox) -> Step? {
        switch state {
        case .authenticating:
            return .failed("the server was ready before the login had ended")
        case .settingUp:
            guard asksDefaults else { return .ready }
            state = .askingDefaults
            toServer.write { $0.appendQuery(Array("SHOW default_transaction_isolation".utf8)) }
            return nil
        case .askingDefaults:
            return .ready
        }
    }
}
