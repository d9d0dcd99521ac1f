// How is Patroni asked for its cluster?

import Probing

/// Asks the given URLs in turn, beginning with the one that answered last.
final class PatroniSource {
    /// An answer is a few hundred bytes for each member.
    private static let longestAnswer = 1 << 20

    private let urls: [String]
    private let milliseconds: Int
    private let authorities: String?
    private var preferred = 0

    /// - Parameter authorities: a PEM file of those whose certificates are believed; nil: the system's.
    init(urls: [String], timeout: Duration, authorities: String?) {
        self.urls = urls
        milliseconds = max(1, Int(timeout.clampedNanoseconds / 1_000_000))
        self.authorities = authorities
    }

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
        let answer: WebAnswer
        do throws(WebAnswer.Failure) {
            answer = try WebAnswer.to(
                url, within: milliseconds, authorities: authorities, longest: Self.longestAnswer)
        } catch {
            throw DiscoveryFailure(error.description)
        }
        guard answer.status == 200 else { throw DiscoveryFailure("HTTP \(answer.status)") }
        return try PatroniCluster.nodes(answer.body)
    }
}

extension Duration {
    /// For libraries that count in 64 bits; nothing negative.
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds >= 9_000_000_000 ? .max / 2 : max(seconds * 1_000_000_000 + attoseconds / 1_000_000_000, 0)
    }
}
