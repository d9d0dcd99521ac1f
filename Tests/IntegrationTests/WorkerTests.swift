// Are clients spread over the workers, and is one that hangs reported?

import Foundation
import PostgresCluster
import TestSupport
import Testing

@Suite struct WorkerTests {
    /// The worker's number is the first byte of the process number in a client's cancel key.
    private func worker(_ client: WireClient) -> Int { Int(client.backendPID >> 20) }

    private func counts(_ clients: [WireClient], workers: Int) -> [Int] {
        (0..<workers).map { number in clients.count { worker($0) == number } }
    }

    /// Few clients that stay for long, however the kernel's hash of their ports falls out.
    @Test func fewClientsAreSpreadEvenly() throws {
        let router = try Stage.startRouter(["server": ["workers": "3"]])
        for _ in 0..<8 {
            // Those before may not be gone yet; so the counts are taken once they settle.
            try eventually("three clients to have a worker each") {
                let clients = try (0..<3).map { _ in try router.client() }
                defer { for client in clients { client.close() } }
                return Set(clients.map(worker)).count == 3
            }
        }
        let many = try (0..<60).map { _ in try router.client() }
        let spread = counts(many, workers: 3)
        #expect((spread.min() ?? 0) * 5 + 5 >= (spread.max() ?? 0) * 4, "\(spread)")
        for client in many { #expect(try client.value("SELECT 7") == "7") }
    }

    /// When the clients of one worker leave, those that come next take their places.
    @Test func newClientsGoWhereOthersLeft() throws {
        let router = try Stage.startRouter(["server": ["workers": "2"]])
        let clients = try (0..<24).map { _ in try router.client() }
        let (leaving, staying) = (clients.filter { worker($0) == 0 }, clients.filter { worker($0) == 1 })
        for client in leaving { client.close() }
        try eventually("new clients to be served by the worker that has none") {
            let client = try router.client()
            defer { client.close() }
            return worker(client) == 0
        }
        let new = try (0..<8).map { _ in try router.client() }
        #expect(new.allSatisfy { worker($0) == 0 }, "\(new.map(worker)) beside \(staying.count)")
    }

    /// One thread accepts for all from a unix socket, and deals them out in turn.
    @Test func aUnixSocketIsDealtInTurn() throws {
        let directory = try Stage.router().directory
        let router = try Stage.startRouter([
            "server": ["workers": "3"], "listen": ["unix_socket_dir": "\"\(directory)\""],
        ])
        let path = "\(directory)/.s.PGSQL.\(router.port)"
        let clients = try (0..<9).map { _ in try WireClient(to: .unixSocket(path)) }
        #expect(counts(clients, workers: 3) == [3, 3, 3])
    }

    /// A worker that cannot write to the log hangs, as on any other call that blocks. What its clients see is that
    /// nobody answers; what the operator sees is who hung, and with what.
    @Test func aStalledWorkerIsReported() throws {
        let configuration = try RouterConfiguration(
            cluster: Stage.cluster(), overrides: ["server": ["workers": "1", "log_level": "\"debug\""]])
        let directory = "/tmp/pointsman-stall-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let keeper = try ProcessKeeper(directory: directory)
        defer { keeper.finish() }
        let path = directory + "/stalled.toml"
        try Data(configuration.toml.utf8).write(to: URL(fileURLWithPath: path))
        let process = ExternalProgram(
            try Repository.program(), Repository.run(path), workingDirectory: directory
        ).process()
        let log = Pipe()
        process.standardError = log
        try process.run()
        try Data("\(process.processIdentifier)\n".utf8).write(to: URL(fileURLWithPath: directory + "/router.pid"))
        let port = try #require(configuration.tables["listen"]?["port"].flatMap(Int.init))
        try eventually("the router to serve") {
            let client = try WireClient(port: port, deadline: .seconds(5))
            defer { client.close() }
            return try client.query("SELECT 1").errors.isEmpty
        }
        // Each login is a line of the log, which nobody reads, until the pipe is full.
        try eventually("the worker to hang", within: .seconds(60)) {
            for _ in 0..<2_000 {
                do {
                    try WireClient(port: port, deadline: .seconds(3)).close()
                } catch is SupportError {
                    return true
                }
            }
            return false
        }
        var text = ""
        try eventually("the log to tell") {
            text += String(decoding: log.fileHandleForReading.availableData, as: UTF8.self)
            return text.contains("a worker that had stalled goes on")
        }
        #expect(text.contains(/WARNING a worker has stalled for [0-9]+ ms while it was busy with .* worker=0/))
        try eventually("clients to be served again") {
            let client = try WireClient(port: port, deadline: .seconds(5))
            defer { client.close() }
            return try client.query("SELECT 1").errors.isEmpty
        }
    }
}
