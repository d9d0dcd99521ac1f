// How do the two login machines talk to each other in a test?

import Authentication

/// A login between ``ClientAuthentication`` (we as the server) and ``ServerAuthentication`` (we as the client).
struct Conversation {
    enum Outcome: Equatable {
        case loggedIn(keys: Bool)
        case clientRejected(ClientAuthenticationFailure)
        case serverRejected(ServerAuthenticationFailure)
    }

    static let seed = Array("a seed of sixteen bytes".utf8)
    static let random = [UInt8](0..<18)

    var client: ClientAuthentication
    var server: ServerAuthentication
    var clientCache = DerivedKeysCache(limit: 8)
    var serverCache = DerivedKeysCache(limit: 8)
    /// What the derivations of keys say of themselves.
    var derivations: [String] = []
    var learned: SCRAMKeys?
    /// Bodies of the `R` and `p` messages, in order.
    var transcript: [[UInt8]] = []

    init(
        method: AuthenticationMethod, user: String = "alice", stored: Secret?, presented: Secret?,
        keys: SCRAMKeys? = nil,
        mockKind: SecretKind = .scram, clientBinding: ChannelBinding? = nil, serverBinding: ChannelBinding? = nil,
        isProven: Bool = false
    ) {
        client = ClientAuthentication(
            method: method, user: user, secret: stored, mockSeed: Self.seed, random: Self.random, iterations: 16,
            unknownUsersLookLike: mockKind, binding: clientBinding, isProven: isProven)
        server = ServerAuthentication(
            user: user, secret: presented, keys: keys, random: Self.random.reversed(), binding: serverBinding)
    }

    mutating func run() -> Outcome {
        var step = client.start()
        while true {
            switch step {
            case .failed(let failure): return .clientRejected(failure)
            case .send(let frame):
                switch deliver(frame) {
                case .success(let answer): step = receive(answer)
                case .failure(let failure): return .serverRejected(failure)
                }
            case .verify(let password): step = client.verified(password == Array("right".utf8))
            case .derive: return .serverRejected(.protocolViolation("keys derived twice"))
            case .succeeded(let frames, let keys):
                learned = keys
                for frame in bodies(of: frames) {
                    transcript.append(frame)
                    switch server.received(frame, cache: &serverCache) {
                    case .send: return .serverRejected(.protocolViolation("an answer to the end"))
                    case .waitMore: continue
                    case .derive: return .serverRejected(.protocolViolation("keys for the end"))
                    case .succeeded: return .loggedIn(keys: keys != nil)
                    case .failed(let failure): return .serverRejected(failure)
                    }
                }
                return .serverRejected(.protocolViolation("no end"))
            }
        }
    }

    /// The client's message; keys that are missing are derived here, and lent.
    private mutating func receive(_ answer: [UInt8]) -> ClientAuthentication.Step {
        let step = client.received(answer, cache: &clientCache)
        guard case .derive(let derivation) = step else { return step }
        derivations.append("\(derivation)")
        clientCache.lent = derivation.run()
        defer { clientCache.lent = nil }
        return client.received(answer, cache: &clientCache)
    }

    private mutating func deliver(_ frame: [UInt8]) -> Result<[UInt8], ServerAuthenticationFailure> {
        let body = bodies(of: frame)[0]
        transcript.append(body)
        var step = server.received(body, cache: &serverCache)
        if case .derive(let derivation) = step {
            derivations.append("\(derivation)")
            serverCache.lent = derivation.run()
            step = server.received(body, cache: &serverCache)
            serverCache.lent = nil
        }
        switch step {
        case .derive: return .failure(.protocolViolation("keys derived twice"))
        case .send(let answer):
            let answer = bodies(of: answer)[0]
            transcript.append(answer)
            return .success(answer)
        case .waitMore, .succeeded: return .failure(.protocolViolation("no answer"))
        case .failed(let failure): return .failure(failure)
        }
    }
}

/// The bodies of complete messages.
func bodies(of frames: [UInt8]) -> [[UInt8]] {
    var bodies: [[UInt8]] = []
    var rest = frames[...]
    while rest.count >= 5 {
        let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
        bodies.append(Array(rest.dropFirst(5).prefix(length - 4)))
        rest = rest.dropFirst(1 + length)
    }
    precondition(rest.isEmpty, "a frame is incomplete")
    return bodies
}

/// Four bytes, most significant first, and text.
func message(_ code: Int32, _ text: String = "") -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: code >> (24 - 8 * Int32($0))) } + Array(text.utf8)
}
