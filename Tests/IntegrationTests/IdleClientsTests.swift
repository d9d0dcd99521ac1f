// Can thousands of clients be connected, and does each cost little?

import TestSupport
import Testing

@Suite struct IdleClientsTests {
    /// The program under test is a debug build; the figure that counts is that of `make bench`.
    @Test func twoThousand() throws {
        let router = try Stage.startRouter()
        let output = try Programs.python(
            script: "idle_clients.py",
            ["--port", "\(router.port)", "--pid", "\(router.pid)", "--count", "2000", "--limit", "16384"],
            limit: .seconds(150))
        #expect(output.contains("2000 clients"))
        // They are gone, and so is what they held.
        #expect(try router.client().value("SELECT 1") == "1")
        #expect(try router.client().value("SELECT 1 FOR UPDATE") == "1")
    }
}
