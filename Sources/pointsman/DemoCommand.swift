// How does one try the router without any servers of one's own?

import ArgumentParser
import PostgresCluster

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Start a private primary, two replicas and the router, and show what the router does.",
        discussion: """
            The servers come from the PostgreSQL that is installed here and live in a temporary directory; nothing of \
            them is left at the end.
            """)

    @Option(help: "The port on which each statement is routed on its own.")
    var port = 6432

    @Option(help: "The port of the replicas.")
    var readerPort = 6433

    @Option(help: "The port of the primary.")
    var writerPort = 6434

    @Option(name: .customLong("for"), help: "End by itself after this time (20, 20s, 5m) instead of on Ctrl-C.")
    var limit: DemoDuration?

    func validate() throws {
        let ports = [port, readerPort, writerPort]
        guard ports.allSatisfy({ (1...65_535).contains($0) }) else {
            throw ValidationError("A port is a number from 1 to 65535.")
        }
        guard Set(ports).count == ports.count else { throw ValidationError("The three ports must be different.") }
    }

    func run() throws {
        let ports = DemoPorts(split: port, reader: readerPort, writer: writerPort)
        do {
            try Demo(ports: ports, limit: limit?.duration).run()
        } catch let error as ClusterError {
            throw OperatorError(sentence: "\(error)")
        }
    }
}

/// A time on the command line: seconds when no unit stands behind the number.
struct DemoDuration: ExpressibleByArgument, Equatable {
    let duration: Duration

    /// A year of demonstration is enough.
    private static let longest = 366 * 24 * 3600

    init?(argument: String) {
        let units = ["s": 1, "m": 60, "h": 3600]
        let unit = argument.last.flatMap { units[String($0)] }
        let digits = unit == nil ? argument[...] : argument.dropLast()
        guard let count = Int(digits), count >= 0 else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow, seconds <= Self.longest else { return nil }
        duration = .seconds(seconds)
    }
}
