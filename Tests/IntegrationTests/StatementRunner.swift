// What does a server answer to each of many statements, each sent as it stands and in a session of its own?

import Foundation
import PostgresCluster

/// A server's answer: how the statement ended, and everything that it returned.
struct StatementAnswer: Equatable {
    /// `00000` when it succeeded.
    var sqlState: String
    var output: String

    /// With these a standby refuses what belongs to the primary.
    var isRefusal: Bool { ["25006", "0A000", "55000", "XX000", "58P01"].contains(sqlState) }
}

/// Runs statements through `psql`, many per process.
struct StatementRunner {
    var cluster: PostgresCluster
    /// Whether each statement gets a new connection.
    var reconnects = true
    private let batchSize = 100

    init(_ cluster: PostgresCluster, reconnects: Bool = true) {
        self.cluster = cluster
        self.reconnects = reconnects
    }

    /// The answers in the order of the statements; `prepare` goes before the statement of its index in its session.
    func run(_ statements: [String], on node: PostgresNode, prepare: [String?] = []) throws -> [StatementAnswer] {
        var answers: [StatementAnswer] = []
        for start in stride(from: 0, to: statements.count, by: batchSize) {
            let batch = start..<min(start + batchSize, statements.count)
            var commands: [String] = []
            for index in batch {
                if index < prepare.count, let first = prepare[index] { commands.append(first) }
                commands += [statements[index], "\\echo \(marker):SQLSTATE"]
                if reconnects { commands.append("\\connect -") }
            }
            let found = try answersOf(commands, on: node)
            guard found.count == batch.count else {
                throw AnswerError(description: "\(batch.count) statements got \(found.count) answers")
            }
            answers += found
        }
        return answers
    }

    private func answersOf(_ commands: [String], on node: PostgresNode) throws -> [StatementAnswer] {
        let target = [
            "-h", node.socketDirectory, "-p", "\(node.port)", "-U", "postgres", "-d", PostgresCluster.database,
        ]
        let options = ["-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate"]
        let psql = cluster.programs.client(
            "psql", options + target + commands.flatMap { ["-c", $0] },
            environment: ["PGOPTIONS": "-c statement_timeout=5s -c lock_timeout=1s"])
        let result = try psql.run(limit: .seconds(120))
        return result.output.split(separator: marker, omittingEmptySubsequences: false).reduce(into: Reading()) {
            $0.read($1)
        }.answers
    }

    private let marker = "@@answered@@"

    /// Between two markers stand the state of the statement before, a line end, and the output of the next one.
    private struct Reading {
        var answers: [StatementAnswer] = []
        var output: Substring?

        mutating func read(_ piece: Substring) {
            guard let earlier = output else {
                output = piece
                return
            }
            answers.append(StatementAnswer(sqlState: String(piece.prefix(5)), output: String(earlier)))
            output = piece.dropFirst(6)
        }
    }

    struct AnswerError: Error, CustomStringConvertible {
        var description: String
    }
}
