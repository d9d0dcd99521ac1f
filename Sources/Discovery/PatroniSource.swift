// How is Patroni asked for its cluster?

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOSSL

/// Asks the given URLs in turn, beginning with the one that answered last.
final class PatroniSource {
    /// An answer is a few hundred bytes for each member.
    private static let longestAnswer = 1 << 20

    private let urls: [String]
    private let timeout: TimeAmount
    private let client: HTTPClient
    private var preferred = 0

    init(urls: [String], timeout: Duration, authorities: String?) {
        self.urls = urls
        self.timeout = .nanoseconds(timeout.clampedNanoseconds)
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: self.timeout, read: self.timeout)
        configuration.httpVersion = .http1Only
        if let authorities {
            var transport = TLSConfiguration.makeClientConfiguration()
            transport.trustRoots = .file(authorities)
            configuration.tlsConfiguration = transport
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { try? client.syncShutdown() }

    func read() throws(DiscoveryFailure) -> [DiscoveredNode] {
        var failures: [String] = []
        for turn in urls.indices {
            let index = (preferred + turn) % urls.count
            do throws(DiscoveryFailure) {
                let nodes = try ask(urls[index])
                preferred = index
                return nodes
            } catch {
                failures.append("\(urls[index]): \(error)")
            }
        }
        throw DiscoveryFailure(failures.joined(separator: "; "))
    }

    private func ask(_ url: String) throws(DiscoveryFailure) -> [DiscoveredNode] {
        let response: HTTPClient.Response
        do {
            let request = try HTTPClient.Request(url: url)
            let collector = ResponseAccumulator(request: request, maxBodySize: Self.longestAnswer)
            response = try client.execute(request: request, delegate: collector, deadline: .now() + timeout).wait()
        } catch {
            throw DiscoveryFailure("\(error)")
        }
        guard response.status == .ok else { throw DiscoveryFailure("HTTP \(response.status.code)") }
        return try PatroniCluster.nodes(response.body.map { Array($0.readableBytesView) } ?? [])
    }
}

extension Duration {
    /// For libraries that count in 64 bits; nothing negative.
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds >= 9_000_000_000 ? .max / 2 : max(seconds * 1_000_000_000 + attoseconds / 1_000_000_000, 0)
    }
}
