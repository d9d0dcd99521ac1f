// For whom does a proxy in front of the router say that it connects?

/// Address and port of a client as its proxy sees it.
public struct ProxiedSource: Equatable, Sendable {
    /// A numeric address.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// The header of the PROXY protocol, version 1 or 2, that stands ahead of everything else on a connection.
///
/// Source: HAProxy's specification, "The PROXY protocol, versions 1 & 2".
public enum ProxyHeader {
    /// Longest header of version 1, its line's end included.
    static let longestLine = 107
    /// Longest header of version 2 that is read: addresses, and what a proxy adds to them.
    static let longestBlock = 4_096

    public enum Scan: Equatable, Sendable {
        case needMore
        case malformed
        /// nil: the proxy speaks for itself, as in a health check, or does not know for whom.
        case header(ProxiedSource?, length: Int)
    }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let word = Array("PROXY ".utf8)

    /// Reads the header at the head of `bytes`.
    public static func scan(_ bytes: Span<UInt8>) -> Scan {
        guard bytes.count > 0 else { return .needMore }
        let isBlock = bytes[0] == signature[0]
        let beginning = isBlock ? signature : word
        for index in 0..<min(beginning.count, bytes.count) where bytes[index] != beginning[index] { return .malformed }
        guard bytes.count >= beginning.count else { return .needMore }
        return isBlock ? scanBlock(bytes) : scanLine(bytes)
    }

    // MARK: Version 1

    private static func scanLine(_ bytes: Span<UInt8>) -> Scan {
        let limit = min(bytes.count, longestLine)
        var end = word.count
        while end < limit, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end < limit else { return bytes.count < longestLine ? .needMore : .malformed }
        guard bytes[end - 1] == UInt8(ascii: "\r") else { return .malformed }
        let words = bytes.text(in: word.count..<end - 1).split(separator: " ", omittingEmptySubsequences: false)
        if words.first == "UNKNOWN" { return .header(nil, length: end + 1) }
        guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6", let port = UInt16(words[3]),
            UInt16(words[4]) != nil
        else { return .malformed }
        return .header(ProxiedSource(host: String(words[1]), port: port), length: end + 1)
    }

    // MARK: Version 2

    private static func scanBlock(_ bytes: Span<UInt8>) -> Scan {
        let start = 16
        guard bytes.count >= start else { return .needMore }
        let (version, command) = (bytes[12] >> 4, bytes[12] & 0xf)
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard version == 2, command <= 1, length <= longestBlock else { return .malformed }
        guard bytes.count >= start + length else { return .needMore }
        let end = start + length
        if command == 0 { return .header(nil, length: end) }
        switch bytes[13] {
        case 0x11:
            guard length >= 12 else { return .malformed }
            let host = (0..<4).map { String(bytes[start + $0]) }.joined(separator: ".")
            return .header(ProxiedSource(host: host, port: number(bytes, start + 8)), length: end)
        case 0x21:
            guard length >= 36 else { return .malformed }
            let host = (0..<8).map { String(number(bytes, start + 2 * $0), radix: 16) }.joined(separator: ":")
            return .header(ProxiedSource(host: host, port: number(bytes, start + 32)), length: end)
        default:
            return .header(nil, length: end)
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }
}
