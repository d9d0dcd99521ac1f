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

    /// Reads "10.0.0.7/8": the network that the address lies in.
    public init?(containing text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = SocketAddress(String(parts[0]), port: 0), address.scope == 0,
            let bits = Int(parts[1]), 0...(address.family == .ipv4 ? 32 : 128) ~= bits
        else { return nil }
        self.init(address, bits: bits)
    }

    /// The network of an address with a mask such as 255.255.0.0; nil when that is no mask.
    public init?(_ address: SocketAddress, mask: SocketAddress) {
        guard mask.family == address.family else { return nil }
        let width = address.family == .ipv4 ? 32 : 128
        let ones = mask.low.nonzeroBitCount + mask.high.nonzeroBitCount
        self.init(address, bits: ones)
        guard ones <= width, (mask.low, mask.high) == Self.masked(Self.allOnes(mask), ones) else { return nil }
    }

    private init(_ address: SocketAddress, bits: Int) {
        let (low, high) = Self.masked(address, bits)
        self.bits = bits
        self.address =
            address.family == .ipv4
            ? SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: 0)
            : SocketAddress(ipv6: high, low, scope: 0, port: 0)
    }

    private static func allOnes(_ like: SocketAddress) -> SocketAddress {
        like.family == .ipv4
            ? SocketAddress(ipv4: .max, port: 0) : SocketAddress(ipv6: .max, .max, scope: 0, port: 0)
    }

    /// Those of this machine's interfaces.
    public static func own() -> [Network] {
        SystemCalls.interfaces().compactMap { Network($0.address, mask: $0.mask) }
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
