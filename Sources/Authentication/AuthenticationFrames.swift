// How do the authentication messages look on the wire?

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
        frame(UInt8(ascii: "R"), bigEndian(code.rawValue) + data)
    }

    /// `p` with a password, to a server.
    static func password(_ password: [UInt8]) -> [UInt8] {
        frame(UInt8(ascii: "p"), password + [0])
    }

    /// `p` with the first SASL message, to a server.
    static func saslInitialResponse(mechanism: [UInt8], _ data: [UInt8]) -> [UInt8] {
        frame(UInt8(ascii: "p"), mechanism + [0] + bigEndian(Int32(data.count)) + data)
    }

    /// `p` with a further SASL message, to a server.
    static func saslResponse(_ data: [UInt8]) -> [UInt8] {
        frame(UInt8(ascii: "p"), data)
    }

    /// The number at an offset, if the bytes reach that far.
    static func int32(_ bytes: [UInt8], at offset: Int) -> Int32? {
        guard bytes.count >= offset + 4 else { return nil }
        return Int32(bitPattern: bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) })
    }

    private static func frame(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type] + bigEndian(Int32(body.count + 4)) + body
    }

    private static func bigEndian(_ number: Int32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * Int32($0))) }
    }
}
