// How do the authentication messages look on the wire?

internal import Wire

/// Codes of the Authentication messages that are supported.
enum AuthenticationCode: Int32 {
    case ok = 0
    case cleartextPassword = 3
    case md5Password = 5
    case sasl = 10
    case saslContinue = 11
    case saslFinal = 12
}

/// Complete messages, type and length included.
enum AuthenticationFrame {
    /// `R`, to a client.
    static func request(_ code: AuthenticationCode, _ data: [UInt8] = []) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(9 + data.count)
        message.appendHeader(Backend.authentication, bodyLength: 4 + data.count)
        message.appendInt32(code.rawValue)
        message.append(contentsOf: data)
        return message
    }

    /// `p` with a password, to a server.
    static func password(_ password: [UInt8]) -> [UInt8] {
        frame(password + [0])
    }

    /// `p` with the first SASL message, to a server.
    static func saslInitialResponse(mechanism: [UInt8], _ data: [UInt8]) -> [UInt8] {
        var body = mechanism + [0]
        body.appendInt32(Int32(data.count))
        return frame(body + data)
    }

    /// `p` with a further SASL message, to a server.
    static func saslResponse(_ data: [UInt8]) -> [UInt8] {
        frame(data)
    }

    /// The number at an offset, if the bytes reach that far.
    static func int32(_ bytes: [UInt8], at offset: Int) -> Int32? {
        guard bytes.count >= offset + 4 else { return nil }
        return Int32(bitPattern: bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) })
    }

    private static func frame(_ body: [UInt8]) -> [UInt8] {
        var message: [UInt8] = []
        message.appendMessage(Frontend.password, body: body)
        return message
    }
}
