// Which TCP endpoint? A numeric IPv4 or IPv6 address with a port, as a value.
import Glibc

/// A numeric IPv4 or IPv6 address and a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Family: Sendable {
        case ipv4
        case ipv6
    }

    public let family: Family
    public let port: UInt16
    /// The interface of a link-local IPv6 address, else 0.
    public let scope: UInt32
    /// The address, first byte in the highest bits; IPv4 uses the lowest 32 bits of `low`.
    let high: UInt64
    let low: UInt64

    /// Reads "127.0.0.1", "::1" or "fe80::1%2"; nil when the text is no numeric address.
    public init?(_ host: String, port: UInt16) {
        if let address = SystemCalls.parseIPv4(host) {
            self.init(ipv4: address, port: port)
            return
        }
        let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, let (high, low) = SystemCalls.parseIPv6(String(name)) else { return nil }
        var scope: UInt32 = 0
        if parts.count == 2 {
            scope = UInt32(parts[1]) ?? SystemCalls.interfaceIndex(String(parts[1]))
            guard scope != 0 else { return nil }
        }
        self.init(ipv6: high, low, scope: scope, port: port)
    }

    init(ipv4 address: UInt32, port: UInt16) {
        family = .ipv4
        high = 0
        low = UInt64(address)
        scope = 0
        self.port = port
    }

    init(ipv6 high: UInt64, _ low: UInt64, scope: UInt32, port: UInt16) {
        family = .ipv6
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
    }

    /// The same address with another port.
    public func with(port: UInt16) -> SocketAddress {
        switch family {
        case .ipv4: SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: port)
        case .ipv6: SocketAddress(ipv6: high, low, scope: scope, port: port)
        }
    }

    /// The address alone: "127.0.0.1", "::1", "fe80::1%2".
    public var host: String {
        switch family {
        case .ipv4:
            return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".")
        case .ipv6:
            let text = SystemCalls.formatIPv6(high, low)
            return scope == 0 ? text : "\(text)%\(scope)"
        }
    }

    /// "127.0.0.1:5432" or "[::1]:5432".
    public var description: String {
        switch family {
        case .ipv4: "\(host):\(port)"
        case .ipv6: "[\(host)]:\(port)"
        }
    }

    /// Whether it is an address of this machine's loopback interface.
    public var isLoopback: Bool {
        switch family {
        case .ipv4: low >> 24 == 127
        case .ipv6: high == 0 && low == 1
        }
    }
}
