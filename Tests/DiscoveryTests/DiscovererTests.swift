// Is a source asked again and again, is each answer told once, and do failures say what is wrong?

import Dispatch
import Locks
import Probing
import Testing

@testable import Discovery

@Suite struct DiscovererTests {
    private func settings(_ source: DiscoverySource) -> DiscoverySettings {
        DiscoverySettings(source: source, interval: .milliseconds(100), timeout: .milliseconds(500))
    }

    private func ask(_ source: DiscoverySource) throws -> [DiscoveredNode] {
        try Discoverer.ask(settings(source), probe: ProbeSettings())
    }

    @Test func addressesOfNames() throws {
        let names = [DiscoveredName(host: "127.0.0.2", port: 6000), DiscoveredName(host: "127.0.0.1", port: 5432)]
        #expect(
            try ask(.dns(names + names)) == [
                DiscoveredNode(host: "127.0.0.1", port: 5432), DiscoveredNode(host: "127.0.0.2", port: 6000),
            ])
    }

    @Test func aNameThatIsNone() {
        let names = [DiscoveredName(host: "127.0.0.1", port: 1), DiscoveredName(host: "no.such.invalid", port: 1)]
        let failure = #expect(throws: DiscoveryFailure.self) { try ask(.dns(names)) }
        #expect(failure?.description.contains("no.such.invalid") ?? false)
    }

    @Test func nobodyAtAnyURL() {
        let urls = ["http://127.0.0.1:1/cluster", "http://127.0.0.1:2/cluster"]
        let failure = #expect(throws: DiscoveryFailure.self) { try ask(.patroni(urls: urls)) }
        for url in urls { #expect(failure?.description.contains(url) ?? false) }
    }

    @Test func noAuroraThere() throws {
        let source = DiscoverySource.aurora([DiscoveredName(host: "127.0.0.1", port: 1)], domain: ".x")
        let failure = #expect(throws: DiscoveryFailure.self) { try ask(source) }
        #expect(failure?.description.contains("refused") ?? false)
    }

    @Test(arguments: [
        ("a.cluster-abc.eu-west-1.rds.amazonaws.com", ".abc.eu-west-1.rds.amazonaws.com"),
        ("a.cluster-ro-abc.eu-west-1.rds.amazonaws.com", ".abc.eu-west-1.rds.amazonaws.com"),
        ("a.cluster-custom-abc.eu-west-1.rds.amazonaws.com", ".abc.eu-west-1.rds.amazonaws.com"),
        ("a.abc.eu-west-1.rds.amazonaws.com", nil), ("cluster-a", nil), ("", nil),
    ])
    func domainsOfInstances(_ endpoint: String, _ domain: String?) {
        #expect(DiscoverySource.auroraDomain(ofEndpoint: endpoint) == domain)
    }

    @Test func anAnswerIsToldOnce() throws {
        let told = Lock<[Result<[DiscoveredNode], DiscoveryFailure>]>([])
        let came = DispatchSemaphore(value: 0)
        let name = DiscoveredName(host: "127.0.0.1", port: 5432)
        let discoverer = Discoverer(settings: settings(.dns([name])), probe: ProbeSettings()) { answer in
            told.withLock { $0.append(answer) }
            came.signal()
        }
        try discoverer.start()
        #expect(came.wait(timeout: .now() + 10) == .success)
        for _ in 1...5 { discoverer.hurry() }
        #expect(came.wait(timeout: .now() + 0.5) == .timedOut)
        discoverer.stop()
        #expect(told.withLock { $0 } == [.success([DiscoveredNode(host: "127.0.0.1", port: 5432)])])
    }
}
