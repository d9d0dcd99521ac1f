// Does each level of consistency keep its promise while replicas lag at random?

import Locks
import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct ConsistencyTests {
    /// Its first replica replays each commit late.
    private static let cluster = Result {
        let cluster = try PostgresCluster.start(replicas: 2)
        try cluster.primary.psql(
            "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO app", "INSERT INTO t VALUES (0)")
        try cluster.waitUntilReplayed()
        try cluster.replicas[0].set("recovery_min_apply_delay", "40ms")
        return cluster
    }

    private func router(_ consistency: String, workers: Int = 2) throws -> (RouterProcess, PostgresCluster) {
        let cluster = try Self.cluster.get()
        let router = try RouterProcess.start(
            cluster: cluster, consistency: consistency,
            overrides: ["server": ["workers": "\(workers)"], "probe": ["interval": "\"20ms\"", "timeout": "\"10s\""]])
        try eventually("both replicas to be used") {
            try Set((0..<8).map { _ in try router.client().value("SELECT inet_server_port()") ?? "" })
                == cluster.replicaPorts
        }
        return (router, cluster)
    }

    private static let last = Lock<Int>(0)

    /// Writes a larger number than was ever written.
    private func write(_ client: WireClient) throws -> Int {
        let number = Self.last.withLock { last in
            last += 1
            return last
        }
        try client.succeed("UPDATE t SET x = \(number)")
        return number
    }

    private func number(_ client: WireClient) throws -> Int { try Int(client.value("SELECT x FROM t") ?? "") ?? -1 }

    /// What one session has written, every other one sees at once.
    @Test func global() throws {
        let (router, cluster) = try router("global")
        #expect(router.log.contains("consistency \"global\" holds within this process"))
        let writer = try router.client()
        let readers = try (0..<4).map { _ in try router.client() }
        for _ in 1...150 {
            let written = try write(writer)
            for reader in readers { #expect(try number(reader) == written) }
        }
        try eventually("reads to be back on the replicas") {
            try cluster.replicaPorts.contains(readers[0].value("SELECT inet_server_port()") ?? "")
        }
    }

    /// The same readers under `session` are stale now and then: the test can fail.
    @Test func sessionsAreNotGlobal() throws {
        let (router, _) = try router("session")
        let writer = try router.client()
        let reader = try router.client()
        try eventually("a stale read") {
            let written = try write(writer)
            return try number(reader) < written
        }
    }

    /// Reads of one session never go back, whichever replica answers.
    @Test func monotonic() throws {
        let (router, _) = try router("monotonic")
        let writer = try router.client()
        let readers = try (0..<4).map { _ in try router.client() }
        var seen = Array(repeating: 0, count: readers.count)
        for _ in 1...200 {
            _ = try write(writer)
            for (index, reader) in readers.enumerated() {
                let found = try number(reader)
                #expect(found >= seen[index])
                seen[index] = found
            }
        }
    }

    /// Without that, they do.
    @Test func sessionsAreNotMonotonic() throws {
        let (router, _) = try router("eventual")
        let writer = try router.client()
        let reader = try router.client()
        var seen = 0
        try eventually("a read that goes back") {
            _ = try write(writer)
            let found = try number(reader)
            defer { seen = found }
            return found < seen
        }
    }

    /// One person's requests come over several connections.
    @Test func groups() throws {
        let (router, _) = try router("session")
        let writer = try router.client(options: [("pointsman.group", "user-42")])
        let reader = try router.client()
        try reader.succeed("SET pointsman.group = 'user-42'")
        let other = try router.client()
        for _ in 1...60 {
            let written = try write(writer)
            #expect(try number(reader) == written)
            #expect(
                try other.value("/* pointsman: group=user-42 */ SELECT x FROM t") == "\(written)")
        }
        // Another group's sessions are stale now and then.
        try other.succeed("SET pointsman.group = 'user-43'")
        try eventually("a stale read") {
            let written = try write(writer)
            return try number(other) < written
        }
    }

    /// The group of the moment counts, also where the session has its server already.
    @Test func groupsThatAreChosenLate() throws {
        let (router, _) = try router("session")
        let pinned = try router.client()
        try pinned.succeed("LISTEN news")
        try pinned.succeed("SET pointsman.group = 'late'")
        let writer = try router.client()
        let reader = try router.client(options: [("pointsman.group", "late")])
        for _ in 1...20 {
            var written = try write(pinned)
            #expect(try number(reader) == written)
            try writer.succeed("BEGIN")
            written = try write(writer)
            try writer.succeed("SET LOCAL pointsman.group = 'late'")
            try writer.succeed("COMMIT")
            #expect(try number(reader) == written)
            written = Self.last.withLock { last in
                last += 1
                return last
            }
            try writer.succeed("BEGIN")
            try writer.succeed("/* pointsman: group=late */ UPDATE t SET x = \(written)")
            try writer.succeed("COMMIT")
            #expect(try number(reader) == written)
        }
    }

    /// What was read on the primary does not get lost again, although the level was chosen with that in hand.
    @Test func monotonicThatIsChosenLate() throws {
        let (router, _) = try router("session")
        let writer = try router.client()
        for _ in 1...20 {
            let reader = try router.client()
            try reader.succeed("BEGIN")
            _ = try number(reader)
            try reader.succeed("SET pointsman.consistency = monotonic")
            let written = try write(writer)
            #expect(try number(reader) == written)
            try reader.succeed("COMMIT")
            #expect(try number(reader) == written)
        }
    }

    /// A transaction that reads on a replica sees at each statement what the session must see by then.
    @Test(arguments: ["global", "group", "token"])
    func transactionsOnReplicas(_ kind: String) throws {
        let (router, cluster) = try router(kind == "global" ? "global" : "session")
        let options = kind == "group" ? [("pointsman.group", "late")] : []
        let writer = try router.client(options: options)
        let reader = try router.client(options: options)
        for _ in 1...20 {
            try eventually("reads to be on a replica") {
                try cluster.replicaPorts.contains(reader.value("SELECT inet_server_port()") ?? "")
            }
            try reader.succeed("BEGIN READ ONLY")
            _ = try number(reader)
            let written = try write(writer)
            if kind == "token" {
                let token = try #require(try writer.value("SHOW pointsman.token"))
                try reader.succeed("SET pointsman.token = '\(token)'")
            }
            #expect(try number(reader) == written)
            try reader.succeed("COMMIT")
        }
    }

    /// A session may ask for more than the operator has set.
    @Test func byTheSession() throws {
        let (router, _) = try router("eventual")
        let writer = try router.client()
        let reader = try router.client()
        try reader.succeed("SET pointsman.consistency = global")
        for _ in 1...60 {
            let written = try write(writer)
            #expect(try number(reader) == written)
            #expect(try writer.value("/* pointsman: consistency=session */ SELECT x FROM t") == "\(written)")
        }
    }

    /// Asynchronous commits are told before they are flushed; the session sees them all the same.
    @Test func asynchronousCommits() throws {
        let (router, _) = try router("session")
        let client = try router.client(options: [("options", "-c synchronous_commit=off")])
        for _ in 1...60 {
            let written = try write(client)
            #expect(try number(client) == written)
        }
    }

    /// What one process acknowledged, another shows to whoever brings the token.
    @Test func tokens() throws {
        let (router, _) = try router("session")
        let (other, _) = try self.router("session")
        let writer = try router.client()
        let reader = try other.client()
        for turn in 1...40 {
            let written = try write(writer)
            let token = try #require(try writer.value("SHOW pointsman.token"))
            if turn % 3 == 0 {
                let newcomer = try other.client(options: [("options", "-c pointsman.token=\(token)")])
                #expect(try number(newcomer) == written)
            } else {
                try reader.succeed("SET pointsman.token \(turn % 3 == 1 ? "=" : "TO") '\(token)'")
                #expect(try number(reader) == written)
            }
        }
        // Without a token the other process's sessions are stale now and then.
        try eventually("a stale read") {
            let written = try write(writer)
            return try number(reader) < written
        }
    }

    @Test func tokensThatAreNone() throws {
        let (router, _) = try router("session")
        let client = try router.client()
        #expect(try client.query("SET pointsman.token = 'x'").errors == ["22023"])
        #expect(try client.query("SET pointsman.token = '1/1/0/1'").errors == ["22023"])
        try client.succeed("BEGIN")
        let token = try #require(try client.value("SHOW pointsman.token"))
        for text in ["SET LOCAL pointsman.token = '\(token)'", "RESET pointsman.token", "SELECT 1"] {
            try client.succeed(text)
        }
        #expect(try client.query("SET pointsman.token = '1/1/0/1'").errors == ["22023"])
        #expect(try client.query("SHOW pointsman.token").errors == ["25P02"])
        try client.succeed("ROLLBACK")
        try client.succeed("SET pointsman.token TO DEFAULT")
        #expect(throws: (any Error).self) {
            try router.client(options: [("options", "-c pointsman.token=1/1/0/1")])
        }
    }
}
