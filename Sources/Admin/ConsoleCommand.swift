// What can be asked of the console, and by whom?

/// How the process ends by command.
public enum ShutdownMode: Equatable, Sendable {
    case immediately
    /// When all transactions have ended.
    case afterTransactions
    /// When all clients have left.
    case drain
}

/// A command of the console, read and checked. Where a database can be named, nil means all.
public enum ConsoleCommand: Equatable, Sendable {
    case show(ConsoleView)
    /// Takes a node out, by its address or a part of that which names no other.
    case drain(node: String)
    case undrain(node: String)
    /// Lets no further work begin, and is answered when all that runs has ended.
    case pause(database: String?)
    /// As `pause` of everything.
    case suspend
    case resume(database: String?)
    /// Servers are replaced as they become free.
    case reconnect(database: String?)
    /// Is answered when all servers that a `reconnect` has condemned are gone.
    case waitClose(database: String?)
    /// Turns clients away from now on.
    case disable(database: String)
    case enable(database: String)
    /// Ends all connections and leaves the database paused.
    case kill(database: String?)
    case killClient(id: String)
    case reload
    case shutdown(ShutdownMode)
    /// A setting of the router under PgBouncer's name.
    case set(key: String, value: String)
    /// A setting that drivers choose for themselves, without meaning here.
    case setOfDriver
    /// nil: the only database that there is.
    case explainRoute(database: String?, statement: String)

    /// The names of the result's columns; none: there is no result.
    public var columns: [String] {
        switch self {
        case .show(let view): view.columns
        case .explainRoute: ["item", "value"]
        case .drain, .undrain, .pause, .suspend, .resume, .reconnect, .waitClose, .disable, .enable, .kill,
            .killClient, .reload, .shutdown, .set, .setOfDriver:
            []
        }
    }

    /// PostgreSQL's numbers (OIDs) of the columns' types; none: all are texts.
    public var types: [Int32] { if case .show(let view) = self { view.types } else { [] } }

    /// What CommandComplete says.
    public var tag: String {
        switch self {
        case .show: "SHOW"
        case .drain: "DRAIN"
        case .undrain: "UNDRAIN"
        case .pause: "PAUSE"
        case .suspend: "SUSPEND"
        case .resume: "RESUME"
        case .reconnect: "RECONNECT"
        case .waitClose: "WAIT_CLOSE"
        case .disable: "DISABLE"
        case .enable: "ENABLE"
        case .kill: "KILL"
        case .killClient: "KILL_CLIENT"
        case .reload: "RELOAD"
        case .shutdown: "SHUTDOWN"
        case .set, .setOfDriver: "SET"
        case .explainRoute: "EXPLAIN"
        }
    }
}
