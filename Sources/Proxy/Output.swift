// What is sent on a connection, and what waits to be, encrypted or in the clear?

import OpenSSL
import Reactor

/// The sending side of one connection.
struct Output: ~Copyable {
    /// Encrypts and decrypts the connection's bytes; nil: they are in the clear.
    var channel: TLSChannel?
    private var queue: SendQueue

    init(pool: BlockPool) { queue = SendQueue(pool: pool) }

    /// Bytes waiting, as they will be sent.
    var count: Int { queue.count }
    var isEmpty: Bool { queue.isEmpty }

    /// Sends the bytes at once when nothing waits before them, and queues what the kernel does not take; false: the
    /// connection is of no use any more.
    mutating func send(_ bytes: Span<UInt8>, to descriptor: Descriptor) -> Bool {
        guard let channel else { return sendRaw(bytes, to: descriptor) }
        guard let sealed = channel.seal(bytes) else { return false }
        return sendRaw(sealed.span, to: descriptor)
    }

    mutating func send(_ bytes: [UInt8], to descriptor: Descriptor) -> Bool { send(bytes.span, to: descriptor) }

    /// Sends what TLS itself has to say; false: the connection is of no use any more.
    mutating func sendOwn(to descriptor: Descriptor) -> Bool {
        guard let own = channel?.takeOutput(), !own.isEmpty else { return true }
        return sendRaw(own.span, to: descriptor)
    }

    /// Sends bytes as they are.
    mutating func sendRaw(_ bytes: Span<UInt8>, to descriptor: Descriptor) -> Bool {
        if case .failed = queue.send(bytes, to: descriptor) { false } else { true }
    }

    /// Sends until nothing waits, or the kernel takes no more.
    mutating func flush(to descriptor: Descriptor) -> Sent { queue.flush(to: descriptor) }

    /// The last bytes of a connection that ends, as far as they can be sent at once.
    mutating func end(with bytes: [UInt8], to descriptor: Descriptor) {
        var isSent = bytes.isEmpty || send(bytes, to: descriptor)
        if isSent, let last = channel?.close(), !last.isEmpty { isSent = sendRaw(last.span, to: descriptor) }
        if isSent { _ = flush(to: descriptor) }
    }

    /// Forgets everything.
    mutating func reset() { queue.reset() }
}
