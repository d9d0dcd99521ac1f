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

    /// Time does not go back behind what was read at another level.
    @Test(arguments: [
        "/* pointsman: consistency=primary */", "/* pointsman: role=primary, consistency=eventual */",
        "SET pointsman.consistency = 'session'",
    ])
    func monotonicBehindOtherLevels(_ other: String) throws {
        for level in ["monotonic", "session"] {
            let (router, _) = try router(level)
            let writer = try router.client()
            for _ in 1...20 {
                let reader = try router.client()
                let isHint = other.hasPrefix("/*")
                if !isHint { try reader.succeed(other) }
                let written = try write(writer)
                let role = isHint ? other : "/* pointsman: role=primary */"
                #expect(try reader.value("\(role) SELECT x FROM t") == "\(written)")
                try reader.succeed("SET pointsman.consistency = 'monotonic'")
                #expect(try number(reader) == written, "\(level)")
                reader.close()
            }
        }
    }

    /// A READ ONLY transaction that has read on a replica.
    private func beginOnReplica(_ reader: WireClient, _ cluster: PostgresCluster) throws {
        try eventually("reads to be on a replica") {
            try cluster.replicaPorts.contains(reader.value("SELECT inet_server_port()") ?? "")
        }
        try reader.succeed("BEGIN READ ONLY")
        _ = try number(reader)
    }

    /// What keeps a transaction where it is does not keep it from what it must see.
    @Test(arguments: ["global", "group"], ["DECLARE c CURSOR FOR SELECT 1", "SAVEPOINT a"])
    func transactionsThatCannotLeave(_ kind: String, _ root: String) throws {
        let (router, cluster) = try router(kind == "global" ? "global" : "session")
        let options = kind == "group" ? [("pointsman.group", "rooted")] : []
        let writer = try router.client(options: options)
        let reader = try router.client(options: options)
        for _ in 1...10 {
            try beginOnReplica(reader, cluster)
            try reader.succeed(root)
            let written = try write(writer)
            #expect(try number(reader) == written)
            try reader.succeed("COMMIT")
        }
    }

    /// Where it is too late for that, an error says so.
    @Test(arguments: ["token", "group", "hint"])
    func transactionsThatMustSeeMore(_ kind: String) throws {
        let (router, cluster) = try router("session")
        let writer = try router.client(options: [("pointsman.group", "late-root")])
        let reader = try router.client()
        var refused = 0
        for _ in 1...20 {
            try beginOnReplica(reader, cluster)
            try reader.succeed("DECLARE c CURSOR FOR SELECT 1")
            let written = try write(writer)
            switch kind {
            case "token":
                let token = try #require(try writer.value("SHOW pointsman.token"))
                try reader.succeed("SET pointsman.token = '\(token)'")
            case "group": try reader.succeed("SET LOCAL pointsman.group = 'late-root'")
            default: break
            }
            let hint = kind == "hint" ? "/* pointsman: group=late-root */ " : ""
            let answer = try reader.query(hint + "SELECT x FROM t")
            if answer.errors == ["40001"] {
                refused += 1
            } else {
                #expect(answer.rows.first?.first == "\(written)")
            }
            try reader.succeed("ROLLBACK")
        }
        // What a comment asks for is not compared with what the replica has.
        if kind == "hint" { #expect(refused == 20) }
    }

    /// A comment asks for its statement, in a transaction, too.
    @Test(arguments: ["group=hinted", "consistency=global", "consistency=primary"])
    func commentsInTransactionsOnReplicas(_ wish: String) throws {
        let (router, cluster) = try router("session")
        let writer = try router.client(options: [("pointsman.group", "hinted")])
        let reader = try router.client()
        for _ in 1...20 {
            try beginOnReplica(reader, cluster)
            let written = try write(writer)
            #expect(try reader.value("/* pointsman: \(wish) */ SELECT x FROM t") == "\(written)")
            try reader.succeed("COMMIT")
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
            try beginOnReplica(reader, cluster)
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

    /// Whoever brings a token is not turned away by a process that knows of nothing yet.
    @Test func tokensForAProcessThatHasJustStarted() throws {
        let (router, cluster) = try router("session")
        let writer = try router.client()
        for _ in 1...5 {
            let written = try write(writer)
            let token = try #require(try writer.value("SHOW pointsman.token"))
            let other = try RouterProcess.start(RouterConfiguration(cluster: cluster))
            defer { other.stop() }
            let newcomer = try eventually("the process to listen") {
                try other.client(options: [("options", "-c pointsman.token=\(token)")])
            }
            #expect(try number(newcomer) == written)
        }
        // That of a timeline which never comes is waited for as any other.
        let settings = try RouterConfiguration(
            cluster: cluster, overrides: ["routing": ["failover_wait": "\"300ms\""]])
        let impatient = try RouterProcess.start(settings)
        defer { impatient.stop() }
        try impatient.waitUntilItServes()
        let token = try #require(try writer.value("SHOW pointsman.token"))
        let parts = token.split(separator: "/", maxSplits: 2)
        let future = try impatient.client(options: [("pointsman.token", "\(parts[0])/99/\(parts[2])")])
        try future.send(.query("SELECT 1"))
        #expect(try future.readUntilEnd().errors == ["57P03"])
    }

    /// Whoever waits for what the token stands for can be cancelled, and can leave.
    @Test func waitingForATokenThatIsNotKnown() throws {
        let (router, _) = try router("session")
        let token = try #require(try router.client().value("SHOW pointsman.token")).split(separator: "/", maxSplits: 2)
        let future = [("pointsman.token", "\(token[0])/99/\(token[2])")]
        let cancelled = try router.client(options: future)
        try cancelled.send(.query("SELECT 1"))
        #expect(try cancelled.isSilent(for: .milliseconds(300)))
        // One that comes ahead of the query cancels nothing.
        for _ in 0..<20 where try cancelled.isSilent(for: .milliseconds(300)) { try cancelled.cancel() }
        #expect(try cancelled.readUntilEnd().errors == ["57014"])
        let leaving = try router.client(options: future)
        try leaving.send(.terminate)
        #expect(try leaving.readUntilEnd().isEmpty)
    }

    /// In a failed transaction nothing is answered, as PostgreSQL has it, and no server reads of what is the router's.
    @Test(arguments: ["SELECT 1/0", "SAVEPOINT a; SELECT 1/0"])
    func settingsInFailedTransactions(_ failure: String) throws {
        let (router, _) = try router("session")
        let client = try router.client()
        for name in ["group", "consistency", "max_lag", "token"] {
            for text in ["SHOW pointsman.\(name)", "SET pointsman.\(name) = 'x'", "RESET pointsman.\(name)"] {
                try client.succeed("BEGIN")
                _ = try client.query(failure)
                #expect(try client.query(text).errors == ["25P02"], "\(text)")
                #expect(try client.extended(text).errors == ["25P02"], "\(text)")
                #expect(try client.query("COMMIT").contains { $0.tag == "ROLLBACK" })
            }
        }
    }

    /// Drivers prepare what they ask for, and may read its answer ahead of the Sync.
    @Test func tokensByTheExtendedProtocol() throws {
        let (router, _) = try router("session")
        for isInTransaction in [false, true] {
            let client = try router.client()
            if isInTransaction {
                try client.succeed("BEGIN")
                try client.succeed("SELECT 1")
            }
            let token = try #require(try client.value("SHOW pointsman.token"))
            let show = FrontendMessage.parse("SHOW pointsman.token", name: "show")
            #expect(try client.exchange([show, .describeStatement("show")]).errors == [])
            #expect(try client.exchange([.bind(statement: "show"), .execute()]).rows.first?.first == token)
            for question in ["SHOW pointsman.token", "SHOW pointsman.role"] {
                try client.send(.parse(question), .bind(), .describePortal(), .execute(), .flush)
                #expect(try client.read(until: .commandComplete).rows.count == 1)
                try client.send(.sync)
                #expect(try client.readUntilReady().map(\.kind) == [.readyForQuery])
            }
            #expect(try client.value("SELECT 2") == "2")
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
