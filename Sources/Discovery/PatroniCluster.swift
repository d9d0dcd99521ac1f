// What does Patroni say of its cluster?

import FoundationEssentials

/// The answer to `GET /cluster` of Patroni's REST API, as its documentation describes it.
struct PatroniCluster: Decodable {
    struct Member: Decodable {
        var name: String
        var host: String?
        var port: Int?
        var tags: [String: Tag]?
    }

    /// Tags are the operator's to name; texts and truth values are of interest here.
    enum Tag: Decodable, Equatable {
        case text(String)
        case flag(Bool)
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let flag = try? value.decode(Bool.self) {
                self = .flag(flag)
            } else if let text = try? value.decode(String.self) {
                self = .text(text)
            } else {
                self = .other
            }
        }

        var isTrue: Bool { self == .flag(true) || self == .text("true") }
    }

    var members: [Member]

    /// The nodes that an answer tells of. Members that have not told yet where they are reached are left out; who is
    /// the primary, and who is well, is found by probing.
    static func nodes(_ json: [UInt8]) throws(DiscoveryFailure) -> [DiscoveredNode] {
        let cluster: PatroniCluster
        do {
            cluster = try JSONDecoder().decode(PatroniCluster.self, from: Data(json))
        } catch {
            throw DiscoveryFailure("the answer is not what Patroni answers to /cluster")
        }
        return cluster.members.compactMap { member in
            guard let host = member.host, !host.isEmpty, let number = member.port, let port = UInt16(exactly: number),
                port > 0
            else { return nil }
            var zone: String?
            if case .text(let text)? = member.tags?["zone"] { zone = text }
            return DiscoveredNode(
                host: host, port: port, zone: zone, isBalanced: !(member.tags?["noloadbalance"]?.isTrue ?? false))
        }
    }
}
