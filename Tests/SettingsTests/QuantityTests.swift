// Are durations, sizes and node addresses read as they are documented?

import Proxy
import Testing

@testable import Settings

@Suite struct QuantityTests {
    static let durations: [(String, Duration?)] = [
        ("250ms", .milliseconds(250)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
        ("0s", .zero), ("007s", .seconds(7)), ("", nil), ("s", nil), ("10", nil), ("10 s", nil), ("1.5s", nil),
        ("-1s", nil), ("+1s", nil), ("1d", nil), ("1S", nil), ("1s1s", nil), ("9223372036854775807h", nil),
        ("99999999999999999999s", nil), ("١s", nil),
    ]

    @Test(arguments: durations) func duration(_ text: String, _ expected: Duration?) {
        #expect(Quantity.duration(text) == expected)
    }

    static let sizes: [(String, Int?)] = [
        ("0B", 0), ("512B", 512), ("64KiB", 65_536), ("8MiB", 8 << 20), ("1GiB", 1 << 30), ("64", nil), ("64KB", nil),
        ("64kib", nil), ("KiB", nil), ("9223372036854775807GiB", nil),
    ]

    @Test(arguments: sizes) func size(_ text: String, _ expected: Int?) {
        #expect(Quantity.size(text) == expected)
    }

    @Test(arguments: ["0s", "1ms", "1500ms", "90s", "1m", "61m", "1h", "720h"])
    func durationTextIsReadBack(_ text: String) throws {
        #expect(Quantity.text(try #require(Quantity.duration(text))) == "\"\(text)\"")
    }

    @Test(arguments: ["0B", "1B", "1000B", "1KiB", "1025B", "3MiB", "2GiB"])
    func sizeTextIsReadBack(_ text: String) throws {
        #expect(Quantity.text(bytes: try #require(Quantity.size(text))) == "\"\(text)\"")
    }

    static let nodes: [(String, NodeSettings?)] = [
        ("10.0.0.1:5432", NodeSettings(host: "10.0.0.1", port: 5432)),
        ("db-1.example:6000", NodeSettings(host: "db-1.example", port: 6000)),
        ("localhost", NodeSettings(host: "localhost", port: 5432)),
        ("[::1]:5433", NodeSettings(host: "::1", port: 5433)), ("[::1]", NodeSettings(host: "::1", port: 5432)),
        ("", nil), (":5432", nil), ("a:", nil), ("a:0", nil), ("a:65536", nil), ("a:1:2", nil), ("::1", nil),
        ("[::1", nil), ("[::1]5432", nil), ("[a]:1", nil), ("a b:1", nil), ("/tmp:5432", nil), ("a:+1", nil),
        ("postgres://a:1", nil), ("[]:1", nil),
    ]

    @Test(arguments: nodes) func node(_ text: String, _ expected: NodeSettings?) {
        #expect(Inspection.node(text) == expected)
    }

    @Test(arguments: nodes.compactMap(\.1)) func nodeAddressIsReadBack(_ node: NodeSettings) {
        #expect(Inspection.node(node.address) == node)
    }
}
