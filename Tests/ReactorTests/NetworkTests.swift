// Does a network contain its addresses and no others?

import Reactor
import Testing

@Suite struct NetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
        ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.200", true), ("::1", "::1", true),
        ("fd00::/16", "fd00:1::2", true), ("fd00::/16", "fd01::2", false), ("2001:db8::/96", "2001:db8::9:9", true),
        ("2001:db8::/96", "2001:db8::1:0:0", false), ("::/0", "fe80::1", true),
        ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", true), ("2001:db8:0:1::/64", "2001:db8:0:2::", false),
    ])
    func contains(_ network: String, _ address: String, _ expected: Bool) throws {
        let network = try #require(Network(network))
        #expect(try network.contains(#require(SocketAddress(address, port: 5_432))) == expected)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "fd00::1/16", "host", "10.0.0.0/", "1.2.3.4/-1"])
    func isNoNetwork(_ text: String) { #expect(Network(text) == nil) }
}
