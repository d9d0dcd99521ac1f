// Is what must be seen seen where the replicas show nothing new for as long as a test lasts?

import PostgresCluster
import TestSupport
import Testing

@Suite(.serialized) struct PausedReplicaTests {
    private static let cluster = Result { try PostgresCluster.start(replicas: 2) }

    /// A table that is empty on all servers, and replicas that replay nothing from then on.
    private struct Standstill {
        let cluster: PostgresCluster
        let router: RouterProcess
        let table = SharedCluster.tableName("seen")

        var count: String { "SELECT count(*) FROM \(table)" }
        var insert: String { "INSERT INTO \(table) VALUES (1)" }

        init(_ level: String, paused: [Int] = [0, 1]) throws {
            cluster = try PausedReplicaTests.cluster.get()
            try cluster.primary.psql("CREATE TABLE \(table) (x int)", "GRANT ALL ON \(table) TO app")
            router = try Stage.startRouter(cluster, consistency: level, ["routing": ["max_lag": "\"1h\""]])
            try cluster.waitUntilReplayed()
            for place in paused { try cluster.replicas[place].pauseReplay() }
        }

        func end() throws {
            router.stop()
            for replica in cluster.replicas { try replica.resumeReplay() }
            try cluster.waitUntilReplayed()
        }

        func client(options: [(String, String)] = []) throws -> WireClient { try router.client(options: options) }
        func reader() throws -> WireClient { try WireClient(port: router.readerPort, deadline: .seconds(20)) }

        /// Tells of the write of another session.
        func token() throws -> String {
            let writer = try client()
            defer { writer.close() }
            try writer.succeed(insert)
            return try #require(try writer.value("SHOW pointsman.token"))
        }
    }

    private func withStandstill(
        _ level: String, paused: [Int] = [0, 1], _ body: (Standstill) throws -> Void
    ) throws {
        let standstill = try Standstill(level, paused: paused)
        defer { try? standstill.end() }
        try body(standstill)
    }

    private func values(_ answer: [BackendMessage]) -> [String?] { answer.rows.map { $0.first ?? nil } }

    /// As libpq sends one when it leaves its pipeline mode.
    @Test func behindALoneFlush() throws {
        try withStandstill("session") { still in
            let token = try still.token()
            let client = try still.client()
            #expect(try client.value(still.count) == "0")
            try client.send(.flush, .query("SET pointsman.token = '\(token)'"))
            #expect(try client.readUntilReady().errors == [])
            try client.send(.flush)
            #expect(try client.value(still.count) == "1")
            try client.send(.flush, .query("SET pointsman.consistency = global"))
            #expect(try client.readUntilReady().errors == [])
            #expect(try client.value("SHOW pointsman.consistency") == "global")
            try client.send(.flush, .query("/* pointsman: role=replica */ \(still.insert)"))
            #expect(try client.readUntilReady().errors == ["25006"])
            // In the midst of a batch it is what it always was.
            try client.send([.flush] + execution("SELECT 7") + [.flush, .flush])
            #expect(try client.read(until: .commandComplete).rows == [["7"]])
            try client.send(.flush, .sync, .flush, .query("SELECT 8"))
            #expect(try client.readUntilReady().errors == [])
            #expect(try client.readUntilReady().value == "8")
        }
    }

    @Test func theStrictestOfABatch() throws {
        try withStandstill("session") { still in
            let client = try still.client()
            try client.succeed(still.insert)
            let loose = "/* pointsman: consistency=eventual */ \(still.count)"
            #expect(try values(client.exchange(execution(loose))) == ["0"])
            for texts in [[still.count, loose], [loose, still.count]] {
                #expect(try values(client.exchange(texts.flatMap(execution))) == ["1", "1"])
            }
            let grouped = "/* pointsman: group=nobody */ \(still.count)"
            #expect(try values(client.exchange([loose, grouped].flatMap(execution))) == ["1", "1"])
        }
    }

    @Test func severalGroupsInABatch() throws {
        try withStandstill("session") { still in
            func count(_ group: String) -> String { "/* pointsman: group=\(group) */ \(still.count)" }
            let (writer, reader) = (try still.client(), try still.client())
            let texts = ["a", "b"].map { "/* pointsman: group=\($0) */ \(still.insert)" }
            #expect(try writer.exchange(texts.flatMap(execution)).errors == [])
            #expect(try reader.value(count("c")) == "0")
            for group in ["a", "b"] { #expect(try reader.value(count(group)) == "2") }
            #expect(try values(reader.exchange([count("c"), count("a")].flatMap(execution))) == ["2", "2"])
            // That of the session is one of them where a text names none.
            let member = try still.client(options: [("pointsman.group", "a")])
            #expect(try values(member.exchange([count("c"), still.count].flatMap(execution))) == ["2", "2"])
        }
    }

    @Test func aGroupNamedBehindAFlush() throws {
        try withStandstill("session") { still in
            let (writer, reader) = (try still.client(), try still.client())
            try writer.send(execution("SELECT 1") + [.flush])
            _ = try writer.read(until: .commandComplete)
            try writer.send(execution("/* pointsman: group=g */ \(still.insert)") + [.sync])
            #expect(try writer.readUntilReady().errors == [])
            #expect(try reader.value(still.count) == "0")
            #expect(try reader.value("/* pointsman: group=g */ \(still.count)") == "1")

            // A statement without a comment is its session's group's.
            let member = try still.client(options: [("pointsman.group", "own")])
            #expect(try member.exchange([.parse(still.insert, name: "insert")]).errors == [])
            try member.send(execution("/* pointsman: group=g */ SELECT 1") + [.flush])
            _ = try member.read(until: .commandComplete)
            try member.send(.bind(statement: "insert"), .execute(), .sync)
            #expect(try member.readUntilReady().errors == [])
            #expect(try reader.value("/* pointsman: group=own */ \(still.count)") == "2")
        }
    }

    /// What is only parsed and described settles nothing.
    @Test(arguments: ["", "/* pointsman: consistency=global */ ", "/* pointsman: group=g */ "])
    func committedBehindADescription(_ comment: String) throws {
        try withStandstill(comment.isEmpty ? "global" : "session") { still in
            let (writer, client) = (try still.client(options: [("pointsman.group", "g")]), try still.client())
            try client.send(.parse(comment + still.count), .describeStatement(), .flush)
            _ = try client.read(until: .rowDescription)
            try writer.succeed(still.insert)
            try client.send(.bind(), .execute(), .sync)
            #expect(try client.readUntilReady().value == "1")
        }
    }

    @Test(arguments: ["session", "monotonic", "global"]) func aCommentInATransaction(_ level: String) throws {
        try withStandstill("eventual") { still in
            let client = try still.client()
            try client.succeed(still.insert)
            try client.succeed("BEGIN READ ONLY")
            #expect(try client.value(still.count) == "0")
            #expect(try client.value("/* pointsman: consistency=\(level) */ \(still.count)") == "1")
            try client.succeed("COMMIT")
        }
    }

    @Test func monotonicBehindAWeakerRead() throws {
        try withStandstill("eventual", paused: [1]) { still in
            try still.cluster.primary.psql(still.insert)
            let monotonic = "/* pointsman: consistency=monotonic */ \(still.count)"
            let client = try eventually("a session that has seen the row") {
                let client = try still.client()
                guard try client.value(monotonic) == "1" else { throw SupportError("not yet") }
                return client
            }
            for _ in 0..<3 {
                try eventually("a read that does not") { try client.value(still.count) == "0" }
                #expect(try client.value(monotonic) == "1")
            }
            // A transaction that has begun at the weaker level, on the replica that lags.
            try eventually("a transaction that does not see it") {
                try client.succeed("BEGIN READ ONLY")
                if try client.value(still.count) == "0" { return true }
                try client.succeed("COMMIT")
                return false
            }
            try client.succeed("SET LOCAL pointsman.consistency = monotonic")
            #expect(try client.value(still.count) == "1")
            try client.succeed("COMMIT")
        }
    }

    @Test func aWriterThatVanishes() throws {
        try withStandstill("global") { still in
            let writer = try still.client(options: [("pointsman.group", "g")])
            let reader = try still.client()
            try writer.send(.query("BEGIN; \(still.insert); COMMIT; SELECT pg_sleep(60)"))
            try eventually("the commit") { try still.cluster.primary.psql(still.count) == "1" }
            writer.reset()
            try eventually("the row to be seen") { try reader.value(still.count) == "1" }
            #expect(try reader.value("/* pointsman: consistency=session, group=g */ \(still.count)") == "1")
        }
    }

    @Test func theReaderPort() throws {
        try withStandstill("session") { still in
            let token = try still.token()
            let client = try still.reader()
            try client.succeed("BEGIN")
            #expect(try client.value(still.count) == "0")
            try client.succeed("SET pointsman.token = '\(token)'")
            #expect(try client.value(still.count) == "1")
            try client.succeed("COMMIT")
            try client.succeed("SET pointsman.consistency = primary")
            #expect(try client.value(still.count) == "1")

            // With what cannot be taken along it cannot leave.
            let lock = "LOCK TABLE \(still.table) IN ACCESS SHARE MODE"
            for root in ["DECLARE c CURSOR FOR \(still.count)", "SET work_mem = '5MB'", "SET ROLE app", lock] {
                let rooted = try still.reader()
                try rooted.succeed("BEGIN")
                try rooted.succeed(root)
                try rooted.succeed("SET pointsman.token = '\(token)'")
                // What a cursor shows was settled when it was declared.
                if root.hasPrefix("DECLARE") { #expect(try rooted.value("FETCH c") == "0") }
                #expect(try rooted.query(still.count).errors == ["40001"], "\(root)")
                #expect(try rooted.query(still.count).errors == ["25P02"])
            }
            let fixed = try still.reader()
            #expect(try fixed.query("BEGIN ISOLATION LEVEL REPEATABLE READ; \(still.count)").value == "0")
            try fixed.succeed("SET pointsman.token = '\(token)'")
            #expect(try fixed.value(still.count) == "0", "one state for the whole transaction")
            try fixed.succeed("COMMIT")
            #expect(try fixed.value(still.count) == "1")

            let pinned = try still.reader()
            try pinned.succeed("SELECT set_config('enable_sort' || '', 'off', false)")
            #expect(try pinned.value(still.count) == "0")
            #expect(try pinned.query("/* pointsman: group=g */ \(still.count)").errors == ["55000"])
            #expect(try pinned.value(still.count) == "0")
            try pinned.succeed("SET pointsman.token = '\(token)'")
            #expect(try pinned.query(still.count).errors == ["55000"])
            #expect(try pinned.extended(still.count).errors == ["55000"])
            try pinned.send(.flush, .sync)
            #expect(try pinned.readUntilReady().errors == [])
            try pinned.succeed("DISCARD ALL")
            #expect(try pinned.value(still.count) == "1")
        }
    }

    /// Whoever has begun it, and with what else: its reads see what they must, or it fails.
    @Test func transactionsOfTheReaderPort() throws {
        try withStandstill("session") { still in
            let token = try still.token()
            func read(_ client: WireClient) throws -> [BackendMessage] {
                try client.succeed("SET pointsman.token = '\(token)'")
                let answer = try client.query(still.count)
                client.close()
                return answer
            }
            let pinned = try still.reader()
            try pinned.succeed("SET work_mem = '5MB'; SELECT 1")
            try pinned.succeed("BEGIN")
            #expect(try pinned.value(still.count) == "0")
            #expect(try read(pinned).errors == ["40001"])

            let inOneText = try still.reader()
            #expect(try inOneText.query("BEGIN; \(still.count)").value == "0")
            #expect(try read(inOneText).errors == ["40001"])

            let inOneBatch = try still.reader()
            #expect(try inOneBatch.exchange(execution("BEGIN") + execution(still.count)).value == "0")
            #expect(try read(inOneBatch).value == "1")

            let anew = try still.reader()
            try anew.succeed("BEGIN ISOLATION LEVEL REPEATABLE READ")
            #expect(try anew.value(still.count) == "0")
            #expect(try anew.exchange(["COMMIT", "BEGIN", still.count].flatMap(execution)).value == "0")
            #expect(try read(anew).value == "1")
        }
    }

    /// A comment counts where it stands ahead of the choice; behind a Flush it can only be refused.
    @Test func commentsAndAFlushOnTheReaderPort() throws {
        try withStandstill("session") { still in
            let client = try still.reader()
            for comment in ["group=nobody", "max_lag=1h", "consistency=monotonic"] {
                let text = "/* pointsman: \(comment) */ \(still.count)"
                #expect(try client.exchange(execution(text) + [.flush]).value == "0", "\(comment)")
            }
            try client.send(execution("SELECT 1") + [.flush])
            _ = try client.read(until: .commandComplete)
            try client.send(execution("/* pointsman: group=g */ \(still.count)") + [.sync])
            #expect(try client.readUntilReady().errors == ["40001"])
            #expect(try client.value(still.count) == "0")
        }
    }

    /// Sessions keep the level that they began with.
    @Test func aReload() throws {
        let cluster = try Self.cluster.get()
        let table = SharedCluster.tableName("seen")
        try cluster.primary.psql("CREATE TABLE \(table) (x int)", "GRANT ALL ON \(table) TO app")
        var settings = try RouterConfiguration(
            cluster: cluster,
            overrides: [
                "routing": ["max_lag": "\"1h\"", "consistency": "\"session\""], "probe": ["timeout": "\"10s\""],
            ])
        let router = try RouterProcess.start(settings)
        defer { router.stop() }
        try router.waitUntilReadsReach(cluster.replicaPorts)
        try cluster.waitUntilReplayed()
        for replica in cluster.replicas { try replica.pauseReplay() }
        defer { for replica in cluster.replicas { try? replica.resumeReplay() } }
        let client = try router.client()
        try client.succeed("INSERT INTO \(table) VALUES (1)")
        settings.tables["routing"]?["consistency"] = "\"eventual\""
        try router.reload(settings)
        try eventually("the new level") {
            let newcomer = try router.client()
            defer { newcomer.close() }
            return try newcomer.value("SHOW pointsman.consistency") == "eventual"
        }
        #expect(try client.value("SELECT count(*) FROM \(table)") == "1")
        #expect(try client.value("SHOW pointsman.consistency") == "session")
    }
}
