// Where would the statements on standard input go?

import ArgumentParser
import Foundation
import Reactor
import Routing
import SQL
import Settings

struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Tell for each statement on standard input where it would go and why; needs no server.",
        discussion: """
            Prints one line for each statement, in order. A statement counts as coming alone, in a new session of \
            the split port, while the primary and a caught-up replica are there; "nowhere" is what the router would \
            refuse. A comment at its head counts (/* pointsman: role=primary */). Of the functions, views and tables \
            of users nothing is known, unless --connect reads the catalog of their database.
            """)

    enum Input: String, CaseIterable, ExpressibleByArgument {
        case sql, nul, json
    }

    @Option(help: ArgumentHelp("A settings file whose [routing] applies.", valueName: "file"))
    var config: String?

    @Option(help: "sql: one statement on each line; nul: separated by NUL; json: one JSON string on each line.")
    var input = Input.sql

    @Option(help: "text: for people; json: one object for each statement; route: only replica, primary or nowhere.")
    var format = ReportFormat.text

    @Flag(help: "Read the catalog of the database once, from the nodes of the settings file, and judge by it.")
    var connect = false

    @Option(help: ArgumentHelp("With --connect: the database as clients name it.", valueName: "name"))
    var database: String?

    func validate() throws {
        if connect, config == nil { throw ValidationError("--connect needs --config.") }
        if !connect, database != nil { throw ValidationError("--database is of use with --connect only.") }
    }

    func run() throws {
        // Nobody reads any more: the end.
        Signal.brokenPipe.restore()
        let configuration = try config.map { try Configuration.load(path: $0) }
        var settings = configuration?.routing ?? RoutingSettings()
        var knowledge: Knowledge?
        if connect, let configuration {
            let reading = try CatalogReading(configuration, database: database)
            settings = reading.settings.routing
            knowledge = try reading.knowledge()
        }
        var splitter = StatementSplitter(separator: input == .nul ? 0 : UInt8(ascii: "\n"))
        var lines = RouteLines(
            input: input, report: RouteReport(format: format),
            judge: StatementJudge(settings: settings, knowledge: knowledge))
        // Also what stands before a statement that cannot be read gets its line.
        defer { lines.flush() }
        do {
            var data = try Self.firstByte()
            while !data.isEmpty {
                try splitter.feed(Array(data)) { try lines.add($0) }
                lines.flush()
                data = FileHandle.standardInput.availableData
            }
            try splitter.finish { try lines.add($0) }
        } catch is StatementSplitter.TooLong {
            let limit = StatementSplitter.longestStatement
            throw OperatorError(sentence: "standard input: statement \(lines.count + 1) is longer than \(limit) bytes")
        }
    }

    /// `availableData` takes what has arrived, but ends the process where nothing can be read at all.
    private static func firstByte() throws -> Data {
        do {
            return try FileHandle.standardInput.read(upToCount: 1) ?? Data()
        } catch {
            throw OperatorError(sentence: "standard input cannot be read")
        }
    }
}

/// The lines of the statements so far.
private struct RouteLines {
    let input: ClassifyCommand.Input
    let report: RouteReport
    let judge: StatementJudge
    private(set) var count = 0
    private var unwritten = ""

    init(input: ClassifyCommand.Input, report: RouteReport, judge: StatementJudge) {
        self.input = input
        self.report = report
        self.judge = judge
    }

    mutating func add(_ text: Span<UInt8>) throws {
        count += 1
        switch input {
        case .sql, .nul:
            unwritten += try report.line(for: text, StatementRoute(text, by: judge))
        case .json:
            let statement = try decoded(text)
            unwritten += try report.line(for: statement.span, StatementRoute(statement.span, by: judge))
        }
    }

    private func decoded(_ text: Span<UInt8>) throws -> [UInt8] {
        let data = Data(text.indices.map { text[$0] })
        guard let statement = try? JSONDecoder().decode(String.self, from: data) else {
            throw OperatorError(sentence: "standard input: line \(count): expected a JSON string")
        }
        return Array(statement.utf8)
    }

    mutating func flush() {
        guard !unwritten.isEmpty else { return }
        // A reader that has gone ends the process by SIGPIPE; nothing is left to do for any other failure.
        try? FileHandle.standardOutput.write(contentsOf: Data(unwritten.utf8))
        unwritten = ""
    }
}
