// What does the first packet of a connection ask for?

/// A protocol version as the startup packet writes it: major in the upper, minor in the lower half.
public struct ProtocolVersion: Equatable, Sendable {
    public static let v3_0 = ProtocolVersion(rawValue: 3 << 16)

    public var rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    public var major: Int32 { rawValue >> 16 }
    public var minor: Int32 { rawValue & 0xFFFF }
}

/// One name and value of a StartupMessage, in the order in which the client gave them.
public struct StartupParameter: Equatable, Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The first packet of a connection; it has a length but no type byte.
public enum StartupPacket: Equatable, Sendable {
    /// A server may read no more than this before a client is known (PostgreSQL's MAX_STARTUP_PACKET_LENGTH).
    public static let maximumLength = 10_000
    public static let cancelCode: Int32 = 1234 << 16 | 5678
    public static let sslCode: Int32 = 1234 << 16 | 5679
    public static let gssCode: Int32 = 1234 << 16 | 5680

    case sslRequest
    case gssEncryptionRequest
    case cancelRequest(processID: Int32, secret: [UInt8])
    case startup(ProtocolVersion, [StartupParameter])

    public enum Scan: Equatable, Sendable {
        case needMore
        case packet(StartupPacket, length: Int)
        /// Why the packet cannot be one of PostgreSQL's.
        case malformed(String)
        /// The client wants another major version.
        case unsupported(ProtocolVersion)
    }

    /// Reads the packet at the head of `bytes`.
    public static func scan(_ bytes: Span<UInt8>) -> Scan {
        guard bytes.count >= 4 else { return .needMore }
        let length = Int(bytes.bigEndianUInt32(at: 0))
        guard length >= 8, length <= maximumLength else { return .malformed("invalid length of startup packet") }
        guard bytes.count >= length else { return .needMore }
        let code = Int32(bitPattern: bytes.bigEndianUInt32(at: 4))
        switch code {
        case sslCode:
            return length == 8 ? .packet(.sslRequest, length: 8) : .malformed("invalid length of SSLRequest")
        case gssCode:
            return length == 8
                ? .packet(.gssEncryptionRequest, length: 8) : .malformed("invalid length of GSSENCRequest")
        case cancelCode:
            // Four bytes of secret until protocol 3.0, up to 256 from 3.2 on.
            guard length >= 16, length <= 12 + 256 else { return .malformed("invalid length of CancelRequest") }
            let processID = Int32(bitPattern: bytes.bigEndianUInt32(at: 8))
            return .packet(
                .cancelRequest(processID: processID, secret: bytes.bytes(in: 12..<length)), length: length)
        default:
            break
        }
        let version = ProtocolVersion(rawValue: code)
        guard version.major == 3 else { return .unsupported(version) }
        var parameters: [StartupParameter] = []
        parameters.reserveCapacity(8)
        var offset = 8
        while offset < length, bytes[offset] != 0 {
            guard let nameEnd = bytes.terminator(in: offset..<length),
                let valueEnd = bytes.terminator(in: min(nameEnd + 1, length)..<length)
            else { return .malformed("invalid startup packet layout: expected terminator as last byte") }
            parameters.append(
                StartupParameter(bytes.text(in: offset..<nameEnd), bytes.text(in: nameEnd + 1..<valueEnd)))
            offset = valueEnd + 1
        }
        guard offset == length - 1 else {
            return .malformed("invalid startup packet layout: expected terminator as last byte")
        }
        return .packet(.startup(version, parameters), length: length)
    }
}
