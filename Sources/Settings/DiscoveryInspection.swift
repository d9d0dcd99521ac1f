// Where are the nodes of a cluster found out?

import Discovery

extension Inspection {
    private enum Kind {
        case dns
        case patroni
        case aurora
    }

    mutating func discovery(_ table: Table) -> DiscoverySettings? {
        var settings = DiscoverySettings(source: .dns([]))
        settings.interval =
            duration("interval", in: table, atLeast: .milliseconds(100), atMost: .seconds(3_600)) ?? settings.interval
        settings.timeout =
            duration("timeout", in: table, atLeast: .milliseconds(10), atMost: .seconds(60)) ?? settings.timeout
        settings.authorities = file("ca", in: table)
        let domain = string("domain", in: table, expected: Self.domainForm)
        let texts = strings("endpoints", in: table, expected: "an array of texts")
        guard table.has("source") else {
            noteMissing("source", in: table, expected: "\"dns\", \"patroni\" or \"aurora\"")
            checkEndpoints(texts, in: table)
            return nil
        }
        let kind: Kind? = choice("source", in: table, ["dns": .dns, "patroni": .patroni, "aurora": .aurora])
        switch kind {
        case .dns?:
            settings.source = .dns(endpoints(texts, in: table, expected: Self.address, Self.discoveredName))
        case .patroni?:
            let expected = "\"http://host:8008\" or \"https://host:8008\""
            settings.source = .patroni(urls: endpoints(texts, in: table, expected: expected, Self.patroniURL))
        case .aurora?:
            let names = endpoints(texts, in: table, expected: Self.address, Self.discoveredName)
            settings.source = .aurora(names, domain: domain ?? self.domain(names, in: table))
        case nil:
            checkEndpoints(texts, in: table)
            return nil
        }
        if kind != .patroni, table.has("ca") { noteUseless("ca", in: table, with: "patroni") }
        if kind != .aurora, table.has("domain") { noteUseless("domain", in: table, with: "aurora") }
        return settings
    }

    private static let domainForm =
        "what follows an instance's id in its host name, such as \".abc.eu-west-1.rds.amazonaws.com\""
    private static let address = "\"host:port\""

    private mutating func noteUseless(_ key: String, in table: Table, with source: String) {
        note(.conflict("it has a meaning with source = \"\(source)\" only"), at: table.path(of: key))
    }

    /// What the names say that AWS gives to endpoints.
    private mutating func domain(_ endpoints: [DiscoveredName], in table: Table) -> String {
        guard !table.has("domain"), let endpoint = endpoints.first else { return "" }
        if let known = DiscoverySource.auroraDomain(ofEndpoint: endpoint.host) { return known }
        noteMissing("domain", in: table, expected: Self.domainForm)
        return ""
    }

    /// Whether there are any, where it is not known of what form they are.
    private mutating func checkEndpoints(_ texts: [String]?, in table: Table) {
        _ = endpoints(texts, in: table, expected: "addresses or URLs of the source") { $0 }
    }

    private mutating func endpoints<Endpoint>(
        _ texts: [String]?, in table: Table, expected: String, _ read: (String) -> Endpoint?
    ) -> [Endpoint] {
        let path = table.path(of: "endpoints")
        guard table.has("endpoints") else {
            noteMissing("endpoints", in: table, expected: "an array of \(expected)")
            return []
        }
        guard let texts else { return [] }
        if texts.isEmpty { note(.wrongValue(expected: "an array of \(expected)", found: "[]"), at: path) }
        return texts.enumerated().compactMap { index, text in
            if let endpoint = read(text) { return endpoint }
            note(.wrongValue(expected: expected, found: "\"\(printable(text))\""), at: path.appending(index))
            return nil
        }
    }

    /// The name of a file that can be read.
    private mutating func file(_ key: String, in table: Table) -> String? {
        guard let name = string(key, in: table, expected: "the name of a file") else { return nil }
        do throws(UnreadableFile) {
            _ = try surroundings.text(ofFile: name)
        } catch {
            note(.conflict(error.reason), at: table.path(of: key))
        }
        return surroundings.path(of: name)
    }

    private static func discoveredName(_ text: String) -> DiscoveredName? {
        node(text).map { DiscoveredName(host: $0.host, port: $0.port) }
    }

    /// The URL of the cluster's state, from that of a member's REST API.
    private static func patroniURL(_ text: String) -> String? {
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, !rest.contains(where: \.isWhitespace) else { return nil }
        let path = rest.dropFirst(host.count)
        return path.isEmpty || path == "/" ? "\(scheme)\(host)/cluster" : text
    }
}
