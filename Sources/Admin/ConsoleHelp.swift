// What does a user of the console need to know?

public import Wire

/// The console's names, its list of commands, and what it says of itself to a new client.
public enum Console {
    /// The databases that stand for the console, whatever the settings say of databases.
    public static let databases: Set<String> = ["pointsman", "pgbouncer"]

    /// The rows of SHOW HELP.
    public static var help: [[String?]] {
        ConsoleEntry.all.map { [$0.syntax, $0.isForLookers ? "everybody" : "admin.users", $0.meaning] }
    }

    /// What a server reports at its start, as far as clients cannot do without it.
    public static let parameters = [
        StartupParameter("server_version", "15.0 (Pointsman console)"), StartupParameter("server_encoding", "UTF8"),
        StartupParameter("client_encoding", "UTF8"), StartupParameter("DateStyle", "ISO, MDY"),
        StartupParameter("IntervalStyle", "postgres"), StartupParameter("TimeZone", "UTC"),
        StartupParameter("integer_datetimes", "on"), StartupParameter("standard_conforming_strings", "on"),
        StartupParameter("is_superuser", "off"),
    ]
}
