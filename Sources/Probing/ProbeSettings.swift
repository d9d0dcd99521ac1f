// How are the nodes asked?

/// Whose questions a server answers.
public enum ServerKind: Equatable, Sendable {
    case postgreSQL
    /// Amazon Aurora PostgreSQL: replicas read the primary's storage instead of a stream.
    case aurora
}

/// The `[probe]` settings.
public struct ProbeSettings: Equatable, Sendable {
    /// A role with `pg_monitor` and the right to connect.
    public var user = "pointsman"
    public var password: String?
    public var database = "postgres"
    /// Time between two regular probes of a node.
    public var interval: Duration = .milliseconds(200)
    /// How long connecting, and each answer, may take.
    public var timeout: Duration = .seconds(1)
    /// The shortest time between two probes of one node, however often they are asked for.
    public var minInterval: Duration = .milliseconds(20)
    /// How many failures in a row make a node down; a refused connection does at once.
    public var failuresUntilDown = 2
    /// Time between two readings of the catalog of a database in use; zero: catalogs are not read.
    public var catalogInterval: Duration = .seconds(60)
    /// How long a node that has come up gets less than its share of the reads.
    public var slowStart: Duration = .seconds(10)
    public var encryption = LibpqEncryption()

    public var serverKind = ServerKind.postgreSQL

    public init() {}
}

/// libpq's parameters of the same names; paths are those of PEM files.
public struct LibpqEncryption: Equatable, Sendable {
    public var sslMode = "prefer"
    public var sslRootCertificate: String?
    public var sslCertificate: String?
    public var sslKey: String?
    /// "TLSv1.2" or "TLSv1.3".
    public var sslMinimumVersion = "TLSv1.2"

    public init() {}

    var parameters: [(String, String)] {
        var parameters = [("sslmode", sslMode), ("ssl_min_protocol_version", sslMinimumVersion)]
        if let sslRootCertificate { parameters.append(("sslrootcert", sslRootCertificate)) }
        if let sslCertificate { parameters.append(("sslcert", sslCertificate)) }
        if let key = sslKey ?? sslCertificate { parameters.append(("sslkey", key)) }
        return parameters
    }
}
