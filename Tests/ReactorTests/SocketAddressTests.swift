// Are numeric addresses read and written as everybody does?
import Testing

@testable import Reactor

@Suite struct SocketAddressTests {
    @Test(
        arguments: [
            ("127.0.0.1", 5432, "127.0.0.1", "127.0.0.1:5432"),
            ("0.0.0.0", 0, "0.0.0.0", "0.0.0.0:0"),
            ("255.255.255.255", 65535, "255.255.255.255", "255.255.255.255:65535"),
            ("::", 1, "::", "[::]:1"),
            ("::1", 5432, "::1", "[::1]:5432"),
            ("2001:DB8:0:0::0001", 80, "2001:db8::1", "[2001:db8::1]:80"),
            ("::ffff:10.0.0.1", 80, "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80"),
            ("fe80::1%2", 80, "fe80::1%2", "[fe80::1%2]:80"),
            ("fe80::1%lo", 80, "fe80::1%1", "[fe80::1%1]:80"),
        ] as [(String, UInt16, String, String)])
    func readsAndWrites(text: String, port: UInt16, host: String, description: String) throws {
        let address = try #require(SocketAddress(text, port: port))
        #expect(address.host == host)
        #expect(address.description == description)
        #expect(address.port == port)
        #expect(SocketAddress(host, port: port) == address)
        #expect(RawAddress(address).socketAddress == address)
        #expect(address.with(port: 7).description == description.dropLast("\(port)".count) + "7")
    }

    @Test(arguments: [
        "", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "::1::", ":", "%1", "::1%",
    ])
    func refuses(text: String) {
        #expect(SocketAddress(text, port: 1) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("128.0.0.1", false), ("::1", true), ("::2", false), ("::", false),
    ])
    func knowsLoopback(text: String, isLoopback: Bool) {
        #expect(SocketAddress(text, port: 1)?.isLoopback == isLoopback)
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func numericNamesAreLookedUpAtOnce(text: String) throws {
        let address = try #require(SocketAddress(text, port: 0))
        #expect(NameLookup.addresses(of: text) == .success([address]))
    }

    @Test func localhostIsLoopback() throws {
        let addresses = try NameLookup.addresses(of: "localhost").get()
        #expect(!addresses.isEmpty)
        #expect(addresses.filter { !$0.isLoopback } == [])
        #expect(Set(addresses).count == addresses.count)
    }

    @Test func aNameThatCannotExistIsNamed() {
        let name = String(repeating: "n", count: 300)
        guard case .failure(let failure) = NameLookup.addresses(of: name) else {
            Issue.record("labels have 63 bytes at most")
            return
        }
        #expect(failure.name == name)
        #expect(failure.description.hasPrefix("cannot resolve \"\(name)\": "))
        #expect(!failure.reason.isEmpty)
    }
}
