// Does a real standby accept what is called replica-safe in thousands of statements, and does nearly all that it may
// answer reach it?

import Foundation
import PostgresCluster
import SQLCorpus
import TestSupport
import Testing

@Suite struct GeneratedStatementTests {
    private static let count = 3_000
    /// Another seed makes other statements: `POINTSMAN_SEED=7 swift test --filter GeneratedStatementTests`.
    private static let seed = UInt64(ProcessInfo.processInfo.environment["POINTSMAN_SEED"] ?? "") ?? 20_261_127

    private func start() throws -> PostgresCluster {
        let cluster = try PostgresCluster.start(replicas: 1)
        try cluster.primary.psql(StatementWriter.schema)
        try cluster.waitUntilReplayed()
        return cluster
    }

    /// Where the router would send each, with what it knows of the catalog.
    private func classified(_ statements: [WrittenStatement], _ cluster: PostgresCluster) throws -> [Bool] {
        let lines = try statements.map { try String(decoding: JSONEncoder().encode($0.text), as: UTF8.self) }
        let configuration = try RouterConfiguration(cluster: cluster)
        let routes = try Classification.routes(
            ofLines: lines, configuration: configuration, database: PostgresCluster.database)
        try #require(routes.count == statements.count)
        return routes.map { $0 == "replica" }
    }

    @Test func aStandbyAcceptsThem() throws {
        let cluster = try start()
        defer { cluster.stop() }
        var writer = StatementWriter(seed: Self.seed)
        let statements = (0..<Self.count).map { _ in writer.statement() }
        let goesToReplica = try classified(statements, cluster)
        let onStandby = try StatementRunner(cluster).run(statements.map(\.text), on: cluster.replicas[0])
        let sent = statements.indices.filter { goesToReplica[$0] }
        let onPrimary = try StatementRunner(cluster, reconnects: false).run(
            sent.map { statements[$0].text }, on: cluster.primary)

        for (index, primary) in zip(sent, onPrimary) {
            let (statement, standby) = (statements[index], onStandby[index])
            #expect(statement.onlyReads || statement.isOnlyPlanned, "sent to a replica: \(statement.text)")
            #expect(!standby.isRefusal, "refused with \(standby.sqlState): \(statement.text)")
            #expect(standby.sqlState == primary.sqlState, "ends differently on the primary: \(statement.text)")
            if !statement.varies {
                #expect(standby.output == primary.output, "the primary answers differently: \(statement.text)")
            }
        }

        // The statements are worth something: most reads succeed, and many others are refused.
        let reads = statements.indices.filter { statements[$0].onlyReads }
        let accepted = reads.filter { onStandby[$0].sqlState == "00000" }
        #expect(accepted.count * 10 > reads.count * 9, "\(accepted.count) of \(reads.count) reads succeed")
        let refused = statements.indices.filter { !statements[$0].onlyReads && onStandby[$0].isRefusal }
        #expect(refused.count > Self.count / 20, "only \(refused.count) statements are refused")

        let kept = accepted.filter { !goesToReplica[$0] }
        #expect(
            kept.count * 100 <= accepted.count,
            "\(kept.count) of \(accepted.count) reads stay on the primary, as \(statements[kept.first ?? 0].text)")
        print("\(accepted.count - kept.count) of \(accepted.count) reads that a standby accepts are sent to it")
    }
}
