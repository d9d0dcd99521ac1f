// How must who prove who they are, by rules like those of pg_hba.conf?

public import Authentication
public import Reactor

/// A connection as the rules see it.
struct AccessRequest {
    var peer: Peer
    /// The address that the connection came to; nil for a unix socket.
    var local: SocketAddress?
    var isEncrypted: Bool
    var database: String
    var user: String
    var isPhysicalReplication: Bool
}

/// One line of a rules file. The first one that fits counts.
public struct AccessRule: Equatable, Sendable {
    public enum Kind: String, Equatable, Sendable, CaseIterable {
        case local, host, hostssl, hostnossl
    }

    public enum Place: Equatable, Sendable {
        case anywhere
        /// The address that the connection came to.
        case samehost
        /// The networks of this machine's interfaces.
        case samenet([Network])
        case network(Network)
    }

    /// A name, or a word for several.
    public enum Name: Equatable, Sendable {
        case all
        case sameuser
        case replication
        case name(String)
        /// A regular expression.
        case pattern(String)
    }

    public enum Verdict: Equatable, Sendable {
        case reject
        /// - Parameter map: the ident map by which a certificate or the kernel proves a user; nil: the names are equal.
        case prove(AuthenticationMethod, map: String?)
        /// Somebody else says whether the password is right.
        case ask(PasswordQuestion.Authority)
    }

    public var line: Int
    public var kind: Kind
    public var databases: [Name]
    public var users: [Name]
    public var place: Place
    public var verdict: Verdict

    func fits(_ request: AccessRequest) -> Bool {
        switch (kind, request.peer) {
        case (.local, .unix): break
        case (.local, .tcp), (_, .unix): return false
        case (.hostssl, .tcp) where !request.isEncrypted: return false
        case (.hostnossl, .tcp) where request.isEncrypted: return false
        case (_, .tcp(let address)):
            switch place {
            case .anywhere: break
            case .samehost:
                guard let local = request.local, local.with(port: 0) == address.with(port: 0) else { return false }
            case .samenet(let networks): if !networks.contains(where: { $0.contains(address) }) { return false }
            case .network(let network): if !network.contains(address) { return false }
            }
        }
        return databases.contains { $0.fitsDatabase(request) } && users.contains { $0.fits(request.user) }
    }
}

extension AccessRule.Name {
    func fits(_ user: String) -> Bool {
        switch self {
        case .all: true
        case .sameuser, .replication: false
        case .name(let name): name == user
        case .pattern(let text): Pattern.matches(text, user)
        }
    }

    func fitsDatabase(_ request: AccessRequest) -> Bool {
        switch self {
        case .replication: request.isPhysicalReplication
        // The word "all" does not speak of the log.
        case .all: !request.isPhysicalReplication
        case .sameuser: !request.isPhysicalReplication && request.database == request.user
        case .name, .pattern: !request.isPhysicalReplication && fits(request.database)
        }
    }
}

/// A regular expression of a rules file or an ident map. They are matched at logins only.
enum Pattern {
    static func isValid(_ text: String) -> Bool { (try? Regex(text)) != nil }

    static func matches(_ text: String, _ name: String) -> Bool { captures(text, name) != nil }

    /// The whole match and its groups; nil: there is none.
    static func captures(_ text: String, _ name: String) -> [String]? {
        guard let regex = try? Regex(text), let match = try? regex.firstMatch(in: name) else { return nil }
        return (0..<match.output.count).map { match.output[$0].substring.map(String.init) ?? "" }
    }
}

/// A line of an ident map: whoever proves to be `system` may log in as `user`.
public struct IdentLine: Equatable, Sendable {
    public var map: String
    /// A name, or behind a slash a regular expression.
    public var system: String
    /// A name, in which `\1` stands for the first group of the expression; `all`; or behind a slash an expression.
    public var user: String

    func allows(_ proven: String, as wanted: String) -> Bool {
        var group: String?
        if system.hasPrefix("/") {
            guard let captures = Pattern.captures(String(system.dropFirst()), proven) else { return false }
            group = captures.count > 1 ? captures[1] : nil
        } else if system != proven {
            return false
        }
        if user == "all" { return true }
        if user.hasPrefix("/") { return Pattern.matches(String(user.dropFirst()), wanted) }
        return (group.map { user.replacing("\\1", with: $0) } ?? user) == wanted
    }
}

/// All rules, with the maps that they name.
public struct AccessRules: Equatable, Sendable {
    public var rules: [AccessRule]
    public var maps: [IdentLine]

    public init(rules: [AccessRule] = [], maps: [IdentLine] = []) {
        self.rules = rules
        self.maps = maps
    }

    /// What the first rule says that fits; nil: none does.
    func verdict(on request: AccessRequest) -> AccessRule.Verdict? { rules.first { $0.fits(request) }?.verdict }

    /// Whether somebody who was proved to be `proven` may log in as `user`.
    func allows(_ proven: String, as user: String, map: String?) -> Bool {
        guard let map else { return proven == user }
        return maps.contains { $0.map == map && $0.allows(proven, as: user) }
    }
}
