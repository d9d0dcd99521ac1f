// How long is a condition waited for?

import Foundation

/// Looks at a condition again and again until it holds; an error when `limit` passes first.
package func waitUntil(
    _ what: String, limit: Duration, every interval: Duration = .milliseconds(10),
    _ condition: () throws -> Bool
) throws(ClusterError) {
    let deadline = ContinuousClock.now + limit
    var lastError = ""
    while true {
        do {
            if try condition() { return }
            lastError = ""
        } catch {
            lastError = "\(error)"
        }
        guard ContinuousClock.now < deadline else {
            throw .timeLimit(waitedFor: what, limit: limit, output: lastError)
        }
        Thread.sleep(forTimeInterval: interval.inSeconds)
    }
}

extension Duration {
    /// For the interfaces that want a number.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
