// What do the socket tests share? Pairs that close themselves, waiting with a deadline, and reading everything.
import Glibc
import Testing

@testable import Reactor

/// How long a test waits for something that must happen.
let patience: UInt64 = 10_000_000_000

/// `#expect` for what its expansion cannot hold: spans and values that cannot be copied.
func check(_ holds: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, comment, sourceLocation: sourceLocation)
}

/// Runs `body` with two connected sockets, which it leaves open.
func withPair(_ body: (Descriptor, Descriptor) throws -> Void) throws {
    let (one, other) = try Socket.pair()
    defer {
        Socket.close(one)
        Socket.close(other)
    }
    try body(one, other)
}

/// Makes a socket's send buffer as small as the kernel allows.
func shrinkSendBuffer(_ descriptor: Descriptor) {
    #expect(SystemCalls.setOption(descriptor, level: Int(SOL_SOCKET), SO_SNDBUF, 4096).failure == nil)
}

/// Fills a socket until it takes no more; returns how many bytes that were.
func fill(_ descriptor: Descriptor) -> Int {
    let piece = [UInt8](repeating: 7, count: 8192)
    var total = 0
    while true {
        switch Socket.send(piece.span, to: descriptor) {
        case .all: total += piece.count
        case .partial(let count):
            total += count
            if count == 0 { return total }
        case .failed(let failure):
            Issue.record("filling failed: \(failure)")
            return total
        }
    }
}

/// Reads what is there now.
func drain(_ descriptor: Descriptor, _ buffer: ReadBuffer = ReadBuffer()) -> [UInt8] {
    var all: [UInt8] = []
    while case .bytes = buffer.receive(from: descriptor) { all.append(buffer.span) }
    return all
}

extension [UInt8] {
    init(_ span: Span<UInt8>) {
        self.init()
        append(span)
    }

    mutating func append(_ span: Span<UInt8>) {
        // The span's owner keeps the bytes during the call. (Byte by byte takes long without optimisation.)
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

/// Whether the span holds the bytes of `pattern`, repeated for ever, from `position` on. `twice` is the pattern, twice.
func repeats(_ twice: [UInt8], at position: Int, _ span: Span<UInt8>) -> Bool {
    let period = twice.count / 2
    var checked = 0
    while checked < span.count {
        let start = (position + checked) % period
        let size = min(span.count - checked, period)
        // Both ranges are within their owners: start < period, size ≤ period.
        let difference = unsafe span.extracting(checked..<checked + size).withUnsafeBytes { bytes in
            unsafe twice.withUnsafeBytes { unsafe memcmp(bytes.baseAddress!, $0.baseAddress! + start, size) }
        }
        if difference != 0 { return false }
        checked += size
    }
    return true
}

/// Waits until the poller reports an event of the token for which `condition` holds; other events are passed over.
@discardableResult
func waitFor(
    _ poller: Poller, _ token: Token, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: (Event) -> Bool = { _ in true }
) -> Event? {
    let deadline = MonotonicClock.now() + patience
    while MonotonicClock.now() < deadline {
        for index in 0..<poller.wait(milliseconds: 100) {
            let event = poller.event(index)
            if event.token == token && condition(event) { return event }
        }
    }
    Issue.record("no such event within the deadline", sourceLocation: sourceLocation)
    return nil
}

/// Takes the next connection from a listener, with a deadline.
func accept(_ listener: Listener, sourceLocation: SourceLocation = #_sourceLocation) throws -> (Descriptor, Peer) {
    let poller = try Poller()
    let token = Token(kind: 0, index: 0, generation: 0)
    #expect(poller.add(listener, token) == nil)
    waitFor(poller, token, sourceLocation: sourceLocation)
    let accepted = listener.accept()
    guard case .connection(let descriptor, let peer) = accepted else {
        throw Unexpected(found: "\(accepted)")
    }
    return (descriptor, peer)
}

/// Connects and waits until the connection stands.
func connect(_ connecting: Connecting, sourceLocation: SourceLocation = #_sourceLocation) throws -> Descriptor {
    switch connecting {
    case .connected(let descriptor):
        return descriptor
    case .inProgress(let descriptor):
        let poller = try Poller()
        let token = Token(kind: 0, index: 0, generation: 0)
        #expect(poller.add(descriptor, token) == nil)
        waitFor(poller, token, sourceLocation: sourceLocation) { $0.isWritable }
        if let failure = Connector.finish(descriptor) {
            Socket.close(descriptor)
            throw failure
        }
        return descriptor
    case .failed(let failure):
        throw failure
    }
}

func address(of listener: Listener) throws -> SocketAddress {
    guard case .tcp(let address) = listener.place else { throw Unexpected(found: "\(listener.place)") }
    return address
}

struct Unexpected: Error {
    let found: String
}

/// A directory of its own under the system's temporary one, removed with all files in it.
final class TemporaryDirectory {
    let path: String

    init() {
        let name = "/tmp/reactor-tests-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        let made = unsafe mkdir(name, 0o755)
        #expect(made == 0)
        path = name
    }

    deinit {
        guard let directory = unsafe opendir(path) else { return }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { _ = unsafe unlink("\(path)/\(name)") }
        }
        unsafe closedir(directory)
        unsafe rmdir(path)
    }

    func exists(_ name: String) -> Bool {
        unsafe access("\(path)/\(name)", F_OK) == 0
    }
}
