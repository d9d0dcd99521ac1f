// What do the four SCRAM messages say (RFC 5802, section 7)?

/// Reads `x=value` pairs, separated by commas; what it finds are places in the message.
struct SCRAMAttributes {
    private let bytes: [UInt8]
    /// The offset of the next attribute's name.
    private(set) var offset: Int

    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset == bytes.count }

    /// The name of the next attribute; nil at the end or where no attribute stands.
    var nextName: UInt8? {
        guard offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "=") else { return nil }
        let isLetter = (bytes[offset] | 32) >= UInt8(ascii: "a") && (bytes[offset] | 32) <= UInt8(ascii: "z")
        return isLetter ? bytes[offset] : nil
    }

    /// The value of the next attribute, which must have the name, and the comma behind it unless it is the last one.
    mutating func value(of name: Unicode.Scalar) -> Range<Int>? {
        nextName == UInt8(ascii: name) ? nextValue() : nil
    }

    /// The value of the next attribute, whatever its name.
    mutating func nextValue() -> Range<Int>? {
        guard nextName != nil else { return nil }
        let start = offset + 2
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: ",") { end += 1 }
        // A comma at the very end separates nothing.
        guard end == bytes.count || end + 1 < bytes.count else { return nil }
        offset = min(end + 1, bytes.count)
        return start..<end
    }
}

/// Whether the bytes may be a nonce: visible ASCII without comma, not empty.
func isNonce(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices where bytes[index] <= 32 || bytes[index] >= 127 || bytes[index] == UInt8(ascii: ",") {
        return false
    }
    return !bytes.isEmpty
}

/// What a SCRAM exchange can be bound to, so that nobody in between can take part in it (RFC 5802, section 6).
public struct ChannelBinding: Equatable, Sendable {
    /// How a message says that it is bound, in the only way that PostgreSQL knows.
    static let flag = Array("p=tls-server-end-point".utf8)

    /// The digest of the server's certificate (RFC 5929).
    public let data: [UInt8]

    public init(serverEndPoint data: [UInt8]) { self.data = data }
}

/// `n,,n=user,r=nonce`, with another flag if the client knows of channel binding.
struct SCRAMClientFirst: Equatable, Sendable {
    let message: [UInt8]
    /// Where the header ends, which the last message repeats in base64 ahead of the data of the binding. Both proofs
    /// cover the rest.
    let headerEnd: Int
    let nonce: Range<Int>

    /// - Parameters:
    ///   - isOffered: a mechanism with channel binding was offered.
    ///   - isChosen: and the client has chosen it.
    /// - Throws: the sentence that says what is wrong.
    static func parse(
        _ message: [UInt8], isOffered: Bool = false, isChosen: Bool = false
    ) throws(SCRAMMistake) -> SCRAMClientFirst {
        guard !message.contains(0) else { throw SCRAMMistake("a SCRAM message contains a zero byte") }
        var end = 1
        switch message.first {
        case UInt8(ascii: "n") where isChosen:
            throw SCRAMMistake("the client has chosen SCRAM with channel binding, but does not bind")
        case UInt8(ascii: "y") where isOffered:
            throw SCRAMMistake("the client supports SCRAM channel binding and thinks that it is not offered here")
        case UInt8(ascii: "n"), UInt8(ascii: "y"): break
        case UInt8(ascii: "p") where isChosen:
            end = message.firstIndex(of: UInt8(ascii: ",")) ?? message.count
            guard message[..<end].elementsEqual(ChannelBinding.flag) else {
                throw SCRAMMistake("the client asks for an unknown kind of SCRAM channel binding")
            }
        case UInt8(ascii: "p"): throw SCRAMMistake("the client requires SCRAM channel binding, which was not offered")
        default: throw SCRAMMistake("the first SCRAM message does not begin with a channel binding flag")
        }
        guard message.count >= end + 2, message[end] == UInt8(ascii: ",") else {
            throw SCRAMMistake("the first SCRAM message has no header")
        }
        if message[end + 1] == UInt8(ascii: "a") {
            throw SCRAMMistake("the client uses a SCRAM authorization identity, which is not supported")
        }
        guard message[end + 1] == UInt8(ascii: ",") else { throw SCRAMMistake("the first SCRAM message has no header") }
        let start = end + 2
        var attributes = SCRAMAttributes(message, from: start)
        if attributes.nextName == UInt8(ascii: "m") {
            throw SCRAMMistake("the client requires a SCRAM extension, and none is supported")
        }
        // PostgreSQL takes the user name from the startup packet and ignores this one.
        guard attributes.value(of: "n") != nil else { throw SCRAMMistake("the first SCRAM message names no user") }
        guard let nonce = attributes.value(of: "r"), isNonce(message.span.extracting(nonce)) else {
            throw SCRAMMistake("the first SCRAM message has no valid nonce")
        }
        while !attributes.isAtEnd {
            guard attributes.nextValue() != nil else { throw SCRAMMistake("the first SCRAM message is malformed") }
        }
        return SCRAMClientFirst(message: message, headerEnd: start, nonce: nonce)
    }
}

/// `c=biws,r=nonce,p=proof`.
struct SCRAMClientFinal: Equatable, Sendable {
    /// What the exchange is bound to, decoded; nil: it was no base64.
    let channelBinding: [UInt8]?
    let nonce: Range<Int>
    /// 32 bytes.
    let proof: [UInt8]
    /// Where the comma before the proof stands.
    let proofStart: Int

    static func parse(_ message: [UInt8]) throws(SCRAMMistake) -> SCRAMClientFinal {
        guard !message.contains(0) else { throw SCRAMMistake("a SCRAM message contains a zero byte") }
        var attributes = SCRAMAttributes(message)
        guard let channelBinding = attributes.value(of: "c") else {
            throw SCRAMMistake("the last SCRAM message has no channel binding data")
        }
        guard let nonce = attributes.value(of: "r") else { throw SCRAMMistake("the last SCRAM message has no nonce") }
        while let name = attributes.nextName, name != UInt8(ascii: "p") {
            guard attributes.nextValue() != nil else { throw SCRAMMistake("the last SCRAM message is malformed") }
        }
        let end = attributes.offset - 1
        guard let text = attributes.value(of: "p"), attributes.isAtEnd,
            let proof = Base64.decode(message[text]), proof.count == 32
        else { throw SCRAMMistake("the last SCRAM message has no valid proof") }
        return SCRAMClientFinal(
            channelBinding: Base64.decode(message[channelBinding]), nonce: nonce, proof: proof,
            proofStart: end)
    }
}

/// `r=nonce,s=salt,i=iterations`.
struct SCRAMServerFirst: Equatable, Sendable {
    let nonce: [UInt8]
    let salt: [UInt8]
    let iterations: Int

    /// - Parameter clientNonce: what the nonce must begin with.
    static func parse(_ message: [UInt8], clientNonce: [UInt8]) throws(SCRAMMistake) -> SCRAMServerFirst {
        var attributes = SCRAMAttributes(message)
        if attributes.nextName == UInt8(ascii: "m") {
            throw SCRAMMistake("the server requires a SCRAM extension, and none is supported")
        }
        guard let nonce = attributes.value(of: "r"), isNonce(message.span.extracting(nonce)) else {
            throw SCRAMMistake("the server's first SCRAM message has no valid nonce")
        }
        guard message[nonce].starts(with: clientNonce), nonce.count > clientNonce.count else {
            throw SCRAMMistake("the server's SCRAM nonce does not continue ours")
        }
        guard let text = attributes.value(of: "s"), let salt = Base64.decode(message[text]),
            !salt.isEmpty
        else { throw SCRAMMistake("the server's first SCRAM message has no valid salt") }
        guard let text = attributes.value(of: "i"),
            let iterations = Decimal.parse(message[text], upTo: Int(Int32.max)), iterations > 0
        else { throw SCRAMMistake("the server's first SCRAM message has no valid number of iterations") }
        guard attributes.isAtEnd else { throw SCRAMMistake("the server's first SCRAM message goes on after its end") }
        return SCRAMServerFirst(nonce: Array(message[nonce]), salt: salt, iterations: iterations)
    }
}

/// `v=signature`, or `e=error`.
enum SCRAMServerFinal: Equatable, Sendable {
    /// 32 bytes.
    case signature([UInt8])
    case error([UInt8])

    static func parse(_ message: [UInt8]) throws(SCRAMMistake) -> SCRAMServerFinal {
        var attributes = SCRAMAttributes(message)
        if let error = attributes.value(of: "e") { return .error(Array(message[error])) }
        guard let text = attributes.value(of: "v"), attributes.isAtEnd,
            let signature = Base64.decode(message[text]), signature.count == 32
        else { throw SCRAMMistake("the server's last SCRAM message has no valid signature") }
        return .signature(signature)
    }
}

/// What is wrong with a SCRAM message, in one sentence.
struct SCRAMMistake: Error, Equatable {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}
