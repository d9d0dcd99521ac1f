// How is each command of the console written?

/// One line of the table of all commands: how it begins, how it is written, and how the rest of it is read.
struct ConsoleEntry: Sendable {
    /// The words that it begins with, in capitals.
    var words: [String]
    /// What stands behind them.
    var rest = ""
    var isForLookers = false
    var meaning: String
    /// nil: the rest is not what it should be.
    var read: @Sendable (ConsoleText) -> ConsoleCommand?

    var syntax: String { (words + (rest.isEmpty ? [] : [rest])).joined(separator: " ") }

    /// Every command that there is; SHOW HELP shows this table.
    static let all: [ConsoleEntry] = views + commands

    private static let views = ConsoleView.allCases.map { view in
        ConsoleEntry(words: ["SHOW", view.rawValue], isForLookers: !view.isSecret, meaning: view.meaning) {
            $0.isAtEnd ? .show(view) : nil
        }
    }

    private static let commands: [ConsoleEntry] = [
        ConsoleEntry(
            words: ["EXPLAIN", "ROUTE"], rest: "[IN database] statement", isForLookers: true,
            meaning: "where the statement would go in a new session, and why; nothing is run"
        ) { text in
            var text = text
            let database = text.take("IN") ? text.name() : nil
            guard !text.isAtEnd else { return nil }
            return .explainRoute(database: database, statement: text.remaining)
        },
        ConsoleEntry(
            words: ["DRAIN"], rest: "node",
            meaning: "gives the replica no further reads; what runs there ends in peace"
        ) { oneName($0).map { .drain(node: $0) } },
        ConsoleEntry(words: ["UNDRAIN"], rest: "node", meaning: "gives the replica reads again") {
            oneName($0).map { .undrain(node: $0) }
        },
        ConsoleEntry(
            words: ["PAUSE"], rest: "[database]",
            meaning: "lets no further statement or transaction begin; answers when none runs any more"
        ) { ofDatabase($0).map { .pause(database: $0) } },
        ConsoleEntry(words: ["SUSPEND"], meaning: "as PAUSE, of everything") { $0.isAtEnd ? .suspend : nil },
        ConsoleEntry(
            words: ["RESUME"], rest: "[database]",
            meaning: "lets what waits since a PAUSE, SUSPEND or KILL go on"
        ) { ofDatabase($0).map { .resume(database: $0) } },
        ConsoleEntry(
            words: ["RECONNECT"], rest: "[database]", meaning: "replaces server connections as they become free"
        ) { ofDatabase($0).map { .reconnect(database: $0) } },
        ConsoleEntry(
            words: ["WAIT_CLOSE"], rest: "[database]",
            meaning: "answers when all server connections are gone that a RECONNECT has condemned"
        ) { ofDatabase($0).map { .waitClose(database: $0) } },
        ConsoleEntry(words: ["DISABLE"], rest: "database", meaning: "turns new clients away") {
            oneName($0).map { .disable(database: $0) }
        },
        ConsoleEntry(words: ["ENABLE"], rest: "database", meaning: "lets new clients in again") {
            oneName($0).map { .enable(database: $0) }
        },
        ConsoleEntry(
            words: ["KILL"], rest: "[database]",
            meaning: "ends all client and server connections at once and leaves the database paused"
        ) { ofDatabase($0).map { .kill(database: $0) } },
        ConsoleEntry(
            words: ["KILL_CLIENT"], rest: "id", meaning: "ends a client connection, by its id in SHOW CLIENTS"
        ) { oneName($0).map { .killClient(id: $0) } },
        ConsoleEntry(words: ["RELOAD"], meaning: "reads the settings file again") { $0.isAtEnd ? .reload : nil },
        ConsoleEntry(
            words: ["SHUTDOWN"], rest: "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]",
            meaning: "ends the process: at once, after all transactions, or when all clients have left"
        ) { text in
            var text = text
            if text.isAtEnd { return .shutdown(.immediately) }
            let mode: ShutdownMode? =
                text.take("WAIT_FOR_SERVERS") ? .afterTransactions : text.take("WAIT_FOR_CLIENTS") ? .drain : nil
            return text.isAtEnd ? mode.map { .shutdown($0) } : nil
        },
        ConsoleEntry(
            words: ["SET"], rest: "key = value",
            meaning: "changes a setting until the next RELOAD, under PgBouncer's name"
        ) { setting($0) },
    ]

    private static func oneName(_ text: ConsoleText) -> String? {
        var text = text
        guard let name = text.name(), text.isAtEnd else { return nil }
        return name
    }

    /// The name of a database, or nothing; the outer nil: something else.
    private static func ofDatabase(_ text: ConsoleText) -> String?? {
        var text = text
        if text.isAtEnd { return .some(nil) }
        guard let name = text.name(), text.isAtEnd else { return nil }
        return .some(name)
    }

    /// What drivers set when they connect.
    private static let settingsOfDrivers: Set<String> = [
        "client_encoding", "default_transaction_isolation", "standard_conforming_strings", "datestyle", "timezone",
        "application_name", "extra_float_digits", "client_min_messages", "bytea_output", "intervalstyle",
    ]

    private static func setting(_ text: ConsoleText) -> ConsoleCommand? {
        let parts = text.remaining.split(separator: "=", maxSplits: 1).map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        if let first = text.remaining.split(whereSeparator: { $0.isWhitespace || $0 == "=" }).first,
            settingsOfDrivers.contains(first.lowercased())
        {
            return .setOfDriver
        }
        guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(" ") else { return nil }
        var value = ConsoleText(parts[1])
        guard let word = value.name() else { return .set(key: parts[0].lowercased(), value: "") }
        return value.isAtEnd ? .set(key: parts[0].lowercased(), value: word) : nil
    }
}
