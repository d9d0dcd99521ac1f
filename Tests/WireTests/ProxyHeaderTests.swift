// Are headers of the PROXY protocol read, whole and in pieces, and nothing else taken for one?

import Testing
import Wire

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    private static func block(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        signature + [0x20 | command, family, UInt8(body.count >> 8), UInt8(body.count & 0xff)] + body
    }

    private static let four: [UInt8] = [192, 0, 2, 7, 10, 0, 0, 1, 0xea, 0x60, 0x19, 0x20]
    private static let six: [UInt8] =
        [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 0, count: 16)
        + [0xea, 0x60, 0x19, 0x20]

    static let headers: [(bytes: [UInt8], source: ProxiedSource?)] = [
        (Array("PROXY TCP4 192.0.2.7 10.0.0.1 60000 6432\r\n".utf8), ProxiedSource(host: "192.0.2.7", port: 60_000)),
        (Array("PROXY TCP6 2001:db8::7 ::1 60000 6432\r\n".utf8), ProxiedSource(host: "2001:db8::7", port: 60_000)),
        (Array("PROXY UNKNOWN\r\n".utf8), nil), (Array("PROXY UNKNOWN ffff::1 ::2 1 2\r\n".utf8), nil),
        (block(1, 0x11, four), ProxiedSource(host: "192.0.2.7", port: 60_000)),
        (block(1, 0x21, six), ProxiedSource(host: "2001:db8:0:0:0:0:0:7", port: 60_000)),
        // With more behind the addresses, from a unix socket, and a health check.
        (block(1, 0x11, four + [4, 0, 1, 9]), ProxiedSource(host: "192.0.2.7", port: 60_000)),
        (block(1, 0x31, Array(repeating: 47, count: 216)), nil), (block(0, 0, []), nil), (block(0, 0x11, four), nil),
    ]

    private func scan(_ bytes: [UInt8]) -> ProxyHeader.Scan { ProxyHeader.scan(bytes.span) }

    @Test(arguments: headers.indices)
    func header(_ index: Int) {
        let (bytes, source) = Self.headers[index]
        let expected = ProxyHeader.Scan.header(source, length: bytes.count)
        #expect(scan(bytes) == expected)
        #expect(scan(bytes + [0, 0, 0, 8]) == expected)
        for length in 0..<bytes.count { #expect(scan(Array(bytes[..<length])) == .needMore) }
    }

    @Test(arguments: [
        "PROXY TCP4 192.0.2.7 10.0.0.1 60000\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 60000 99999\r\n", "PROXY TCP4\r\n",
        "PROXY TCP5 a b 1 2\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 60000 6432\n", "PROXX", "\0\0\0\u{8}",
        "GET / HTTP/1.1", "PROXY TCP4 " + String(repeating: "1", count: 200),
    ])
    func noHeader(_ text: String) { #expect(scan(Array(text.utf8)) == .malformed) }

    @Test func noBlock() {
        var wrongVersion = Self.block(1, 0x11, Self.four)
        wrongVersion[12] = 0x31
        let short = Self.block(1, 0x11, Array(Self.four.dropLast()))
        let command = Self.block(2, 0x11, Self.four)
        let long = Self.signature + [0x21, 0x11, 0xff, 0xff]
        for bytes in [wrongVersion, short, command, long, Self.block(1, 0x21, Self.four)] {
            #expect(scan(bytes) == .malformed)
        }
    }
}
