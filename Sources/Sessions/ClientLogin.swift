// How does a connection become a client whose name, database and settings are known?

public import Authentication
internal import SQL
public import Wire

/// One client connection from its first byte to AuthenticationOk, as a pure machine.
public struct ClientLogin: Sendable {
    public enum Step: Equatable, Sendable {
        /// More bytes are needed.
        case needInput
        /// The client begins a TLS handshake at the offset: call `encrypted` when it is over.
        case encrypt
        /// Look the user up and call `identified`.
        case identify(StartupRequest)
        /// A CancelRequest: the connection has no other purpose.
        case cancel(processID: Int32, secret: [UInt8])
        /// The client is who it says. `keys` may log in to servers in its name.
        case authenticated(keys: SCRAMKeys?)
        /// Ask others whether the password is right, and call `verified`.
        case verify(password: [UInt8])
        /// Lend the keys to the cache and call again from the same offset.
        case derive(KeyDerivation)
        /// The connection ends; nil: without a word.
        case close(ErrorFields?)
    }

    /// Whether a connection can be encrypted.
    public enum Encryption: Equatable, Sendable {
        /// It cannot, and need not.
        case unavailable
        case optional
        /// Nobody logs in without.
        case required
    }

    /// Others have said whether the password is right.
    public mutating func verified(_ isRight: Bool, toClient: inout Outbox) -> Step {
        guard let step = authentication?.verified(isRight) else {
            preconditionFailure("A login under way knows who it is for.")
        }
        return follow(step, toClient: &toClient) ?? .needInput
    }

    private enum State: Sendable {
        /// The startup packet, or a request for encryption, is expected. Leaves to identifying.
        case starting
        /// The shell looks the user up. Leaves to authenticating, done.
        case identifying
        /// Authentication messages go back and forth. Leaves to done.
        case authenticating
        case done
    }

    /// Longest authentication message that is collected.
    static let maxMessage = ClientAuthentication.maxPasswordMessage + 5

    private var state = State.starting
    /// There is one from `identified` on.
    private var authentication: ClientAuthentication?
    private var encryptionRequests = 0
    private let encryption: Encryption
    private var isEncrypted = false
    private var user = ""

    public init(encryption: Encryption = .unavailable) { self.encryption = encryption }

    /// The handshake is over: what comes from now on was encrypted.
    public mutating func encrypted() {
        precondition(encryption != .unavailable && !isEncrypted, "a connection is encrypted once, if it can be")
        isEncrypted = true
    }

    /// Reads the client's bytes from `offset` on.
    ///
    /// - Parameter startups: shared by all logins of a worker.
    public mutating func receive(
        _ input: Span<UInt8>, at offset: inout Int, cache: inout DerivedKeysCache, startups: inout StartupMemory,
        toClient: inout Outbox
    ) -> Step {
        while true {
            switch state {
            case .starting:
                if beginsDirectly(input, at: offset) { return .encrypt }
                if let known = startups.request(at: offset, of: input) {
                    offset += known.length
                    return begin(known.request, toClient: &toClient)
                }
                let start = offset
                switch StartupPacket.scan(input.extracting(offset..<input.count)) {
                case .needMore:
                    return .needInput
                case .malformed(let reason):
                    return .close(ErrorFields(.fatal, "08P01", reason))
                case .unsupported(let version):
                    let number = "\(version.major).\(version.minor)"
                    return .close(
                        ErrorFields(
                            .fatal, "0A000", "unsupported frontend protocol \(number): server supports 3.0 to 3.2"))
                case .packet(let packet, let length):
                    offset += length
                    let step = started(packet, isLast: offset == input.count, toClient: &toClient)
                    if case .identify(let request) = step {
                        startups.remember(input.bytes(in: start..<offset), request)
                    }
                    if let step { return step }
                }
            case .identifying:
                return .needInput
            case .authenticating:
                guard case .frame(let header) = FrameScanner.scan(input, at: offset) else {
                    return input.count - offset < FrameHeader.byteCount ? .needInput : .close(.malformedMessage)
                }
                guard header.type == Frontend.password else {
                    return header.type == Frontend.terminate
                        ? .close(nil)
                        : .close(
                            ErrorFields(.fatal, "08P01", "expected password response, got message type \(header.type)"))
                }
                guard header.totalLength <= Self.maxMessage else {
                    return .close(ErrorFields(.fatal, "08P01", "invalid password packet size"))
                }
                guard input.count - offset >= header.totalLength else { return .needInput }
                let body = input.bytes(in: offset + FrameHeader.byteCount..<offset + header.totalLength)
                offset += header.totalLength
                guard let step = authentication?.received(body, cache: &cache) else {
                    preconditionFailure("A login under way knows who it is for.")
                }
                if case .derive(let derivation) = step {
                    offset -= header.totalLength
                    return .derive(derivation)
                }
                if let result = follow(step, toClient: &toClient) { return result }
            case .done:
                return .needInput
            }
        }
    }

    /// The user was looked up; the exchange begins.
    public mutating func identified(
        with authentication: consuming ClientAuthentication, toClient: inout Outbox
    ) -> Step {
        guard case .identifying = state else { preconditionFailure("A client is identified once.") }
        let step = authentication.start()
        self.authentication = consume authentication
        state = .authenticating
        return follow(step, toClient: &toClient) ?? .needInput
    }

    /// Whether the connection's first byte is that of a TLS handshake.
    private func beginsDirectly(_ input: Span<UInt8>, at offset: Int) -> Bool {
        guard encryption != .unavailable, !isEncrypted, encryptionRequests == 0, offset < input.count else {
            return false
        }
        return input[offset] == 0x16
    }

    /// - Parameter isLast: nothing follows the packet.
    private mutating func started(_ packet: StartupPacket, isLast: Bool, toClient: inout Outbox) -> Step? {
        switch packet {
        case .sslRequest, .gssEncryptionRequest:
            encryptionRequests += 1
            guard !isEncrypted, encryptionRequests <= 2 else {
                return .close(ErrorFields(.fatal, "08P01", "too many requests for encryption"))
            }
            guard packet == .sslRequest, encryption != .unavailable else {
                toClient.write { $0.append(UInt8(ascii: "N")) }
                return nil
            }
            // Whoever sits in between could have sent it (CVE-2021-23214).
            guard isLast else {
                return .close(
                    ErrorFields(
                        .fatal, "08P01", "received unencrypted data after SSL request",
                        detail: "Either the client is faulty, or somebody on the way tries to speak in its name."))
            }
            toClient.write { $0.append(UInt8(ascii: "S")) }
            return .encrypt
        case .cancelRequest(let processID, let secret):
            state = .done
            return .cancel(processID: processID, secret: secret)
        case .startup(let version, let parameters):
            switch StartupRequest.read(version: version, parameters) {
            case .failure(let mistake):
                return .close(mistake.error)
            case .success(let request):
                return begin(request, toClient: &toClient)
            }
        }
    }

    private mutating func begin(_ request: StartupRequest, toClient: inout Outbox) -> Step {
        guard isEncrypted || encryption != .required else { return .close(.needsEncryption) }
        state = .identifying
        user = request.user
        if request.needsNegotiation {
            toClient.write {
                $0.appendNegotiateProtocolVersion(
                    minor: request.hasLongKey ? 2 : 0, unsupportedOptions: request.unsupportedOptions)
            }
        }
        return .identify(request)
    }

    /// nil: go on reading.
    private mutating func follow(_ step: ClientAuthentication.Step, toClient: inout Outbox) -> Step? {
        switch step {
        case .send(let bytes):
            toClient.write { $0.append(contentsOf: bytes) }
            return nil
        case .succeeded(let bytes, let keys):
            toClient.write { $0.append(contentsOf: bytes) }
            state = .done
            authentication = nil
            return .authenticated(keys: keys)
        case .derive(let derivation):
            return .derive(derivation)
        case .verify(let password):
            return .verify(password: password)
        case .failed(let failure):
            state = .done
            return .close(Self.error(failure, user: user))
        }
    }

    private static func error(_ failure: ClientAuthenticationFailure, user: String) -> ErrorFields {
        let message =
            switch failure {
            case .rejected: "password authentication failed for user \"\(user)\""
            case .emptyPassword: "empty password returned by client"
            case .protocolViolation(let text): text
            case .channelBinding: "SCRAM channel binding check failed"
            case .certificate: "certificate authentication failed for user \"\(user)\""
            case .peer: "peer authentication failed for user \"\(user)\""
            case .md5Forbidden: "MD5 passwords are forbidden by this system's OpenSSL policy"
            }
        return ErrorFields(.fatal, failure.sqlState, message)
    }
}

extension ErrorFields {
    static let needsEncryption = ErrorFields(
        .fatal, "28000", "connections to this port must be encrypted",
        hint: "Connect with sslmode=require or stronger.")
}

/// What a server would say after the login, said by us.
public struct Welcome: Sendable {
    /// How the client's texts are read.
    let lexer: LexerSettings
    /// What differs between nodes is left out.
    let reported: [StartupParameter]
    /// The reported settings as messages, on the ports for writers and for readers.
    private let toWriters: [UInt8]
    private let toReaders: [UInt8]

    /// - Parameter parameters: what a server reports to a client with the same settings.
    public init(reported parameters: [StartupParameter]) {
        lexer = LexerSettings(reported: parameters)
        reported = parameters.filter { $0.name != "in_hot_standby" }
        toWriters = Self.messages(parameters, isOnReaderPort: false)
        toReaders = Self.messages(parameters, isOnReaderPort: true)
    }

    /// Each port tells the truth of what its statements get, so that target_session_attrs answers right.
    private static func messages(_ parameters: [StartupParameter], isOnReaderPort: Bool) -> [UInt8] {
        var messages: [UInt8] = []
        for parameter in parameters {
            let value = parameter.name == "in_hot_standby" ? (isOnReaderPort ? "on" : "off") : parameter.value
            messages.appendParameterStatus(name: parameter.name, value: value)
        }
        return messages
    }

    /// Writes the reported settings, the client's cancel key and ReadyForQuery.
    public func write(processID: Int32, secret: [UInt8], isOnReaderPort: Bool, toClient: inout Outbox) {
        toClient.write { out in
            out.append(contentsOf: isOnReaderPort ? toReaders : toWriters)
            out.appendBackendKeyData(processID: processID, secret: secret)
            out.appendReadyForQuery(.idle)
        }
    }
}
