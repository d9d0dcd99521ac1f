// Does a real standby agree with what the classifier and the table of functions call safe?

import PostgresCluster
import SQL
import SQLCorpus
import Testing

@Suite struct StandbyDifferentialTests {
    /// One cluster for all tests of this file; none of them changes what the others read.
    private static let cluster = Result { try startCluster() }

    /// A primary and its standby with the corpus's objects in place on both.
    private static func startCluster() throws -> PostgresCluster {
        let cluster = try PostgresCluster.start(replicas: 1)
        do {
            let primary = cluster.primary
            let target = ["-h", primary.socketDirectory, "-p", "\(primary.port)", "-U", "postgres"]
            let script = ["-d", PostgresCluster.database, "-v", "ON_ERROR_STOP=1", "-f", SQLCorpus.setupPath]
            try cluster.programs.client("psql", ["-X", "-q"] + target + script).succeed()
            try cluster.waitUntilReplicasStream()
        } catch {
            cluster.stop()
            throw error
        }
        return cluster
    }

    /// Nothing that the standby refuses or answers differently may have been called replica-safe.
    @Test func statements() throws {
        let cluster = try Self.cluster.get()
        let cases = try SQLCorpus.load().filter { !$0.options.contains(.norun) }
        let onStandby = try run(cases, cluster, on: cluster.replicas[0])

        let safe = cases.indices.filter { cases[$0].expected == .replicaSafe || isCalledSafe(cases[$0]) }
        let onPrimary = try run(safe.map { cases[$0] }, cluster, on: cluster.primary)
        for (index, primary) in zip(safe, onPrimary) {
            let (statement, standby) = (cases[index], onStandby[index])
            #expect(!standby.isRefusal, "refused with \(standby.sqlState): \(statement)")
            #expect(standby.sqlState == primary.sqlState, "ends differently on the primary: \(statement)")
            if !statement.options.contains(.varies) {
                #expect(standby.output == primary.output, "the primary answers differently: \(statement)")
            }
        }
        #expect(safe.count > 300)
    }

    /// Without knowledge of the catalog some statements look harmless; those are known and marked.
    private func isCalledSafe(_ statement: CorpusCase) -> Bool {
        !statement.options.contains(.catalog) && statement.classification.routeClass == .replicaSafe
    }

    private func run(
        _ cases: [CorpusCase], _ cluster: PostgresCluster, on node: PostgresNode
    ) throws -> [StatementAnswer] {
        let escapes = "SET standard_conforming_strings = off; SET escape_string_warning = off"
        let prepare = cases.map { $0.options.contains(.backslashEscapes) ? escapes : nil }
        return try StatementRunner(cluster).run(cases.map(\.text), on: node, prepare: prepare)
    }

    /// Every safe function that plain arguments can reach answers on the standby as on the primary.
    @Test func safeFunctions() throws {
        let cluster = try Self.cluster.get()
        let calls = try BuiltinFunctionCalls.ofSafeFunctions(on: cluster.primary)
        let runner = StatementRunner(cluster, reconnects: false)
        let onPrimary = try runner.run(calls.map(\.statement), on: cluster.primary)
        let onStandby = try runner.run(calls.map(\.statement), on: cluster.replicas[0])
        // Time goes on between the two runs, and so does the count of transactions.
        let varying = [
            "age", "clock_timestamp", "gen_random_uuid", "now", "random", "statement_timestamp", "timeofday",
            "transaction_timestamp", "random_normal", "array_sample", "array_shuffle", "uuidv4", "uuidv7",
        ]
        var succeeded: Set<String> = []
        for (call, (primary, standby)) in zip(calls, zip(onPrimary, onStandby)) {
            #expect(standby.sqlState == primary.sqlState, "\(call.statement)")
            if !varying.contains(call.name) {
                #expect(standby.output == primary.output, "\(call.statement)")
            }
            if standby.sqlState == "00000" { succeeded.insert(call.name) }
        }
        #expect(succeeded.count > 1700, "only \(succeeded.count) functions could be called")
    }

    /// The table was made from version 15 and knows every function there.
    @Test func everyFunctionIsKnown() throws {
        let cluster = try Self.cluster.get()
        let names = "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
        let version15 = "current_setting('server_version_num')::int / 10000 = 15"
        for name in try cluster.primary.psql("\(names) AND \(version15)").split(separator: "\n") {
            let found = BuiltinFunctions.classify(name: Array(name.utf8).span, quoted: true)
            #expect(found != .unknown, "\(name)")
        }
    }

    /// A relation of the system that reads differently on the standby may not be read there.
    @Test func systemRelations() throws {
        let cluster = try Self.cluster.get()
        let names = try cluster.primary.psql(
            """
            SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') ORDER BY 1
            """)
        let relations = names.split(separator: "\n").map(String.init)
        let runner = StatementRunner(cluster, reconnects: false)
        let statements = relations.map { "SELECT x::text FROM \($0) AS x ORDER BY 1" }
        let onPrimary = try runner.run(statements, on: cluster.primary)
        let onStandby = try runner.run(statements, on: cluster.replicas[0])
        for (relation, (primary, standby)) in zip(relations, zip(onPrimary, onStandby)) where primary != standby {
            let found = Classifier.classify(Array("TABLE \(relation)".utf8).span, settings: LexerSettings())
            #expect(found.routeClass != .replicaSafe, "\(relation)")
        }
        #expect(relations.count > 150)
    }

    /// Answers that differ without any complaint: nothing but the reviewed exceptions keeps them off the replicas.
    @Test func silentDifferences() throws {
        let cluster = try Self.cluster.get()
        let (primary, standby) = (cluster.primary, cluster.replicas[0])
        func answers(_ question: String) throws -> [String] {
            [try primary.psql(question), try standby.psql(question)]
        }

        #expect(try answers("SELECT last_value FROM s") == ["1", "33"])
        #expect(try answers("SELECT pg_sequence_last_value('s')") == ["1", "33"])
        #expect(try answers("SELECT pg_relation_size('unl') > 0") == ["t", "f"])

        // A transaction that stays open, and a later one, so that a snapshot must name the first.
        try primary.psql("BEGIN", "INSERT INTO logs (line) VALUES ('open')", "PREPARE TRANSACTION 'open'")
        try primary.psql("INSERT INTO logs (line) VALUES ('later')")
        try cluster.waitUntilReplicasStream()
        #expect(try answers("SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot())") == ["1", "0"])
        #expect(try answers("SELECT count(*) FROM pg_prepared_xacts") == ["1", "0"])
        try primary.psql("ROLLBACK PREPARED 'open'")
    }
}
