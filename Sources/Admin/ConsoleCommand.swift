// What can be asked of the console, and by whom?

/// A command of the console, read and checked.
public enum ConsoleCommand: Equatable, Sendable {
    case showHelp
    case showVersion
    case showNodes
    case showRoutes
    /// Takes a node out, by its address or a part of that which names no other.
    case drain(node: String)
    case undrain(node: String)
    /// Lets no further work begin, of a database or of all, and is answered when all that runs has ended.
    case pause(database: String?)
    case resume(database: String?)
    /// nil: the only database that there is.
    case explainRoute(database: String?, statement: String)

    /// The names of the result's columns; none: there is no result.
    public var columns: [String] {
        switch self {
        case .showHelp: ["command", "for", "what it does"]
        case .showVersion: ["version"]
        case .showNodes:
            [
                "cluster", "node", "role", "state", "lag_bytes", "lag_ms", "timeline", "lsn", "weight", "outstanding",
                "why",
            ]
        case .showRoutes: ["goes_to", "reason", "object", "database", "count", "remark"]
        case .drain, .undrain, .pause, .resume: []
        case .explainRoute: ["item", "value"]
        }
    }

    /// What CommandComplete says.
    public var tag: String {
        switch self {
        case .showHelp, .showVersion, .showNodes, .showRoutes: "SHOW"
        case .drain: "DRAIN"
        case .undrain: "UNDRAIN"
        case .pause: "PAUSE"
        case .resume: "RESUME"
        case .explainRoute: "EXPLAIN"
        }
    }

    /// Whether those may use it who may only look.
    public var onlyLooks: Bool {
        switch self {
        case .showHelp, .showVersion, .showNodes, .showRoutes, .explainRoute: true
        case .drain, .undrain, .pause, .resume: false
        }
    }
}

/// One line of the table of all commands: how it begins, how it is written, and how the rest of it is read.
struct ConsoleEntry: Sendable {
    /// The words that it begins with, in capitals.
    var words: [String]
    /// What stands behind them.
    var rest: String
    var isForLookers: Bool
    var meaning: String
    /// nil: the rest is not what it should be.
    var read: @Sendable (ConsoleText) -> ConsoleCommand?

    var syntax: String { (words + (rest.isEmpty ? [] : [rest])).joined(separator: " ") }

    /// Every command that there is; SHOW HELP shows this table.
    static let all: [ConsoleEntry] = [
        ConsoleEntry(words: ["SHOW", "HELP"], rest: "", isForLookers: true, meaning: "this list") {
            $0.isAtEnd ? .showHelp : nil
        },
        ConsoleEntry(words: ["SHOW", "VERSION"], rest: "", isForLookers: true, meaning: "the version of Pointsman") {
            $0.isAtEnd ? .showVersion : nil
        },
        ConsoleEntry(
            words: ["SHOW", "NODES"], rest: "", isForLookers: true,
            meaning: "role, state, lag and work of each node, and why it serves no reads"
        ) { $0.isAtEnd ? .showNodes : nil },
        ConsoleEntry(
            words: ["SHOW", "ROUTES"], rest: "", isForLookers: true,
            meaning: "where batches went since the start, by reason and by the object that decided"
        ) { $0.isAtEnd ? .showRoutes : nil },
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
            words: ["DRAIN"], rest: "node", isForLookers: false,
            meaning: "gives the replica no further reads; what runs there ends in peace"
        ) { text in
            var text = text
            guard let node = text.name(), text.isAtEnd else { return nil }
            return .drain(node: node)
        },
        ConsoleEntry(
            words: ["UNDRAIN"], rest: "node", isForLookers: false, meaning: "gives the replica reads again"
        ) { text in
            var text = text
            guard let node = text.name(), text.isAtEnd else { return nil }
            return .undrain(node: node)
        },
        ConsoleEntry(
            words: ["PAUSE"], rest: "[database]", isForLookers: false,
            meaning: "lets no further statement or transaction begin; answers when none runs any more"
        ) { ofDatabase($0).map { .pause(database: $0) } },
        ConsoleEntry(
            words: ["RESUME"], rest: "[database]", isForLookers: false, meaning: "lets what waits since a PAUSE go on"
        ) { ofDatabase($0).map { .resume(database: $0) } },
    ]

    /// The name of a database, or nothing; the outer nil: something else.
    private static func ofDatabase(_ text: ConsoleText) -> String?? {
        var text = text
        if text.isAtEnd { return .some(nil) }
        guard let name = text.name(), text.isAtEnd else { return nil }
        return .some(name)
    }
}
