// What does a transaction ask of the kernel: two receives, two sends, a share of a wait, and nothing else?

import Foundation
import Glibc
import PostgresCluster
import TestSupport
import Testing

/// Counts the system calls of the router's worker thread with strace, twice: what the longer run has more is what its
/// further transactions cost; logins and the like are in both. Counts, not times, so that a busy machine does no harm.
@Suite(.serialized) struct SystemCallTests {
    /// One worker. Probes are rare, because the worker is told of each.
    private static let router = Result {
        let router = try Stage.startRouter(["server": ["workers": "1"], "probe": ["interval": "\"1s\""]])
        try router.client(user: "postgres", database: "postgres").succeed("CREATE DATABASE system_calls OWNER app")
        try Programs.pgbench(port: router.port, ["-i", "-s", "1", "-q"], database: "system_calls")
        try Stage.cluster().waitUntilReplayed()
        return router
    }

    /// Probes come with time, and a login more or less is no transaction's: one call in fifty transactions.
    private static let tolerance = 0.02
    private static let ticksPerSecond = 20.0
    private static let transactions = 2_000

    @Test(arguments: ["simple", "extended", "prepared"], [1, 8])
    func callsOfATransaction(_ mode: String, _ clients: Int) throws {
        // The servers' connections are opened before.
        try run(mode, clients, 50)
        let short = try counted { try run(mode, clients, 50) }
        let begin = ContinuousClock.now
        let long = try counted { try run(mode, clients, 50 + Self.transactions / clients) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let names = Set(short.keys).union(long.keys)
        let calls = Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, Double(long[$0, default: 0] - short[$0, default: 0]) / Double(Self.transactions))
            })
        for name in ["recvfrom", "sendto"] {
            let count = try #require(calls[name], "strace saw no \(name)")
            #expect(abs(count - 2) <= Self.tolerance, "\(name): \(count) for each transaction")
        }
        // A client alone needs a wait for itself and one for the server; several share them. Each tick is a wait, too,
        // on a slow machine one in several transactions.
        let waits = try #require(calls["epoll_pwait"], "strace saw no epoll_pwait")
        #expect(waits > 0 && waits < (clients == 1 ? 2.5 : 1.5), "epoll_pwait: \(waits) for each transaction")
        // The worker reads its ticker, and nothing else: however slow the machine, no more often than that ticks.
        let reads = long["read", default: 0]
        #expect(Double(reads) <= seconds * Self.ticksPerSecond + 2, "\(reads) reads in \(seconds) s")
        for (name, count) in calls where !["recvfrom", "sendto", "epoll_pwait", "read"].contains(name) {
            #expect(count <= Self.tolerance, "\(name): \(count) for each transaction")
        }
    }

    /// Nobody waits for anything: the worker is woken by slow ticks and by what the probes find, and by nothing else.
    @Test func anIdleWorkerWakesSeldom() throws {
        try run("simple", 1, 50)
        // As long as twenty quick ticks take, and more.
        Thread.sleep(forTimeInterval: 1.5)
        let begin = ContinuousClock.now
        let calls = try counted { Thread.sleep(forTimeInterval: 3) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let waits = try #require(calls["epoll_pwait"], "strace saw no epoll_pwait")
        // Five ticks and, with three nodes that are probed once in a second, fewer than six changes.
        #expect(Double(waits) <= seconds * 11 + 3, "\(waits) waits in \(seconds) s")
    }

    private func run(_ mode: String, _ clients: Int, _ transactions: Int) throws {
        let router = try Self.router.get()
        let output = try Programs.pgbench(
            port: router.port, ["-n", "-S", "-M", mode, "-c", "\(clients)", "-t", "\(transactions)"],
            database: "system_calls")
        let total = clients * transactions
        #expect(output.contains("number of transactions actually processed: \(total)/\(total)"))
    }

    /// How often the worker made each system call while `body` ran.
    private func counted(_ body: () throws -> Void) throws -> [String: Int] {
        let router = try Self.router.get()
        let thread = try worker(of: router)
        let path = router.directory + "/calls"
        let program = ExternalProgram(
            "/usr/bin/env", ["strace", "-c", "-U", "name,calls", "-o", path, "-p", "\(thread)"])
        let strace = try Self.withSignalsUnblocked { try program.start() }
        do {
            try eventually("strace to attach; it must be allowed to (kernel.yama.ptrace_scope is 0, or run as root)") {
                let status = try String(contentsOfFile: "/proc/\(router.pid)/task/\(thread)/status", encoding: .utf8)
                return status.split(separator: "\n").contains { $0.hasPrefix("TracerPid:") && !$0.hasSuffix("\t0") }
            }
            try body()
        } catch {
            _ = kill(strace.pid, SIGTERM)
            let result = try strace.finish()
            throw SupportError("\(error)\n\(result.errors)")
        }
        _ = kill(strace.pid, SIGTERM)
        _ = try strace.finish()
        return Self.counts(try String(contentsOfFile: path, encoding: .utf8))
    }

    private func worker(of router: RouterProcess) throws -> String {
        let tasks = "/proc/\(router.pid)/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: tasks)
        let workers = threads.filter { thread in
            let name = try? String(contentsOfFile: "\(tasks)/\(thread)/comm", encoding: .utf8)
            return name?.hasPrefix("worker-") ?? false
        }
        #expect(workers.count == 1)
        return try #require(workers.first)
    }

    /// A thread of a pool blocks signals, and a program that it starts would, too: strace could not be told to end.
    private static func withSignalsUnblocked<Value>(_ body: () throws -> Value) rethrows -> Value {
        var none = sigset_t()
        var before = sigset_t()
        _ = unsafe sigemptyset(&none)
        _ = unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try body()
    }

    /// Lines of a name and a number; the headings and the sum are none of them.
    private static func counts(_ table: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let count = Int(words[1]), words[0] != "total" { counts[String(words[0])] = count }
        }
        return counts
    }
}
