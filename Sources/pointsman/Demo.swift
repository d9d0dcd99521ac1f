// What does the demonstration do, from the first server to the last removed file?

import Foundation
import PostgresCluster
import Reactor

/// The ports on which the demonstration's router listens.
struct DemoPorts: Equatable {
    var split: Int
    var reader: Int
    var writer: Int
}

/// A private cluster with the router in front of it, shown at work with real queries.
struct Demo {
    let ports: DemoPorts
    /// How long the demonstration lasts; nil: until a signal ends it.
    let limit: Duration?

    /// Runs to the end. Until the demonstration says how to end it, a signal ends the process as usual; the cluster's
    /// keeper then removes what there is.
    func run() throws {
        let begin = ContinuousClock.now
        try requireFreePorts()
        say("Pointsman demo: a PostgreSQL primary and two streaming replicas, and the router in front of them.\n")

        let cluster = try PostgresCluster.start(replicas: 2)
        defer { cluster.stop() }
        introduce(cluster, startedIn: ContinuousClock.now - begin)

        let router = try DemoRouter.start(cluster: cluster, ports: ports)
        say("  router    127.0.0.1:\(ports.split) split, \(ports.reader) reader, \(ports.writer) writer\n")

        try DemoTour(cluster: cluster, router: router, port: ports.split).run()

        // Whoever is told how to end the demonstration may do so at once.
        let signals = DemoSignals()
        explainHowToConnect(router)
        let end = signals.wait(for: router, deadline: limit.map { begin + $0 })
        say("\n\(end.sentence) Stopping the servers and removing \(cluster.directory).")
        if end == .routerEnded { throw OperatorError(sentence: "the router ended by itself: \(router.lastWords)") }
    }

    /// Listens on each port for a moment: the kernel's list of sockets may miss one while others come and go.
    private func requireFreePorts() throws {
        for port in [ports.split, ports.reader, ports.writer] {
            do throws(ReactorError) {
                try Listener.tcp("127.0.0.1", port: UInt16(port)).close()
            } catch .addressInUse {
                throw OperatorError(
                    sentence: "port \(port) is in use; choose others with --port, --reader-port and --writer-port")
            } catch {
                throw OperatorError(sentence: "\(error)")
            }
        }
    }

    private func introduce(_ cluster: PostgresCluster, startedIn time: Duration) {
        let version = (try? cluster.primary.psql("SHOW server_version")) ?? ""
        let seconds = (time.inSeconds * 10).rounded() / 10
        say("PostgreSQL \(version) in \(cluster.directory), ready in \(seconds) s:")
        for node in cluster.nodes { say("  \(padded(node.name, 9)) \(node.address)") }
    }

    private func explainHowToConnect(_ router: DemoRouter) {
        say(
            """

            Try it in another terminal:
              psql -h 127.0.0.1 -p \(ports.split) -U app app     each statement where it belongs
              psql -h 127.0.0.1 -p \(ports.reader) -U app app     the replicas
              psql -h 127.0.0.1 -p \(ports.writer) -U app app     the primary
            SELECT inet_server_port() tells which server answers; the table of the demonstration is "visits".
            The router's settings: \(router.settingsPath)
            The router's log:      \(router.logPath)

            Running \(limit.map { "for \($0.components.seconds) s in all, or " } ?? "")until Ctrl-C.
            """)
    }
}

/// Prints a line at once, even when standard output is a pipe.
func say(_ line: String) {
    // Nobody reads any more when it is closed; the demonstration goes on to its orderly end.
    try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
}

/// `text` with blanks behind it, `width` characters in all.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
