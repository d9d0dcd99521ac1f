// With which settings, access rules and roles does every server of a private cluster run?

/// A role that may log in with a password.
public struct DatabaseRole: Sendable, Equatable {
    public let name: String
    public let password: String

    /// The superuser.
    public static let superuser = DatabaseRole(name: "postgres", password: "postgres")
    /// The router's probe: `pg_monitor` and nothing else.
    public static let probe = DatabaseRole(name: "pointsman", password: "pointsman")
    /// Owner of the application's database.
    public static let application = DatabaseRole(name: "app", password: "app")
}

/// The files of `Fixtures/cluster`, which docker-compose.yml uses too; they are compiled in, so that `pointsman demo`
/// runs wherever its binary is.
enum NodeConfiguration {
    /// The application's database, owned by the application's role.
    static let database = "app"

    static let settings = PackageResources.postgresql_conf
    static let accessRules = PackageResources.pg_hba_conf

    /// What is run once on the new primary, each statement on its own: one line each.
    static let statements = String(decoding: PackageResources.roles_sql, as: UTF8.self)
        .split(separator: "\n").filter { !$0.hasPrefix("--") }.map(String.init)
}
