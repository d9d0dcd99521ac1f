// How does a TCP connection behave when its peer is slow or gone?
import CLinux
import Glibc

/// Settings of a TCP socket. A listener's connections inherit the listener's.
public struct TCPOptions: Equatable, Sendable {
    /// When to ask a silent peer whether it is still there.
    public struct Keepalive: Equatable, Sendable {
        /// Silence before the first question; whole seconds, at least 1. nil: the kernel's default, as for the others.
        public var idle: Duration?
        /// Time between questions; whole seconds, at least 1.
        public var interval: Duration?
        /// Questions without an answer before the connection counts as lost.
        public var count: Int?

        public init(idle: Duration? = nil, interval: Duration? = nil, count: Int? = nil) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    /// nil: never ask.
    public var keepalive: Keepalive?
    /// How long sent bytes may stay unacknowledged before the connection counts as lost; nil: the kernel's default.
    public var userTimeout: Duration?

    public init(keepalive: Keepalive? = Keepalive(), userTimeout: Duration? = nil) {
        self.keepalive = keepalive
        self.userTimeout = userTimeout
    }

    /// Sets them on a TCP socket, and lets it send small messages at once (TCP_NODELAY).
    public func apply(to descriptor: Descriptor) -> Errno? {
        func set(_ level: Int, _ name: Int32, _ value: Int) -> Errno? {
            SystemCalls.setOption(descriptor, level: level, name, Int32(clamping: value)).failure
        }
        let tcp = Int(IPPROTO_TCP)
        if let failure = set(tcp, TCP_NODELAY, 1) { return failure }
        if let failure = set(Int(SOL_SOCKET), SO_KEEPALIVE, keepalive == nil ? 0 : 1) { return failure }
        if let idle = keepalive?.idle, let failure = set(tcp, TCP_KEEPIDLE, seconds(idle)) { return failure }
        if let pause = keepalive?.interval, let failure = set(tcp, TCP_KEEPINTVL, seconds(pause)) { return failure }
        if let count = keepalive?.count, let failure = set(tcp, TCP_KEEPCNT, count) { return failure }
        if let userTimeout, let failure = set(tcp, TCP_USER_TIMEOUT, milliseconds(userTimeout)) { return failure }
        return nil
    }

    /// The kernel counts in whole seconds and refuses 0.
    private func seconds(_ duration: Duration) -> Int {
        max(1, Int(clamping: duration.components.seconds))
    }

    private func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = Int(clamping: seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? Int(Int32.max) : product + Int(attoseconds / 1_000_000_000_000_000)
    }
}
