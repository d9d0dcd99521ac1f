// Which addresses belong to a network?

/// A range of addresses with a common beginning, such as 10.0.0.0/8, or one address.
public struct Network: Hashable, Sendable {
    private let address: SocketAddress
    private let bits: Int

    /// Reads "10.0.0.0/8", "fd00::/16" or an address alone; nil when the text is neither, or names a host in it.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, let address = SocketAddress(String(host), port: 0), address.scope == 0 else {
            return nil
        }
        let width = address.family == .ipv4 ? 32 : 128
        guard parts.count == 1 || Int(parts[1]).map({ 0...width ~= $0 }) ?? false else { return nil }
        bits = parts.count == 1 ? width : Int(parts[1]) ?? width
        self.address = address
        guard (address.low, address.high) == Self.masked(address, bits) else { return nil }
    }

    public func contains(_ other: SocketAddress) -> Bool {
        other.family == address.family && (address.low, address.high) == Self.masked(other, bits)
    }

    private static func masked(_ address: SocketAddress, _ bits: Int) -> (low: UInt64, high: UInt64) {
        switch address.family {
        case .ipv4: (address.low & mask(32 - bits), 0)
        case .ipv6: (address.low & mask(128 - max(bits, 64)), address.high & mask(64 - min(bits, 64)))
        }
    }

    /// All bits but the lowest `count`.
    private static func mask(_ count: Int) -> UInt64 { count >= 64 ? 0 : UInt64.max << UInt64(count) }
}
