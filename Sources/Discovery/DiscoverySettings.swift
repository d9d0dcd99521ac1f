// Who tells which nodes a cluster has, and how often is that asked?

/// Where the nodes of a cluster are found out.
public enum DiscoverySource: Equatable, Sendable {
    /// All addresses of these host names are nodes.
    case dns([DiscoveredName])
    /// The members that Patroni's REST API lists under `/cluster`; the URLs are asked in turn until one answers.
    case patroni(urls: [String])
    /// The instances that `aurora_replica_status()` lists, asked at these addresses in turn; an instance is reached at
    /// its id with `domain` behind it.
    case aurora([DiscoveredName], domain: String)
}

extension DiscoverySource {
    /// What follows the id of an instance in its host name, from the endpoint of its cluster:
    /// `.abc.region.rds.amazonaws.com` from `name.cluster-abc.region.rds.amazonaws.com`, `cluster-ro-` and
    /// `cluster-custom-` likewise; nil: it is no such endpoint.
    public static func auroraDomain(ofEndpoint host: String) -> String? {
        guard let dot = host.firstIndex(of: ".") else { return nil }
        let rest = host[host.index(after: dot)...]
        for prefix in ["cluster-ro-", "cluster-custom-", "cluster-"] where rest.hasPrefix(prefix) {
            return "." + rest.dropFirst(prefix.count)
        }
        return nil
    }
}

/// A host name whose addresses are nodes.
public struct DiscoveredName: Equatable, Sendable {
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// How the nodes of one cluster are found out.
public struct DiscoverySettings: Equatable, Sendable {
    public var source: DiscoverySource
    /// Time between two questions.
    public var interval: Duration
    /// How long an answer may take.
    public var timeout: Duration
    /// PEM file with the authorities that vouch for the source's certificate; nil: those of the system.
    public var authorities: String?

    public init(
        source: DiscoverySource, interval: Duration = .seconds(5), timeout: Duration = .seconds(2),
        authorities: String? = nil
    ) {
        self.source = source
        self.interval = interval
        self.timeout = timeout
        self.authorities = authorities
    }
}

/// A node as a source tells of it.
public struct DiscoveredNode: Hashable, Sendable {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    public var host: String
    public var port: UInt16
    /// Where it stands, if the source knows.
    public var zone: String?
    /// Whether it may answer reads as a replica.
    public var isBalanced: Bool

    public init(host: String, port: UInt16, zone: String? = nil, isBalanced: Bool = true) {
        self.host = host
        self.port = port
        self.zone = zone
        self.isBalanced = isBalanced
    }
}

/// Why a source told nothing of use.
public struct DiscoveryFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
