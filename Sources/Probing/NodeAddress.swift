// Under which host and port is a node reached?

/// An address as the settings name it, taken apart.
public struct NodeAddress: Equatable, Sendable {
    /// A name, a numeric address, or the directory of a Unix socket.
    public let host: String
    public let port: UInt16

    /// PostgreSQL's usual port.
    public static let defaultPort: UInt16 = 5432

    /// Reads `host`, `host:port`, `[::1]:port`, a bare IPv6 address, or `/directory:port`; nil when it is none of
    /// these.
    public init?(_ text: String) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || (rest.hasPrefix(":") && rest.count > 1), let port = Self.port(rest.dropFirst()) else {
                return nil
            }
            self.port = port
        } else if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1, let colon = text.firstIndex(of: ":") {
            host = String(text[..<colon])
            let digits = text[text.index(after: colon)...]
            guard !digits.isEmpty, let port = Self.port(digits) else { return nil }
            self.port = port
        } else {
            host = text
            port = Self.defaultPort
        }
        guard !host.isEmpty else { return nil }
    }

    /// Whether it is the directory of a Unix socket.
    public var isSocketDirectory: Bool { host.hasPrefix("/") }

    private static func port(_ digits: Substring) -> UInt16? {
        if digits.isEmpty { return defaultPort }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits), port > 0 else {
            return nil
        }
        return port
    }
}
