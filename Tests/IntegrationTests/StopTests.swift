// What do clients on several workers notice when the router is told to stop?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct StopTests {
    /// A router with two workers and clients that both of them serve.
    private static func start(
        clients count: Int = 4, poolSize: Int = 20
    ) throws -> (RouterProcess, [WireClient]) {
        let router = try Stage.startRouter(["server": ["workers": "2"], "pool": ["size": "\(poolSize)"]])
        return (router, try (0..<count).map { _ in try router.client() })
    }

    private static func waitUntilNobodyIsTakenIn(_ router: RouterProcess) throws {
        try eventually("the listeners to close") {
            do {
                _ = try StreamSocket(port: router.port)
                return false
            } catch {
                return true
            }
        }
    }

    /// Reads what the router says last; nil if it says nothing.
    private static func farewell(_ client: WireClient) throws -> String? {
        try client.receive().sqlState
    }

    @Test func terminateDrains() throws {
        let (router, clients) = try Self.start()
        let table = try Stage.makeTable("x int")
        for client in clients { try client.succeed("BEGIN; INSERT INTO \(table) VALUES (1)") }
        router.signal(SIGTERM)
        try Self.waitUntilNobodyIsTakenIn(router)
        for client in clients { try client.succeed("INSERT INTO \(table) VALUES (2); COMMIT") }
        // On the primary: a replica need not have replayed what other sessions committed.
        let sum = "SELECT sum(x) FROM \(table) WHERE NOT pg_is_in_recovery()"
        for client in clients { #expect(try client.value(sum) == "12") }
        #expect(router.isRunning)
        for client in clients { client.close() }
        try router.expectCleanEnd()
    }

    /// A worker without clients may still own the server that the client of another worker needs.
    @Test(arguments: [Int32(0), 1]) func drainingWorkersGiveUpTheirServers(first: Int32) throws {
        let (router, clients) = try Self.start(poolSize: 1)
        let write = "SELECT txid_current()"
        // The worker's number is the first byte of the process number in a client's cancel key.
        let early = clients.filter { $0.backendPID >> 20 == first }
        let late = clients.filter { $0.backendPID >> 20 != first }
        #expect(!early.isEmpty && !late.isEmpty)
        router.signal(SIGTERM)
        try Self.waitUntilNobodyIsTakenIn(router)
        for client in late + early { try client.succeed(write) }
        for client in early {
            try client.send(.terminate)
            #expect(try client.readUntilEnd().isEmpty)
        }
        for client in late { try client.succeed(write) }
        for client in late { client.close() }
        try router.expectCleanEnd()
    }

    @Test func interruptEndsClientsAfterTheirTransactions() throws {
        let (router, clients) = try Self.start()
        let table = try Stage.makeTable("x int")
        let (busy, idle) = (clients[..<2], clients[2...])
        for client in busy { try client.succeed("BEGIN; INSERT INTO \(table) VALUES (1)") }
        router.signal(SIGINT)
        for client in idle { #expect(try Self.farewell(client) == "57P01") }
        for client in busy {
            try client.succeed("INSERT INTO \(table) VALUES (2)")
            try client.succeed("COMMIT")
            #expect(try Self.farewell(client) == "57P01")
        }
        try router.expectCleanEnd()
        let direct = try Stage.direct()
        #expect(try direct.value("SELECT sum(x) FROM \(table)") == "6")
    }

    /// A statement that runs is no reason to stay, whatever worker it is on.
    @Test(arguments: [[SIGQUIT], [SIGTERM, SIGTERM], [SIGINT, SIGTERM], [SIGTERM, SIGINT], [SIGTERM, SIGQUIT]])
    func atOnce(_ signals: [Int32]) throws {
        let (router, clients) = try Self.start()
        for client in clients { try client.succeed("BEGIN; SELECT txid_current()") }
        for client in clients { try client.send(.query("SELECT pg_sleep(60)")) }
        for (number, signal) in signals.enumerated() {
            // Signals of a kind that wait together are one.
            if number > 0 { try Self.waitUntilNobodyIsTakenIn(router) }
            router.signal(signal)
        }
        try router.expectCleanEnd()
        for client in clients { #expect(try Self.farewell(client) == "57P01") }
    }
}
