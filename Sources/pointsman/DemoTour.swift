// What does the demonstration show, and did it really happen?

import Foundation
import PostgresCluster

/// Real queries through the router, counted by the server that answered. A claim that does not hold ends the
/// demonstration with an error.
struct DemoTour {
    let cluster: PostgresCluster
    let router: DemoRouter
    let port: Int

    private var client: DemoClient { DemoClient(programs: cluster.programs, port: port) }
    private var replicaNames: Set<String> { Set(cluster.replicas.map(\.name)) }

    func run() throws {
        try prepare()
        try showReads()
        try showWrites()
        try showReadsAfterWrites()
        try showTransactions()
        try showFailover()
    }

    /// The claim of a step did not hold.
    struct Disproved: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes the table, and waits until the router has seen that both replicas are fit to answer.
    private func prepare() throws {
        _ = try client.rows(["CREATE TABLE visits (id bigint PRIMARY KEY, at timestamptz DEFAULT now())"])
        try cluster.waitUntilReplicasStream()
        do {
            try waitUntil("both replicas to answer reads", limit: .seconds(20), every: .milliseconds(100)) {
                let counts = try self.answers(Array(repeating: "SELECT inet_server_port()", count: 20))
                return replicaNames.isSubset(of: counts.keys)
            }
        } catch {
            throw OperatorError(sentence: "\(error)\n\(router.lastWords)")
        }
    }

    private func showReads() throws {
        let sql = "SELECT inet_server_port()"
        say("1. Reads are spread over the replicas. 200 times in one session: \(sql)")
        show(
            try answers(
                Array(repeating: sql, count: 200), or: "not every read was answered by a replica, or not by both"
            ) { Set($0.keys) == replicaNames })
    }

    private func showWrites() throws {
        say("2. Writes go to the primary. 100 times: INSERT INTO visits … RETURNING inet_server_port()")
        let counts = try answers(
            (1...100).map { "INSERT INTO visits (id) VALUES (\($0)) RETURNING inet_server_port()" })
        show(counts)
        try require(Set(counts.keys) == ["primary"], "a write was answered by a replica")
    }

    private func showReadsAfterWrites() throws {
        let last = 300
        say("3. A read sees the write before it. 200 times in one session: INSERT INTO visits …; SELECT max(id) …")
        let statements = (101...last).flatMap { id in
            [
                "INSERT INTO visits (id) VALUES (\(id))",
                "SELECT inet_server_port() || ' ' || max(id) FROM visits",
            ]
        }
        let answers = try client.rows(statements).map { $0.split(separator: " ") }
        let seen = zip(answers, 101...last).filter { $0.count == 2 && Int($0[1]) == $1 }.count
        show(count(answers.compactMap(\.first).map(String.init)))
        say("     \(seen) of \(answers.count) reads saw the row; the primary answers until a replica surely has it")
        try require(seen == 200 && answers.count == 200, "a read missed the write before it")

        say("   A moment later the same session's reads are back on the replicas:")
        let write = "INSERT INTO visits (id) VALUES (\(last + 1)) ON CONFLICT (id) DO UPDATE SET at = now()"
        let pause = "SELECT pg_sleep(1)"
        let reads = Array(repeating: "SELECT inet_server_port() FROM visits WHERE id = \(last + 1)", count: 50)
        let later = try self.answers(
            [write + " RETURNING inet_server_port()", pause] + reads, or: "the session's reads stayed on the primary"
        ) { counts in
            try require(counts.values.reduce(0, +) == 1 + reads.count, "a read missed the write before it")
            return counts.keys.contains(where: replicaNames.contains)
        }
        show(later)
    }

    private func showTransactions() throws {
        say("4. A transaction stays together, on the primary: BEGIN; INSERT …; SELECT …; COMMIT")
        let counts = try answers([
            "BEGIN", "INSERT INTO visits (id) VALUES (1000)",
            "SELECT inet_server_port() FROM visits WHERE id = 1000", "COMMIT",
        ])
        show(counts)
        try require(counts == ["primary": 1], "the transaction did not see its own row on the primary")
    }

    /// One session that writes all the time, while its primary is shut down and a replica takes over.
    private func showFailover() throws {
        let (old, new, other) = (cluster.primary, cluster.replicas[0], cluster.replicas[1])
        say("5. A failover is a pause. One session inserts 200 rows; the primary is shut down and replica1 promoted:")
        let first = 2_000
        let insert = "INSERT INTO visits (id, at) VALUES"
        let writer = try client.start(
            (1...200).flatMap { number in
                ["\(insert) (\(first + number), clock_timestamp()) RETURNING inet_server_port()", "\\! sleep 0.01"]
            })
        try waitUntil("the session to write", limit: .seconds(20)) {
            (Int(try old.psql("SELECT count(*) FROM visits WHERE id > \(first)")) ?? 0) > 50
        }
        try old.stop(.fast)
        try new.promote()
        let counts = count(try writer.succeed(limit: .seconds(60)).split(separator: "\n").map(String.init))
        show(counts)
        let rows = "FROM visits WHERE id > \(first)"
        let pauses = "SELECT at - lag(at) OVER (ORDER BY id) \(rows)"
        let facts = try client.rows([
            "BEGIN", "SELECT count(*) \(rows)",
            "SELECT (1000 * extract(epoch FROM max(pause)))::int FROM (\(pauses)) x (pause)", "COMMIT",
        ])
        guard facts.count == 2 else { throw Disproved(description: "\(facts)") }
        say("     \(facts[0]) of 200 rows are there, no statement failed, the longest pause took \(facts[1]) ms")
        try require(counts.values.reduce(0, +) == 200 && facts[0] == "200", "a row is missing")
        try require(counts["replica1"] != nil, "nothing was written on the new primary")
        try other.follow(new)
        try cluster.rebuild(old, following: new)
        say("   replica1 is the primary from now on, and the first one has returned as a replica.")
    }

    // MARK: Counting

    /// Runs statements in one session and counts the ports they return by the name of the server.
    private func answers(_ statements: [String]) throws -> [String: Int] {
        count(try client.rows(statements))
    }

    /// Likewise, a few times: on a machine that is busy with something else a replica may not be heard of for a moment.
    private func answers(
        _ statements: [String], or problem: String, _ holds: ([String: Int]) throws -> Bool
    ) throws -> [String: Int] {
        for _ in 1...Self.attempts {
            let counts = try answers(statements)
            if try holds(counts) { return counts }
            Thread.sleep(forTimeInterval: 1)
        }
        throw Disproved(description: problem)
    }

    private static let attempts = 5

    private func count(_ ports: [String]) -> [String: Int] {
        let names = Dictionary(uniqueKeysWithValues: cluster.nodes.map { ("\($0.port)", $0.name) })
        return ports.reduce(into: [:]) { counts, port in
            if let name = names[port] { counts[name, default: 0] += 1 }
        }
    }

    /// A line for each server that answered, with a bar as long as its share.
    private func show(_ counts: [String: Int]) {
        let total = counts.values.reduce(0, +)
        for node in cluster.nodes {
            guard let count = counts[node.name] else { continue }
            let bar = String(repeating: "▇", count: max(1, count * 40 / total))
            say("     \(padded(node.name, 9)) \(padded("\(count)", 4)) \(bar)")
        }
    }

    private func require(_ holds: Bool, _ problem: String) throws {
        guard holds else { throw Disproved(description: "\(problem)\n\(router.lastWords)") }
    }
}
